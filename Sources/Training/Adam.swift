// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors
import _Differentiation

/// Adam (Kingma & Ba, 2015) with decoupled weight decay (AdamW; Loshchilov & Hutter, 2019):
///
///     m ← β₁ m + (1 − β₁) g,   u ← β₂ u + (1 − β₂) g²,   w ← (1 − rate·decay) w − rate · m̂ / (√û + ε),
///
/// m̂ = m / (1 − β₁ᵗ), û = u / (1 − β₂ᵗ). The step t is counted for each parameter by itself: the steps that used it.
public struct Adam: Optimiser {
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  private var moments: [String: Moments] = [:]

  private struct Moments: Sendable {
    var step = 0
    var mean = Tensor.zero
    var square = Tensor.zero

    mutating func advance(_ value: inout Tensor, _ gradient: Tensor, _ constants: AdamConstants) {
      step += 1
      value.adamStep(gradient: gradient, mean: &mean, square: &square, constants: constants)
    }
  }

  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public mutating func step<Model: Parameterized>(
    _ model: inout Model, learningRate: Double, groups: ParameterGroups, gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> OptimiserStep {
    var found = try gradient(model)
    model.moveParameters(&found.gradient, groups: groups) { name, group, value, gradient in
      move(name, &value, gradient, group, learningRate)
    }
    return OptimiserStep(loss: found.loss, isConverged: false)
  }

  /// The step of one parameter.
  mutating func move(
    _ name: String, _ value: inout Tensor, _ gradient: Tensor, _ group: ParameterGroup, _ learningRate: Double
  ) {
    let step = (moments[name]?.step ?? 0) + 1
    let constants = AdamConstants(
      rate: learningRate * group.learningRateFactor, beta1: beta1, beta2: beta2, epsilon: epsilon,
      decay: group.weightDecay ?? weightDecay, meanCorrection: 1 / (1 - pow(beta1, Double(step))),
      squareCorrection: 1 / (1 - pow(beta2, Double(step))))
    moments[name, default: Moments()].advance(&value, gradient, constants)
  }

  /// `mean.NAME`, `square.NAME` and `step.NAME` of every parameter that was moved.
  public var state: [NamedParameter] {
    moments.sorted { $0.key < $1.key }.flatMap { name, moments in
      [
        NamedParameter(name: "mean." + name, value: moments.mean), NamedParameter(name: "square." + name, value: moments.square),
        NamedParameter(name: "step." + name, value: Tensor([Double(moments.step)], shape: [])),
      ]
    }
  }

  public mutating func restore<Model: Parameterized>(_ state: [NamedParameter], for model: Model, groups: ParameterGroups) throws {
    var restored: [String: Moments] = [:]
    for entry in state {
      let parts = entry.name.split(separator: ".", maxSplits: 1).map(String.init)
      switch (parts.first, parts.count) {
      case ("mean", 2): restored[parts[1], default: Moments()].mean = entry.value
      case ("square", 2): restored[parts[1], default: Moments()].square = entry.value
      case ("step", 2): restored[parts[1], default: Moments()].step = try count(entry)
      default: throw TrainingError.checkpoint("\(entry.name) is not part of Adam's state; begin anew without resuming.")
      }
    }
    for (name, moments) in restored {
      try model.checkState(moments.mean, of: name)
      try model.checkState(moments.square, of: name)
      guard moments.step > 0 else {
        throw TrainingError.checkpoint("Adam's state for \(name) counts no steps; begin anew without resuming.")
      }
    }
    moments = restored
  }
}

/// A number of steps or of stored vectors, as it is kept in a file.
func count(_ entry: NamedParameter) throws -> Int {
  guard entry.value.count == 1, let number = Int(exactly: entry.value[flat: 0]), number >= 0 else {
    throw TrainingError.checkpoint("\(entry.name) is not a count; the file is damaged.")
  }
  return number
}
