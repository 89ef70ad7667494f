// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Writes an uncompressed TIFF atomically: 8 or 16 bits (values outside [0, 1] clamped), or 32-bit floating point (values rounded
/// to single precision and otherwise as they are, NaN included).
///
/// - Throws: ``FileFormatError`` for NaN with 8 or 16 bits, a side over 65500 pixels, over 4 GiB, or a disk that refuses.
public func writeTIFF(_ image: Image, to path: String, bitDepth: Int = 8) throws {
  try AtomicFile.write(TIFFCodec.encode(image, bitDepth: bitDepth, path: path), to: path)
}

enum TIFFCodec {
  // MARK: Encoding

  static func encode(_ image: Image, bitDepth: Int, path: String) throws -> [UInt8] {
    try image.checkWritable(path: path, bitDepth: bitDepth, expected: [8, 16, 32])
    let (channels, n) = (image.channels, image.width * image.height)
    var samples: [UInt8]
    switch bitDepth {
    case 8: samples = try image.quantized(bits: 8, path: path).map { UInt8($0) }
    case 16: samples = try image.quantized(bits: 16, path: path).withUnsafeBytes { Array($0) }
    default:
      let v = image.values.doubles
      let interleaved = (0..<n * channels).map { Float(v[$0 % channels * n + $0 / channels]) }
      samples = interleaved.withUnsafeBytes { Array($0) }
    }
    guard samples.count < 0xffff_0000 else {
      throw FileFormatError("\(path): the image takes \(samples.count) bytes, expected under 4 GiB; write PNG.")
    }
    let dataSize = samples.count
    if dataSize % 2 == 1 { samples.append(0) }
    // Header, samples in one strip, the three bit depths and formats of a colour image, then the directory.
    var bytes: [UInt8] = [0x49, 0x49, 42, 0]
    let perChannel = UInt32(8 + samples.count)
    let format: UInt16 = bitDepth == 32 ? 3 : 1
    let directory = perChannel + (channels == 3 ? 12 : 0)
    bytes.append(littleEndian: directory)
    bytes += samples
    if channels == 3 {
      for value in [UInt16(bitDepth), UInt16(bitDepth), UInt16(bitDepth), format, format, format] {
        bytes.append(littleEndian: value)
      }
    }
    let (short, long): (UInt16, UInt16) = (3, 4)
    let three = channels == 3
    let entries: [(tag: UInt16, type: UInt16, count: UInt32, value: UInt32)] = [
      (256, long, 1, UInt32(image.width)), (257, long, 1, UInt32(image.height)),
      (258, short, UInt32(channels), three ? perChannel : UInt32(bitDepth)), (259, short, 1, 1), (262, short, 1, three ? 2 : 1),
      (273, long, 1, 8), (277, short, 1, UInt32(channels)), (278, long, 1, UInt32(image.height)), (279, long, 1, UInt32(dataSize)),
      (284, short, 1, 1), (339, short, UInt32(channels), three ? perChannel + 6 : UInt32(format)),
    ]
    bytes.append(littleEndian: UInt16(entries.count))
    for entry in entries {
      bytes.append(littleEndian: entry.tag)
      bytes.append(littleEndian: entry.type)
      bytes.append(littleEndian: entry.count)
      bytes.append(littleEndian: entry.value)
    }
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }
}
