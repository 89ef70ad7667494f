// SPDX-License-Identifier: Apache-2.0
import CNIfTI
import CZlib
import Foundation
import Tensors

/// An image, a volume or a series of volumes with its place in space: NIfTI-1 and NIfTI-2 in one file, `.nii` or `.nii.gz`, or in a pair of
/// `.hdr` and `.img`, as Analyze 7.5 has it too.
///
/// NIfTI counts (x, y, z, t, …) with x fastest. Here the last axis is the fastest, so the sizes stand in reverse and no number moves:
/// a slice is `[y, x]`, a volume `[z, y, x]`, a series `[t, z, y, x]`. Trailing dimensions of size 1 are left out on reading, but for
/// the first two. Read are integers, floating-point and complex numbers, little- and big-endian. Slope and intercept are applied, in
/// double precision; without them 32-bit integers and wider become double precision, narrower numbers single. Extensions of the
/// header and bytes behind the numbers are passed over, with a remark; colours are refused.
public struct NIfTI: Sendable, Equatable {
  /// Up to seven axes, x the last. NaN is allowed.
  public var values: NumericArray
  /// Size of a voxel along x, y and z in millimetres.
  public var voxelSize: [Double]
  /// Seconds from volume to volume; 0 where the file does not say.
  public var frameDuration: Double
  /// Rows of the 4 × 4 matrix from voxel indices (x, y, z, 1), counted from 0, to millimetres (right, anterior, superior, 1).
  public var affine: [[Double]]
  /// What a file says of its place in space, in words; nil for one that is made here.
  public private(set) var place: String?
  /// Whether the voxel sizes are a file's own: where it says 0, they are 1 and not known.
  public private(set) var knowsVoxelSize = true

  /// The directions that x, y and z grow towards: `RAS` for right, anterior, superior.
  public var orientation: String {
    (0..<3).map { axis in
      let column = (0..<3).map { affine[$0][axis] }
      let largest = (0..<3).max { abs(column[$0]) < abs(column[$1]) } ?? 0
      return column[largest] == 0 ? "?" : ["LR", "PA", "IS"][largest].map(String.init)[column[largest] > 0 ? 1 : 0]
    }.joined()
  }

  /// - Parameter affine: the voxel sizes on the diagonal unless given.
  public init(values: NumericArray, voxelSize: [Double] = [1, 1, 1], frameDuration: Double = 0, affine: [[Double]]? = nil) {
    precondition(voxelSize.count == 3, "NIfTI: \(voxelSize.count) voxel sizes, expected 3")
    let affine = affine ?? (voxelSize + [1]).enumerated().map { i, size in (0..<4).map { $0 == i ? size : 0 } }
    precondition(affine.count == 4 && affine.allSatisfy { $0.count == 4 }, "NIfTI: the affine map is not 4 × 4")
    (self.values, self.voxelSize, self.frameDuration, self.affine) = (values, voxelSize, frameDuration, affine)
  }

  /// Equal numbers at an equal place, however the file says it.
  public static func == (a: NIfTI, b: NIfTI) -> Bool {
    a.values == b.values && a.voxelSize == b.voxelSize && a.frameDuration == b.frameDuration && a.affine == b.affine
  }

  // MARK: Reading

  /// Reads a file, compressed or not. - Throws: ``FileFormatError``.
  public init(contentsOf path: String) throws {
    guard let pair = Self.pair(path) else {
      self = try readFile(path).withUnsafeBytes { try Self.decode($0, path: path) }
      return
    }
    let numbers = try readFile(pair.numbers)
    self = try readFile(pair.header).withUnsafeBytes { header in
      try numbers.withUnsafeBytes { try Self.decode(header, numbers: $0, path: path) }
    }
  }

