// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Tensors

/// One measurement and what several methods made of it, as pictures and sections of a page: the images to compare, the maps of their errors,
/// a table.
public struct Comparison: Sendable {
  /// What one method made of it.
  public struct Entry: Sendable {
    public let method: String
    public let source: String
    /// `[height, width]`.
    public let estimate: Tensor
    /// Where the image is known; the time always.
    public var scores: Scores
    /// ‖A x̂ − y‖ / ‖y‖, where it is known.
    public var residual: Double?
    /// Correlation with the known places of objects, where these are all that is known.
    public var correlation: Double?

    /// What is shown below its picture.
    var detail: String {
      if let psnr = scores.psnr { return String(format: "%.2f dB", psnr) }
      return correlation.map { String(format: "correlation %.2f", $0) } ?? ""
    }
    fileprivate var rank: Double { scores.psnr ?? correlation ?? -.infinity }
  }

  /// What the image is called.
  public let name: String
  public let entries: [Entry]
  /// The image, or in its place where objects are, 0 or 1.
  public let truth: Tensor?
  /// All that is known are the places of objects.
  let knowsPlacesOnly: Bool

  public init(name: String, truth: Tensor?, entries: [Entry]) {
    (self.name, self.truth, self.entries, knowsPlacesOnly) = (name, truth, entries, false)
  }

  /// Methods run side by side on a scan, those whose weights are not in the library left out.
  ///
  /// - Parameters: `clip`, estimates are clipped to [0, 1]; `places`, `[height, width]`, 0 or 1, of an image that is not known; `options` of
  ///   a method.
  public init<E: Experiment>(
    _ scan: Scan<E>, methods: [Method<E>] = E.methods, clip: Bool = false, places: Tensor? = nil, library: ModelLibrary = .standard,
    options: (Method<E>) -> SolverOptions<E.Knobs> = { _ in SolverOptions() }
  ) throws {
    (name, truth, knowsPlacesOnly) = (scan.name, places ?? scan.groundTruth?.display, places != nil)
    let present = methods.filter { library.has($0, for: scan.system) }.map { ($0, options($0)) }
    entries = try Parallel.map(present.count) { i in
      let (method, options) = present[i]
      let runner = Runner(method, options: options, clip: clip, library: library)
      if method.isTrained { _ = try runner.run(scan) }  // what only the first call does is not timed
      let outcome = try runner.run(scan)
      var estimate = outcome.reconstruction.display
      if clip { estimate = estimate.map { min(max($0, 0), 1) } }
      // The window of pages is one for all.
      var scores = try scan.groundTruth.map { try Scores.ofImage(estimate, $0.display, clip: false) } ?? Scores()
      (scores.nmse, scores.seconds) = (outcome.scores?.nmse ?? scores.nmse, outcome.seconds)
      return Entry(
        method: method.name, source: method.source, estimate: estimate, scores: scores,
        residual: outcome.reconstruction.residual, correlation: places.map { Self.correlation(estimate, $0) })
    }
  }

  /// The best of them, by PSNR or correlation.
  var best: Entry? { entries.max { $0.rank < $1.rank } }
  /// Where they were published, in words.
  var sources: String { Set(entries.map(\.source)).sorted().joined(separator: "; ") }

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

  // MARK: Pictures

  /// The estimates, then the true image, on one scale up to `end`; without it, up to the largest value of the true one.
  func pictures(upTo end: Double? = nil) throws -> [ReportPage.NamedPicture] {
    func picture(_ image: Tensor) throws -> Picture {
      let largest = end ?? (knowsPlacesOnly ? image.maximumMagnitude : truth?.maximumMagnitude ?? 1)
      return try Picture(image, scaling: .range(0...max(largest, 1e-9)))
    }
    let shown = try entries.map {
      ReportPage.NamedPicture(
        try picture($0.estimate), name: $0.method, detail: $0.detail, description: "\($0.method) of \(name)")
    }
    let known = try truth.map {
      ReportPage.NamedPicture(
        try picture($0), name: knowsPlacesOnly ? "True places" : "Original",
        description: knowsPlacesOnly ? "Where the objects are" : "\(name) itself")
    }
    return shown + (known.map { [$0] } ?? [])
  }

