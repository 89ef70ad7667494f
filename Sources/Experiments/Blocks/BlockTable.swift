// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Tensors
import Training

/// The tables `ista-net-1` (Set11) and `ista-net-2` (BSD68): tables 1 and 2 of Zhang & Ghanem (CVPR 2018), mean PSNR of images measured
/// block by block with a Φ of our own.
enum BlockTable {
  static let all = [
    PublishedTable(
      "ista-net-1", "Mean PSNR on Set11 of images measured block by block", source: "\(Papers.istaNet), table 1",
      hasPlots: true
    ) {
      try run(set11, set11Ratios, ("/natural/set11", "Set11"), $0)
    },
    PublishedTable(
      "ista-net-2", "Mean PSNR on BSD68 of images measured block by block", source: "\(Papers.istaNet), table 2",
      hasPlots: true
    ) {
      try run(bsd68, bsd68Ratios, ("/natural/bsd68", "BSD68"), $0)
    },
  ]

  /// Methods as printed, with their PSNR at the ratios of the table; nil where it prints none.
  private struct Published {
    let name: String
    let method: String
    let psnr: [Double?]
    /// What heads it below the published table; nil: a row of that.
    var group: String?
  }

  private static let withMemory = "Networks with memory on whole images, published later on the same measurements"

  private static let set11: [Published] = [
    Published(name: "tval3", method: "tval3", psnr: [33.55, 31.46, 29.23, 27.92, 22.99, 18.75, 16.43]),
    Published(name: "d-amp", method: "d-amp", psnr: [35.92, 33.56, 30.39, 28.46, 22.64, 18.40, 5.21]),
    Published(name: "ircnn", method: "ircnn", psnr: [36.23, 34.06, 31.18, 30.07, 24.02, 17.56, 7.70]),
    Published(name: "sda", method: "sda", psnr: [28.95, 27.79, 26.63, 25.34, 22.65, 20.12, 17.29]),
    Published(name: "reconnet", method: "reconnet", psnr: [31.50, 30.58, 28.74, 25.60, 24.28, 20.63, 17.27]),
    Published(name: "ista-net", method: "ista-net", psnr: [37.43, 35.36, 32.91, 31.53, 25.80, 21.23, 17.30]),
    Published(name: "ista-net-plus", method: "ista-net-plus", psnr: [38.07, 36.06, 33.82, 32.57, 26.64, 21.31, 17.34]),
    Published(
      name: "sodas-net", method: "sodas-net", psnr: [39.60, 37.74, 35.55, 34.24, 28.89, nil, nil], group: withMemory),
    Published(name: "scnet", method: "scnet", psnr: [nil, nil, nil, nil, nil, nil, nil], group: withMemory),
  ]
  private static let set11Ratios = [0.50, 0.40, 0.30, 0.25, 0.10, 0.04, 0.01]
  private static let bsd68: [Published] = [
    Published(name: "sda", method: "sda", psnr: [28.35, 27.41, 26.38, 23.12, 21.32]),
    Published(name: "reconnet", method: "reconnet", psnr: [29.86, 29.08, 27.53, 24.15, 21.66]),
    Published(name: "ista-net", method: "ista-net", psnr: [33.60, 31.85, 29.93, 25.02, 22.12]),
    Published(name: "ista-net-plus", method: "ista-net-plus", psnr: [34.01, 32.21, 30.34, 25.33, 22.17]),
    Published(name: "scnet", method: "scnet", psnr: [nil, nil, nil, nil, nil], group: withMemory),
  ]
  private static let bsd68Ratios = [0.50, 0.40, 0.30, 0.10, 0.04]

