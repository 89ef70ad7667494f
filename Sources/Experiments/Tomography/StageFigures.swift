// SPDX-License-Identifier: Apache-2.0
import Kernels
import Networks
import Operators
import Tensors
import Training

/// What is followed of a network for tomography stage by stage: ‖A x⁽ᵏ⁾ − b‖ / ‖b‖ of a few measurements and, of FISTA-Net, μ, θ and ρ.
public struct StageFigures: Sendable {
  /// Measurements that residuals are means of.
  static let samples = 4

  public struct Stage: Sendable, Equatable {
    /// Mean of ‖A x⁽ᵏ⁾ − b‖ / ‖b‖ after the stage.
    public var residual: Double
    public var stepSize: Double?
    public var threshold: Double?
    public var momentum: Double?
  }

  public let stages: [Stage]

  /// - Parameter b: measurements in the units of A.
  public init(_ network: any TensorNetwork, system: TomographySystem, measurement b: Tensor) {
    let traces = Parallel.map(b.shape[0]) { i -> [Double] in
      let y = b.rows(i..<i + 1)
      return network.trace(y).map { system.residual($0, y) }
    }
    let schedule = (network as? FISTANet<Tensor, Tensor>)?.schedule
    stages = (traces.first ?? []).indices.map { k in
      Stage(
        residual: traces.reduce(0) { $0 + $1[k] } / Double(traces.count), stepSize: schedule?.stepSize.value(k),
        threshold: schedule?.threshold.value(k), momentum: schedule?.momentumWeight(k))
    }
  }

  /// The figures under names such as `stage 3/residual`.
  ///
  /// - Throws: ``TrainingError/diverged(_:)`` naming the first stage whose residual is not finite or beyond a thousand times the measurement,
  ///   or whose parameters leave what the method allows.
  public func followed() throws -> [TrainingFigure] {
    for (k, stage) in stages.enumerated() {
      guard stage.residual.isFinite, stage.residual < 1e3 else {
        throw TrainingError.diverged(
          "stage \(k): ‖A x − b‖ is \(stage.residual) ‖b‖; lower the learning rate or clip the gradient.")
      }
      let isAllowed = (stage.stepSize ?? 1) > 0 && (stage.threshold ?? 1) > 0 && (0..<1).contains(stage.momentum ?? 0)
      guard isAllowed else {
        throw TrainingError.diverged(
          "stage \(k): found step \(stage.stepSize ?? 0), threshold \(stage.threshold ?? 0), momentum \(stage.momentum ?? 0); expected the first "
            + "two above 0 and the last from 0 to below 1, lower the learning rate.")
      }
    }
    return stages.enumerated().flatMap { k, stage in
      [("residual", stage.residual), ("step", stage.stepSize), ("threshold", stage.threshold), ("momentum", stage.momentum)]
        .compactMap {
          name, value in value.map { TrainingFigure("stage \(k)/\(name)", $0) }
        }
    }
  }
}
