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

/// The same of a tensor `[height, width]` or `[3, height, width]`.
public func writePNG(_ values: Tensor, to path: String, bitDepth: Int = 8) throws {
  try writePNG(Image(values: values, bitDepth: bitDepth), to: path, bitDepth: bitDepth)
}

enum PNGCodec {
  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Image {
    let blocks = try PNGBlocks(bytes, path: path)  // the library makes room for as long a block as the file says
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
    blocks.note(path)
    return blocks.orientation.applied(to: Image(values: values, bitDepth: Int(file.depth)), path: path)
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
