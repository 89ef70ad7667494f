// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// Stochastic gradient descent with momentum b and weight decay d, in PyTorch's convention:
///
///     g ← g + d w,   v ← b v + g (v = g at first),   w ← w − rate · v,   or  w − rate · (g + b v)  with Nesterov's momentum.
///
/// The decay is part of the gradient, that of ½ d ‖w‖².
public struct SGD: Optimiser {
  public let momentum: Double
  public let nesterov: Bool
  public let weightDecay: Double
  private var velocities: [String: Tensor] = [:]

  public init(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  public mutating func step<Model: Parameterized>(
    _ model: inout Model, learningRate: Double, groups: ParameterGroups, gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> OptimiserStep {
    var found = try gradient(model)
    model.moveParameters(&found.gradient, groups: groups) { name, group, value, gradient in
      var g = gradient
      let decay = group.weightDecay ?? weightDecay
      if decay != 0 { g.accumulate(value, scale: decay) }
      if momentum != 0 {
        let v = velocities[name].map { momentum * $0 + g } ?? g
        velocities[name] = v
        if nesterov { g.accumulate(v, scale: momentum) } else { g = v }
      }
      value.accumulate(g, scale: -learningRate * group.learningRateFactor)
    }
    return OptimiserStep(loss: found.loss, isConverged: false)
  }

  /// `velocity.NAME` of every parameter that was moved; nothing without momentum.
  public var state: [NamedParameter] {
    velocities.sorted { $0.key < $1.key }.map { NamedParameter(name: "velocity." + $0.key, value: $0.value) }
  }

  public mutating func restore<Model: Parameterized>(_ state: [NamedParameter], for model: Model, groups: ParameterGroups) throws {
    var restored: [String: Tensor] = [:]
    for entry in state {
      guard entry.name.hasPrefix("velocity."), momentum != 0 else {
        throw TrainingError.checkpoint("\(entry.name) is not part of this SGD's state; begin anew without resuming.")
      }
      let name = String(entry.name.dropFirst("velocity.".count))
      try model.checkState(entry.value, of: name)
      restored[name] = entry.value
    }
    velocities = restored
  }
}
