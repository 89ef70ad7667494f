// SPDX-License-Identifier: Apache-2.0
import CTIFF
import Foundation
import Tensors

extension TIFFCodec {
  /// The pages of a file, or the first of them, with a remark when there are others; reduced copies and masks of other pages do not count.
  static func decode(_ bytes: UnsafeRawBufferPointer, path: String, onlyFirst: Bool = true) throws -> [Image] {
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
      var (pages, count, copies, pixels, within) = ([Image](), 0, 0, 0, 0)
      var isBroken = false
      func advance() -> Bool {
        guard count + copies < pageLimit, TIFFLastDirectory(file) == 0 else { return false }
        isBroken = TIFFReadDirectory(file) != 1
        return !isBroken
      }
      repeat {
        let (kind, isFirst) = (number(file, TIFFTAG_SUBFILETYPE), count == 0)
        within += Int(unfold_tiff_children(file))
        if !isFirst, kind & Int(FILETYPE_REDUCEDIMAGE | FILETYPE_MASK) != 0 {
          copies += 1
          continue
        }
        count += 1
        guard isFirst || !onlyFirst else { continue }
        let layout = try Layout(file, memory, bytes.count, path)
        pixels += layout.width * layout.height
        guard pixels <= imagePixelLimit else {
          throw FileFormatError(
            "\(path): found over \(imagePixelLimit) pixels in its first \(count) pages; expected fewer, take it apart.")
        }
        layout.remark(path)
        if isFirst { noteImageJ(file, path) }
        let image = Image(values: try layout.read(file, memory, path), bitDepth: layout.bits, isScaled: layout.isScaled)
        pages.append((ImageOrientation(rawValue: layout.orientation) ?? .upright).applied(to: image, path: path))
      } while advance()
      if isBroken {
        guard onlyFirst else { throw memory.failure(path) }
        Remarks.note("\(path): found a page \(count + copies + 1) that cannot be read, the first is read")
      }
      if onlyFirst, count > 1 { Remarks.note("\(path): found \(count) pages, the first is read") }
      if copies > 0 { Remarks.note("\(path): found \(copies) reduced copies or masks of its pages, they are passed over") }
      if within > 0 { Remarks.note("\(path): found \(within) images within its pages (SubIFDs), they are passed over") }
      return pages
    }
  }

  private static let pageLimit = 65_535

  /// ImageJ writes large stacks as one page and numbers behind it, which no other program finds.
  private static func noteImageJ(_ file: OpaquePointer, _ path: String) {
    guard let text = unfold_tiff_text(file, UInt32(TIFFTAG_IMAGEDESCRIPTION)).map({ String(cString: $0) }),
      text.hasPrefix("ImageJ=")
    else {
      return
    }
    let said = text.split(separator: "\n").first { $0.hasPrefix("images=") }.flatMap { Int($0.dropFirst(7)) } ?? 1
    if said > 1, TIFFNumberOfDirectories(file) == 1 {
      Remarks.note("\(path): ImageJ says that it holds \(said) images, one page is read; save it as a TIFF of pages")
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

  static func number(_ file: OpaquePointer, _ tag: Int32) -> Int {
    var value: UInt32 = 0
    return unfold_tiff_u32(file, UInt32(tag), &value) == 1 ? Int(value) : 0
  }

  private static func short(_ file: OpaquePointer, _ tag: Int32) -> Int {
    var value: UInt16 = 0
    return unfold_tiff_u16(file, UInt32(tag), &value) == 1 ? Int(value) : 0
  }

  private enum Samples { case unsigned, signed, float }

  /// The tags that say how samples are stored, checked before anything is allocated.
  private struct Layout {
    var width = 0, height = 0, bits = 0, samples = 0, channels = 0, orientation = 1
    var kind = Samples.unsigned
    /// Zero is white.
    var isWhite = false
    var isPlanar = false, isTiled = false
    /// Red, green and blue in [0, 1] of every number.
    var palette: [[Double]]?
    /// Extent of one tile or strip.
    var blockWidth = 0, blockHeight = 0

    /// Values are fractions of the largest number; else as they are.
    var isScaled: Bool { kind == .unsigned && bits <= 16 }

    init(_ file: OpaquePointer, _ memory: Memory, _ fileSize: Int, _ path: String) throws {
      func short(_ tag: Int32) -> Int { TIFFCodec.short(file, tag) }
      func long(_ tag: Int32) -> Int { TIFFCodec.number(file, tag) }
      (width, height, orientation) = (long(TIFFTAG_IMAGEWIDTH), long(TIFFTAG_IMAGELENGTH), short(TIFFTAG_ORIENTATION))
      (bits, samples) = (short(TIFFTAG_BITSPERSAMPLE), short(TIFFTAG_SAMPLESPERPIXEL))
      let (format, isWhole) = (short(TIFFTAG_SAMPLEFORMAT), [8, 16, 32].contains(bits))
      switch format {
      case Int(SAMPLEFORMAT_IEEEFP) where bits == 32 || bits == 64: kind = .float
      case Int(SAMPLEFORMAT_INT) where isWhole: kind = .signed
      case Int(SAMPLEFORMAT_UINT) where isWhole, Int(SAMPLEFORMAT_VOID) where isWhole: kind = .unsigned
      default:
        throw FileFormatError(
          "\(path): found TIFF samples of \(bits) bits, format \(format), expected integers of 8, 16 or 32 or floating-point numbers of 32 "
            + "or 64; convert it.")
      }
      let photometric = short(TIFFTAG_PHOTOMETRIC)
      switch photometric {
      case Int(PHOTOMETRIC_MINISWHITE), Int(PHOTOMETRIC_MINISBLACK): channels = 1
      case Int(PHOTOMETRIC_RGB): channels = 3
      case Int(PHOTOMETRIC_PALETTE) where bits == 8 && kind == .unsigned && samples == 1:
        channels = 3
        palette = try Self.palette(file, path)
      default:
        let names = [3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIE Lab", 32803: "a camera's raw mosaic"]
        throw FileFormatError(
          "\(path): found TIFF colours of kind \(photometric)\(names[photometric].map { " (\($0))" } ?? ""), expected gray, RGB or a palette "
            + "of 8 bits; convert it.")
      }
      isWhite = photometric == Int(PHOTOMETRIC_MINISWHITE)
      guard palette != nil || (channels...4).contains(samples) else {
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

    /// libtiff's own rule: numbers up to 255 alone are of 8 bits.
    private static func palette(_ file: OpaquePointer, _ path: String) throws -> [[Double]] {
      var colours: (UnsafePointer<UInt16>?, UnsafePointer<UInt16>?, UnsafePointer<UInt16>?) = (nil, nil, nil)
      let isThere = withUnsafeMutableBytes(of: &colours) {
        unfold_tiff_palette(file, $0.bindMemory(to: UnsafePointer<UInt16>?.self).baseAddress!) == 1
      }
      guard isThere, let red = colours.0, let green = colours.1, let blue = colours.2 else {
        throw FileFormatError("\(path): found a TIFF of palette colours without its palette, expected one; the file is damaged.")
      }
      let tables = [red, green, blue].map { Array(UnsafeBufferPointer(start: $0, count: 256)) }
      let isNarrow = tables.allSatisfy { $0.allSatisfy { $0 < 256 } }
      return tables.map { $0.map { Double(isNarrow ? $0 : $0 >> 8) / 255 } }
    }

    func remark(_ path: String) {
      if palette == nil, samples > channels {
        Remarks.note(
          "\(path): found \(samples) samples a pixel, the first \(channels == 1 ? "is" : "\(channels) are") read, the others (alpha) passed over"
        )
      }
      if isWhite, !isScaled { Remarks.note("\(path): larger numbers are darker (zero is white), they are read as they are") }
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
              let colours = palette?[c]
              for row in 0..<rows {
                let target = out.baseAddress! + c * n + (y + row) * width + x
                let source = row * blockWidth * perPixel + (isPlanar || palette != nil ? 0 : c)
                if let colours {
                  for column in 0..<columns { target[column] = colours[Int(block[source + column])] }
                } else {
                  for column in 0..<columns { target[column] = value(block, source + column * perPixel) }
                }
              }
            }
          }
        }
      }
      if let failure { throw failure }
      return Tensor(values, shape: channels == 1 ? [height, width] : [channels, height, width])
    }

    private func value(_ block: UnsafeRawBufferPointer, _ i: Int) -> Double {
      func load<T>(_ type: T.Type) -> T { block.load(fromByteOffset: MemoryLayout<T>.size * i, as: T.self) }
      switch (kind, bits) {
      case (.float, 32): return Double(load(Float.self))
      case (.float, _): return load(Double.self)
      case (.signed, 8): return Double(load(Int8.self))
      case (.signed, 16): return Double(load(Int16.self))
      case (.signed, _): return Double(load(Int32.self))
      case (.unsigned, 32): return Double(load(UInt32.self))
      case (.unsigned, _):
        let value = bits == 8 ? Double(block[i]) / 255 : Double(load(UInt16.self)) / 65535
        return isWhite ? 1 - value : value
      }
    }
  }
}
