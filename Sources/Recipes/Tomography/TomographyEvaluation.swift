// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Tensors

/// Scores of a method of tomography on measurements whose images are known.
public struct TomographyEvaluation: Sendable {
  public let report: EvaluationReport
  /// Of all images together, as the authors of FISTA-Net score: PSNR and RMSE of the mean squared error of the whole set, mean SSIM.
  public let pooled: Scores

  /// - Parameter clips: estimates clipped to [0, 1] first.
  /// - Throws: ``RecipeError`` without images to score against.
  public init(_ solver: TomographySolver, _ scans: TomographyScans, clips: Bool = false, seed: UInt64) throws {
    guard let truth = scans.groundTruth else {
      throw RecipeError("found measurements without their images; expected both to score")
    }
    let begin = Date()
    var estimates = solver.solve(scans.measurement)
    let seconds = Date().timeIntervalSince(begin) / Double(scans.names.count)
    guard estimates.isFinite else {
      throw RecipeError("\(solver.method.rawValue): found NaN or infinity in its images; expected finite ones, check the weights")
    }
    if clips { estimates = estimates.map { min(max($0, 0), 1) } }
    let (images, size) = (estimates, [scans.system.height, scans.system.width])
    @Sendable func image(_ t: Tensor, _ i: Int) -> Tensor { t.rows(i..<i + 1).reshaped(size).converted(to: .double) }
    let found = try Parallel.map(scans.names.count) { i in
      let (estimate, truth) = (image(images, i), image(truth, i))
      return EvaluationReport.ImageScore(
        name: scans.names[i],
        scores: Scores(
          psnr: try psnr(estimate, truth),
          ssim: try ssim(estimate, truth, window: .gaussian11ZeroPadded), nmse: truth.norm > 0 ? try nmse(estimate, truth) : nil,
          rmse: try rmse(estimate, truth), seconds: seconds))
    }
    report = try EvaluationReport(
      method: solver.method.rawValue,
      problem: .object([
        "name": .string(scans.system.problem.rawValue), "geometry": scans.system.geometry.map { .string($0.name) },
        "views": scans.system.geometry.map { .integer($0.angles.count) },
        "photons": scans.notes["photons"].flatMap(Double.init).map(JSONValue.number),
        "noise_snr": scans.notes["noise_snr_db"].flatMap(Double.init).map(JSONValue.number),
      ]), protocol: ScoringProtocol(clip: clips, peak: 1, ssim: .gaussian11ZeroPadded), images: found,
      parameters: solver.parameterCount, weights: solver.weights, seed: seed)
    let error = (estimates.converted(to: .double) - truth.converted(to: .double)).norm
    let rms = error / Double(truth.count).squareRoot()
    pooled = Scores(psnr: -20 * log10(rms), ssim: report.mean.ssim, rmse: rms, seconds: seconds)
  }
}
