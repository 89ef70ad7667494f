// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Tensors

/// One measurement of tomography reconstructed by every method there is, as a page or as sections of one: what was measured, the images to
/// compare, the maps of their errors, and what the stages of FISTA-Net have learned.
public struct TomographyPage: Sendable {
  public struct Reconstruction: Sendable {
    public let method: TomographyMethod
    /// `[height, width]`.
    public let estimate: Tensor
    /// PSNR, SSIM and RMSE where the image is known; the time always.
    public let scores: Scores
    /// ‖A x̂ − b‖ / ‖b‖.
    public let residual: Double
    /// Correlation with the known places of objects, where these are all that is known.
    public let correlation: Double?

    var detail: String {
      if let psnr = scores.psnr { return String(format: "%.2f dB", psnr) }
      return correlation.map { String(format: "correlation %.2f", $0) } ?? ""
    }
  }

  public let scans: TomographyScans
  /// Which of them is shown.
  public let index: Int
  /// What it is of, in words.
  public let source: String
  public let reconstructions: [Reconstruction]
  /// Of FISTA-Net on this measurement; empty without its weights.
  public let stages: [StageFigures.Stage]
  /// Where objects are, 0 or 1, in the place of an image that is not known.
  private let places: Tensor?

  /// - Parameter places: `[height, width]`. Networks without weights are left out.
  public init(
    _ scans: TomographyScans, index: Int = 0, source: String, places: Tensor? = nil, library: ModelLibrary = .standard
  ) throws {
    precondition(scans.names.indices.contains(index), "measurement \(index) of \(scans.names.count)")
    self.scans = scans
    self.index = index
    self.source = source
    self.places = places
    let system = scans.system
    let b = scans.measurement.rows(index..<index + 1)
    let truth = scans.groundTruth(index)
    let solvers = try TomographyMethod.allCases.filter { $0.serves(system.problem) }.compactMap { method -> TomographySolver? in
      if method.isTrained, !FileManager.default.fileExists(atPath: library.tomography(method, system)) { return nil }
      return try TomographySolver(method, system, library: library)
    }
    reconstructions = try Parallel.map(solvers.count) { i in
      let solver = solvers[i]
      let method = solver.method
      _ = method.isTrained ? solver.solve(b) : b  // what only the first call does is not timed
      let begin = Date()
      let found = solver.solve(b)
      let seconds = Date().timeIntervalSince(begin)
      let estimate = found.reshaped([system.height, system.width]).converted(to: .double)
      var scores = try truth.map { try Scores.ofImage(estimate, $0, clip: false) } ?? Scores()
      scores.seconds = seconds
      return Reconstruction(
        method: method, estimate: estimate, scores: scores, residual: solver.residuals(found, b)[0],
        correlation: places.map { Self.correlation(estimate, $0) })
    }
    stages =
      solvers.first { $0.method == .fistaNet }.map {
        StageFigures($0.network!, system: system, measurement: $0.given(b)).stages
      } ?? []
  }

  /// Pearson's, over all pixels.
  static func correlation(_ a: Tensor, _ b: Tensor) -> Double {
    func centred(_ t: Tensor) -> [Double] {
      let v = t.doubles
      let mean = v.reduce(0, +) / Double(v.count)
      return v.map { $0 - mean }
    }
    let (u, v) = (centred(a), centred(b))
    let product = zip(u, v).reduce(0) { $0 + $1.0 * $1.1 }
    let (uu, vv) = (u.reduce(0) { $0 + $1 * $1 }, v.reduce(0) { $0 + $1 * $1 })
    return uu > 0 && vv > 0 ? product / (uu * vv).squareRoot() : 0
  }

  private var name: String { scans.names[index] }
  private var truth: Tensor? {
    places ?? scans.groundTruth(index)
  }

  /// Writes the page into a folder that exists.
  public func write(to folder: String, name: String = "index.html", command: String) throws {
    try page(command: command).write(to: (folder as NSString).appendingPathComponent(name))
  }

  /// Writes the figures into a folder: `tomography.png`, the images of ``comparison(_:)`` above their errors; `sinogram.png` of X-rays;
  /// `learned.png` of FISTA-Net.
  public func writeFigures(to folder: String) throws {
    func path(_ name: String) -> String { (folder as NSString).appendingPathComponent(name) }
    let rows = [try images(), try errors()?.pictures ?? []].map { $0.map(\.picture) }
    try Picture.grid(rows.filter { !$0.isEmpty }, gap: 6).writePNG(to: path("tomography.png"))
    if scans.system.geometry != nil { try sinogram().writePNG(to: path("sinogram.png")) }
    if !stages.isEmpty { try curves.writePNG(to: path("learned.png")) }
  }

  public func page(command: String) throws -> ReportPage {
    let best = reconstructions.max { ($0.scores.psnr ?? $0.correlation ?? 0) < ($1.scores.psnr ?? $1.correlation ?? 0) }
    return ReportPage(
      title: "\(name), reconstructed",
      lead: "\(measured) The best here is \(best?.method.rawValue ?? "none"), \(best?.detail ?? "").",
      facts: [("Image", "\(name) of \(source), \(scans.system.width) × \(scans.system.height)"), ("Command", command)],
      sections: try sections(),
      footer: "Written by unfold. Methods: " + Set(reconstructions.map(\.method.source)).sorted().joined(separator: "; ") + ".")
  }

