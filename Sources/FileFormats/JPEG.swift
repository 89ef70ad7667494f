// SPDX-License-Identifier: Apache-2.0
import CTurboJPEG
import Foundation
import Tensors

/// Writes a JPEG without chroma subsampling, atomically. Lossy: 8 bits a sample, `quality` 1 … 100.
///
/// - Throws: ``FileFormatError`` for NaN, a side over 65500 pixels, another quality, or a disk that refuses.
public func writeJPEG(_ image: Image, to path: String, quality: Int = 95) throws {
  try AtomicFile.write(JPEGCodec.encode(image, quality: quality, path: path), to: path)
}

enum JPEGCodec {
  private static func message(_ handle: tjhandle?) -> String {
    tjGetErrorStr2(handle).map { String(cString: $0) } ?? "no reason given"
  }

  /// As libjpeg does, bytes that belong to nothing are passed over before a marker; the orientation of EXIF is applied. Both with a remark.
  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Image {
    let segments = JPEGSegments(bytes)
    let image: Image
    if segments.extraBytes > 0 {
      Remarks.note("\(path): found \(segments.extraBytes) bytes between the parts of a JPEG image, they are passed over")
      image = try segments.cleaned(bytes).withUnsafeBytes { try decodeUpright($0, path: path) }
    } else {
      image = try decodeUpright(bytes, path: path)
    }
    if segments.bytesBehind > 0 {
      let another = segments.isAnotherBehind ? ", which begin another image" : ""
      Remarks.note("\(path): found \(segments.bytesBehind) bytes behind the image\(another), they are passed over")
    }
    return segments.orientation.applied(to: image, path: path)
  }

  private static func decodeUpright(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Image {
    guard let handle = tjInitDecompress() else { throw FileFormatError("\(path): no memory to decode the image; free some.") }
    defer { tjDestroy(handle) }
    func failure() -> FileFormatError {
      FileFormatError(
        "\(path): found a JPEG image that cannot be decoded (\(message(handle))), expected a whole one; get the file again.")
    }
    let input = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    var (width, height, subsampling, colour): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard tjDecompressHeader3(handle, input, UInt(bytes.count), &width, &height, &subsampling, &colour) == 0 else {
      throw failure()
    }
    guard colour != Int32(TJCS_CMYK.rawValue), colour != Int32(TJCS_YCCK.rawValue) else {
      throw FileFormatError("\(path): found a JPEG image in printing colours (CMYK), expected gray or RGB; convert it.")
    }
    let channels = colour == Int32(TJCS_GRAY.rawValue) ? 1 : 3
    // An 8 × 8 block takes at least one bit: 512 pixels a byte; twice that for arithmetic coding.
    try checkImageSize(Int(width), Int(height), bytesPerPixel: 1, bytes: bytes.count, ratio: 1024, path: path)
    let pitch = Int(width) * channels
    var decoded = false
    let samples = [UInt8](unsafeUninitializedCapacity: pitch * Int(height)) { out, filled in
      out.initialize(repeating: 0)
      let format = channels == 1 ? TJPF_GRAY : TJPF_RGB
      func run(_ flags: Int32) -> Bool {
        tjDecompress2(handle, input, UInt(bytes.count), out.baseAddress, width, Int32(pitch), height, Int32(format.rawValue), flags)
          == 0
      }
      // A warning means damaged data, which would be filled up with gray; scans are limited because a small file can hold very
      // many.
      let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
      decoded = run(flags | TJFLAG_STOPONWARNING)
      // The exception: bytes behind the coded data of a scan, when they are the first and the last that the library complains of.
      let first = message(handle)
      if !decoded, first.contains("extraneous bytes") {
        _ = run(flags)
        decoded = message(handle) == first
        if decoded {
          Remarks.note("\(path): \(first.replacingOccurrences(of: "Corrupt JPEG data: ", with: "found ")), they are passed over")
        }
      }
      filled = out.count
    }
    guard decoded else { throw failure() }
    let values = samples.withUnsafeBufferPointer {
      planes($0.baseAddress!, width: Int(width), height: Int(height), channels: channels, stride: channels)
    }
    return Image(values: values, bitDepth: 8)
  }

  static func encode(_ image: Image, quality: Int, path: String) throws -> [UInt8] {
    try image.checkWritable(path: path, bitDepth: 8, expected: [8])
    guard (1...100).contains(quality) else {
      throw FileFormatError("\(path): found a JPEG quality of \(quality), expected 1 to 100.")
    }
    let samples = try image.quantized(bits: 8, path: path).map { UInt8($0) }
    guard let handle = tjInitCompress() else { throw FileFormatError("\(path): no memory to encode the image; free some.") }
    defer { tjDestroy(handle) }
    var output: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    defer { tjFree(output) }
    let (format, subsampling) = image.channels == 1 ? (TJPF_GRAY, TJSAMP_GRAY) : (TJPF_RGB, TJSAMP_444)
    let status = tjCompress2(
      handle, samples, Int32(image.width), 0, Int32(image.height), Int32(format.rawValue), &output, &size,
      Int32(subsampling.rawValue),
      Int32(quality), TJFLAG_ACCURATEDCT)
    guard status == 0, let output else {
      throw FileFormatError("\(path): the image cannot be encoded as JPEG (\(message(handle))).")
    }
    return Array(UnsafeBufferPointer(start: output, count: Int(size)))
  }
}
