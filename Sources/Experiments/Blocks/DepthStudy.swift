// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Tensors
import Training

/// PSNR against the number of stages and against epochs, ISTA-Net and ISTA-Net⁺ at 25 %: short trainings that are equal but for the
/// network. Source of the comparison: Zhang & Ghanem, CVPR 2018, §4.
enum DepthStudy {
  private static let methods = ["ista-net", "ista-net-plus"]
  private static let depths = [3, 5, 7, 9, 11]
  private static let ratio = 0.25
  /// Steps of every training, and of its quick version.
  private static let steps = 2_000
  private static let quickSteps = 100
  private static let batch = 16

  static let table = PublishedTable(
    "ista-net-depth", "PSNR against the number of stages and against epochs, short equal trainings",
    source: "\(Papers.istaNet), section 4", hasPlots: true
  ) { request in
    let experiment = try Blocks(ratio: ratio, seed: request.seed ?? Blocks.standardSeed)
    if request.trains { try train(experiment, request) }
    let (images, source) = try request.testImages("/natural/set11", "Set11")
    let scans = try experiment.scans(of: [images])
    var (rows, byDepth, byEpoch) = ([ResultTable.Row](), [Plot.Series](), [Plot.Series]())
    for name in methods {
      guard let method = Blocks.method(name) else { continue }
      var points: [(x: Double, y: Double)] = []
      for depth in depths {
        let path = file(name, depth, request.library)
        func row(_ psnr: Double?, _ seconds: Double) -> ResultTable.Row {
          ResultTable.Row(
            method: name, column: "\(depth) stages", metric: .psnr, published: nil, measured: psnr, seconds: seconds,
            why: psnr == nil ? "no weights for it; --train makes them" : nil)
        }
        guard FileManager.default.fileExists(atPath: path) else {
          rows.append(row(nil, 0))
          continue
        }
        request.report("\(name), \(depth) stages")
        var options = SolverOptions<Blocks.Knobs>()
        options.weights = path
        let mean = try Runner(method, options: options, library: request.library).evaluation(scans, seed: experiment.seed).mean
        rows.append(row(mean.psnr, mean.seconds ?? 0))
        if let psnr = mean.psnr { points.append((Double(depth), psnr)) }
        if depth == 9, let curve = try curve(beside: path) { byEpoch.append(Plot.Series(name, points: curve)) }
      }
      byDepth.append(Plot.Series(name, points: points))
    }
    let conditions = "\(steps) steps of \(batch) blocks each, \(Int(100 * ratio)) %"
    if let plots = request.plots {
      try Plot(
        title: "PSNR against stages", subtitle: "\(source); \(conditions)", horizontal: Axis("stages", wholeNumbers: true),
        vertical: Axis("PSNR [dB]"), series: byDepth
      ).writePNG(to: plots + "/stages.png")
      if !byEpoch.isEmpty {
        try Plot(
          title: "PSNR against epochs", subtitle: "blocks of images kept aside; 9 stages, \(conditions)",
          horizontal: Axis("epochs of 88 912 blocks"), vertical: Axis("PSNR [dB]"), series: byEpoch
        ).writePNG(to: plots + "/epochs.png")
      }
    }
    return ResultTable(
      table: request.table, rows: rows, data: "\(scans.count) images of \(source)",
      protocol: "trainings equal but for the network, \(conditions); gray or Y, clipped to [0, 1], mean of the images' PSNR"
        + (request.quick ? "; the networks are the quick version, trained in minutes" : ""))
  }

  private static func file(_ method: String, _ depth: Int, _ library: ModelLibrary) -> String {
    library.file("image-cs/depth/\(method)-25-\(depth)-stages")
  }

  private static func train(_ experiment: Blocks, _ request: TableRequest) throws {
    let (pictures, sources) = try request.trainingImages(["/natural/t91", "/natural/train400"])
    var initial: Tensor?
    for name in methods {
      guard let method = Blocks.method(name) else { continue }
      for depth in depths {
        let path = file(name, depth, request.library)
        request.report("\(name), \(depth) stages: training\(request.quick ? ", the quick version" : "")")
        var options = TrainingOptions()
        (options.depth, options.steps) = (depth, request.quick ? quickSteps : steps)
        let asked = try TrainingRequest(method, options: options, resuming: interruptedTraining(of: path), report: request.report)
        try request.train(experiment.blockTraining(asked, pictures, known: initial), on: sources, to: path, curves: true)
        initial = try Weights(contentsOf: path).initial
      }
    }
  }

  /// PSNR of the validation blocks over epochs, from the curves written while training.
  private static func curve(beside weights: String) throws -> [(x: Double, y: Double)]? {
    let file = weights + ".tfevents"
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    return try EventFile.read(file).filter { $0.tag == "loss/validation" && $0.value > 0 }.map {
      (Double($0.step * batch) / Double(Blocks.epoch), -10 * log10($0.value))
    }
  }
}
