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

  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 132 && bytes[128..<132].elementsEqual("DICM".utf8)
  }

  /// - Throws: ``FileFormatError``.
  static func check(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    guard isBeginning(bytes) else {
      throw FileFormatError("\(path): found no mark DICM at byte 128, expected a DICOM file with its preamble; check the file.")
    }
    var walk = DICOMStructure(reader: ByteReader(bytes, path: path, at: 132))
    try walk.walk()
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
    case "1.2.840.10008.1.2.1.99", "1.2.840.113619.5.2", "":
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
    if group == 0xfffe {  // an item or the end of one
      let length = try integer(UInt32.self)
      if number == 0xe0dd {
        isInFragments = false
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
      let type = String(decoding: try reader.take(2, "DICOM element"), as: UTF8.self)
      if ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(type) {
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
    guard length != .max else { return }
    guard Int(length) <= reader.remaining else {
      throw FileFormatError(
        "\(reader.path): found a DICOM element of \(length) bytes, expected at most \(reader.remaining); the file is cut off or damaged."
      )
    }
    if isSequence { return }  // what is in it comes next
    let value = try reader.take(Int(length), "DICOM element")
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
