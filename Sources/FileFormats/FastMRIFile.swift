// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Tensors

/// A volume of the fastMRI data set (Zbontar et al. 2018): k-space slice by slice, and what was reconstructed from it.
///
/// Opening reads the sizes and the texts only; each slice is read when it is asked for, so memory does not grow with the file. The
/// zero frequency lies in the middle of an image, element `[h/2, w/2]`, as the scanner gave it.
public struct FastMRIFile: Sendable {
  public let path: String
  /// Of k-space: `[slices, coils, height, width]`; one coil for a single-coil file.
  public let shape: [Int]
  public let isMulticoil: Bool
  /// The columns that were measured, `[width]` of 0 and 1, in the files of the challenge; nil for full k-space.
  public let mask: Tensor?
  /// `reconstruction_rss` or `reconstruction_esc`, the reference image, where there is one.
  public let reconstructionName: String?
  /// `acquisition`, `max`, `norm`, `patient_id`.
  public let attributes: [String: String]
  /// The measurement's description in ISMRMRD's XML.
  public let header: String?

  private let numbers: HDF5Numbers
  private let reconstructionShape: [Int]

  public var sliceCount: Int { shape[0] }

  /// Rows and columns in the middle of the image that are wanted: those of the reference image, else the header's; nil where neither says.
  public var imageSize: [Int]? {
    if reconstructionName != nil { return Array(reconstructionShape.suffix(2)) }
    guard let space = header.flatMap({ try? ISMRMRDHeader(xml: $0, path: path) })?.reconSpace.matrixSize else { return nil }
    return [space[0], space[1]]
  }

  // MARK: Reading

  /// Opens a file. What else lies in it is named in a remark, unless it is said that others read that.
  ///
  /// - Throws: ``FileFormatError``.
  public init(contentsOf path: String, namingOthers: Bool = true) throws {
    self = try HDF5Library.locked {
      try HDF5Library.withFile(path: path) { file in
        let found = try FastMRIFile(file, path)
        if namingOthers {
          let own = Set(["kspace", "mask", "ismrmrd_header"] + (found.reconstructionName.map { [$0] } ?? []))
          try HDF5Library.noteOthers(in: file, "/", besides: own, path: path)
        }
        return found
      }
    }
  }

  /// Whether an HDF5 file holds fastMRI's datasets.
  static func isOne(_ file: hid_t) -> Bool {
    HDF5Library.exists("kspace", in: file) && HDF5Library.exists("ismrmrd_header", in: file)
  }

  private init(_ file: hid_t, _ path: String) throws {
    self.path = path
    guard HDF5Library.exists("kspace", in: file) else {
      throw FileFormatError(
        "\(path): found no dataset kspace, expected a file of fastMRI; use unfold inspect to see what is in it.")
    }
    // Compression expands by at most 1032, narrow numbers by 4.
    let available = try 4096 * fileSize(path) + (64 << 10)
    let kSpace = try Self.layout(file, "kspace", available, path)
    guard kSpace.numbers.isComplex, kSpace.shape.count == 3 || kSpace.shape.count == 4, !kSpace.shape.contains(0) else {
      throw FileFormatError(
        "\(path): found kspace of shape \(kSpace.shape), expected complex numbers of [slices, coils, height, width] or "
          + "[slices, height, width].")
    }
    numbers = kSpace.numbers
    isMulticoil = kSpace.shape.count == 4
    shape = isMulticoil ? kSpace.shape : [kSpace.shape[0], 1] + kSpace.shape[1...]
    let width = shape[3]
    mask =
      try HDF5Library.exists("mask", in: file)
      ? HDF5Library.using(H5Dopen2(file, "mask", 0), H5Dclose, "reading mask", path: path) { dataset in
        let mask = try Self.layout(file, "mask", available, path)
        guard !mask.numbers.isComplex, mask.shape.reduce(1, *) == width else {
          throw FileFormatError("\(path): found a mask of shape \(mask.shape), expected \(width) numbers, one a column.")
        }
        return try mask.numbers.read(dataset, "mask", shape: mask.shape, path: path).real?.reshaped([width])
      } : nil
    reconstructionName = ["reconstruction_rss", "reconstruction_esc"].first { HDF5Library.exists($0, in: file) }
    reconstructionShape =
      try reconstructionName.map { name in
        let (numbers, shape) = try Self.layout(file, name, available, path)
        guard !numbers.isComplex, shape.count == 3, shape[0] == kSpace.shape[0], !shape.contains(0) else {
          throw FileFormatError("\(path): found \(name) of shape \(shape), expected [\(kSpace.shape[0]), height, width].")
        }
        return shape
      } ?? []
    attributes = try HDF5Library.using(H5Oopen(file, "/", 0), H5Oclose, "opening", path: path) {
      var reader = HDF5Reader(path: path, budget: 0)
      return try reader.attributes($0)
    }
    header =
      try HDF5Library.exists("ismrmrd_header", in: file)
      ? HDF5Library.text(of: "ismrmrd_header", in: file, path: path) : nil
  }

