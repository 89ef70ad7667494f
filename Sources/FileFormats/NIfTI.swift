// SPDX-License-Identifier: Apache-2.0
import CNIfTI
import CZlib
import Foundation
import Tensors

/// An image, a volume or a series of volumes with its place in space: NIfTI-1 and NIfTI-2 in one file, `.nii` or `.nii.gz`.
///
/// NIfTI counts (x, y, z, t, …) with x fastest. Here the last axis is the fastest, so the sizes stand in reverse and no number moves:
/// a slice is `[y, x]`, a volume `[z, y, x]`, a series `[t, z, y, x]`. Trailing dimensions of size 1 are left out on reading, but for
/// the first two. Read are integers, floating-point and complex numbers, little- and big-endian. Slope and intercept are applied, in
/// double precision; without them 32-bit integers and wider become double precision, narrower numbers single. Extensions of the
/// header are passed over; pairs of `.hdr` and `.img`, and colours, are refused.
public struct NIfTI: Sendable, Equatable {
  /// Up to seven axes, x the last. NaN is allowed.
  public var values: NumericArray
  /// Size of a voxel along x, y and z in millimetres.
  public var voxelSize: [Double]
  /// Seconds from volume to volume; 0 where the file does not say.
  public var frameDuration: Double
  /// Rows of the 4 × 4 matrix from voxel indices (x, y, z, 1), counted from 0, to millimetres (right, anterior, superior, 1).
  public var affine: [[Double]]

  /// - Parameter affine: the voxel sizes on the diagonal unless given.
  public init(values: NumericArray, voxelSize: [Double] = [1, 1, 1], frameDuration: Double = 0, affine: [[Double]]? = nil) {
    precondition(voxelSize.count == 3, "NIfTI: \(voxelSize.count) voxel sizes, expected 3")
    let affine = affine ?? (voxelSize + [1]).enumerated().map { i, size in (0..<4).map { $0 == i ? size : 0 } }
    precondition(affine.count == 4 && affine.allSatisfy { $0.count == 4 }, "NIfTI: the affine map is not 4 × 4")
    (self.values, self.voxelSize, self.frameDuration, self.affine) = (values, voxelSize, frameDuration, affine)
  }

  // MARK: Reading

