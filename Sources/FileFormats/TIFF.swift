// SPDX-License-Identifier: Apache-2.0
import CTIFF
import Foundation
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

  // MARK: Decoding

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Image {
    let memory = Memory(bytes)
    guard let options = TIFFOpenOptionsAlloc() else { throw FileFormatError("\(path): no memory to decode the image; free some.") }
    let context = Unmanaged.passUnretained(memory).toOpaque()
    TIFFOpenOptionsSetErrorHandlerExtR(options, recordMessage, context)
    TIFFOpenOptionsSetWarningHandlerExtR(options, { _, _, _, _, _ in 1 }, nil)
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, tmsize_t(4096 * bytes.count + (1 << 20)))
    // "m": the file is not mapped, every access is a bounded read.
    let file = TIFFClientOpenExt(
      path, "rm", context, readMemory, { _, _, _ in 0 }, seekMemory, { _ in 0 }, sizeOfMemory, nil, nil, options)
    TIFFOpenOptionsFree(options)
    guard let file else { throw memory.failure(path) }
    defer { TIFFClose(file) }
    return try withExtendedLifetime(memory) {
      let layout = try Layout(file, memory, bytes.count, path)
      return Image(values: try layout.read(file, memory, path), bitDepth: layout.bits)
    }
  }

  /// The bytes, a position in them, and the first complaint of the library.
  private final class Memory {
    let bytes: UnsafeRawBufferPointer
    var position = 0
    var message: String?
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func failure(_ path: String) -> FileFormatError {
      FileFormatError(
        "\(path): found a TIFF image that cannot be decoded (\(message ?? "no reason given")), expected a whole one; get "
          + "the file again."
      )
    }
  }

  private static let recordMessage: TIFFErrorHandlerExtR = { _, context, _, format, arguments in
    let memory = Unmanaged<Memory>.fromOpaque(context!).takeUnretainedValue()
    if memory.message == nil, let format, let arguments {
      memory.message = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        vsnprintf(buffer.baseAddress!, buffer.count, format, arguments)
        return String(cString: buffer.baseAddress!)
      }
    }
    return 1
  }
  private static let readMemory: TIFFReadWriteProc = { context, out, count in
    let memory = Unmanaged<Memory>.fromOpaque(context!).takeUnretainedValue()
    let available = max(0, min(Int(count), memory.bytes.count - memory.position))
    if available > 0 { memcpy(out!, memory.bytes.baseAddress! + memory.position, available) }
    memory.position += available
    return tmsize_t(available)
  }
  private static let seekMemory: TIFFSeekProc = { context, offset, whence in
    let memory = Unmanaged<Memory>.fromOpaque(context!).takeUnretainedValue()
    let base = whence == SEEK_CUR ? memory.position : whence == SEEK_END ? memory.bytes.count : 0
    let (target, overflow) = base.addingReportingOverflow(Int(truncatingIfNeeded: offset))
    guard !overflow, target >= 0 else { return UInt64.max }
    memory.position = target
    return UInt64(target)
  }
  private static let sizeOfMemory: TIFFSizeProc = { context in
    UInt64(Unmanaged<Memory>.fromOpaque(context!).takeUnretainedValue().bytes.count)
  }

  /// The tags that say how samples are stored, checked before anything is allocated.
  private struct Layout {
    var width = 0, height = 0, bits = 0, samples = 0, channels = 0
    var isFloat = false, isInverted = false, isPlanar = false, isTiled = false
    /// Extent of one tile or strip.
    var blockWidth = 0, blockHeight = 0

    init(_ file: OpaquePointer, _ memory: Memory, _ fileSize: Int, _ path: String) throws {
      func short(_ tag: Int32) -> Int {
        var value: UInt16 = 0
        return unfold_tiff_u16(file, UInt32(tag), &value) == 1 ? Int(value) : 0
      }
      func long(_ tag: Int32) -> Int {
        var value: UInt32 = 0
        return unfold_tiff_u32(file, UInt32(tag), &value) == 1 ? Int(value) : 0
      }
      (width, height) = (long(TIFFTAG_IMAGEWIDTH), long(TIFFTAG_IMAGELENGTH))
      (bits, samples) = (short(TIFFTAG_BITSPERSAMPLE), short(TIFFTAG_SAMPLESPERPIXEL))
      let format = short(TIFFTAG_SAMPLEFORMAT)
      isFloat = format == Int(SAMPLEFORMAT_IEEEFP)
      guard isFloat ? bits == 32 || bits == 64 : format == Int(SAMPLEFORMAT_UINT) && (bits == 8 || bits == 16) else {
        throw FileFormatError(
          "\(path): found TIFF samples of \(bits) bits, format \(format), expected unsigned 8 or 16 or floating-point 32 or "
            + "64; convert it."
        )
      }
      let photometric = short(TIFFTAG_PHOTOMETRIC)
      switch photometric {
      case Int(PHOTOMETRIC_MINISWHITE), Int(PHOTOMETRIC_MINISBLACK): channels = 1
      case Int(PHOTOMETRIC_RGB): channels = 3
      default: throw FileFormatError("\(path): found TIFF colours of kind \(photometric), expected gray or RGB; convert it.")
      }
      isInverted = photometric == Int(PHOTOMETRIC_MINISWHITE) && !isFloat
      guard (channels...4).contains(samples) else {
        throw FileFormatError(
          "\(path): found \(samples) TIFF samples a pixel, expected \(channels), or one to drop beside; convert it.")
      }
      isPlanar = samples > 1 && short(TIFFTAG_PLANARCONFIG) == Int(PLANARCONFIG_SEPARATE)
      // LZW, the strongest of the usual compressions, expands by up to 2700.
      try checkImageSize(width, height, bytesPerPixel: samples * bits / 8, bytes: fileSize, ratio: 4096, path: path)
      isTiled = TIFFIsTiled(file) != 0
      blockWidth = isTiled ? long(TIFFTAG_TILEWIDTH) : width
      blockHeight = isTiled ? long(TIFFTAG_TILELENGTH) : min(height, long(TIFFTAG_ROWSPERSTRIP))
      let perPixel = (isPlanar ? 1 : samples) * bits / 8
      let expected = isTiled ? TIFFTileSize(file) : TIFFStripSize(file)
      guard blockWidth > 0, blockHeight > 0, blockWidth <= imagePixelLimit / blockHeight,
        blockWidth * blockHeight * perPixel <= 4096 * fileSize + (1 << 20), Int(expected) == blockWidth * blockHeight * perPixel
      else {
        throw FileFormatError(
          "\(path): found TIFF tiles or strips of \(blockWidth) × \(blockHeight) in \(expected) bytes, which is not "
            + "possible; the file is damaged."
        )
      }
    }

    func read(_ file: OpaquePointer, _ memory: Memory, _ path: String) throws -> Tensor {
      let (across, down) = ((width + blockWidth - 1) / blockWidth, (height + blockHeight - 1) / blockHeight)
      let planeCount = isPlanar ? samples : 1
      let blocks = isTiled ? TIFFNumberOfTiles(file) : TIFFNumberOfStrips(file)
      guard Int(blocks) >= across * down * planeCount else { throw memory.failure(path) }
      let perPixel = isPlanar ? 1 : samples
      let blockBytes = blockWidth * blockHeight * perPixel * bits / 8
      var block = [UInt8](repeating: 0, count: blockBytes)
      var failure: FileFormatError?
      let n = width * height
      let values = [Double](unsafeUninitializedCapacity: n * channels) { out, filled in
        out.initialize(repeating: 0)
        filled = out.count
        for index in 0..<across * down * (isPlanar ? channels : 1) {
          let (plane, position) = (index / (across * down), index % (across * down))
          let (x, y) = (position % across * blockWidth, position / across * blockHeight)
          let (columns, rows) = (min(blockWidth, width - x), min(blockHeight, height - y))
          let needed = isTiled ? blockBytes : blockWidth * rows * perPixel * bits / 8
          let read = block.withUnsafeMutableBytes {
            isTiled
              ? TIFFReadEncodedTile(file, UInt32(index), $0.baseAddress, tmsize_t(needed))
              : TIFFReadEncodedStrip(file, UInt32(index), $0.baseAddress, tmsize_t(needed))
          }
          guard Int(read) == needed else {
            failure = memory.failure(path)
            return
          }
          block.withUnsafeBytes { block in
            for c in isPlanar ? plane..<plane + 1 : 0..<channels {
              for row in 0..<rows {
                let target = out.baseAddress! + c * n + (y + row) * width + x
                let source = row * blockWidth * perPixel + (isPlanar ? 0 : c)
                for column in 0..<columns { target[column] = value(block, source + column * perPixel) }
              }
            }
          }
        }
      }
      if let failure { throw failure }
      return Tensor(values, shape: channels == 1 ? [height, width] : [channels, height, width])
    }

    private func value(_ block: UnsafeRawBufferPointer, _ i: Int) -> Double {
      if isFloat {
        return bits == 32
          ? Double(block.load(fromByteOffset: 4 * i, as: Float.self)) : block.load(fromByteOffset: 8 * i, as: Double.self)
      }
      let value = bits == 8 ? Double(block[i]) / 255 : Double(block.load(fromByteOffset: 2 * i, as: UInt16.self)) / 65535
      return isInverted ? 1 - value : value
    }
  }
}
