// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Operators
import Tensors

/// One image measured in k-space and reconstructed by several methods, as a page: the mask, the images to compare, the maps of their errors.
enum KSpacePage {
  /// - Parameters: `image`, real; `source`, where it comes from, in words.
  static func page(
    _ image: NamedImage, source: String, ratio: Double = 0.2, command: String, library: ModelLibrary
  ) throws -> ReportPage {
    var setup = KSpace.Setup()
    setup.ratio = ratio
    let scan = try KSpace(setup, seed: 0).scans(of: [image])[0]
    let mask = scan.system.mask
    let comparison = try Comparison(scan, clip: true, library: library)
    let percent = String(format: "%.0f\u{A0}%%", 100 * mask.ratio)
    return ReportPage(
      title: "\(image.name) from \(percent) of its k-space",
      lead:
        "The scanner measures lines through the middle of k-space; each method makes an image of them. The best here is "
        + "\(comparison.best?.method ?? "none"), \(comparison.best?.detail ?? "").",
      facts: [
        ("Image", "\(image.name) of \(source), \(image.width) × \(image.height)"),
        ("Measured", "\(mask.count) of \(image.width * image.height) frequencies, \(percent)"), ("Command", command),
      ],
      sections: try [measurement(image, mask, scan.measured.kSpace)] + comparison.sections(),
      footer: "Written by unfold. Methods: \(comparison.sources).")
  }

  private static func measurement(
    _ image: NamedImage, _ mask: SamplingMask, _ measured: ComplexTensor
  ) throws -> ReportPage.Section {
    let all = MaskedFourier(.full(height: image.height, width: image.width)).forward(image.value.complex)
    func magnitudes(_ kSpace: ComplexTensor) -> Tensor {
      let plane = ComplexTensor(pairs: kSpace.pairs.reshaped([1, image.height, image.width, 2]))
      return plane.centredKSpace.magnitude.row(0).map { max(0, 1 + log10(max($0, 1e-12)) / 3) }
    }
    let scale = 1 / magnitudes(all).maximumMagnitude
    return ReportPage.Section(
      "The measurement",
      [
        .pictures(
          [
            .init(
              try Picture(mask.centred.values), name: "Mask", description: "White where a frequency is measured, 0 in the middle"),
            .init(
              try Picture(scale * magnitudes(all)), name: "k-space",
              description: "Magnitudes of the image's spectrum over three decades"),
            .init(
              try Picture(scale * magnitudes(measured)), name: "Measured",
              description: "Magnitudes of the frequencies that are measured"),
          ], scale: nil, caption: "Frequency 0 in the middle; magnitudes as logarithms over three decades.")
      ])
  }
}
