// SPDX-License-Identifier: Apache-2.0

/// The blocks of a PNG file: an orientation, the mark of an animation, what follows the end.
struct PNGBlocks {
  var orientation: ImageOrientation { ofEXIF ?? ofXMP ?? .upright }
  private var ofEXIF: ImageOrientation?, ofXMP: ImageOrientation?
  /// Images of an animation.
  private var animated: Int?
  private var bytesBehind = 0

  /// - Throws: ``FileFormatError`` for a block that reaches behind the end of the file.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    var position = 8
    while position + 12 <= bytes.count {
      let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
      guard length <= bytes.count - position - 12 else {
        throw FileFormatError(
          "\(path): found a block of \(length) bytes in a PNG image, expected at most \(bytes.count - position - 12); the file is cut off "
            + "or damaged.")
      }
      let type = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
      let content = UnsafeRawBufferPointer(rebasing: bytes[position + 8..<position + 8 + length])
      position += 12 + length
      if type == "IEND" {
        bytesBehind = bytes.count - position
        return
      }
      add(type, content, path)
    }
  }

  /// Names what is passed over.
  func note(_ path: String) {
    if let animated {
      Remarks.note("\(path): found an animation of \(animated) images, the one for programs without animations is read")
    }
    if bytesBehind > 0 { Remarks.note("\(path): found \(bytesBehind) bytes behind the image, they are passed over") }
  }

  private mutating func add(_ type: String, _ content: UnsafeRawBufferPointer, _ path: String) {
    switch type {
    case "eXIf": ofEXIF = ofEXIF ?? ImageOrientation(exif: content) ?? .upright
    case "acTL": animated = content.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    case "tEXt", "zTXt":
      guard ["Raw profile type exif", "Raw profile type APP1"].contains(Self.keyword(content)) else { break }
      ofEXIF = ofEXIF ?? Self.ofProfile(Self.text(content, isPacked: type == "zTXt", path)) ?? .upright
    case "iTXt" where ofXMP == nil && Self.keyword(content) == "XML:com.adobe.xmp":
      let rest = content.dropFirst(18)  // whether it is packed, and how; a language and a translated keyword, each with a 0 behind
      ofXMP = Self.text(content, isPacked: rest.first == 1, skipping: 2, path).withUnsafeBytes { ImageOrientation(xmp: $0) }
    default: break
    }
  }

  private static func keyword(_ content: UnsafeRawBufferPointer) -> String {
    String(decoding: content.prefix(80).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// What follows the keyword, up to 1 MiB; a packed text has the number of its method before it. `words` texts before it are left out.
  private static func text(_ content: UnsafeRawBufferPointer, isPacked: Bool, skipping words: Int = 0, _ path: String) -> [UInt8] {
    var rest = content.drop { $0 != 0 }.dropFirst()
    if words > 0 { rest = rest.dropFirst(2) } else if isPacked { rest = rest.dropFirst() }
    for _ in 0..<words { rest = rest.drop { $0 != 0 }.dropFirst() }
    guard isPacked else { return Array(rest.prefix(1 << 20)) }
    return (try? Inflate.zlib(UnsafeRawBufferPointer(rebasing: rest), limit: 1 << 20, path: path)) ?? []
  }

  /// ImageMagick's block of EXIF: a line with its kind, one with its length, its bytes as hexadecimal text, `Exif` in front.
  private static func ofProfile(_ text: [UInt8]) -> ImageOrientation? {
    let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 2)
    guard lines.count == 3 else { return nil }
    let digits = lines[2].prefix(1 << 16).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    let block = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(16 * digits[$0] + digits[$0 + 1]) }
    guard block.starts(with: Array("Exif\0\0".utf8)) else { return nil }
    return block.dropFirst(6).withUnsafeBytes { ImageOrientation(exif: $0) }
  }
}
