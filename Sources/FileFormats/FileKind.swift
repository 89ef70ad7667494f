// SPDX-License-Identifier: Apache-2.0

/// What a file is, by its first bytes, and for HDF5 by the names of what it holds; the numbers of BART, which have no mark, by the
/// extension `cfl`.
public enum FileKind: String, Sendable, CaseIterable {
  case npy, npz, safetensors, torch, mat4, mat5, mat73, matrixMarket, hdf5, fastMRI, ismrmrd, bart, nifti, png, jpeg, tiff, dicom,
    events
  case unknown

  /// PNG, JPEG and TIFF.
  public var isPicture: Bool {
    switch self {
    case .png, .jpeg, .tiff: true
    default: false
    }
  }

  /// Reads the file's beginning. - Throws: ``FileFormatError`` when it cannot be read.
  public static func detect(_ path: String) throws -> FileKind {
    let beginning = try readFile(path, limit: 1024)
    if NIfTI.pair(path) != nil { return .nifti }
    let kind = fileExtension(path) == "cfl" ? .bart : beginning.withUnsafeBytes { FileKind(of: $0) }
    guard case .hdf5 = kind else { return kind }
    return HDF5Library.locked {
      try? HDF5Library.withFile(path: path) { FastMRIFile.isOne($0) ? .fastMRI : ISMRMRDFile.isOne($0) ? .ismrmrd : .hdf5 }
    } ?? .hdf5
  }

  init(of bytes: UnsafeRawBufferPointer) {
    func starts(_ signature: [UInt8], at offset: Int = 0) -> Bool {
      bytes.count >= offset + signature.count && bytes[offset..<offset + signature.count].elementsEqual(signature)
    }
    let hdf5: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
    if starts(NPY.signature) {
      self = .npy
    } else if TorchFile.isStream(bytes) || TorchFile.isArchive(bytes) {
      self = .torch
    } else if starts([0x50, 0x4b, 0x03, 0x04]) || starts([0x50, 0x4b, 0x05, 0x06]) {
      self = .npz
    } else if starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if starts([0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else if DICOMStructure.isBeginning(bytes) {  // its preamble may be the beginning of a TIFF file
      self = .dicom
    } else if starts([0x49, 0x49, 0x2a, 0]) || starts([0x4d, 0x4d, 0, 0x2a]) || starts([0x49, 0x49, 0x2b, 0])
      || starts([0x4d, 0x4d, 0, 0x2b])
    {
      self = .tiff
    } else if starts(Array("MATLAB 7.".utf8)) && starts(hdf5, at: 512) {
      self = .mat73
    } else if starts([0x00, 0x01, 0x49, 0x4d], at: 124) || starts([0x01, 0x00, 0x4d, 0x49], at: 124) {
      self = .mat5  // version 0x0100 and the byte-order mark "MI" behind 124 bytes of text
    } else if starts(hdf5) {
      self = .hdf5
    } else if BARTFile.isHeader(bytes) {
      self = .bart
    } else if MatrixMarket.isBeginning(bytes) {
      self = .matrixMarket
    } else if NIfTI.isBeginning(bytes) {
      self = .nifti
    } else if bytes.count >= 9, bytes.loadUnaligned(as: UInt64.self).littleEndian <= 100_000_000, bytes[8] == UInt8(ascii: "{") {
      self = .safetensors
    } else if bytes.count >= 12,
      bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian
        == CRC32C.masked(UnsafeRawBufferPointer(rebasing: bytes[..<8]))
    {
      self = .events
    } else if MAT4Reader.isBeginning(bytes) {
      self = .mat4
    } else {
      self = .unknown
    }
  }

  /// For messages.
  public var name: String {
    switch self {
    case .npy: "an NPY array"
    case .npz: "a zip archive (NPZ)"
    case .safetensors: "a safetensors file"
    case .torch: "a PyTorch checkpoint"
    case .mat4: "a MATLAB 4 file"
    case .mat5: "a MATLAB 5 file"
    case .mat73: "a MATLAB 7.3 file"
    case .matrixMarket: "a Matrix Market file"
    case .hdf5: "an HDF5 file"
    case .fastMRI: "a fastMRI file (HDF5)"
    case .ismrmrd: "an ISMRMRD file (HDF5)"
    case .bart: "a BART array"
    case .nifti: "a NIfTI image"
    case .png: "a PNG image"
    case .jpeg: "a JPEG image"
    case .tiff: "a TIFF image"
    case .dicom: "a DICOM image"
    case .events: "a TensorBoard event file"
    case .unknown: "a file of unknown format"
    }
  }
}
