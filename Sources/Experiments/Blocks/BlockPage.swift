// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Operators
import Tensors

/// The page of `unfold demo`: image compressive sensing, then MRI, computed tomography and sparse coding.
public struct DemoPage: Sendable {
  public var blocks: BlockDemo.Outcome
  /// The parts after it; nil leaves one out.
  public var mri: KSpacePage?
  public var tomography: TomographyPage?
  public var coding: SparseCodingDemo.Outcome?

  public init(
    blocks: BlockDemo.Outcome, mri: KSpacePage? = nil, tomography: TomographyPage? = nil, coding: SparseCodingDemo.Outcome? = nil
  ) {
    self.blocks = blocks
    self.mri = mri
    self.tomography = tomography
    self.coding = coding
  }

  /// Writes the page and its figures into `folder`: index.html; comparison.png and, with weights, stages.png; mri.png; tomography.png, sinogram.png
  /// and, with weights, learned.png; error.png, atoms.png, patches.png and image.png of the last part.
  public func write(to folder: String, source: String, command: String) throws {
    try blocks.writeFigures(to: folder)
    try mri?.writeFigures(to: folder)
    try tomography?.writeFigures(to: folder)
    try coding?.writeFigures(to: folder)
    try page(source: source, command: command).write(to: (folder as NSString).appendingPathComponent("index.html"))
  }

  public func page(source: String, command: String) throws -> ReportPage {
    var lead = blocks.lead
    var facts = try blocks.facts(source: source)
    var sources = [
      "Zhang & Ghanem, ISTA-Net, CVPR 2018", Papers.scNet, "Li, Yin, Jiang & Zhang, TVAL3, 2013",
    ]
    if let mri {
      lead += " Then a slice of a head from a fifth of its k-space."
      facts += [("Slice of a head", mri.source)]
      sources += Set(mri.comparison.entries.map(\.source)).sorted()
    }
    if let tomography {
      lead += " Then a CT slice from few X-rays."
      facts += [("CT slice", tomography.source)]
      sources += Set(tomography.comparison.entries.map(\.source)).sorted()
    }
    if let coding {
      lead += " Further down LISTA is trained on the spot."
      facts += [("Time", String(format: "%.0f s, the training of LISTA included", blocks.seconds + coding.seconds))]
      sources += ["Gregor & LeCun, Learning fast approximations of sparse coding, ICML 2010"]
    } else {
      facts += [("Time", String(format: "%.0f s", blocks.seconds))]
    }
    return ReportPage(
      title: "Algorithms, unfolded and trained", lead: lead, facts: facts + [("Command", command)],
      sections: try blocks.sections() + (mri?.sections(heading: "MRI") ?? [])
        + (tomography?.sections(heading: "Computed tomography") ?? []) + (coding?.sections() ?? []),
      footer: "Written by unfold demo. Methods: \(sources.joined(separator: "; ")).")
  }
}

extension BlockDemo.Outcome {
  private var first: BlockDemo.Photograph { photographs[0] }
  private var percent: String { String(format: "%.0f\u{A0}%%", 100 * sensing.ratio) }
  private var shortName: String { (first.name as NSString).deletingPathExtension }

  fileprivate var lead: String {
    let begin = "Photographs from a quarter as many measurements as they have pixels."
    guard let classical = score(BlockDemo.totalVariation)?.psnr, !networks.isEmpty else {
      return begin + " TVAL3 is the classical reconstruction; networks need weights that are not here."
    }
    func gain(_ network: BlockDemo.Network) -> String {
      let gain = (score(network.name)?.psnr ?? .nan) - classical
      return String(format: "%.1f dB %@ TVAL3, the classical method", abs(gain), gain < 0 ? "below" : "above")
    }
    return begin
      + networks.enumerated().map { i, network in
        let at = gain(network)
        return switch (i, network.name) {
        case (0, BlockDemo.network):
          " ISTA, unfolded for \(network.stages) stages and trained, is ISTA-Net⁺; on \(shortName) it lies \(at)."
        case (0, _): " \(network.name), proximal gradient unfolded on the whole image, lies on \(shortName) \(at)."
        default: " \(network.name), whose stages hand on features of the whole image, lies \(at)."
        }
      }.joined()
  }

