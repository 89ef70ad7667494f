// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// A gray or colour image as it was stored.
public struct Image: Sendable, Equatable {
  /// `[height, width]` for a gray image, `[3, height, width]` (red, green, blue) for a colour one; double precision. Integers of b
  /// bits are divided by 2ᵇ − 1, so values are in [0, 1]; floating-point and signed numbers and those of 32 bits are as they were, NaN
  /// included.
  public let values: Tensor
  /// Bits of a sample in the file: 8, 16, 32 or 64.
  public let bitDepth: Int
  /// Whether `values` are fractions of the largest number that a sample can hold; else they are the numbers of the file.
  public let isScaled: Bool

  /// An image of `values`, `[height, width]` or `[3, height, width]`; those of more than 16 bits are not scaled unless it is said.
  public init(values: Tensor, bitDepth: Int = 8, isScaled: Bool? = nil) {
    precondition(
      !values.isShapelessZero && (values.shape.count == 2 || values.shape.count == 3 && values.shape[0] == 3),
      "image: found the shape \(values.shape), expected [height, width] or [3, height, width]")
    self.values = values.converted(to: .double)
    self.bitDepth = bitDepth
    self.isScaled = isScaled ?? (bitDepth <= 16)
  }

  public var width: Int { values.shape[values.shape.count - 1] }
  public var height: Int { values.shape[values.shape.count - 2] }
  /// 1 or 3.
  public var channels: Int { values.shape.count == 2 ? 1 : 3 }

  /// The luma Y′ = 0.299 R′ + 0.587 G′ + 0.114 B′ of ITU-R BT.601, `[height, width]`, not rounded; a gray image is itself.
  public var grayscale: Tensor {
    guard channels == 3 else { return values }
    let (v, n) = (values.doubles, width * height)
    let luma = [Double](unsafeUninitializedCapacity: n) { out, filled in
      v.withUnsafeBufferPointer { v in
        for i in 0..<n { (out.baseAddress! + i).initialize(to: 0.299 * v[i] + 0.587 * v[n + i] + 0.114 * v[2 * n + i]) }
      }
      filled = n
    }
    return Tensor(luma, shape: [height, width])
  }
}

/// Reads a PNG, JPEG, TIFF or DICOM image; which one, the content says. For DICOM's own numbers and series see ``DICOM``.
///
/// An alpha channel is dropped, a palette is looked up, an orientation in EXIF or TIFF is applied, a TIFF's first page is read; what is passed
/// over or applied is a remark. Images of over ``imagePixelLimit`` pixels, and those whose declared size no compression could reach with the
/// file's bytes, are refused before anything is decoded.
/// - Throws: ``FileFormatError``.
public func readImage(_ path: String) throws -> Image { try readPages(path, onlyFirst: true)[0] }

/// As ``readImage(_:)``, with every page of a TIFF.
public func readImagePages(_ path: String) throws -> [Image] { try readPages(path, onlyFirst: false) }

private func readPages(_ path: String, onlyFirst: Bool) throws -> [Image] {
  let bytes = try readFile(path)
  return try bytes.withUnsafeBytes { bytes in
    switch FileKind(of: bytes) {
    case .png: [try PNGCodec.decode(bytes, path: path)]
    case .jpeg: [try JPEGCodec.decode(bytes, path: path)]
    case .tiff: try TIFFCodec.decode(bytes, path: path, onlyFirst: onlyFirst)
    case .dicom: [try DICOM(bytes, path: path).image(path: path)]
    case let kind:
      throw FileFormatError("\(path): found \(kind.name), expected a PNG, JPEG, TIFF or DICOM image; convert it first.")
    }
  }
}

/// The most pixels an image may have to be read: 400 million.
public let imagePixelLimit = 400_000_000

/// Refuses an image that is empty, over the limit, or larger than `bytes` bytes of file could hold at `ratio` bytes decoded for
/// one.
func checkImageSize(_ width: Int, _ height: Int, bytesPerPixel: Int, bytes: Int, ratio: Int, path: String) throws {
  guard width > 0, height > 0, width <= imagePixelLimit, height <= imagePixelLimit / width else {
    throw FileFormatError(
      "\(path): found an image of \(width) × \(height), expected 1 to \(imagePixelLimit) pixels; crop or reduce it.")
  }
  guard width * height * bytesPerPixel <= ratio * bytes + (64 << 10) else {
    throw FileFormatError(
      "\(path): found an image of \(width) × \(height) in \(bytes) bytes, which is not possible; the file is damaged.")
  }
}

/// Interleaved samples, row by row, as planes.
func planes<Sample: FixedWidthInteger & UnsignedInteger>(
  _ samples: UnsafePointer<Sample>, width: Int, height: Int, channels: Int, stride: Int, bigEndian: Bool = false
) -> Tensor {
  let (n, scale) = (width * height, Double(Sample.max))
  let values = [Double](unsafeUninitializedCapacity: n * channels) { out, filled in
    for c in 0..<channels {
      let plane = out.baseAddress! + c * n
      for i in 0..<n {
        let sample = samples[i * stride + c]
        (plane + i).initialize(to: Double(bigEndian ? Sample(bigEndian: sample) : sample) / scale)
      }
    }
    filled = n * channels
  }
  return Tensor(values, shape: channels == 1 ? [height, width] : [channels, height, width])
}

extension Image {
  /// Samples as integers of `bits` bits, interleaved row by row: round(v (2ᵇ − 1)), values outside [0, 1] clamped to it, with a remark where
  /// that moves one by more than rounding does.
  func quantized(bits: Int, path: String) throws -> [UInt16] {
    let (v, n, channels, scale) = (values.doubles, width * height, channels, Double(1 << bits - 1))
    guard !v.contains(where: \.isNaN) else {
      throw FileFormatError("\(path): the image to write holds NaN; expected values in [0, 1].")
    }
    let slack = 0.5 / scale
    let clipped = v.count { $0 < -slack || $0 > 1 + slack }
    if clipped > 0, let least = v.min(), let most = v.max() {
      Remarks.note(
        "\(path): \(clipped) of \(v.count) values outside [0, 1] are clipped, they reach from \(shortNumber(least)) to \(shortNumber(most))"
      )
    }
    return [UInt16](unsafeUninitializedCapacity: v.count) { out, filled in
      v.withUnsafeBufferPointer { v in
        for c in 0..<channels {
          for i in 0..<n {
            (out.baseAddress! + i * channels + c).initialize(to: UInt16((min(max(v[c * n + i], 0), 1) * scale).rounded()))
          }
        }
      }
      filled = v.count
    }
  }

  func checkWritable(path: String, bitDepth: Int, expected: [Int]) throws {
    guard width > 0, height > 0, width <= 65_500, height <= 65_500 else {
      throw FileFormatError(
        "\(path): the image to write is \(width) × \(height), expected 1 to 65500 pixels a side; crop or reduce it.")
    }
    guard expected.contains(bitDepth) else {
      throw FileFormatError(
        "\(path): found a bit depth of \(bitDepth), expected \(expected.map(String.init).joined(separator: " or ")).")
    }
  }
}

/// A number of a message, to four digits.
package func shortNumber(_ value: Double) -> String { formatted("%.4g", value) }
