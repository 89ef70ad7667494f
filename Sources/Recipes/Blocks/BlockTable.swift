// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Problems
import Tensors

/// The tables `ista-net-1` (Set11) and `ista-net-2` (BSD68): tables 1 and 2 of Zhang & Ghanem (CVPR 2018), mean PSNR of images measured
/// block by block with a Φ of our own.
public struct BlockTable: Sendable {
  public let table: PublishedTable
  /// Files of test images.
  public var images: [String]
  /// Where they come from, in words.
  public var source: String
  public var seed: UInt64
  public var library: ModelLibrary

  public init(
    _ table: PublishedTable, images: [String], source: String, seed: UInt64 = CompressiveSensing.standardSeed,
    library: ModelLibrary = .standard
  ) {
    self.table = table
    self.images = images
    self.source = source
    self.seed = seed
    self.library = library
  }

  /// Methods as printed, with their PSNR at the ratios of the table; nil where it prints none.
  private struct Published {
    let name: String
    let method: BlockMethod?
    let psnr: [Double?]
    /// What heads it below the published table; nil: a row of that.
    var group: String?
  }

  private static let withMemory = "Networks with memory on whole images, published later on the same measurements"

  private static let set11: [Published] = [
    Published(name: "tval3", method: .tval3, psnr: [33.55, 31.46, 29.23, 27.92, 22.99, 18.75, 16.43]),
    Published(name: "d-amp", method: nil, psnr: [35.92, 33.56, 30.39, 28.46, 22.64, 18.40, 5.21]),
    Published(name: "ircnn", method: nil, psnr: [36.23, 34.06, 31.18, 30.07, 24.02, 17.56, 7.70]),
    Published(name: "sda", method: .sda, psnr: [28.95, 27.79, 26.63, 25.34, 22.65, 20.12, 17.29]),
    Published(name: "reconnet", method: .reconNet, psnr: [31.50, 30.58, 28.74, 25.60, 24.28, 20.63, 17.27]),
    Published(name: "ista-net", method: .istaNet, psnr: [37.43, 35.36, 32.91, 31.53, 25.80, 21.23, 17.30]),
    Published(name: "ista-net-plus", method: .istaNetPlus, psnr: [38.07, 36.06, 33.82, 32.57, 26.64, 21.31, 17.34]),
    Published(
      name: "sodas-net", method: .sodasNet, psnr: [39.60, 37.74, 35.55, 34.24, 28.89, nil, nil], group: withMemory),
    Published(name: "scnet", method: .scNet, psnr: [nil, nil, nil, nil, nil, nil, nil], group: withMemory),
  ]
  private static let set11Ratios = [0.50, 0.40, 0.30, 0.25, 0.10, 0.04, 0.01]
  private static let bsd68: [Published] = [
    Published(name: "sda", method: .sda, psnr: [28.35, 27.41, 26.38, 23.12, 21.32]),
    Published(name: "reconnet", method: .reconNet, psnr: [29.86, 29.08, 27.53, 24.15, 21.66]),
    Published(name: "ista-net", method: .istaNet, psnr: [33.60, 31.85, 29.93, 25.02, 22.12]),
    Published(name: "ista-net-plus", method: .istaNetPlus, psnr: [34.01, 32.21, 30.34, 25.33, 22.17]),
    Published(name: "scnet", method: .scNet, psnr: [nil, nil, nil, nil, nil], group: withMemory),
  ]
  private static let bsd68Ratios = [0.50, 0.40, 0.30, 0.10, 0.04]

  /// - Parameter report: told in a few words what is being done.
  public func run(report: (String) -> Void = { _ in }) throws -> ResultTable {
    let (published, ratios) = table == .istaNet2 ? (Self.bsd68, Self.bsd68Ratios) : (Self.set11, Self.set11Ratios)
    let sensings = ratios.map { CompressiveSensing(ratio: $0, seed: seed) }
    var rows: [ResultTable.Row] = []
    for entry in published {
      for (sensing, (ratio, figure)) in zip(sensings, zip(ratios, entry.psnr)) {
        let column = "\(Int((100 * ratio).rounded())) %"
        func row(_ measured: Double?, _ seconds: Double, _ why: String?) -> ResultTable.Row {
          ResultTable.Row(
            method: entry.name, column: column, metric: .psnr, published: figure, measured: measured, seconds: seconds, why: why,
            group: entry.group)
        }
        guard let method = entry.method else {
          rows.append(row(nil, 0, "needs a denoiser, of which there is none here"))
          continue
        }
        guard !method.isTrained || FileManager.default.fileExists(atPath: library.block(method, ratio: sensing.ratio)) else {
          rows.append(row(nil, 0, "no weights ship for it; --train makes them"))
          continue
        }
        report("\(entry.name), \(column)")
        let solver = try BlockSolver(method, sensing: sensing, seed: seed, library: library)
        let mean = try BlockEvaluation(solver, seed: seed).run(images: images).mean
        guard let psnr = mean.psnr else { throw RecipeError("found no PSNR of \(entry.name); expected gray or colour images") }
        let shortfall = figure.map { Metric.psnr.fallsShort(measured: psnr, published: $0) } ?? false
        rows.append(row(psnr, mean.seconds ?? 0, shortfall ? "a training shorter than the published one" : nil))
      }
    }
    return ResultTable(
      table: table.rawValue, rows: rows, data: "\(images.count) images of \(source)",
      protocol:
        "gray or Y, blocks of 33 × 33 padded with zeros, Φ of seed \(seed), clipped to [0, 1], mean of the images' PSNR; time of an "
        + "image, images side by side, one a core")
  }
}