  fileprivate func facts(source: String) throws -> [(name: String, value: String)] {
    let side = sensing.side
    return [
      ("Photographs", source),
      ("Measurements", "\(sensing.phi.rows) of each block of \(side) × \(side) pixels, \(percent)"),
    ] + (networks.isEmpty ? [("Networks", "no weights")] : [])
      + networks.map { ($0.name, "\($0.stages) stages, \(grouped($0.parameterCount)) parameters") }
  }

  /// Digits in groups of three.
  private func grouped(_ number: Int) -> String {
    let digits = String(number)
    return digits.enumerated().map { ($0 > 0 && (digits.count - $0) % 3 == 0 ? "\u{202F}" : "") + String($1) }.joined()
  }

  private func score(_ method: String) -> Scores? { first.reconstructions.first { $0.method == method }?.scores }

  private func decibel(_ scores: Scores?) -> String { String(format: "%.2f dB", scores?.psnr ?? .nan) }

  // MARK: Figures

  /// PSNR of the first photograph against the number of stages; nil without weights.
  public var stagePlot: Plot? {
    guard !stages.isEmpty, let classical = score(BlockDemo.totalVariation)?.psnr else { return nil }
    return Plot(
      title: "PSNR against stages", subtitle: "\(first.name), measured at \(percent)",
      horizontal: Axis("stages", wholeNumbers: true), vertical: Axis("PSNR [dB]"),
      series: [Plot.Series(BlockDemo.network, values: stages.map(\.psnr), first: 0)],
      references: [Plot.Reference(BlockDemo.totalVariation, value: classical)])
  }