  private var measured: String {
    let shape = scans.system.measurementShape
    guard let geometry = scans.system.geometry else {
      return "\(shape[0]) numbers were measured around the \(scans.system.pixels?.count ?? 0) pixels of a disc."
    }
    let photons = scans.notes["photons"].flatMap(Double.init).map { String(format: "%.0f photons a ray", $0) } ?? "no noise"
    return "\(geometry.angles.count) views of \(geometry.bins) numbers were taken of it, \(photons)."
  }

  /// - Parameter heading: what goes before every heading.
  public func sections(heading: String = "") throws -> [ReportPage.Section] {
    func title(_ text: String) -> String {
      heading.isEmpty ? text.prefix(1).uppercased() + text.dropFirst() : "\(heading): \(text)"
    }
    var sections = [try measurement(title("the measurement")), try comparison(title("the reconstructions"))]
    if let errors = try errors() { sections.append(ReportPage.Section(title("where the errors are"), [errors.block])) }
    if !stages.isEmpty {
      sections.append(ReportPage.Section(title("what FISTA-Net has learned"), [.plot(curves, caption: curveCaption)]))
    }
    sections.append(table(title("figures")))
    return sections
  }

  private func measurement(_ heading: String) throws -> ReportPage.Section {
    var blocks = [ReportPage.Block.paragraph(measured)]
    if scans.system.geometry != nil {
      blocks.append(
        .picture(
          try sinogram(), enlargement: 2, description: "Sinogram of \(name)",
          caption: "The sinogram: a row a view, a column a ray."))
    }
    return ReportPage.Section(heading, blocks)
  }

  private func sinogram() throws -> Picture {
    let sinogram = scans.measurement.rows(index..<index + 1).reshaped(scans.system.measurementShape).converted(to: .double)
    return try Picture(sinogram, scaling: .range(0...max(sinogram.maximumMagnitude, 1e-9)))
  }

  private func comparison(_ heading: String) throws -> ReportPage.Section {
    // The last method, FISTA-Net where it has weights, first: the slider begins with it.
    let images = try images()
    let estimates = images.prefix(reconstructions.count)
    return ReportPage.Section(
      heading,
      [
        .comparison(
          estimates.suffix(1) + estimates.dropLast() + images.dropFirst(estimates.count),
          caption: places == nil ? "PSNR against the original." : "Correlation with the true places.")
      ])
  }

  /// Absolute errors; nil where the image is not known.
  private func errors() throws -> ErrorMaps? {
    guard let truth, places == nil else { return nil }
    return try ErrorMaps(
      reconstructions.map { ($0.method.rawValue, $0.detail, $0.estimate) }, of: truth, subject: name,
      caption: "Absolute errors on one scale.")
  }

  /// The estimates, then the true image, on one scale, [0, 1] or up to the largest value of the true one.
  private func images() throws -> [ReportPage.NamedPicture] {
    func picture(_ image: Tensor) throws -> Picture {
      let end = places == nil ? truth?.maximumMagnitude ?? 1 : image.maximumMagnitude
      return try Picture(image, scaling: .range(0...max(end, 1e-9)))
    }
    var pictures = try reconstructions.map { entry in
      ReportPage.NamedPicture(
        try picture(entry.estimate), name: entry.method.rawValue, detail: entry.detail,
        description: "\(entry.method.rawValue) of \(name)")
    }
    if let truth {
      pictures.append(
        ReportPage.NamedPicture(
          try picture(truth), name: places == nil ? "Original" : "True places",
          description: places == nil ? "\(name) itself" : "Where the objects are"))
    }
    return pictures
  }

  /// μ, θ, ρ and the residual, by stages.
  public var curves: Plot {
    func series(_ name: String, _ value: (StageFigures.Stage) -> Double?) -> Plot.Series {
      Plot.Series(name, values: stages.compactMap(value), first: 0)
    }
    return Plot(
      title: "Learned numbers of FISTA-Net", subtitle: "by stage",
      horizontal: Axis("stage k"), vertical: Axis("value"),
      series: [
        series("step μ", \.stepSize), series("threshold θ", \.threshold), series("momentum ρ", \.momentum),
        series("‖A x − b‖ / ‖b‖", { $0.residual }),
      ])
  }

  private var curveCaption: String {
    "Six numbers make steps and thresholds that fall and momenta that rise, whatever training does; the residual is of this measurement."
  }

  private func table(_ heading: String) -> ReportPage.Section {
    let best = reconstructions.compactMap { $0.scores.psnr ?? $0.correlation }.max()
    let rows = reconstructions.map { entry in
      [
        ReportTable.Cell(entry.method.rawValue),
        ReportTable.Cell(entry.detail, emphasized: (entry.scores.psnr ?? entry.correlation) == best),
        ReportTable.Cell(entry.scores.ssim.map { String(format: "%.4f", $0) } ?? "–"),
        ReportTable.Cell(String(format: "%.4f", entry.residual)),
        ReportTable.Cell(String(format: "%.3g s", entry.scores.seconds ?? .nan)),
      ]
    }
    return ReportPage.Section(
      heading,
      [
        .table(
          ReportTable(
            caption: "Peak 1, not clipped; wall-clock time, methods side by side, one run each",
            header: ["Method", places == nil ? "PSNR" : "Correlation", "SSIM", "‖A x − b‖ / ‖b‖", "Time"], rows: rows,
            endsInSummary: false))
      ])
  }
}