  /// Reads a file, compressed or not. - Throws: ``FileFormatError``.
  public init(contentsOf path: String) throws {
    self = try readFile(path).withUnsafeBytes { try Self.decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public init(decoding data: Data, path: String) throws { self = try data.withUnsafeBytes { try Self.decode($0, path: path) } }

  /// Whether these are a file's first bytes, compressed or not.
  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
    Gzip.isBeginning(bytes) ? Gzip.prefix(bytes, count: headerLimit).withUnsafeBytes { version($0) != nil } : version(bytes) != nil
  }

  private static let headerLimit = Int(UNFOLD_NIFTI_HEADER_LIMIT)

  private static func version(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 348 else { return nil }
    let size = bytes.loadUnaligned(as: UInt32.self).littleEndian
    func says(_ magic: String, at offset: Int) -> Bool { bytes[offset..<offset + magic.utf8.count].elementsEqual(magic.utf8) }
    if (size == 348 || size.byteSwapped == 348) && says("n+1\0", at: 344) { return 1 }
    return (size == 540 || size.byteSwapped == 540) && says("n+2\0", at: 4) && bytes.count >= 540 ? 2 : nil
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> NIfTI {
    guard Gzip.isBeginning(bytes) else {
      let header = try header(bytes, path)
      let (shape, type, size) = try layout(header, available: bytes.count, path)
      return image(header, type.decode(numbers(bytes, header, size), shape: shape, bigEndian: header.is_swapped != 0))
    }
    let header = try Gzip.prefix(bytes, count: headerLimit).withUnsafeBytes { try self.header($0, path) }
    let (shape, type, size) = try layout(header, available: Gzip.ratio * bytes.count, path)
    return try Gzip.content(bytes, count: Int(header.offset) + size, path: path).withUnsafeBytes {
      image(header, type.decode(numbers($0, header, size), shape: shape, bigEndian: header.is_swapped != 0))
    }
  }

  private static func numbers(_ bytes: UnsafeRawBufferPointer, _ header: unfold_nifti, _ size: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[Int(header.offset)..<Int(header.offset) + size])
  }

  private static func header(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> unfold_nifti {
    guard let version = version(bytes) else {
      throw FileFormatError("\(path): found no header of NIfTI-1 or NIfTI-2 in one file, expected .nii or .nii.gz; convert it.")
    }
    // The library mends impossible sizes and offsets: they are looked at before.
    let isSwapped = bytes.loadUnaligned(as: UInt32.self).littleEndian > 540
    func number<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> T {
      let value = bytes.loadUnaligned(fromByteOffset: offset, as: T.self).littleEndian
      return isSwapped ? value.byteSwapped : value
    }
    let sizes = (0..<8).map { version == 1 ? Int(number(40 + 2 * $0, Int16.self)) : Int(number(16 + 8 * $0, Int64.self)) }
    guard (1...7).contains(sizes[0]), sizes[1...sizes[0]].allSatisfy({ $0 > 0 }) else {
      throw FileFormatError("\(path): found the sizes \(sizes), expected 1 to 7 and as many whole numbers above 0; it is damaged.")
    }
    let offset = version == 1 ? Double(Float(bitPattern: number(108, UInt32.self))) : Double(number(168, Int64.self))
    guard offset >= (version == 1 ? 352 : 544), offset < 0x1p52 else {
      throw FileFormatError("\(path): the numbers begin at byte \(offset), expected behind the header; the file is damaged.")
    }
    var header = unfold_nifti()
    guard unfold_nifti_read(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), Int32(version), &header) == 1 else {
      throw FileFormatError("\(path): found a NIfTI header that cannot be understood, expected a whole one; get the file again.")
    }
    header.offset = Int64(offset)
    return header
  }

  /// Shape with the two parts of a complex number, element type and bytes of the numbers, which lie within `available` bytes.
  private static func layout(_ header: unfold_nifti, available: Int, _ path: String) throws -> ([Int], ElementType, Int) {
    guard let (type, isComplex) = types[Int(header.datatype)] else {
      throw FileFormatError("\(path): found numbers of NIfTI type \(header.datatype), expected real or complex ones; convert it.")
    }
    guard header.offset <= available else {
      throw FileFormatError(
        "\(path): the numbers begin at byte \(header.offset), expected within the file; it is cut off or damaged.")
    }
    let sizes = withUnsafeBytes(of: header.dim) { Array($0.bindMemory(to: Int64.self)).map { Int($0) } }
    var shape = Array(sizes[1...max(1, min(sizes[0], 7))])
    if shape.count == 1 { shape.append(1) }
    shape = shape.reversed() + (isComplex ? [2] : [])
    let count = try checkedCount(
      shape, bytesPerElement: type.size, available: available - Int(header.offset), "image", path: path)
    return (shape, type, count * type.size)
  }

  /// NIfTI's numbers of types, and whether two make a complex number.
  private static let types: [Int: (ElementType, isComplex: Bool)] = [
    2: (.uint8, false), 4: (.int16, false), 8: (.int32, false), 16: (.float32, false), 32: (.float32, true), 64: (.float64, false),
    256: (.int8, false), 512: (.uint16, false), 768: (.uint32, false), 1024: (.int64, false), 1280: (.uint64, false),
    1792: (.float64, true),
  ]

  private static func image(_ header: unfold_nifti, _ stored: Tensor) -> NIfTI {
    let isComplex = types[Int(header.datatype)]!.isComplex
    var stored = stored
    if header.slope != 0, header.slope != 1 || header.intercept != 0 {  // a slope of 0 stands for none
      var numbers = stored.doubles
      for i in numbers.indices { numbers[i] = header.slope * numbers[i] + (isComplex && i % 2 == 1 ? 0 : header.intercept) }
      stored = Tensor(numbers, shape: stored.shape)
    }
    let millimetres =
      [Int(UNFOLD_NIFTI_METRE): 1000, Int(UNFOLD_NIFTI_MICROMETRE): 0.001][Int(header.space_units), default: 1]
    let seconds =
      [Int(UNFOLD_NIFTI_MILLISECOND): 1e-3, Int(UNFOLD_NIFTI_MICROSECOND): 1e-6][Int(header.time_units), default: 1]
    let steps = withUnsafeBytes(of: header.pixdim) { Array($0.bindMemory(to: Double.self)) }
    let affine = withUnsafeBytes(of: header.affine) { Array($0.bindMemory(to: Double.self)) }
    return NIfTI(
      values: isComplex ? .complex(ComplexTensor(pairs: stored)) : .real(stored),
      voxelSize: steps[1...3].map { abs($0) * millimetres },
      frameDuration: header.dim.0 >= 4 ? steps[4] * seconds : 0,
      affine: (0..<4).map { i in (0..<4).map { affine[4 * i + $0] * (i < 3 ? millimetres : 1) } })
  }

  // MARK: Writing

  /// Writes the file atomically, with the numbers in their own precision: NIfTI-1, or NIfTI-2 for an axis over 32767; compressed
  /// when the name ends in `.gz`. Equal content gives equal bytes with one version of zlib.
  ///
  /// - Throws: ``FileFormatError`` for an empty array, over seven axes, and a disk that refuses.
  public func write(to path: String) throws {
    try values.checkStorable("the image", path: path)
    let shape = values.shape
    guard shape.count <= 7, !shape.contains(0) else {
      throw FileFormatError("\(path): found an image of shape \(shape), expected up to 7 axes, none of extent 0, for NIfTI.")
    }
    var header = unfold_nifti()
    header.version = shape.contains { $0 > Int(Int16.max) } ? 2 : 1
    header.offset = header.version == 1 ? 352 : 544
    let isDouble = values.precision == .double
    header.datatype = if case .complex = values { isDouble ? 1792 : 32 } else { isDouble ? 64 : 16 }
    let sizes = shape.isEmpty ? [1] : Array(shape.reversed())
    withUnsafeMutableBytes(of: &header.dim) { dim in
      let all = [sizes.count] + sizes + [Int](repeating: 1, count: 7 - sizes.count)
      all.map { Int64($0) }.withUnsafeBytes { dim.copyMemory(from: $0) }
    }
    withUnsafeMutableBytes(of: &header.pixdim) { pixdim in
      ([1] + voxelSize + [frameDuration, 1, 1, 1]).withUnsafeBytes { pixdim.copyMemory(from: $0) }
    }
    withUnsafeMutableBytes(of: &header.affine) { matrix in
      affine.flatMap { $0 }.withUnsafeBytes { matrix.copyMemory(from: $0) }
    }
    var bytes = [UInt8](repeating: 0, count: Self.headerLimit)
    let count = Int(unfold_nifti_write(&header, &bytes))
    guard count > 0 else { throw FileFormatError("\(path): NIfTI takes no header for an image of shape \(shape); write HDF5.") }
    bytes = Array(bytes[..<count]) + [0, 0, 0, 0]  // no extensions
    values.stored.withStoredBytes { bytes.append(contentsOf: $0) }
    if fileExtension(path).hasSuffix("gz") {
      try Gzip.write(bytes, to: path)
    } else {
      try AtomicFile.write(bytes, to: path)
    }
  }
}