  fileprivate func writeFigures(to folder: String) throws {
    func path(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
    let shown = try first.comparison.pictures(upTo: 1).map(\.picture)
    let pictures = shown.suffix(1) + shown.dropLast()
    let rows = [Array(pictures.prefix(2)), Array(pictures.dropFirst(2))]
    try Picture.grid(rows, gap: 6).writePNG(to: path("comparison.png"))
    try stagePlot?.writePNG(to: path("stages.png"))
  }

  // MARK: Sections

  fileprivate func sections() throws -> [ReportPage.Section] {
    try [reconstructions()] + errors() + (stages.isEmpty ? [] : [stageByStage()]) + [table()]
  }

  private func reconstructions() throws -> ReportPage.Section {
    let (height, width) = (first.image.shape[0], first.image.shape[1])
    var blocks: [ReportPage.Block] = [
      .paragraph(
        "\(first.name), \(width) × \(height) pixels, is cut into blocks of \(sensing.side) × \(sensing.side). Of each only "
          + "\(sensing.phi.rows) random projections are kept, y = Φ x. Every method sees these numbers and nothing else.")
    ]
    for file in missing { blocks.append(.paragraph("A network is left out: there are no weights at `\(file)`.")) }
    let compared = networks.map(\.name) + [BlockDemo.totalVariation]
    if !networks.isEmpty {
      let figures = compared.map { ReportPage.KeyFigure(figure(score($0)?.psnr), unit: "dB", label: "PSNR of \($0)") }
      let times = compared.map { ReportPage.KeyFigure(figure(score($0)?.seconds), unit: "s", label: "time of \($0)") }
      blocks.append(.keyFigures(figures + times))
    }
    // The two to compare first, then those that the menus offer.
    let pictures = try first.comparison.pictures(upTo: 1)
    let count = first.reconstructions.count
    let order = networks.isEmpty ? [0, 1] : [1, count - 1] + (2..<count - 1) + [0]
    blocks.append(
      .comparison(
        order.map { pictures[$0] } + pictures.suffix(1),
        caption:
          "PSNR against the original. The linear start is the matrix that fits photographs best from measurements in the least-squares "
          + "sense, x⁽⁰⁾ of ISTA-Net⁺."))
    return ReportPage.Section("A photograph, measured at \(percent)", blocks)
  }

  private func figure(_ value: Double?) -> String { String(format: "%.2f", value ?? .nan) }

  private func errors() throws -> [ReportPage.Section] {
    try first.comparison.errors(
      "Where the errors are",
      caption: "Absolute errors on one scale. "
        + (networks.contains { $0.name == BlockDemo.wholeImageNetwork }
          ? "SCNet sees the whole image; the others reconstruct every block by itself" : "Every block is reconstructed by itself")
        + (first.image.shape.allSatisfy { $0.isMultiple(of: sensing.side) }
          ? "." : "; zeros fill up the last ones at the right and at the bottom."))
  }

  private func stageByStage() throws -> ReportPage.Section {
    let window = detail()
    func view(_ image: Tensor, _ name: String, _ psnr: Double?) throws -> ReportPage.NamedPicture {
      ReportPage.NamedPicture(
        try Picture(window.cut(image)), name: name, detail: psnr.map { String(format: "%.2f dB", $0) } ?? first.name,
        description: "\(name), a detail of \(first.name)")
    }
    let classical = first.reconstructions[1]
    var pictures = try stages.enumerated().map { k, stage in try view(stage.estimate, "x" + superscript(k), stage.psnr) }
    pictures += [try view(classical.estimate, classical.method, classical.scores.psnr), try view(first.image, "Original", nil)]
    var blocks: [ReportPage.Block] = [
      .strip(
        pictures,
        caption: "ISTA-Net⁺: the detail of \(window.width) × \(window.height) pixels where the linear start errs most, after every "
          + "stage; PSNR of the whole photograph.")
    ]
    if let stagePlot {
      blocks.append(
        .plot(
          stagePlot,
          caption: "ISTA-Net⁺ is trained for its last estimate alone; what the estimates before it are is left to the training."))
    }
    return ReportPage.Section("Stage by stage", blocks)
  }

  private func superscript(_ k: Int) -> String {
    "⁽" + String(String(k).map { Array("⁰¹²³⁴⁵⁶⁷⁸⁹")[$0.wholeNumberValue!] }) + "⁾"
  }

  private func table() -> ReportPage.Section {
    func cells(_ scores: [Scores]) -> [ReportTable.Cell] {
      let best = scores.compactMap(\.psnr).max()
      return scores.map {
        ReportTable.Cell(
          decibel($0), details: [String(format: "SSIM %.4f", $0.ssim ?? .nan), time($0.seconds ?? .nan)],
          emphasized: $0.psnr == best)
      }
    }
    var rows = photographs.map { [ReportTable.Cell($0.name)] + cells($0.reconstructions.map(\.scores)) }
    if photographs.count > 1 { rows.append([ReportTable.Cell("Mean of \(photographs.count)")] + cells(means)) }
    return ReportPage.Section(
      "All photographs",
      [
        .table(
          ReportTable(
            caption: "PSNR, SSIM and time at \(percent)",
            header: ["Photograph"] + first.reconstructions.map(\.method), rows: rows, endsInSummary: photographs.count > 1)),
        .paragraph(
          "Luminance, estimates clipped to [0, 1]; SSIM over windows of 7 × 7. Times are wall-clock, all cores, one run each."),
      ])
  }

  private func time(_ seconds: Double) -> String {
    seconds < 0.1 ? String(format: "%.0f ms", 1000 * seconds) : String(format: "%.2f s", seconds)
  }

  // MARK: The detail

  private struct Window {
    var top: Int
    var left: Int
    var height: Int
    var width: Int

    func cut(_ image: Tensor) -> Tensor {
      let (pixels, stride) = (image.doubles, image.shape[1])
      return Tensor(
        (top..<top + height).flatMap { pixels[$0 * stride + left..<$0 * stride + left + width] }, shape: [height, width])
    }
  }

  /// Whole blocks, four by four or as many as there are, where ‖x⁽⁰⁾ − x‖ is largest.
  private func detail() -> Window {
    let (height, width, side) = (first.image.shape[0], first.image.shape[1], sensing.side)
    let errors = (stages[0].estimate - first.image).map { $0 * $0 }
    var window = Window(top: 0, left: 0, height: min(4 * side, height), width: min(4 * side, width))
    var best = (window, -1.0)
    for top in stride(from: 0, through: height - window.height, by: side) {
      for left in stride(from: 0, through: width - window.width, by: side) {
        (window.top, window.left) = (top, left)
        let sum = window.cut(errors).doubles.reduce(0, +)
        if sum > best.1 { best = (window, sum) }
      }
    }
    return best.0
  }
}
