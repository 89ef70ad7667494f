// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors

/// The answer of `reconstruct` for image blocks: what was written, with scores where the measurement keeps the ground truth.
public struct BlockReconstruction: Report, Sendable {
  private let solver: BlockSolver
  private let begin = Date()
  private var seconds = 0.0
  private var files: [(name: String, scores: Scores?)] = []

  public init(_ solver: BlockSolver) { self.solver = solver }

  /// Takes in an image; the protocol is that of the published tables, clipped to [0, 1].
  public mutating func add(_ values: Tensor, groundTruth: Tensor?, file: String) throws {
    seconds = Date().timeIntervalSince(begin)
    files.append((file, try groundTruth.map { try Scores.ofImage(values, $0, clip: true) }))
  }

  public var json: JSONValue {
    .object([
      "method": .string(solver.method.rawValue), "problem": .string(ProblemKind.imageCS.rawValue),
      "outputs": .array(
        files.map { file in
          .object([JSONMember("file", .string(file.name))] + (file.scores?.members ?? []))
        }), "depth": .integer(solver.depth), "seconds": .number(seconds), "weights": solver.weights.map(JSONValue.string) ?? .null,
    ])
  }

  public var text: String {
    let head = "\(solver.method.rawValue): \(String(format: "%.3g", seconds)) s"
    let lines = files.map { file in ([file.name] + (file.scores?.figures ?? [])).joined(separator: "  ") }
    return ([head] + lines).joined(separator: "\n")
  }
}
