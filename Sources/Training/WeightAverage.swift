// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An exponential average of a model's parameters: a ← decay · a + (1 − decay) · w after every step, begun at the first w.
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

  /// Takes in the parameters after a step. One that did not change from the average keeps its bits.
  public mutating func add(_ current: Model) {
    let (values, share) = (current.parameters, 1 - decay)
    var i = 0
    model.forEachParameter { _, average in
      if !average.isIdentical(to: values[i].value) { average.accumulate(values[i].value - average, scale: share) }
      i += 1
    }
  }
}