  /// The two files of a pair one of which is at `path`; nil for another file, or a header without numbers beside it.
  static func pair(_ path: String) -> (header: String, numbers: String)? {
    let ending = fileExtension(path)
    guard ["hdr", "img", "hdr.gz", "img.gz"].contains(ending) else { return nil }
    func beside(_ kind: String) -> String? {
      if ending.hasPrefix(kind) { return path }
      let isSmall = path.dropLast(ending.hasSuffix("gz") ? 3 : 0).last?.isLowercase ?? true
      let title = path.dropLast(ending.count)
      let name = isSmall ? kind : kind.uppercased()
      return ["", ".gz"].map { title + name + $0 }.first { access($0, R_OK) == 0 }
    }
    guard let header = beside("hdr"), let numbers = beside("img"), let beginning = try? readFile(header, limit: 1024),
      beginning.withUnsafeBytes({ isBeginning($0) })
    else { return nil }
    return (header, numbers)
  }

  /// Reads a file's bytes; `path` names it in errors.
  public init(decoding data: Data, path: String) throws { self = try data.withUnsafeBytes { try Self.decode($0, path: path) } }

  /// Whether these are a file's first bytes, compressed or not.
  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
    Gzip.isBeginning(bytes) ? Gzip.prefix(bytes, count: headerLimit).withUnsafeBytes { form($0) != nil } : form(bytes) != nil
  }

  /// With the byte that says whether extensions follow.
  private static let headerLimit = Int(UNFOLD_NIFTI_HEADER_LIMIT) + 4

  /// How a header is to be understood: its version, and whether the numbers are in another file.
  private enum Form {
    case one, two, pairOne, pairTwo, analyze
    var version: Int { self == .two || self == .pairTwo ? 2 : 1 }
    var isPair: Bool { self != .one && self != .two }
  }

  private static func form(_ bytes: UnsafeRawBufferPointer) -> Form? {
    guard bytes.count >= 348 else { return nil }
    let size = bytes.loadUnaligned(as: UInt32.self).littleEndian
    func says(_ magic: String, at offset: Int) -> Bool { bytes[offset..<offset + magic.utf8.count].elementsEqual(magic.utf8) }
    if size == 348 || size.byteSwapped == 348 {
      if says("n+1\0", at: 344) { return .one }
      if says("ni1\0", at: 344) { return .pairOne }
      // Analyze 7.5 has no mark: a number of dimensions and a type that there are.
      func short(_ offset: Int) -> Int {
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self).littleEndian
        return Int(size == 348 ? value : value.byteSwapped)
      }
      return (1...7).contains(short(40)) && types[short(70)] != nil ? .analyze : nil
    }
    guard size == 540 || size.byteSwapped == 540, bytes.count >= 540 else { return nil }
    return says("n+2\0", at: 4) ? .two : says("ni2\0", at: 4) ? .pairTwo : nil
  }

  /// - Parameter numbers: the other file of a pair.
  private static func decode(_ bytes: UnsafeRawBufferPointer, numbers: UnsafeRawBufferPointer? = nil, path: String) throws -> NIfTI
  {
    let (header, facts) =
      try Gzip.isBeginning(bytes)
      ? Gzip.prefix(bytes, count: headerLimit).withUnsafeBytes { try self.header($0, isPair: numbers != nil, path) }
      : self.header(bytes, isPair: numbers != nil, path)
    let source = numbers ?? bytes
    let isPacked = Gzip.isBeginning(source)
    let (shape, type, size) = try layout(header, available: isPacked ? Gzip.ratio * source.count : source.count, path)
    func read(_ content: UnsafeRawBufferPointer) -> NIfTI {
      let rest = content.count - Int(header.offset) - size
      if rest > 0 {
        Remarks.note("\(path): found \(isPacked ? "" : "\(rest) ")bytes behind the numbers, they are passed over")
      }
      var found = image(
        header, type.decode(self.numbers(content, header, size), shape: shape, bigEndian: header.is_swapped != 0))
      (found.place, found.knowsVoxelSize) = (facts.place, facts.knowsVoxelSize)
      return found
    }
    return isPacked ? try Gzip.content(source, count: Int(header.offset) + size, path: path).withUnsafeBytes(read) : read(source)
  }

  private static func numbers(_ bytes: UnsafeRawBufferPointer, _ header: unfold_nifti, _ size: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[Int(header.offset)..<Int(header.offset) + size])
  }

  private static func header(
    _ bytes: UnsafeRawBufferPointer, isPair: Bool, _ path: String
  ) throws -> (unfold_nifti, (place: String, knowsVoxelSize: Bool)) {
    guard let form = form(bytes), form.isPair == isPair else {
      throw FileFormatError(
        "\(path): found no header of NIfTI with its numbers, expected .nii, .nii.gz, or .hdr and .img side by side.")
    }
    // The library mends impossible sizes and offsets: they are looked at before.
    let isSwapped = bytes.loadUnaligned(as: UInt32.self).littleEndian > 540
    func number<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> T {
      let value = bytes.loadUnaligned(fromByteOffset: offset, as: T.self).littleEndian
      return isSwapped ? value.byteSwapped : value
    }
    func float(_ offset: Int) -> Double { Double(Float(bitPattern: number(offset, UInt32.self))) }
    let sizes = (0..<8).map { form.version == 1 ? Int(number(40 + 2 * $0, Int16.self)) : Int(number(16 + 8 * $0, Int64.self)) }
    guard (1...7).contains(sizes[0]), sizes[1...sizes[0]].allSatisfy({ $0 > 0 }) else {
      throw FileFormatError("\(path): found the sizes \(sizes), expected 1 to 7 and as many whole numbers above 0; it is damaged.")
    }
    var offset = form.version == 1 ? float(108) : Double(number(168, Int64.self))
    let least = isPair ? 0.0 : form.version == 1 ? 352 : 544
    if offset == 0, !isPair {
      offset = least
      Remarks.note("\(path): found no byte at which the numbers begin, they are read from byte \(Int(least)) on")
    }
    guard offset >= least, offset < 0x1p52 else {
      throw FileFormatError("\(path): the numbers begin at byte \(offset), expected behind the header; the file is damaged.")
    }
    let headerSize = form.version == 1 ? 348 : 540
    if form != .analyze, bytes.count > headerSize, bytes[headerSize] != 0, isPair || offset > Double(headerSize + 4) {
      Remarks.note("\(path): found extensions of the header, they are passed over")
    }
    var header = unfold_nifti()
    guard unfold_nifti_read(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), Int32(form.version), &header) == 1 else {
      throw FileFormatError("\(path): found a NIfTI header that cannot be understood, expected a whole one; get the file again.")
    }
    header.offset = Int64(offset)
    let steps = (1...3).map { form.version == 1 ? float(76 + 4 * $0) : Double(bitPattern: number(104 + 8 * $0, UInt64.self)) }
    let unknown = steps.prefix(sizes[0]).first { $0 == 0 || !$0.isFinite }
    if let unknown {
      Remarks.note("\(path): found a voxel size of \(shortNumber(unknown)); the sizes are not known, 1 mm is taken")
    }
    if form == .analyze {
      let scale = float(112)  // where SPM has it
      if scale.isFinite, scale != 0, scale != 1 {
        (header.slope, header.intercept) = (scale, 0)
        Remarks.note("\(path): found a scale of \(shortNumber(scale)) in an Analyze header, as SPM writes it; it is applied")
      }
    }
    let place =
      form == .analyze
      ? "Analyze 7.5, of voxel sizes alone; left and right are not known"
      : header.sform > 0
        ? "sform, code \(header.sform)" + (header.qform > 0 ? " (beside a qform, code \(header.qform))" : "")
        : header.qform > 0 ? "qform, code \(header.qform)" : "voxel sizes alone; left and right are not known"
    return (header, (place, unknown == nil))
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
    var bytes = [UInt8](repeating: 0, count: Int(UNFOLD_NIFTI_HEADER_LIMIT))
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
