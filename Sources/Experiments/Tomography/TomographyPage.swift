// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Networks
import Tensors

/// One measurement of tomography reconstructed by every method there is, as a page or as sections of one: what was measured, the images to
/// compare, the maps of their errors, and what the stages of FISTA-Net have learned.
public struct TomographyPage: Sendable {
  public let system: TomographySystem
  public let comparison: Comparison
  /// Of FISTA-Net on this measurement; empty without its weights.
  public let stages: [StageFigures.Stage]
  /// What it is of, in words.
  public let source: String
  private let measured: Tensor
  /// Photons of a ray, where there is noise of them.
  private let photons: Double?

  /// - Parameter places: where objects are, `[height, width]`, 0 or 1, of an image that is not known. Networks without weights are left out.
  public init<E: TomographyExperiment>(
    _ scan: Scan<E>, source: String, photons: Double? = nil, places: Tensor? = nil, library: ModelLibrary = .standard
  ) throws where E.Measured == Tensor {
    (system, measured, self.source, self.photons) = (scan.system, scan.measured, source, photons)
    comparison = try Comparison(scan, places: places, library: library)
    var network: (any TensorNetwork)?
    if let method = E.method("fista-net"), library.has(method, for: scan.system) {
      network = try Solver(method, scan.system, library: library).network as? any TensorNetwork
    }
    let b = scan.measured.converted(to: .single)
    stages = network.map { StageFigures($0, system: scan.system, measurement: scan.system.scale(b) * b).stages } ?? []
  }

  /// Writes the page into a folder that exists.
  public func write(to folder: String, name: String = "index.html", command: String) throws {
    try page(command: command).write(to: (folder as NSString).appendingPathComponent(name))
  }

  /// Writes the figures into a folder: `tomography.png`, the images of the comparison above their errors; `sinogram.png` of X-rays;
  /// `learned.png` of FISTA-Net.
  public func writeFigures(to folder: String) throws {
    func path(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
    try comparison.grid().writePNG(to: path("tomography.png"))
    if system.geometry != nil { try sinogram().writePNG(to: path("sinogram.png")) }
    if !stages.isEmpty { try curves.writePNG(to: path("learned.png")) }
  }

  public func page(command: String) throws -> ReportPage {
    ReportPage(
      title: "\(comparison.name), reconstructed",
      lead: "\(measurementInWords) The best here is \(comparison.best?.method ?? "none"), \(comparison.best?.detail ?? "").",
      facts: [("Image", "\(comparison.name) of \(source), \(system.width) × \(system.height)"), ("Command", command)],
      sections: try sections(), footer: "Written by unfold. Methods: \(comparison.sources).")
  }

  private var measurementInWords: String {
    guard let geometry = system.geometry else {
      return "\(system.A.codomainShape[0]) numbers were measured around the \(system.pixels?.count ?? 0) pixels of a disc."
    }
    let noise = photons.map { String(format: "%.0f photons a ray", $0) } ?? "no noise"
    return "\(geometry.angles.count) views of \(geometry.bins) numbers were taken of it, \(noise)."
  }

  /// - Parameter heading: what goes before every heading.
  public func sections(heading: String = "") throws -> [ReportPage.Section] {
    func title(_ text: String) -> String { Comparison.title(text, after: heading) }
    var measurement = [ReportPage.Block.paragraph(measurementInWords)]
    if system.geometry != nil {
      measurement.append(
        .picture(
          try sinogram(), enlargement: 2, description: "Sinogram of \(comparison.name)",
          caption: "The sinogram: a row a view, a column a ray."))
    }
    let learned = ReportPage.Section(
      title("what FISTA-Net has learned"),
      [
        .plot(
          curves,
          caption:
            "Six numbers make steps and thresholds that fall and momenta that rise, whatever training does; the residual is of this measurement."
        )
      ])
    return [
      ReportPage.Section(title("the measurement"), measurement), try comparison.reconstructions(title("the reconstructions")),
    ]
      + (try comparison.errors(title("where the errors are"))) + (stages.isEmpty ? [] : [learned])
      + [comparison.table(title("figures"), caption: "Peak 1, not clipped")]
  }

  private func sinogram() throws -> Picture {
    let sinogram = measured.reshaped(system.A.codomainShape).converted(to: .double)
    return try Picture(sinogram, scaling: .range(0...max(sinogram.maximumMagnitude, 1e-9)))
  }

  /// μ, θ, ρ and the residual, by stages.
  public var curves: Plot {
    func series(_ name: String, _ value: (StageFigures.Stage) -> Double?) -> Plot.Series {
      Plot.Series(name, values: stages.compactMap(value), first: 0)
    }
    return Plot(
      title: "Learned numbers of FISTA-Net", subtitle: "by stage", horizontal: Axis("stage k"), vertical: Axis("value"),
      series: [
        series("step μ", \.stepSize), series("threshold θ", \.threshold), series("momentum ρ", \.momentum),
        series("‖A x − b‖ / ‖b‖", { $0.residual }),
      ])
  }
}
