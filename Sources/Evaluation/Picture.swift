// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors

/// An image to look at: 8 bits a channel, rows from the top.
public struct Picture: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// 1 for grey, 3 for red, green and blue; 2 and 4 have an opacity last.
  public let channels: Int
  /// `height × width × channels` bytes.
  public let pixels: [UInt8]

  init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * channels, "\(pixels.count) bytes for \(width) × \(height) × \(channels)")
    (self.width, self.height, self.channels, self.pixels) = (width, height, channels, pixels)
  }

  /// Which values become the two ends of a colour map.
  public enum Scaling: Sendable, Equatable {
    /// The same for every picture.
    case range(ClosedRange<Double>)
    /// −m and m, where m is the array's own largest |value|, so that zero is the middle colour.
    case signed
    /// The array's own smallest and largest value.
    case extremes
  }

  /// An array as a picture.
  ///
  /// - Parameter image: `[height, width]`; leading axes of extent 1 are ignored.
  public init(_ image: Tensor, scaling: Scaling = .range(0...1), colors: ColorMap = .gray) throws(InputError) {
    let shape = image.shape
    guard shape.count >= 2, shape.dropLast(2).allSatisfy({ $0 == 1 }), image.count > 0 else {
      throw InputError("an array of shape \(shape) is not one image; give [height, width].")
    }
    let values = image.doubles
    let (lower, upper) = Self.ends(values, scaling)
    let span = upper - lower
    // A span of 0 has no direction: everything takes the middle colour. Halves keep a span of the largest numbers finite.
    let scaled = values.map { value in span > 0 ? (value / 2 - lower / 2) / (upper / 2 - lower / 2) : 0.5 }
    self.init(
      width: shape[shape.count - 1], height: shape[shape.count - 2], channels: colors.channels,
      pixels: scaled.flatMap { colors.color($0) })
  }

  private static func ends(_ values: [Double], _ scaling: Scaling) -> (Double, Double) {
    let finite = values.lazy.filter(\.isFinite)
    switch scaling {
    case .range(let range): return (range.lowerBound, range.upperBound)
    case .signed:
      let largest = finite.map(abs).max() ?? 0
      return (-largest, largest)
    case .extremes: return (finite.min() ?? 0, finite.max() ?? 0)
    }
  }

  /// Red, green, blue and opacity of a pixel.
  func color(_ x: Int, _ y: Int) -> [UInt8] {
    let i = (y * width + x) * channels
    let gray = channels < 3
    let opacity = channels.isMultiple(of: 2) ? pixels[i + channels - 1] : 255
    return [pixels[i], pixels[i + (gray ? 0 : 1)], pixels[i + (gray ? 0 : 2)], opacity]
  }

  /// The picture as a PNG file's bytes.
  public func encodedPNG() throws(InputError) -> Data { try CairoCanvas.encodedPNG(self) }

  /// Every pixel repeated `factor` times in both directions.
  public func enlarged(by factor: Int) throws(InputError) -> Picture {
    try Self.checkSize(width, height, times: factor)
    var out: [UInt8] = []
    out.reserveCapacity(pixels.count * factor * factor)
    for y in 0..<height {
      var row: [UInt8] = []
      for x in 0..<width {
        let pixel = pixels[(y * width + x) * channels..<(y * width + x + 1) * channels]
        for _ in 0..<factor { row += pixel }
      }
      for _ in 0..<factor { out += row }
    }
    return Picture(width: width * factor, height: height * factor, channels: channels, pixels: out)
  }

  /// Pictures in rows and columns, `gap` pixels between them; every one is set at the upper left of a cell as large as
  /// the largest.
  ///
  /// - Parameter background: the grey level between the pictures; nil leaves it transparent.
  public static func grid(_ rows: [[Picture]], gap: Int = 1, background: UInt8? = nil) throws(InputError) -> Picture {
    let all = rows.flatMap { $0 }
    guard !all.isEmpty else { throw InputError("a mosaic of no pictures was asked; give at least one.") }
    guard gap >= 0, gap <= 1000 else { throw InputError("the gap between pictures is \(gap); give 0 to 1000 pixels.") }
    let (cellWidth, cellHeight) = (all.reduce(0) { max($0, $1.width) }, all.reduce(0) { max($0, $1.height) })
    let columns = rows.reduce(0) { max($0, $1.count) }
    let (spanX, spanY) = (cellWidth + gap, cellHeight + gap)
    try checkSize(spanX, 1, times: columns)
    try checkSize(spanY, 1, times: rows.count)
    let (width, height) = (columns * spanX - gap, rows.count * spanY - gap)
    try checkSize(width, height, times: 1)
    let colors = all.contains { $0.channels > 2 } ? 3 : 1
    let opacity = background == nil || all.contains { $0.channels.isMultiple(of: 2) }
    let channels = colors + (opacity ? 1 : 0)
    let blank = Array(repeating: background ?? 0, count: colors) + (opacity ? [background == nil ? 0 : 255] : [])
    var out = (0..<width * height).flatMap { _ in blank }
    for (i, row) in rows.enumerated() {
      for (j, picture) in row.enumerated() {
        for y in 0..<picture.height {
          for x in 0..<picture.width {
            let target = ((i * spanY + y) * width + j * spanX + x) * channels
            let pixel = picture.color(x, y)
            for c in 0..<colors { out[target + c] = pixel[c] }
            if opacity { out[target + colors] = pixel[3] }
          }
        }
      }
    }
    return Picture(width: width, height: height, channels: channels, pixels: out)
  }

  /// Patches as a mosaic, each scaled by itself; about square unless `columns` is given.
  ///
  /// - Parameter patches: `[count, height × width]`, one a row, row-major.
  public static func mosaic(
    _ patches: Tensor, height: Int, width: Int, columns: Int? = nil, gap: Int = 1, scaling: Scaling = .signed,
    colors: ColorMap = .gray
  ) throws(InputError) -> Picture {
    let shape = patches.shape
    guard shape.count == 2, height > 0, width > 0, shape[0] > 0, shape[1].isMultiple(of: width), shape[1] / width == height else {
      throw InputError(
        "a mosaic of \(width) × \(height) patches from an array of shape \(shape); give [count, \(height) × \(width)].")
    }
    let columns = columns ?? Int(Double(shape[0]).squareRoot().rounded(.up))
    guard columns > 0 else { throw InputError("a mosaic of \(columns) columns was asked; give at least 1.") }
    var rows: [[Picture]] = []
    for i in 0..<shape[0] {
      if i % columns == 0 { rows.append([]) }
      rows[rows.count - 1].append(try Picture(patches.row(i).reshaped([height, width]), scaling: scaling, colors: colors))
    }
    return try grid(rows, gap: gap)
  }

  /// The atoms of a dictionary as a mosaic, each scaled to its own largest |value|, zero in the middle.
  ///
  /// - Parameter dictionary: W_d, `[height × width, m]`, one atom a column.
  public static func atoms(
    of dictionary: Tensor, height: Int, width: Int, columns: Int? = nil, gap: Int = 1, colors: ColorMap = .gray
  ) throws(InputError) -> Picture {
    guard dictionary.shape.count == 2, dictionary.count > 0 else {
      throw InputError("a dictionary of shape \(dictionary.shape); give a matrix with one atom a column.")
    }
    return try mosaic(
      dictionary.transposed, height: height, width: width, columns: columns, gap: gap, scaling: .signed, colors: colors)
  }

  /// Images side by side, one row a sample: original, then every method's estimate.
  public static func comparison(
    _ rows: [[Tensor]], scaling: Scaling = .range(0...1), colors: ColorMap = .gray, gap: Int = 2
  ) throws(InputError) -> Picture {
    var pictures: [[Picture]] = []
    for row in rows {
      var line: [Picture] = []
      for image in row { line.append(try Picture(image, scaling: scaling, colors: colors)) }
      pictures.append(line)
    }
    return try grid(pictures, gap: gap)
  }

  /// Two sides and a factor that together stay below 2³¹ pixels.
  private static func checkSize(_ width: Int, _ height: Int, times factor: Int) throws(InputError) {
    let (w, overflowW) = width.multipliedReportingOverflow(by: factor)
    let (h, overflowH) = height.multipliedReportingOverflow(by: factor)
    let (area, overflow) = w.multipliedReportingOverflow(by: h)
    guard factor > 0, !overflowW, !overflowH, !overflow, area < 1 << 31 else {
      throw InputError(
        "a picture of \(width) × \(height) pixels times \(factor) was asked; give a factor above 0 and below 2³¹ pixels in all.")
    }
  }
}
