// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors

/// Absolute errors of several estimates of one image as pictures of one scale.
struct ErrorMaps {
  let pictures: [ReportPage.NamedPicture]
  /// The pictures with the scale they share.
  let block: ReportPage.Block

  /// - Parameters: `estimates`, each with its name and a figure for below it; `subject`, what the image is, in words.
  init(
    _ estimates: [(name: String, detail: String, image: Tensor)], of image: Tensor, subject: String, caption: String
  ) throws {
    let maps = estimates.map { ($0, ($0.image - image).map { abs($0) }) }
    let end = Self.scaleEnd(maps.flatMap { $0.1.doubles })
    pictures = try maps.map { entry, map in
      ReportPage.NamedPicture(
        try Picture(map, scaling: .range(0...end), colors: .magnitude), name: entry.name, detail: entry.detail,
        description: "Absolute error of \(entry.name) on \(subject)")
    }
    let ticks = (0...4).map { String(format: end < 0.04 ? "%.3f" : "%.2f", end * Double($0) / 4) }
    block = .pictures(
      pictures,
      scale: ReportPage.ColorScale(.magnitude, label: "|x̂ − x|, pixels in [0, 1]", ticks: ticks.dropLast() + ["≥ " + ticks[4]]),
      caption: caption)
  }

  /// The least of a few round numbers that 99 % of the errors do not exceed.
  private static func scaleEnd(_ errors: [Double]) -> Double {
    let bound = errors.sorted()[errors.count * 99 / 100]
    return [0.02, 0.04, 0.08, 0.12, 0.2, 0.4].first { $0 >= bound } ?? 1
  }
}
