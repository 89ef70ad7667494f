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
    let found = zip(scans.names, try scans.scores(estimates) ?? []).map { name, scores in
      var scores = scores
      scores.seconds = seconds
      return EvaluationReport.ImageScore(name: name, scores: scores)
    }
    report = try EvaluationReport(
      method: solver.method.rawValue,
      problem: .object([
        "name": .string(scans.system.problem.rawValue), "geometry": scans.system.geometry.map { .string($0.name) },
        "views": scans.system.geometry.map { .integer($0.angles.count) },
        "photons": scans.notes["photons"].flatMap(Double.init).map(JSONValue.number),
        "noise_snr": scans.notes["noise_snr_db"].flatMap(Double.init).map(JSONValue.number),
      ]), protocol: ScoringProtocol(clip: clips, peak: 1, ssim: TomographyScans.similarity), images: found,
      parameters: solver.parameterCount, weights: solver.weights, seed: seed)
    let error = (estimates.converted(to: .double) - truth.converted(to: .double)).norm
    let rms = error / Double(truth.count).squareRoot()
    pooled = Scores(psnr: -20 * log10(rms), ssim: report.mean.ssim, rmse: rms, seconds: seconds)
  }
}
