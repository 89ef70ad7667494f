// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors

/// The answer of `reconstruct` for images: what was written, with scores where the measurement keeps the ground truth.
public struct ImageReconstruction: Report, Sendable {
  private let problem: ProblemKind
  private let method: String
  /// Stages that were run, and the file of weights.
  private let depth: Int
  private let weights: String?
  private let begin: Date
  private var seconds = 0.0
  private var files: [(name: String, scores: Scores?, residual: Double?)] = []

  public init(_ solver: BlockSolver) {
    begin = Date()
    (problem, method, depth, weights) = (.imageCS, solver.method.rawValue, solver.depth, solver.weights)
  }

  /// - Parameter begin: when the work on the images began.
  public init(_ solver: MRISolver, since begin: Date) {
    self.begin = begin
    (problem, method, depth, weights) = (.mri, solver.method.rawValue, solver.depth, solver.weights)
  }

  public init(_ solver: TomographySolver) {
    begin = Date()
    (problem, method, depth, weights) = (solver.system.problem, solver.method.rawValue, solver.depth, solver.weights)
  }

  /// Takes in an image, its scores against the ground truth and ‖A x̂ − b‖ / ‖b‖.
  public mutating func add(_ scores: Scores?, file: String, residual: Double? = nil) {
    seconds = Date().timeIntervalSince(begin)
    files.append((file, scores, residual))
  }

  public var json: JSONValue {
    .object([
      "method": .string(method), "problem": .string(problem.rawValue),
      "outputs": .array(
        files.map { file in
          .object(
            [JSONMember("file", .string(file.name))] + (file.scores?.members ?? [])
              + (file.residual.map { [JSONMember("residual", .number($0))] } ?? []))
        }), "depth": .integer(depth), "seconds": .number(seconds), "weights": weights.map(JSONValue.string) ?? .null,
    ])
  }

  public var text: String {
    let head = "\(method): \(String(format: "%.3g", seconds)) s"
    let lines = files.map { file in
      ([file.name] + (file.scores?.figures ?? [])
        + (file.residual.map { [String(format: "‖A x − b‖ %.4f ‖b‖", $0)] } ?? [])).joined(separator: "  ")
    }
    return ([head] + lines).joined(separator: "\n")
  }
}