  /// Absolute errors on one scale, the least of a few round numbers that 99 % of them do not exceed; nil where the image is not known.
  func errors() throws -> (pictures: [ReportPage.NamedPicture], scale: ReportPage.ColorScale)? {
    guard let truth, !knowsPlacesOnly else { return nil }
    let maps = entries.map { ($0, ($0.estimate - truth).map { abs($0) }) }
    let all = maps.flatMap { $0.1.doubles }.sorted()
    let end = [0.02, 0.04, 0.08, 0.12, 0.2, 0.4].first { $0 >= all[all.count * 99 / 100] } ?? 1
    let pictures = try maps.map { entry, map in
      ReportPage.NamedPicture(
        try Picture(map, scaling: .range(0...end), colors: .magnitude), name: entry.method, detail: entry.detail,
        description: "Absolute error of \(entry.method) on \(name)")
    }
    let ticks = (0...4).map { String(format: end < 0.04 ? "%.3f" : "%.2f", end * Double($0) / 4) }
    return (
      pictures, ReportPage.ColorScale(.magnitude, label: "|x̂ − x|, pixels in [0, 1]", ticks: ticks.dropLast() + ["≥ " + ticks[4]])
    )
  }

  /// The images above the maps of their errors.
  func grid(upTo end: Double? = nil) throws -> Picture {
    let rows = [try pictures(upTo: end), try errors()?.pictures ?? []].map { $0.map(\.picture) }
    return try Picture.grid(rows.filter { !$0.isEmpty }, gap: 6)
  }

  // MARK: Sections

  /// The images to compare; the last method, the best known, first: the slider begins with it.
  func reconstructions(_ heading: String, upTo end: Double? = nil) throws -> ReportPage.Section {
    let images = try pictures(upTo: end)
    let estimates = images.prefix(entries.count)
    return ReportPage.Section(
      heading,
      [
        .comparison(
          estimates.suffix(1) + estimates.dropLast() + images.dropFirst(estimates.count),
          caption: knowsPlacesOnly ? "Correlation with the true places." : "PSNR against the original.")
      ])
  }

  func errors(_ heading: String, caption: String = "Absolute errors on one scale.") throws -> [ReportPage.Section] {
    try errors().map { [ReportPage.Section(heading, [.pictures($0.pictures, scale: $0.scale, caption: caption)])] } ?? []
  }

  /// Of estimates clipped to [0, 1]: the images, their errors, the figures; `heading` goes before every heading.
  func sections(heading: String = "") throws -> [ReportPage.Section] {
    func title(_ text: String) -> String { Self.title(text, after: heading) }
    return try [reconstructions(title("reconstructions"), upTo: 1)]
      + errors(title("where the errors are"), caption: "Absolute errors on one scale, estimates clipped to [0, 1].")
      + [table(title("figures"), caption: "Estimates clipped to [0, 1], peak 1")]
  }

  /// A heading of a page of its own, with a capital, or of a part of one, after what the part is called.
  static func title(_ text: String, after heading: String) -> String {
    heading.isEmpty ? text.prefix(1).uppercased() + text.dropFirst() : "\(heading): \(text)"
  }

  func table(_ heading: String, caption: String) -> ReportPage.Section {
    func column(_ title: String, _ value: (Entry) -> Double?, _ format: String) -> (title: String, cells: [String])? {
      entries.contains { value($0) != nil } ? (title, entries.map { value($0).map { String(format: format, $0) } ?? "–" }) : nil
    }
    let columns = [
      column("SSIM", \.scores.ssim, "%.4f"), column("NMSE", { $0.residual == nil ? $0.scores.nmse : nil }, "%.4f"),
      column("‖A x − b‖ / ‖b‖", \.residual, "%.4f"), column("Time", \.scores.seconds, "%.3g s"),
    ].compactMap { $0 }
    let rows = entries.enumerated().map { i, entry in
      [ReportTable.Cell(entry.method), ReportTable.Cell(entry.detail, emphasized: entry.rank == best?.rank)]
        + columns.map { ReportTable.Cell($0.cells[i]) }
    }
    return ReportPage.Section(
      heading,
      [
        .table(
          ReportTable(
            caption: caption + "; wall-clock time, methods side by side, one run each",
            header: ["Method", knowsPlacesOnly ? "Correlation" : "PSNR"] + columns.map(\.title), rows: rows, endsInSummary: false))
      ])
  }
}
