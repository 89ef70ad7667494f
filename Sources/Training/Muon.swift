// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// Muon (Jordan et al., 2024) for filters between maps of several channels, Adam for every other parameter.
///
/// The filters `[out, in, height, width]` and their gradient are matrices W and G of out × n, n = in · height · width. A step goes by a matrix
/// whose singular values are all near 1, in the directions of the gradient's average:
///
///     M ← μ M + (1 − μ) G,   U = μ M + (1 − μ) G,   W ← (1 − rate·decay) W − 0.2 √max(out, n) · rate · O,
///     O = X₅,   X₀ = U / ‖U‖,   X ← a X + (b XXᵀ + c (XXᵀ)²) X,   (a, b, c) = (3.4445, −4.7750, 2.0315).
///
/// A number of W changes by 0.2 · rate in the root mean square, as with Adam (Liu et al., 2025), so that one learning rate serves both. What
/// networks of convolutions gain is in `Documentation/WholeImage.md`.
public struct Muon: Optimiser {
  public let momentum: Double
  public let weightDecay: Double
  /// Of what is not such filters.
  private var adam: Adam
  private var averages: [String: Tensor] = [:]

  public init(momentum: Double = 0.95, weightDecay: Double = 0) {
    self.momentum = momentum
    self.weightDecay = weightDecay
    adam = Adam(weightDecay: weightDecay)
  }

  /// True for filters from 8 channels or more to 8 or more: the first and the last layer of a network are Adam's.
  public static func moves(_ parameter: Tensor) -> Bool {
    parameter.shape.count == 4 && min(parameter.shape[0], parameter.shape[1]) >= 8
  }

  public mutating func step<Model: Parameterized>(
    _ model: inout Model, learningRate: Double, groups: ParameterGroups, gradient: (Model) throws -> LossGradient<Model>
  ) rethrows -> OptimiserStep {
    var found = try gradient(model)
    model.moveParameters(&found.gradient, groups: groups) { name, group, value, gradient in
      guard Self.moves(value) else { return adam.move(name, &value, gradient, group, learningRate) }
      let fresh = (1 - momentum) * gradient
      let average = averages[name].map { momentum * $0 + fresh } ?? fresh
      averages[name] = average
      let (rows, columns) = (value.shape[0], value.count / value.shape[0])
      let direction = Self.orthogonalised((momentum * average + fresh).reshaped([rows, columns]))
      let rate = learningRate * group.learningRateFactor
      let decay = group.weightDecay ?? weightDecay
      if decay != 0 { value = (1 - rate * decay) * value }
      value.accumulate(direction.reshaped(value.shape), scale: -0.2 * Double(max(rows, columns)).squareRoot() * rate)
    }
    return OptimiserStep(loss: found.loss, isConverged: false)
  }

  /// The singular vectors of U with singular values between about 0.7 and 1.2, but for those below a thousandth of ‖U‖; zeros of zeros.
  static func orthogonalised(_ U: Tensor) -> Tensor {
    let norm = squaredNorm(U).squareRoot()
    guard norm > 0 else { return U }
    var X = (1 / norm) * U
    for _ in 0..<5 {
      let S = linear(X, X)
      X = 3.4445 * X + linearTransposed(-4.775 * S + 2.0315 * linear(S, S), X)
    }
    return X
  }

  /// `average.NAME` of filters, and Adam's of the others.
  public var state: [NamedParameter] {
    averages.sorted { $0.key < $1.key }.map { NamedParameter(name: "average." + $0.key, value: $0.value) } + adam.state
  }

  public mutating func restore<Model: Parameterized>(_ state: [NamedParameter], for model: Model, groups: ParameterGroups) throws {
    var restored: [String: Tensor] = [:]
    for entry in state where entry.name.hasPrefix("average.") {
      let name = String(entry.name.dropFirst("average.".count))
      try model.checkState(entry.value, of: name)
      restored[name] = entry.value
    }
    try adam.restore(state.filter { !$0.name.hasPrefix("average.") }, for: model, groups: groups)
    averages = restored
  }
}