  private static func layout(_ file: hid_t, _ name: String, _ available: Int, _ path: String) throws -> (
    numbers: HDF5Numbers, shape: [Int]
  ) {
    try HDF5Library.using(H5Dopen2(file, name, 0), H5Dclose, "reading \(name)", path: path) { dataset in
      let numbers = try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "reading \(name)", path: path) { HDF5Numbers($0) }
      guard let numbers else { throw FileFormatError("\(path): \(name) holds no numbers; expected a file of fastMRI.") }
      let shape = try HDF5Library.shape(dataset, name, path: path)
      _ = try checkedCount(shape, bytesPerElement: numbers.size, available: available, name, path: path)
      return (numbers, shape)
    }
  }

  /// k-space of one slice, `[coils, height, width]`. - Throws: ``FileFormatError``.
  public func kSpace(slice: Int) throws -> ComplexTensor {
    precondition((0..<sliceCount).contains(slice), "kSpace: slice \(slice) of \(sliceCount)")
    let stored = try entry("kspace", slice, numbers, isMulticoil ? shape : [shape[0]] + shape[2...])
    return ComplexTensor(pairs: stored.complex.pairs.reshaped(shape[1...] + [2]))
  }

  /// The reference image of one slice, `[height, width]`; nil in files without. - Throws: ``FileFormatError``.
  public func reconstruction(slice: Int) throws -> Tensor? {
    precondition((0..<sliceCount).contains(slice), "reconstruction: slice \(slice) of \(sliceCount)")
    guard let name = reconstructionName else { return nil }
    return try entry(name, slice, nil, reconstructionShape).real
  }

  private func entry(_ name: String, _ slice: Int, _ numbers: HDF5Numbers?, _ shape: [Int]) throws -> NumericArray {
    try HDF5Library.locked {
      try HDF5Library.withKnownFile(path: path) { file in
        let found = try Self.layout(file, name, .max, path)
        guard found.shape == shape, numbers.map({ $0.isComplex == found.numbers.isComplex }) ?? true else {
          throw FileFormatError("\(path): \(name) changed while it was read; open the file again.")
        }
        return try HDF5Library.using(H5Dopen2(file, name, 0), H5Dclose, "reading \(name)", path: path) {
          try found.numbers.read($0, name, shape: shape, entry: slice, path: path)
        }
      }
    }
  }

  // MARK: Writing

  /// Writes a volume atomically, in single precision; `max` and `norm` are those of the reference images. Equal content gives equal
  /// bytes.
  ///
  /// - Parameters:
  ///   - kSpace: `[slices, coils, height, width]`, or `[slices, height, width]` for a single coil.
  ///   - mask: `[width]`, 1 for the columns that were measured.
  ///   - reconstruction: `[slices, height, width]`: the root of the sum of squares over coils, or the image of the single coil.
  ///   - attributes: texts such as `acquisition` and `patient_id`.
  /// - Throws: ``FileFormatError`` for a disk that refuses.
  public static func write(
    kSpace: ComplexTensor, mask: Tensor? = nil, reconstruction: Tensor? = nil, attributes: [String: String] = [:], header: String,
    to path: String
  ) throws {
    let shape = kSpace.shape
    precondition((3...4).contains(shape.count), "fastMRI: k-space of shape \(shape), expected 3 or 4 axes")
    precondition(mask.map { $0.shape == [shape.last!] } ?? true, "fastMRI: a mask of shape \(mask?.shape ?? []) for \(shape)")
    precondition(
      reconstruction.map { $0.shape.count == 3 && $0.shape[0] == shape[0] } ?? true,
      "fastMRI: images of shape \(reconstruction?.shape ?? []) for \(shape)")
    guard !header.utf8.contains(0), !attributes.contains(where: { $0.key.isEmpty || ($0.key + $0.value).utf8.contains(0) }) else {
      throw FileFormatError("\(path): a text to write has a zero byte or no name; expected plain text.")
    }
    let images = shape.count == 4 ? "reconstruction_rss" : "reconstruction_esc"
    var arrays = [NamedArray(name: "kspace", value: ComplexTensor(pairs: kSpace.pairs.converted(to: .single)))]
    if let mask { arrays.append(NamedArray(name: "mask", value: mask.converted(to: .single))) }
    if let reconstruction { arrays.append(NamedArray(name: images, value: reconstruction.converted(to: .single))) }
    try checkStorable(arrays, path: path)
    let bytes = try HDF5Library.locked {
      try HDF5Library.fileImage(path: path) { file in
        try HDF5Library.withTextType("writing ismrmrd_header", path: path) { type in
          try header.withCString { text in
            try withUnsafeBytes(of: text) {
              try HDF5Library.writeDataset(file, "ismrmrd_header", [], fileType: type, memoryType: type, $0, path: path)
            }
          }
        }
        for array in arrays { try HDF5File.write(array, file, path) }
        for (key, text) in attributes.sorted(by: { $0.key < $1.key }) {
          try HDF5Library.writeAttribute(file, key, text, path: path)
        }
        if let reconstruction {
          let magnitudes = reconstruction.doubles.map { abs($0) }
          try HDF5Library.writeAttribute(file, "max", magnitudes.max() ?? 0, path: path)
          try HDF5Library.writeAttribute(file, "norm", magnitudes.reduce(0) { $0 + $1 * $1 }.squareRoot(), path: path)
        }
      }
    }
    try AtomicFile.write(bytes, to: path)
  }
}
