// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Problems
import Training

/// PSNR against the number of stages and against epochs, ISTA-Net and ISTA-Net⁺ at 25 %: short trainings that are equal but for the
/// network. Source of the comparison: Zhang & Ghanem, CVPR 2018, §4.
public struct DepthStudy: Sendable {
  public static let methods: [BlockMethod] = [.istaNet, .istaNetPlus]
  public static let depths = [3, 5, 7, 9, 11]
  public static let ratio = 0.25
  /// Steps of every training, and of its quick version.
  public static let steps = 2_000
  public static let quickSteps = 100

  /// Files of test images.
  public var images: [String]
  /// Where they come from, in words.
  public var source: String
  public var seed: UInt64
  public var library: ModelLibrary

  public init(images: [String], source: String, seed: UInt64 = CompressiveSensing.standardSeed, library: ModelLibrary = .standard) {
    self.images = images
    self.source = source
    self.seed = seed
    self.library = library
  }

  /// The result as a table and as two plots.
  public struct Outcome: Sendable {
    public var table: ResultTable
    public let depths: Plot
    /// Nil when no curves lie beside the weights.
    public let epochs: Plot?
  }

  public func run(report: (String) -> Void = { _ in }) throws -> Outcome {
    let sensing = CompressiveSensing(ratio: Self.ratio, seed: seed)
    var rows: [ResultTable.Row] = []
    var byDepth: [Plot.Series] = []
    var byEpoch: [Plot.Series] = []
    for method in Self.methods {
      var points: [(x: Double, y: Double)] = []
      for depth in Self.depths {
        let file = library.depthStudy(method, depth: depth)
        func row(_ psnr: Double?, _ seconds: Double) -> ResultTable.Row {
          ResultTable.Row(
            method: method.rawValue, column: "\(depth) stages", metric: .psnr, published: nil, measured: psnr, seconds: seconds,
            why: psnr == nil ? "no weights for it; --train makes them" : nil)
        }
        guard FileManager.default.fileExists(atPath: file) else {
          rows.append(row(nil, 0))
          continue
        }
        report("\(method.rawValue), \(depth) stages")
        var options = BlockSolver.Options()
        options.weights = file
        let solver = try BlockSolver(method, sensing: sensing, seed: seed, options: options, library: library)
        let mean = try BlockEvaluation(solver, seed: seed).run(images: images).mean
        rows.append(row(mean.psnr, mean.seconds ?? 0))
        if let psnr = mean.psnr { points.append((Double(depth), psnr)) }
        if depth == 9, let curve = try Self.curve(beside: file) { byEpoch.append(Plot.Series(method.rawValue, points: curve)) }
      }
      byDepth.append(Plot.Series(method.rawValue, points: points))
    }
    let conditions = "\(Self.steps) steps of \(BlockTraining.batchSize(of: .istaNet)) blocks each, \(Int(100 * Self.ratio)) %"
    return Outcome(
      table: ResultTable(
        table: PublishedTable.istaNetDepth.rawValue, rows: rows, data: "\(images.count) images of \(source)",
        protocol: "trainings equal but for the network, \(conditions); gray or Y, clipped to [0, 1], mean of the images' PSNR"),
      depths: Plot(
        title: "PSNR against stages", subtitle: "\(source); \(conditions)", horizontal: Axis("stages", wholeNumbers: true),
        vertical: Axis("PSNR [dB]"), series: byDepth),
      epochs: byEpoch.isEmpty
        ? nil
        : Plot(
          title: "PSNR against epochs", subtitle: "blocks of images kept aside; 9 stages, \(conditions)",
          horizontal: Axis("epochs of 88 912 blocks"), vertical: Axis("PSNR [dB]"), series: byEpoch))
  }

  /// PSNR of the validation blocks over epochs, from the curves written while training.
  private static func curve(beside weights: String) throws -> [(x: Double, y: Double)]? {
    let file = weights + ".tfevents"
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    return try EventFile.read(file).filter { $0.tag == "loss/validation" && $0.value > 0 }.map {
      (Double($0.step * BlockTraining.batchSize(of: .istaNet)) / Double(BlockSamples.epoch), -10 * log10($0.value))
    }
  }
}

extension ModelLibrary {
  /// The weights of the comparison of depths.
  public func depthStudy(_ method: BlockMethod, depth: Int) -> String {
    file("image-cs/depth/\(method.rawValue)-25-\(depth)-stages")
  }
}
