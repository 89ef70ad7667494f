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

extension CompressiveSensing {
  /// y = Φ x for every block of every plane, `[blocks, M]`, plane after plane.
  ///
  /// - Parameter noiseDecibel: white noise of standard deviation rms(y) · 10^(−SNR/20) is added, drawn from `seed` for the image of this
  ///   number.
  func measure(_ picture: ImagePlanes, noiseDecibel: Double?, seed: UInt64, image: Int) -> Tensor {
    let sampling = sampling(height: picture.height, width: picture.width)
    let y = Tensor.concatenated(picture.planes.map { sampling.forward($0.converted(to: .double)) })
    guard let noiseDecibel else { return y }
    var generator = RandomGenerator(seed: seed, stream: UInt64(image))
    let deviation = y.norm / Double(y.count).squareRoot() * pow(10, -noiseDecibel / 20)
    return y + deviation * Tensor.normal(y.shape, using: &generator)
  }
}

extension BlockSolver {
  /// An image plane measured and reconstructed; in double precision.
  public func reconstruct(_ plane: Tensor) -> Tensor {
    let sampling = sensing.sampling(height: plane.shape[0], width: plane.shape[1])
    return reconstruct(sampling.grid, measurements: sampling.forward(plane), from: 0)
  }
}

/// Scores of a method of block compressive sensing on images that it measures itself.
public struct BlockEvaluation: Sendable {
  public var solver: BlockSolver
  /// The seed of Φ; nil for a given one.
  public var seed: UInt64?
  /// Signal-to-noise ratio in dB of noise drawn from `noiseSeed`, as a ``BlockMeasurement`` has it; nil: no noise.
  public var noiseDecibel: Double?
  public var noiseSeed: UInt64

  public init(_ solver: BlockSolver, seed: UInt64?, noiseDecibel: Double? = nil, noiseSeed: UInt64 = 0) {
    self.solver = solver
    self.seed = seed
    self.noiseDecibel = noiseDecibel
    self.noiseSeed = noiseSeed
  }

  /// Every image measured, reconstructed, clipped to [0, 1] or not, and scored against itself; images are spread over the threads, and
  /// read when their turn comes.
  public func run(images paths: [String], color: MeasuredColor = .luminance, clip: Bool = true) throws -> EvaluationReport {
    let scores = try Parallel.map(paths.count) { index in
      let image = try ImagePlanes(paths[index], color: color)
      let begin = Date()
      let y = solver.sensing.measure(image, noiseDecibel: noiseDecibel, seed: noiseSeed, image: index)
      let grid = BlockGrid(height: image.height, width: image.width, side: solver.sensing.side)
      let estimate = solver.reconstruct(grid, planes: image.planes.count, measurements: y)
      let seconds = Date().timeIntervalSince(begin)
      var found = try Scores.ofImage(estimate, image.values, clip: clip)
      found.seconds = seconds
      return EvaluationReport.ImageScore(name: image.name, scores: found)
    }
    return try EvaluationReport(
      method: solver.method.rawValue,
      problem: .object([
        "name": .string(ProblemKind.imageCS.rawValue), "ratio": .number(solver.sensing.ratio),
        "rows": .integer(solver.sensing.phi.rows),
        "side": .integer(solver.sensing.side), "phi": seed.map { .string("seed \($0)") } ?? .string("given"),
        "color": .string(color.rawValue), "noise_snr": noiseDecibel.map(JSONValue.number),
      ]), protocol: ScoringProtocol(clip: clip, peak: 1, ssim: .uniform7), images: scores, parameters: solver.parameterCount,
      weights: solver.weights, seed: seed ?? noiseSeed)
  }
}
