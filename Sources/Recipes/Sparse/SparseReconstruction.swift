// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Kernels
import Tensors

/// The answer of `reconstruct`: how the codes came about, and scores where the measurement keeps the ground truth.
public struct SparseReconstruction: Report, Sendable {
  private let method: SparseMethod
  private let problem: ProblemKind
  private let solution: SparseSolver.Solution
  private let weights: String?
  private let files: [String]
  private let scores: [Scores?]

  public init(_ solver: SparseSolver, _ measurement: SparseMeasurement, _ solution: SparseSolver.Solution, files: [String]) throws {
    method = solver.method
    problem = measurement.problem
    weights = solver.weights
    self.solution = solution
    self.files = files
    if let codes = measurement.codes {
      scores = [
        Scores(
          nmse: try nmse(solution.codes, codes), nmseDecibel: try nmseDecibel(solution.codes, codes),
          rmse: try rmse(solution.codes, codes))
      ]
    } else {
      let estimates = measurement.assemble(solution.codes)
      scores = try Parallel.map(estimates.count) { i in
        try measurement.images[i].groundTruth.map { try Scores.ofImage(estimates[i], $0, clip: true) }
      }
    }
  }

  private func scores(of file: Int) -> Scores? { file < scores.count ? scores[file] : nil }

  public var json: JSONValue {
    let rows = files.enumerated().map { i, file in
      return JSONValue.object([JSONMember("file", .string(file))] + (scores(of: i)?.members ?? []))
    }
    return .object([
      "method": .string(method.rawValue), "problem": .string(problem.rawValue), "outputs": .array(rows),
      "samples": .integer(solution.codes.shape[0]), "iterations": .integer(solution.iterations),
      "converged": solution.converged.map(JSONValue.bool),
      "seconds": .number(solution.seconds), "weights": weights.map(JSONValue.string) ?? .null,
    ])
  }

  public var text: String {
    let work =
      solution.converged.map { "\(solution.iterations) iterations, \($0 ? "converged" : "not converged")" }
      ?? "\(solution.iterations) stages"
    let head = "\(method.rawValue): \(solution.codes.shape[0]) samples, \(work), \(String(format: "%.3g", solution.seconds)) s"
    let lines = files.enumerated().map { i, file in
      return ([file] + (scores(of: i)?.figures ?? [])).joined(separator: "  ")
    }
    return ([head] + lines).joined(separator: "\n")
  }
}