  private static func run(
    _ published: [Published], _ ratios: [Double], _ folder: (path: String, title: String), _ request: TableRequest
  ) throws -> ResultTable {
    let seed = request.seed ?? Blocks.standardSeed
    if request.trains { try train(request, seed) }
    let (images, source) = try request.testImages(folder.path, folder.title)
    let denoiser = request.data("/denoisers/ffdnet_gray.npz")  // better than what ships
    func options(_ method: Method<Blocks>) -> SolverOptions<Blocks.Knobs> {
      var options = SolverOptions<Blocks.Knobs>()
      if method.knobs.contains("denoiserWeights") { options.knobs.denoiserWeights = denoiser }
      return options
    }
    if let plots = request.plots {
      let experiment = try Blocks(ratio: 0.25, seed: seed)
      let scan = try experiment.scans(of: [ImageFolder.imagePaths(images)[0]])[0]
      try page(
        Comparison(scan, clip: true, library: request.library, options: options), source: source,
        command: "unfold reproduce \(request.table) --plots \(plots)"
      ).write(to: (plots as NSString).appendingPathComponent("index.html"))
    }
    var rows: [ResultTable.Row] = []
    var count = 0
    for entry in published {
      for (ratio, figure) in zip(ratios, entry.psnr) {
        let column = "\(Int((100 * ratio).rounded())) %"
        func row(_ measured: Double?, _ seconds: Double, _ why: String?) -> ResultTable.Row {
          ResultTable.Row(
            method: entry.name, column: column, metric: .psnr, published: figure, measured: measured, seconds: seconds, why: why,
            group: entry.group)
        }
        guard let method = Blocks.method(entry.method) else { preconditionFailure("no method \(entry.method)") }
        let experiment = try Blocks(ratio: ratio, seed: seed)
        guard request.library.has(method, for: try experiment.system()) else {
          rows.append(row(nil, 0, "no weights ship for it; --train makes them"))
          continue
        }
        request.report("\(entry.name), \(column)")
        let scans = try experiment.scans(of: [images])
        count = scans.count
        let mean = try Runner(method, options: options(method), library: request.library).evaluation(scans, seed: seed).mean
        let isShort = figure.map { Metric.psnr.fallsShort(measured: mean.psnr ?? -.infinity, published: $0) } ?? false
        let reason = method.isTrained ? "a training shorter than the published one" : "parameters chosen on other images"
        rows.append(row(mean.psnr, mean.seconds ?? 0, isShort ? reason : nil))
      }
    }
    let prior = denoiser == nil ? "the denoiser that ships" : "FFDNet, its authors' weights"
    let ircnn = published.contains { $0.method == "ircnn" } ? "ircnn with \(prior); " : ""
    return ResultTable(
      table: request.table, rows: rows, data: "\(count) images of \(source)",
      protocol:
        "gray or Y, blocks of 33 × 33 padded with zeros, Φ of seed \(seed), clipped to [0, 1], mean of the images' PSNR; \(ircnn)time of an "
        + "image, images side by side, one a core\(request.quick ? "; the networks are the quick version, trained in minutes" : "")"
    )
  }

  /// One image by every method.
  private static func page(_ comparison: Comparison, source: String, command: String) throws -> ReportPage {
    try ReportPage(
      title: "\(comparison.name) from a quarter as many measurements as pixels",
      lead: "Measured block by block, reconstructed by every method. The best here is \(comparison.best?.method ?? "none"), "
        + "\(comparison.best?.detail ?? "").",
      facts: [("Image", "\(comparison.name) of \(source)"), ("Command", command)],
      sections: comparison.sections(), footer: "Written by unfold. Methods: \(comparison.sources).")
  }

  /// ISTA-Net⁺ first; every ratio but the first starts from the weights of the one before.
  private static func train(_ request: TableRequest, _ seed: UInt64) throws {
    let (pictures, sources) = try request.trainingImages(["/natural/t91", "/natural/train400"])
    var initials: [Double: Tensor] = [:]  // Q_init is the same for every network of a ratio
    for name in ["ista-net-plus", "ista-net", "reconnet", "sda"] {
      guard let method = Blocks.method(name) else { continue }
      var start: String?
      for ratio in Blocks.trainedRatios {
        let experiment = try Blocks(ratio: ratio, seed: seed)
        let path = request.library.file(of: method, for: try experiment.system())
        request.report("\(name), \(Int((100 * ratio).rounded())) %: training\(request.quick ? ", the quick version" : "")")
        var options = TrainingOptions()
        options.quick = request.quick
        if method.knobs.contains("initial") { options.start = start }
        let asked = try TrainingRequest(method, options: options, resuming: interruptedTraining(of: path), report: request.report)
        let training = try experiment.blockTraining(asked, pictures, known: initials[ratio])
        try request.train(training, on: sources, to: path, start: options.start)
        if method.knobs.contains("initial") { initials[ratio] = try Weights(contentsOf: path).initial }
        start = path
      }
    }
  }
}

extension Blocks {
  /// Φ of a ratio from a seed.
  init(ratio: Double, seed: UInt64 = standardSeed) throws {
    var setup = Setup()
    setup.ratio = ratio
    try self.init(setup, seed: seed)
  }
}
