// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation

/// The tables `fista-net-2` (phantoms from coils and electrodes) and `fista-net-5` (CT slices) of Xiang, Dong & Yang, IEEE Trans. Med.
/// Imaging 40 (2021), on sets of this package: the published data are not available.
public struct TomographyTable: Sendable {
  public static let views = [60, 120]
  /// Photons of the noisy columns.
  public static let photons = 1e5

  public var library: ModelLibrary

  public init(library: ModelLibrary = .standard) { self.library = library }

  /// PSNR, SSIM and RMSE as printed.
  private typealias Figures = (psnr: Double, ssim: Double, rmse: Double)

  private static let phantoms: [(method: TomographyMethod, sets: [Figures])] = [
    (.laplacian, [(16.140, 0.556, 0.155), (14.975, 0.472, 0.178)]),
    (.fistaTV, [(17.996, 0.661, 0.1259), (16.508, 0.630, 0.149)]),
    (.fbpConvNet, [(20.574, 0.873, 0.094), (19.432, 0.841, 0.106)]),
    (.istaNetPlus, [(20.074, 0.772, 0.099), (19.215, 0.725, 0.109)]),
    (.fistaNet, [(21.304, 0.912, 0.086), (20.013, 0.882, 0.099)]),
  ]
  /// The RMSE of FBPConvNet at 120 views is printed 0.157, which its PSNR contradicts: 0.0157 is meant.
  private static let projections: [(method: TomographyMethod, views: [Figures])] = [
    (.fbp, [(27.533, 0.704, 0.042), (29.152, 0.815, 0.035)]),
    (.fistaTV, [(33.251, 0.866, 0.021), (35.217, 0.949, 0.017)]),
    (.fbpConvNet, [(33.976, 0.942, 0.020), (36.091, 0.950, 0.0157)]),
    (.istaNetPlus, [(33.734, 0.920, 0.021), (35.452, 0.948, 0.016)]),
    (.fistaNet, [(37.319, 0.951, 0.013), (40.189, 0.968, 0.009)]),
  ]

  /// Table 2 of test sets 1 (discs as in training) and 2 (unseen shapes, more noise).
  ///
  /// - Parameter sets: of coils, then of electrodes; the published figures stand beside the former.
  public func phantoms(_ sets: [TomographyData], report: (String) -> Void = { _ in }) throws -> ResultTable {
    var rows: [ResultTable.Row] = []
    var parameters: [String: Int] = [:]
    for data in sets {
      for (i, part) in [TomographyData.Part.test, .unseenShapes].enumerated() {
        let scans = TomographyScans(data, part)
        for (method, published) in Self.phantoms {
          report("\(data.settings.problem.rawValue), set \(i + 1), \(method.rawValue)")
          try add(
            method, scans, column: "\(data.settings.problem.rawValue), set \(i + 1)",
            data.settings.model == .emt28 ? published[i] : nil, &rows, &parameters)
        }
      }
    }
    let count = sets.first?.settings.testCount ?? 0
    return ResultTable(
      table: PublishedTable.fistaNet2.rawValue, rows: rows,
      data:
        "\(count) phantoms a set, never trained on: discs at 50 dB, ellipses and rectangles at 30 dB; of eit by finite elements",
      protocol: protocolText(parameters))
  }

  /// Table 5, with noise of photons and without it.
  ///
  /// - Parameter images: of every set its name and its test slices, all of one size; the published figures stand beside the first set.
  public func projections(
    _ images: [(name: String, images: [CTImage])], seed: UInt64, report: (String) -> Void = { _ in }
  ) throws -> ResultTable {
    var rows: [ResultTable.Row] = []
    var parameters: [String: Int] = [:]
    for (i, views) in Self.views.enumerated() {
      for (j, set) in images.enumerated() {
        for photons in [Self.photons, nil] {
          let scans = try TomographyScans(set.images, scan: CTScan(views: views), photons: photons, seed: seed)
          let column = "\(views) views, \(set.name), \(photons == nil ? "no noise" : "1e5 photons")"
          for (method, published) in Self.projections {
            report("\(column), \(method.rawValue)")
            try add(method, scans, column: column, j == 0 ? published[i] : nil, &rows, &parameters)
          }
        }
      }
    }
    let counts = images.map { "\($0.images.count) slices of \($0.name)" }.joined(separator: ", ")
    return ResultTable(
      table: PublishedTable.fistaNet5.rawValue, rows: rows, data: counts + ", never trained on",
      protocol: "parallel beam over half a turn, networks trained with 1e5 photons a ray; " + protocolText(parameters))
  }

  private func protocolText(_ parameters: [String: Int]) -> String {
    "PSNR and RMSE of the mean squared error of a whole set, peak 1, unclipped; SSIM 11 × 11 Gaussian, zeros outside; time of an image, that of a "
      + "whole set over its images; parameters: "
      + parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  private func add(
    _ method: TomographyMethod, _ scans: TomographyScans, column: String, _ published: Figures?, _ rows: inout [ResultTable.Row],
    _ parameters: inout [String: Int]
  ) throws {
    var scores: Scores?
    if !method.isTrained || FileManager.default.fileExists(atPath: library.tomography(method, scans.system)) {
      let solver = try TomographySolver(method, scans.system, library: library)
      scores = try TomographyEvaluation(solver, scans, seed: 0).pooled
      if method.isTrained { parameters[method.rawValue] = solver.parameterCount }
    }
    for (metric, figure, measured) in [
      (Metric.psnr, published?.psnr, scores?.psnr), (.ssim, published?.ssim, scores?.ssim), (.rmse, published?.rmse, scores?.rmse),
    ] {
      var row = ResultTable.Row(
        method: method.rawValue, column: column, metric: metric, published: figure, measured: measured,
        seconds: scores?.seconds ?? 0)
      if row.needsReason {
        row.why =
          scores == nil ? "no weights ship for it" : "other images, geometry and noise: the published ones are not available"
      }
      rows.append(row)
    }
  }
}
