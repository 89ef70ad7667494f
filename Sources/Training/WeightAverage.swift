// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An exponential average of a model's parameters: after step t = 1, 2, …
///
///     a ← d_t a + (1 − d_t) w,   d_t = min(decay, (1 + t) / (10 + t))
///
/// begun at the first w. A short memory at first lets go of the untrained parameters; without, a tenth of them is still there after
/// 2.3 / (1 − decay) steps.
public struct WeightAverage<Model: Parameterized>: Sendable {
  public let decay: Double
  /// The model with averaged parameters.
  public private(set) var model: Model

  /// Begins at `model`.
  public init(of model: Model, decay: Double) {
    precondition((0..<1).contains(decay), "WeightAverage: decay \(decay) is not in [0, 1)")
    self.decay = decay
    self.model = model
  }

  /// Takes in the parameters after step t, counted from 1. One that did not change from the average keeps its bits.
  public mutating func add(_ current: Model, step t: Int) {
    let (values, share) = (current.parameters, max(1 - decay, 9 / Double(10 + t)))
    var i = 0
    model.forEachParameter { _, average in
      if !average.isIdentical(to: values[i].value) { average.accumulate(values[i].value - average, scale: share) }
      i += 1
    }
  }
}
