// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors

extension SparseCodingDemo.Outcome {
  /// Error against iterations for ISTA, FISTA and LISTA.
  public var errorPlot: Plot {
    let stages = lista.map { (x: Double($0.iterations + 1), y: $0.error) }
    return Plot(
      title: "Code error against iterations",
      subtitle: "mean squared distance to the optimal code, test patches",
      horizontal: Axis("iterations (LISTA: stages)", scale: .logarithmic), vertical: Axis("‖Z* − Z‖²", scale: .logarithmic),
      series: [
        Plot.Series("ISTA", points: points(ista), hidesMarkers: true),
        Plot.Series("FISTA", points: points(fista), hidesMarkers: true),
        Plot.Series("LISTA", points: stages),
      ], references: [Plot.Reference("zero code", value: zeroError)])
  }

  private func points(_ errors: [Double]) -> [(x: Double, y: Double)] {
    errors.enumerated().map { (Double($0.offset + 1), $0.element) }
  }

  public func atoms() throws -> Picture { try Picture.atoms(of: dictionary.entries, height: 10, width: 10) }

  public func comparedPatches() throws -> Picture {
    try Picture.grid(
      patches.map { row in try row.map { try Picture($0, scaling: .range(-2.5...2.5)).enlarged(by: 3) } }, gap: 4)
  }

  /// Writes atoms.png, error.png, patches.png and image.png into `folder`.
  func writeFigures(to folder: String) throws {
    let files = folder as NSString
    try atoms().enlarged(by: 4).writePNG(to: files.appendingPathComponent("atoms.png"))
    try errorPlot.writePNG(to: files.appendingPathComponent("error.png"))
    try comparedPatches().writePNG(to: files.appendingPathComponent("patches.png"))
    try Picture.grid([image.map { try Picture($0.image) }], gap: 6).writePNG(to: files.appendingPathComponent("image.png"))
  }

  /// The sections of a page.
  func sections() throws -> [ReportPage.Section] {
    let one = lista[0]
    let ratio = fista[0] / one.error
    let rows = lista.map { entry in
      [
        ReportTable.Cell("LISTA, T = \(entry.iterations)"), ReportTable.Cell(number(entry.error)),
        ReportTable.Cell(number(fista[entry.iterations])), ReportTable.Cell(number(ista[entry.iterations])),
        ReportTable.Cell(entry.fistaIterations.map(String.init) ?? "more than \(fista.count)"),
      ]
    }
    return [
      ReportPage.Section(
        "Sparse codes: what training buys",
        [
          .paragraph(
            "Sparse coding of photographs. ISTA is an iteration; unfolded for a few stages and trained, the same iteration is a "
              + "network, LISTA, that comes as close to the optimal code in \(one.iterations + 1) stages as FISTA does in "
              + "\(one.fistaIterations.map { "\($0)" } ?? "more than \(fista.count)") iterations. Trained in "
              + String(format: "%.0f s", seconds)
              + " on \(trainingImages) photographs, dictionary included; tested on \(testImages) others. Patches are 10 × 10, "
              + "of zero mean and unit variance; α = 0.5; optimal codes are certified to a relative duality gap of "
              + String(format: "%.0e.", largestGap)),
          .keyFigures([
            .init(number(one.error), label: "code error of LISTA, T = 1"),
            .init(number(fista[0]), label: "code error of FISTA, 1 iteration"),
            .init(String(format: "%.1f", ratio), unit: "×", label: "smaller at one iteration"),
            .init(one.fistaIterations.map(String.init) ?? "> \(fista.count)", label: "iterations FISTA needs for the same"),
          ]),
          .plot(
            errorPlot,
            caption:
              "Mean over 1 000 patches of images that training never saw. T of the paper is T + 1 stages: the first starts from zero."
          ),
          .table(
            ReportTable(
              caption: "Mean ‖Z* − Z‖² at equal cost: FISTA and ISTA with as many iterations as LISTA has stages.",
              header: ["Network", "LISTA", "FISTA", "ISTA", "FISTA iterations to match"], rows: rows)),
        ]),
      ReportPage.Section(
        "The dictionary",
        [
          .picture(
            try atoms(), enlargement: 4, description: "100 dictionary atoms of 10 by 10 pixels: edges of all orientations",
            caption: "The 100 atoms, learned from the training photographs.")
        ]),
      ReportPage.Section(
        "Patches",
        [
          .picture(
            try comparedPatches(), enlargement: 2, description: "Eight test patches, original and four approximations of each",
            caption:
              "Eight test patches, one a row: original, from its optimal code, ISTA, FISTA and LISTA at equal cost (\(Self.equalCost) stages)."
          )
        ]),
      ReportPage.Section(
        "A photograph in patches",
        [
          .pictures(
            try image.map { view in
              ReportPage.NamedPicture(
                try Picture(view.image), name: view.name, detail: view.psnr.map { String(format: "%.2f dB", $0) } ?? imageName,
                description: "\(view.name) of a part of \(imageName)")
            }, caption: "\(imageName), cut into 10 × 10 patches, coded and put together again; PSNR against the original.")
        ]),
    ]
  }

  private static let equalCost = SparseCodingDemo.depths[1] + 1

  private func number(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }
}
