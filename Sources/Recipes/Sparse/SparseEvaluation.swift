// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// Scores of a method of sparse coding or sparse recovery on test data that it simulates itself.
public struct SparseEvaluation: Sendable {
  public var method: SparseMethod
  public var options: SparseSolver.Options
  public var noiseDecibel: Double?
  public var seed: UInt64
  public var library: ModelLibrary

  public init(
    _ method: SparseMethod, options: SparseSolver.Options = .init(), noiseDecibel: Double? = nil, seed: UInt64,
    library: ModelLibrary = .standard
  ) {
    self.method = method
    self.options = options
    self.noiseDecibel = noiseDecibel
    self.seed = seed
    self.library = library
  }

  /// Every image cut into patches, coded, put together again and scored against itself; the codes against optimal ones, of which the
  /// answer's problem gives the largest relative duality gap. Images are spread over the threads.
  public func coding(images: [ImageFolder.Entry], dictionary: Matrix, clip: Bool = true) throws -> EvaluationReport {
    let alpha = 0.5
    let solver = try SparseSolver(method, for: .sparseCoding, A: dictionary, alpha: alpha, options: options, library: library)
    let found = try Parallel.map(images.count) { index in
      let entry = images[index]
      let measurement = try SparseMeasurement(
        images: [(entry.name, entry.image)], dictionary: dictionary, alpha: alpha, noiseDecibel: noiseDecibel,
        seed: seed &+ UInt64(index),
        keepingGroundTruth: false)
      let solution = solver.solve(measurement.samples)
      let optimal = CodedPatches(SparseCoding(dictionary: dictionary, alpha: alpha), patches: measurement.samples)
      var scores = try Scores.ofImage(measurement.assemble(solution.codes)[0], entry.image, clip: clip)
      scores.codeError = try codeError(solution.codes, optimal.codes)
      scores.seconds = solution.seconds
      return (score: EvaluationReport.ImageScore(name: entry.name, scores: scores), gap: optimal.largestGap)
    }
    return try EvaluationReport(
      method: method.rawValue,
      problem: .object([
        "name": .string(ProblemKind.sparseCoding.rawValue), "units": .integer(dictionary.columns), "alpha": .number(alpha),
        "noise_snr": noiseDecibel.map(JSONValue.number), "optimal_gap": .number(found.map(\.gap).max() ?? 0),
      ]), protocol: ScoringProtocol(clip: clip, peak: 1, ssim: .uniform7), images: found.map(\.score),
      parameters: solver.parameterCount,
      weights: solver.weights, seed: seed)
  }

  /// Codes x*, one a row, measured and recovered.
  public func recovery(codes: Tensor, name: String, A: Matrix) throws -> EvaluationReport {
    let measurement = try SparseMeasurement(codes: codes, A: A, noiseDecibel: noiseDecibel, seed: seed, keepingGroundTruth: true)
    let solver = try SparseSolver(method, for: .sparseRecovery, A: A, alpha: nil, options: options, library: library)
    let solution = solver.solve(measurement.samples)
    let truth = codes.converted(to: .double)
    let decibel = try nmseDecibel(solution.codes, truth)
    let scores = Scores(
      nmse: try nmse(solution.codes, truth), nmseDecibel: decibel, rmse: try rmse(solution.codes, truth), seconds: solution.seconds)
    return try EvaluationReport(
      method: method.rawValue,
      problem: .object([
        "name": .string(ProblemKind.sparseRecovery.rawValue), "rows": .integer(A.rows), "columns": .integer(A.columns),
        "samples": .integer(codes.shape[0]),
        "lambda": method.isTrained && method != .stepLISTA ? nil : .number(solver.problem.alpha),
        "noise_snr": noiseDecibel.map(JSONValue.number),
      ]), protocol: ScoringProtocol(), images: [EvaluationReport.ImageScore(name: name, scores: scores)], nmseDecibel: decibel,
      parameters: solver.parameterCount, weights: solver.weights, seed: seed)
  }
}

extension Scores {
  /// Of an image in [0, 1], `[height, width]` or `[3, height, width]`, clipped to it first or not; SSIM with the uniform window, none
  /// where the image holds no window. A colour image is scored as one, its planes under one another.
  public static func ofImage(_ estimate: Tensor, _ groundTruth: Tensor, clip: Bool) throws -> Scores {
    func flat(_ image: Tensor) -> Tensor { image.shape.count == 2 ? image : image.reshaped([3 * image.shape[1], image.shape[2]]) }
    let (estimate, truth) = (flat(clip ? estimate.map { min(max($0, 0), 1) } : estimate), flat(groundTruth))
    return Scores(
      psnr: try Evaluation.psnr(estimate, truth), ssim: truth.shape.min()! < 7 ? nil : try Evaluation.ssim(estimate, truth),
      nmse: try Evaluation.nmse(estimate, truth), rmse: try Evaluation.rmse(estimate, truth))
  }
}
