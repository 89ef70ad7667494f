// SPDX-License-Identifier: Apache-2.0

/// The nesting of a version 5 MAT file: elements of 8 bytes of type and length and their content, each inside its parent.
///
/// matio trusts lengths; this walk refuses the files whose elements do not lie within one another, before matio sees them.
struct MATStructure {
  private let path: String
  private let isBigEndian: Bool
  /// Bytes that compressed elements may still inflate to.
  private var budget: Int

  /// - Throws: ``FileFormatError`` when the file is cut off or damaged.
  static func check(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    guard bytes.count >= 128 else {
      throw FileFormatError("\(path): found \(bytes.count) bytes, expected a header of 128; the file is cut off.")
    }
    var structure = MATStructure(path: path, isBigEndian: bytes[126] == 0x4d, budget: 1032 * bytes.count)
    try structure.elements(UnsafeRawBufferPointer(rebasing: bytes[128...]), depth: 0)
  }

  private func damaged(_ what: String) -> FileFormatError {
    FileFormatError("\(path): \(what); the file is cut off or damaged.")
  }

  private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
  }

  /// Checks the elements that fill `bytes`.
  private mutating func elements(_ bytes: UnsafeRawBufferPointer, depth: Int) throws {
    guard depth < 64 else { throw damaged("found parts nested over 64 deep") }
    var position = 0
    while position < bytes.count {
      guard position + 8 <= bytes.count else {
        throw damaged("found \(bytes.count - position) bytes where an element should begin")
      }
      var (type, length, start) = (word(bytes, position), Int(word(bytes, position + 4)), position + 8)
      if type >> 16 != 0 {  // a small element: length and type in one word, the content in the other
        (type, length, start) = (type & 0xffff, Int(type >> 16), position + 4)
        guard length <= 4 else { throw damaged("found a small element of \(length) bytes, expected at most 4") }
      }
      guard length <= bytes.count - start else {
        throw damaged("found an element of \(length) bytes, expected at most \(bytes.count - start)")
      }
      let content = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
      switch type {
      case 14: if length > 0 { try matrix(content, depth: depth) }
      case 15:
        guard depth == 0 else { throw damaged("found a compressed element inside another") }
        let inflated = try Inflate.zlib(content, limit: budget, path: path)
        budget -= inflated.count
        try inflated.withUnsafeBytes { try elements($0, depth: depth + 1) }
      case 1...7, 9, 12, 13, 16, 17, 18: if depth == 0 { throw damaged("found numbers outside of a variable") }
      default: throw damaged("found an element of type \(type)")
      }
      // Only compressed elements and those of a file's first level need no padding.
      position = start + length
      if type != 15 { position = min((position + 7) / 8 * 8, bytes.count) }
    }
  }

  /// A variable: flags of 8 bytes and at least 8 more, then the size, the name and whatever the class holds.
  private mutating func matrix(_ bytes: UnsafeRawBufferPointer, depth: Int) throws {
    guard bytes.count >= 16, word(bytes, 0) == 6, word(bytes, 4) == 8 else {
      // Objects of newer classes have other parts; matio passes them over.
      guard bytes.count >= 8 else { throw damaged("found a variable of \(bytes.count) bytes") }
      throw damaged("found a variable without flags")
    }
    try elements(bytes, depth: depth + 1)
  }
}
