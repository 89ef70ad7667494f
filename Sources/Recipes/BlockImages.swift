// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// What of a colour image is measured.
public enum MeasuredColor: String, Sendable, CaseIterable, Codable {
  /// Y, rounded to 8 bits, as published evaluations do.
  case luminance
  /// Red, green and blue, each as an image of its own.
  case everyChannel = "every-channel"
}

/// The planes of an image that are measured: `[height, width]` each, values in [0, 1].
public struct ImagePlanes: Sendable {
  public let name: String
  public let planes: [Tensor]
  public var height: Int { planes[0].shape[0] }
  public var width: Int { planes[0].shape[1] }

  public init(name: String, planes: [Tensor]) {
    precondition([1, 3].contains(planes.count) && planes.allSatisfy { $0.shape == planes[0].shape }, "planes of different sizes")
    self.name = name
    self.planes = planes
  }

  /// - Throws: the reader's error; ``RecipeError`` for NaN or infinity.
  public init(_ path: String, color: MeasuredColor) throws {
    let image = try readImage(path)
    guard image.values.isFinite else {
      throw RecipeError("\(path): found NaN or infinite pixels; expected finite values in [0, 1]")
    }
    let name = (path as NSString).lastPathComponent
    if image.channels == 1 {
      self.init(name: name, planes: [image.values])
    } else if color == .luminance {
      self.init(name: name, planes: [image.grayscale.map { ($0 * 255).rounded() / 255 }])
    } else {
      self.init(name: name, planes: (0..<3).map { image.values.row($0) })
    }
  }

  /// `[height, width]` or `[3, height, width]`.
  public var values: Tensor { planes.count == 1 ? planes[0] : .stacked(planes) }
}

extension BlockSolver {
  /// An image plane measured and reconstructed; in single precision.
  public func reconstruct(_ plane: Tensor) -> Tensor {
    let sampling = sensing.sampling(height: plane.shape[0], width: plane.shape[1])
    return sampling.grid.assemble(solve(sampling.forward(plane)))
  }
}

/// Scores of a method of block compressive sensing on images that it measures itself.
public struct BlockEvaluation: Sendable {
  public var solver: BlockSolver
  /// The seed of Φ; nil for a given one.
  public var seed: UInt64?

  public init(_ solver: BlockSolver, seed: UInt64?) {
    self.solver = solver
    self.seed = seed
  }

  /// Every image measured, reconstructed, clipped to [0, 1] or not, and scored against itself.
  public func run(images paths: [String], color: MeasuredColor = .luminance, clip: Bool = true) throws -> EvaluationReport {
    let scores = try paths.map { path in
      let image = try ImagePlanes(path, color: color)
      let begin = Date()
      let estimates = image.planes.map { solver.reconstruct($0) }
      let seconds = Date().timeIntervalSince(begin)
      // A colour image is scored as one: all planes under one another.
      var found = try Scores.ofImage(
        Tensor.concatenated(estimates).converted(to: .double), Tensor.concatenated(image.planes), clip: clip)
      found.seconds = seconds
      return EvaluationReport.ImageScore(name: image.name, scores: found)
    }
    return try EvaluationReport(
      method: solver.method.rawValue,
      problem: .object([
        "name": .string(ProblemKind.imageCS.rawValue), "ratio": .number(solver.sensing.ratio), "rows": .integer(solver.sensing.phi.rows),
        "side": .integer(solver.sensing.side), "phi": seed.map { .string("seed \($0)") } ?? .string("given"),
        "color": .string(color.rawValue),
      ]), protocol: ScoringProtocol(clip: clip, peak: 1, ssim: .uniform7), images: scores, parameters: solver.parameterCount,
      weights: solver.weights, seed: seed ?? 0)
  }
}
