// SPDX-License-Identifier: Apache-2.0
import CPNG
import CZlib
import Tensors

/// Writes a PNG of 8 or 16 bits a sample: round(v (2ᵇ − 1)) of every value, those outside [0, 1] clamped. The file is written
/// atomically; equal images give equal bytes with one version of zlib.
///
/// - Throws: ``FileFormatError`` for NaN, a side over 65500 pixels, another bit depth, or a disk that refuses.
public func writePNG(_ image: Image, to path: String, bitDepth: Int = 8) throws {
  try AtomicFile.write(PNGCodec.encode(image, bitDepth: bitDepth, path: path), to: path)
}

/// As ``writePNG(_:to:bitDepth:)`` of a tensor `[height, width]` or `[3, height, width]`.
public func writePNG(_ values: Tensor, to path: String, bitDepth: Int = 8) throws {
  try writePNG(Image(values: values, bitDepth: bitDepth), to: path, bitDepth: bitDepth)
}

enum PNGCodec {
  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Image {
    var file = unfold_png()
    file.bytes = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    file.count = bytes.count
    func failure() -> FileFormatError {
      let message = withUnsafeBytes(of: file.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      return FileFormatError(
        "\(path): found a PNG image that cannot be decoded (\(message)), expected a whole one; get the file again.")
    }
    guard unfold_png_decode(&file, nil) == 1 else { throw failure() }
    let (width, height, channels) = (Int(file.width), Int(file.height), Int(file.channels))
    guard channels == 1 || channels == 3, file.depth == 8 || file.depth == 16 else {
      throw FileFormatError("\(path): found \(channels) channels of \(file.depth) bits, expected 1 or 3 of 8 or 16.")
    }
    // Deflate cannot expand by more than 1032; eight 1-bit pixels in a byte become eight bytes, or 24 by a palette.
    try checkImageSize(
      width, height, bytesPerPixel: channels * Int(file.depth) / 8, bytes: bytes.count, ratio: 24 * 1032, path: path)
    guard file.row_bytes == width * channels * Int(file.depth) / 8 else { throw failure() }
    var decoded = false
    let samples = [UInt8](unsafeUninitializedCapacity: Int(file.row_bytes) * height) { out, filled in
      out.initialize(repeating: 0)
      decoded = unfold_png_decode(&file, out.baseAddress) == 1
      filled = out.count
    }
    guard decoded else { throw failure() }
    let values = samples.withUnsafeBytes { samples in
      file.depth == 8
        ? planes(
          samples.assumingMemoryBound(to: UInt8.self).baseAddress!, width: width, height: height, channels: channels,
          stride: channels)
        : planes(
          samples.assumingMemoryBound(to: UInt16.self).baseAddress!, width: width, height: height, channels: channels,
          stride: channels,
          bigEndian: true)
    }
    if file.alpha != 0 {
      Remarks.note(
        "\(path): found \(file.alpha == 1 ? "an alpha channel, it is" : "transparent colours, their transparency is") passed over")
    }
    return orientation(bytes, path).applied(to: Image(values: values, bitDepth: Int(file.depth)), path: path)
  }

  /// That of the block of EXIF, where there is one; further images of an animation, and what follows the end, are named in remarks.
  private static func orientation(_ bytes: UnsafeRawBufferPointer, _ path: String) -> ImageOrientation {
    var (position, ofEXIF, found) = (8, ImageOrientation?.none, ImageOrientation?.none)  // of XMP, where EXIF says none
    while position + 12 <= bytes.count {
      let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
      guard length <= bytes.count - position - 12 else { break }
      let content = UnsafeRawBufferPointer(rebasing: bytes[position + 8..<position + 8 + length])
      let type = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
      position += 12 + length
      switch type {
      case "eXIf": ofEXIF = ofEXIF ?? ImageOrientation(exif: content) ?? .upright
      case "tEXt", "zTXt":
        guard ["Raw profile type exif", "Raw profile type APP1"].contains(keyword(content)) else { break }
        ofEXIF = ofEXIF ?? ofProfile(text(content, isPacked: type == "zTXt", path)) ?? .upright
      case "iTXt" where keyword(content) == "XML:com.adobe.xmp":
        let rest = content.dropFirst(18)  // whether it is packed, and how; a language and a translated keyword, each with a 0 behind
        found = text(content, isPacked: rest.first == 1, skipping: 2, path).withUnsafeBytes { ImageOrientation(xmp: $0) }
      case "acTL":
        let frames = content.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        Remarks.note("\(path): found an animation of \(frames) images, the one for programs without animations is read")
      case "IEND":
        if position < bytes.count {
          Remarks.note("\(path): found \(bytes.count - position) bytes behind the image, they are passed over")
        }
        position = bytes.count
      default: break
      }
    }
    return ofEXIF ?? found ?? .upright
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

  static func encode(_ image: Image, bitDepth: Int, path: String) throws -> [UInt8] {
    try image.checkWritable(path: path, bitDepth: bitDepth, expected: [8, 16])
    let samples = try image.quantized(bits: bitDepth, path: path)
    let (perPixel, rowSamples) = (image.channels * bitDepth / 8, image.width * image.channels)
    let rowBytes = image.width * perPixel
    // Every row is stored as its difference to the row above (filter 2), which compresses well and costs little.
    let filtered = [UInt8](unsafeUninitializedCapacity: (rowBytes + 1) * image.height) { out, filled in
      samples.withUnsafeBufferPointer { samples in
        var position = 0
        func put(_ byte: UInt8) {
          (out.baseAddress! + position).initialize(to: byte)
          position += 1
        }
        for y in 0..<image.height {
          put(2)
          for x in 0..<rowSamples {
            let value = samples[y * rowSamples + x]
            let above = y > 0 ? samples[(y - 1) * rowSamples + x] : 0
            if bitDepth == 16 { put(UInt8(value >> 8) &- UInt8(above >> 8)) }
            put(UInt8(truncatingIfNeeded: value) &- UInt8(truncatingIfNeeded: above))
          }
        }
        filled = position
      }
    }
    var bytes: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    let header = [UInt32(image.width), UInt32(image.height)].flatMap { n in
      (0..<4).map { UInt8(truncatingIfNeeded: n >> (24 - 8 * $0)) }
    }
    appendChunk("IHDR", header + [UInt8(bitDepth), image.channels == 1 ? 0 : 2, 0, 0, 0], to: &bytes)
    let packed = try deflated(filtered, path)
    for start in stride(from: 0, to: packed.count, by: 1 << 30) {
      appendChunk("IDAT", Array(packed[start..<min(packed.count, start + 1 << 30)]), to: &bytes)
    }
    appendChunk("IEND", [], to: &bytes)
    return bytes
  }

  private static func deflated(_ bytes: [UInt8], _ path: String) throws -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var status = Z_OK
    let packed = [UInt8](unsafeUninitializedCapacity: Int(size)) { out, filled in
      status = compress2(out.baseAddress, &size, bytes, UInt(bytes.count), 6)
      filled = status == Z_OK ? Int(size) : 0
    }
    guard status == Z_OK else { throw FileFormatError("\(path): no memory to compress the image; free some.") }
    return packed
  }

  private static func appendChunk(_ type: String, _ content: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(littleEndian: UInt32(content.count).bigEndian)
    let start = bytes.count
    bytes += Array(type.utf8) + content
    let checksum = bytes[start...].withUnsafeBytes { crc32_z(0, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count) }
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: checksum).bigEndian)
  }
}
