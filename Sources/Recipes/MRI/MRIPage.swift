// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// One image measured in k-space and reconstructed by several methods, as a page: the mask, the images to compare, the maps of their errors.
public struct MRIPage: Sendable {
  /// Networks without weights in the library are left out.
  public static let methods: [MRIMethod] = [.zeroFilling, .tv, .sidwt, .admmNet, .istaNetPlus]

  private let image: MRIImage
  private let source: String
  private let ratio: Double
  private let library: ModelLibrary

  /// - Parameters: `image`, real; `source`, where it comes from, in words.
  public init(_ image: MRIImage, source: String, ratio: Double = 0.2, library: ModelLibrary = .standard) {
    self.image = image
    self.source = source
    self.ratio = ratio
    self.library = library
  }

  private struct Reconstruction: Sendable {
    let name: String
    let estimate: Tensor
    let scores: Scores
    var decibel: String { String(format: "%.2f dB", scores.psnr ?? .nan) }
  }

  /// Writes `index.html` into a folder that exists.
  public func write(to folder: String, command: String) throws {
    try page(command: command).write(to: (folder as NSString).appendingPathComponent("index.html"))
  }

  public func page(command: String) throws -> ReportPage {
    let mask = try MRISampling(.radial, ratio: ratio, seed: 0).mask(height: image.height, width: image.width)
    let scan = image.scan(mask)
    let truth = MRIEstimate(value: image.value, scan).display
    let solvers = try Self.methods.compactMap { method -> MRISolver? in
      if method.isTrained, !FileManager.default.fileExists(atPath: library.mri(method, ratio: ratio, isComplex: image.isComplex)) {
        return nil
      }
      return try MRISolver(method, mask: mask, isComplex: image.isComplex, ratio: ratio, library: library)
    }
    let reconstructions = try Parallel.map(solvers.count) { i in
      let solver = solvers[i]
      let begin = Date()
      let estimate = try solver.image(of: scan)
      var scores = try estimate.scores(image.value, clip: true)
      scores.seconds = Date().timeIntervalSince(begin)
      return Reconstruction(name: solver.method.rawValue, estimate: estimate.display.map { min(max($0, 0), 1) }, scores: scores)
    }
    let percent = String(format: "%.0f\u{A0}%%", 100 * mask.ratio)
    let best = reconstructions.max { ($0.scores.psnr ?? 0) < ($1.scores.psnr ?? 0) }!
    return ReportPage(
      title: "\(image.name) from \(percent) of its k-space",
      lead:
        "The scanner measures lines through the middle of k-space; each method makes an image of them. The best here is \(best.name), "
        + "\(best.decibel).",
      facts: [
        ("Image", "\(image.name) of \(source), \(image.width) × \(image.height)"),
        ("Measured", "\(mask.count) of \(image.width * image.height) frequencies, \(percent)"), ("Command", command),
      ],
      sections: [
        try measurement(mask, scan), try comparison(reconstructions, truth),
        ReportPage.Section(
          "Where the errors are",
          [
            try ErrorMaps(
              reconstructions.map { ($0.name, $0.decibel, $0.estimate) }, of: truth, subject: image.name,
              caption: "Absolute errors on one scale, estimates clipped to [0, 1]."
            ).block
          ]),
        table(reconstructions),
      ], footer: "Written by unfold. Methods: " + Set(Self.methods.map(\.source)).sorted().joined(separator: "; ") + ".")
  }

  private func measurement(_ mask: SamplingMask, _ scan: MRIMeasurement.Scan) throws -> ReportPage.Section {
    let all = image.scan(.full(height: image.height, width: image.width))
    func magnitudes(_ kSpace: ComplexTensor) -> Tensor {
      let shape = [image.height, image.width]
      let middle = ComplexTensor(pairs: kSpace.centredKSpace.pairs.reshaped(shape + [2])).magnitude
      return middle.map { max(0, 1 + log10(max($0, 1e-12)) / 3) }
    }
    let scale = 1 / magnitudes(all.kSpace).maximumMagnitude
    return ReportPage.Section(
      "The measurement",
      [
        .pictures(
          [
            .init(
              try Picture(mask.centred.values), name: "Mask", description: "White where a frequency is measured, 0 in the middle"),
            .init(
              try Picture(scale * magnitudes(all.kSpace)), name: "k-space",
              description: "Magnitudes of the image's spectrum over three decades"),
            .init(
              try Picture(scale * magnitudes(scan.kSpace)), name: "Measured",
              description: "Magnitudes of the frequencies that are measured"),
          ], scale: nil, caption: "Frequency 0 in the middle; magnitudes as logarithms over three decades.")
      ])
  }

  private func comparison(_ reconstructions: [Reconstruction], _ truth: Tensor) throws -> ReportPage.Section {
    // The best known and zero filling first, then those that the menus offer.
    let order = [reconstructions.last!] + reconstructions.dropLast()
    let pictures = try order.map { entry in
      ReportPage.NamedPicture(
        try Picture(entry.estimate), name: entry.name, detail: entry.decibel, description: "\(entry.name) of \(image.name)")
    }
    let original = ReportPage.NamedPicture(try Picture(truth), name: "Original", description: "\(image.name), fully measured")
    return ReportPage.Section("Reconstructions", [.comparison(pictures + [original], caption: "PSNR against the original.")])
  }

  private func table(_ reconstructions: [Reconstruction]) -> ReportPage.Section {
    let best = reconstructions.compactMap(\.scores.psnr).max()
    let rows = reconstructions.map { entry in
      [
        ReportTable.Cell(entry.name), ReportTable.Cell(entry.decibel, emphasized: entry.scores.psnr == best),
        ReportTable.Cell(String(format: "%.4f", entry.scores.ssim ?? .nan)),
        ReportTable.Cell(String(format: "%.4f", entry.scores.nmse ?? .nan)),
        ReportTable.Cell(String(format: "%.3g s", entry.scores.seconds ?? .nan)),
      ]
    }
    return ReportPage.Section(
      "Figures",
      [
        .table(
          ReportTable(
            caption: "Estimates clipped to [0, 1], peak 1; wall-clock time, methods side by side, one run each",
            header: ["Method", "PSNR", "SSIM", "NMSE", "Time"], rows: rows, endsInSummary: false))
      ])
  }
}
