// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Tensors

/// Whether numbers can be an image in [0, 1], which all scores and noise levels are of: one rule for every reader.
///
/// An image in other units is refused, since no number tells 0 … 255 from percent. Values that reach a tenth beyond [0, 1], as resampling and
/// reconstructions leave them, are taken as they are, with a remark; so is an image that is dark.
public struct ImageRange: Sendable {
  public let least: Double, most: Double
  /// Pixels outside [0, 1].
  public let outside: Int
  public let count: Int

  public init(_ values: Tensor) {
    let pixels = values.doubles
    (least, most, count) = (pixels.min() ?? 0, pixels.max() ?? 0, pixels.count)
    outside = pixels.count { $0 < -1e-9 || $0 > 1 + 1e-9 }
  }

  /// - Parameters: `path`, for messages; `otherwise`, what else to do with an image in other units, an option say.
  /// - Throws: ``InputError`` for NaN, infinity and numbers of other units.
  public static func check(_ values: Tensor, path: String, otherwise: String? = nil) throws {
    try checkFinite(values, path: path)
    let range = ImageRange(values)
    let found = "\(path): found pixels from \(shortNumber(range.least)) to \(shortNumber(range.most))"
    let way = otherwise.map { ", or \($0)" } ?? ""
    guard range.least >= -0.1, range.most <= 1.1 else {
      let advice =
        range.least >= -0.1 && range.most <= 255 ? "divide by the largest that can be, 255 of 8 bits" : "scale them first"
      throw InputError("\(found); expected an image in [0, 1]: \(advice)\(way)")
    }
    guard range.most == 0 || max(range.most, -range.least) >= 0.01 else {
      throw InputError(
        "\(found); expected an image in [0, 1] with some of it above 0.01: stretch it (a mask of 0 and 1 by 255)\(way)")
    }
    if range.outside > 0 { Remarks.note("\(found), \(range.outside) of \(range.count) outside [0, 1]; they are taken as they are") }
    if range.most < 0.1, range.most > 0 { Remarks.note("\(found), a dark image; decibels are of a largest value of 1") }
  }

  /// - Throws: ``InputError`` that counts NaN and infinite pixels.
  public static func checkFinite(_ values: Tensor, path: String) throws {
    guard !values.isFinite else { return }
    let pixels = values.doubles
    let (unknown, infinite) = (pixels.count(where: \.isNaN), pixels.count(where: \.isInfinite))
    let found = [(unknown, "NaN"), (infinite, "infinite")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " and ")
    throw InputError(
      "\(path): found \(found) of \(pixels.count) pixels; expected finite numbers: fill them first, a background by 0")
  }
}
