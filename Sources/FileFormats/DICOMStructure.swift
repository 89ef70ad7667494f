// SPDX-License-Identifier: Apache-2.0

/// A walk over a DICOM file's elements before the library sees it: no length reaches behind the end, so that nothing is allocated
/// that the file cannot hold.
struct DICOMStructure {
  private var reader: ByteReader
  private var isExplicit = true
  private var isBigEndian = false
  /// Within encapsulated pixels: items are fragments, not sets of elements.
  private var isInFragments = false
  private var fragments = 0
  /// Sets of unknown type and length (UN) hold elements without types: how many ends such a set still has.
  private var unknownDepth = 0
  /// Where the last pixels that were seen end; what follows and is no element is no part of the file.
  private var endOfPixels: Int?
  private var isInPixels = false
  /// Drawings over the image (groups 6000 … 60ff).
  private var overlays = 0

  /// A mark behind a preamble, or, in files without both, elements of group 2 or 8 in rising order.
  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool { hasPreamble(bytes) || Encoding(beginning: bytes) != nil }

  private static func hasPreamble(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 132 && bytes[128..<132].elementsEqual("DICM".utf8)
  }

  /// How elements are written.
  private struct Encoding {
    var isExplicit = true
    var isBigEndian = false

    /// That of the first three elements of a file without preamble; nil where they are none.
    init?(beginning bytes: UnsafeRawBufferPointer) {
      guard bytes.count >= 8, bytes[0] == 8 && bytes[1] == 0 || bytes[0] == 2 && bytes[1] == 0 || bytes[0] == 0 && bytes[1] == 8
      else {
        return nil
      }
      isBigEndian = bytes[0] == 0
      isExplicit = DICOMStructure.isType(bytes[4], bytes[5])
      if isBigEndian, !isExplicit { return nil }
      func number(_ i: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 << 8 | Int(bytes[i + (isBigEndian ? $1 : size - 1 - $1)]) }
      }
      var (offset, previous) = (0, -1)
      for _ in 0..<3 {
        guard offset + 12 <= bytes.count else { break }
        let tag = number(offset, 2) << 16 | number(offset + 2, 2)
        guard tag > previous, tag >> 16 <= 0x28, !isExplicit || DICOMStructure.isType(bytes[offset + 4], bytes[offset + 5]) else {
          return nil
        }
        let isLong = isExplicit && DICOMStructure.isLong(bytes[offset + 4], bytes[offset + 5])
        let length = isLong ? number(offset + 8, 4) : isExplicit ? number(offset + 6, 2) : number(offset + 4, 4)
        guard length % 2 == 0, length <= 1 << 16 else { return nil }
        (offset, previous) = (offset + (isLong ? 12 : 8) + length, tag)
      }
      if previous < 0 { return nil }
    }
  }

  /// Whether two bytes are a type of values (VR).
  private static func isType(_ a: UInt8, _ b: UInt8) -> Bool {
    types.contains(UInt16(a) << 8 | UInt16(b))
  }
  /// Whether a length of four bytes, behind two that are free, follows the type.
  private static func isLong(_ a: UInt8, _ b: UInt8) -> Bool {
    longTypes.contains(UInt16(a) << 8 | UInt16(b))
  }
  private static func codes(_ names: String) -> Set<UInt16> {
    Set(names.split(separator: " ").map { $0.utf8.reduce(0) { $0 << 8 | UInt16($1) } })
  }
  private static let longTypes = codes("OB OD OF OL OV OW SQ SV UC UN UR UT UV")
  private static let types = longTypes.union(codes("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"))

  /// - Returns: how many bytes are elements; those behind them are passed over with a remark.
  /// - Throws: ``FileFormatError``.
  static func check(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Int {
    var walk = DICOMStructure(reader: ByteReader(bytes, path: path, at: hasPreamble(bytes) ? 132 : 0))
    if !hasPreamble(bytes) {
      guard let encoding = Encoding(beginning: bytes) else {
        throw FileFormatError(
          "\(path): found no mark DICM at byte 128 and no elements of DICOM, expected a DICOM file; check the file.")
      }
      (walk.isExplicit, walk.isBigEndian) = (encoding.isExplicit, encoding.isBigEndian)
    }
    defer {
      if walk.overlays > 0 {
        Remarks.note("\(path): found \(walk.overlays) overlays, drawings over the image; they are passed over")
      }
    }
    do { try walk.walk() } catch let error as FileFormatError {
      guard let end = walk.endOfPixels else { throw error }
      Remarks.note("\(path): found \(bytes.count - end) bytes behind the pixels, they are passed over")
      return end
    }
    return bytes.count
  }

  private mutating func walk() throws {
    var isInDataset = false
    while reader.remaining > 0 {
      // The first group says how the others are written; itself it is little-endian with explicit types.
      if !isInDataset, reader.remaining >= 2,
        reader.bytes.loadUnaligned(fromByteOffset: reader.offset, as: UInt16.self).littleEndian != 2
      {
        isInDataset = true
        try chooseSyntax()
      }
      try element()
    }
  }

  private var syntax = ""

  private init(reader: ByteReader) { self.reader = reader }

  private mutating func chooseSyntax() throws {
    switch syntax {
    case "1.2.840.10008.1.2": isExplicit = false
    case "1.2.840.10008.1.2.2": isBigEndian = true
    case "":  // not said: as its first element is written
      if let encoding = Encoding(beginning: UnsafeRawBufferPointer(rebasing: reader.bytes[reader.offset...])) {
        (isExplicit, isBigEndian) = (encoding.isExplicit, encoding.isBigEndian)
      }
    case "1.2.840.10008.1.2.1.99", "1.2.840.113619.5.2":
      throw FileFormatError(
        "\(reader.path): found the DICOM transfer syntax \"\(syntax)\", expected one that is not deflated or a maker's own; convert it."
      )
    default: break
    }
  }

  private mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let value = try reader.integer(type, "DICOM element")
    return isBigEndian ? value.byteSwapped : value
  }

  private mutating func element() throws {
    let (group, number) = (try integer(UInt16.self), try integer(UInt16.self))
    if group < 8, endOfPixels != nil {
      throw FileFormatError("\(reader.path): found a DICOM element of group \(group); the file is damaged.")
    }
    if group == 0xfffe {  // an item or the end of one
      let length = try integer(UInt32.self)
      if number == 0xe0dd {
        isInFragments = false
        if isInPixels { (isInPixels, endOfPixels) = (false, reader.offset) }
        if unknownDepth > 0 {
          unknownDepth -= 1
          if unknownDepth == 0 { isExplicit = true }
        }
      }
      if number == 0xe000, isInFragments {
        let fragment = try reader.take(Int(length), "DICOM fragment")
        if fragments > 0, syntax == "1.2.840.10008.1.2.5" { try checkRunLengths(fragment) }  // the first is a table of offsets
        fragments += 1
      }
      return
    }
    var (length, isSequence): (UInt32, Bool)
    if isExplicit {
      let code = try reader.take(2, "DICOM element")
      if endOfPixels != nil, !Self.isType(code[0], code[1]) {
        throw FileFormatError("\(reader.path): found a DICOM element without a type; the file is damaged.")
      }
      let type = String(decoding: code, as: UTF8.self)
      if Self.isLong(code[0], code[1]) {
        try reader.skip(2, "DICOM element")
        length = try integer(UInt32.self)
      } else {
        length = UInt32(try integer(UInt16.self))
      }
      isSequence = type == "SQ"
      (isInFragments, fragments) = (length == .max && type.hasPrefix("O"), 0)
      if length == .max, type == "UN" { (isExplicit, unknownDepth) = (false, 1) }
    } else {
      length = try integer(UInt32.self)
      if length == .max, unknownDepth > 0 { unknownDepth += 1 }
      let first: [UInt8] = [0xfe, 0xff, 0x00, 0xe0]
      isSequence = reader.remaining >= 4 && reader.bytes[reader.offset..<reader.offset + 4].elementsEqual(first)
    }
    let isPixels = (group, number) == (0x7fe0, 0x10)
    isInPixels = isPixels && length == .max
    guard length != .max else { return }
    guard Int(length) <= reader.remaining else {
      throw FileFormatError(
        "\(reader.path): found a DICOM element of \(length) bytes, expected at most \(reader.remaining); the file is cut off or damaged."
      )
    }
    if isSequence { return }  // what is in it comes next
    let value = try reader.take(Int(length), "DICOM element")
    if isPixels { endOfPixels = reader.offset }
    if group & 0xff01 == 0x6000, number == 0x3000 { overlays += 1 }
    if (group, number) == (2, 0x10) { syntax = String(decoding: value.prefix { $0 != 0 && $0 != 0x20 }, as: UTF8.self) }
  }

  /// A frame in run lengths begins with the number of its segments and 15 places where they begin, which DCMTK 3.6.7 believes.
  private func checkRunLengths(_ frame: UnsafeRawBufferPointer) throws {
    var header = ByteReader(frame, path: reader.path)
    let words = try (0..<16).map { _ in try header.integer(UInt32.self, "DICOM run lengths") }
    let starts = words[1...].prefix(Int(min(words[0], 15))).map { Int($0) }
    guard (1...15).contains(words[0]), zip([64] + starts, starts + [frame.count]).allSatisfy({ $0 <= $1 }) else {
      throw FileFormatError(
        "\(reader.path): found \(words[0]) segments of run lengths at \(starts), expected 1 to 15, one after another in "
          + "\(frame.count) bytes; the file is damaged.")
    }
  }
}
