// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Operators
import Tensors

/// One image measured in k-space and reconstructed by every method that has what it needs, as a page or as sections of one: the mask, the
/// images to compare, the maps of their errors.
public struct KSpacePage: Sendable {
  public let comparison: Comparison
  public let image: NamedImage
  public let mask: SamplingMask
  /// What it is of, in words.
  public let source: String
  private let measured: ComplexTensor

  /// - Parameter image: real.
  public init(_ image: NamedImage, source: String, ratio: Double = 0.2, library: ModelLibrary = .standard) throws {
    var setup = KSpace.Setup()
    setup.ratio = ratio
    let scan = try KSpace(setup, seed: 0).scans(of: [image])[0]
    (self.image, self.source, mask, measured) = (image, source, scan.system.mask, scan.measured.kSpace)
    comparison = try Comparison(scan, clip: true, library: library)
  }

  private var percent: String { String(format: "%.0f\u{A0}%%", 100 * mask.ratio) }

  public func page(command: String) throws -> ReportPage {
    ReportPage(
      title: "\(image.name) from \(percent) of its k-space",
      lead:
        "The scanner measures lines through the middle of k-space; each method makes an image of them. The best here is "
        + "\(comparison.best?.method ?? "none"), \(comparison.best?.detail ?? "").",
      facts: [
        ("Image", "\(image.name) of \(source), \(image.width) × \(image.height)"),
        ("Measured", "\(mask.count) of \(image.width * image.height) frequencies, \(percent)"), ("Command", command),
      ],
      sections: try sections(), footer: "Written by unfold. Methods: \(comparison.sources).")
  }

  /// Writes `mri.png` into a folder, the images of the comparison above their errors.
  public func writeFigures(to folder: String) throws {
    try comparison.grid(upTo: 1).writePNG(to: (folder as NSString).appendingPathComponent("mri.png"))
  }

  /// - Parameter heading: what goes before every heading.
  public func sections(heading: String = "") throws -> [ReportPage.Section] {
    try [measurement(Comparison.title("the measurement", after: heading))] + comparison.sections(heading: heading)
  }

  private func measurement(_ title: String) throws -> ReportPage.Section {
    let all = MaskedFourier(.full(height: image.height, width: image.width)).forward(image.value.complex)
    func magnitudes(_ kSpace: ComplexTensor) -> Tensor {
      let plane = ComplexTensor(pairs: kSpace.pairs.reshaped([1, image.height, image.width, 2]))
      return plane.centredKSpace.magnitude.row(0).map { max(0, 1 + log10(max($0, 1e-12)) / 3) }
    }
    let scale = 1 / magnitudes(all).maximumMagnitude
    return ReportPage.Section(
      title,
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
