// SPDX-License-Identifier: Apache-2.0
import ProximalMaps
import Tensors
import _Differentiation

/// h_θ with one θ: the proximal map of θ‖·‖₁.
public struct SoftThreshold: PriorStep {
  /// θ.
  public var threshold: Double
  @differentiable(reverse)
  public init(threshold: Double) { self.threshold = threshold }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: softThreshold(r, threshold: threshold), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "threshold", &threshold, &gradient.threshold)
  }
}

/// h_{max(θ, 0)}: LISTA's shrinkage, whose learned threshold is clamped at 0.
public struct ClampedSoftThreshold: PriorStep {
  public var threshold: Double
  public init(threshold: Double) { self.threshold = threshold }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: softThreshold(r, threshold: nonNegative(threshold)), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "threshold", &threshold, &gradient.threshold)
  }
}

/// h_θ with one θ ≥ 0 for every component: the shrinkage of LISTA (2010). θ is clamped at 0 in the forward pass.
public struct ComponentThreshold: PriorStep {
  /// θ, `[m]`.
  public var thresholds: Tensor
  public init(thresholds: Tensor) { self.thresholds = thresholds }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: softThreshold(r, thresholds: relu(thresholds)), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "thresholds", &thresholds, &gradient.thresholds)
  }
}

/// The support-selecting threshold of LISTA-SS: the largest `fraction` of the entries may pass unchanged.
public struct SupportSelection: PriorStep {
  public var threshold: Double
  /// p_k as a fraction of the entries.
  @noDerivative public let fraction: Double
  @differentiable(reverse,wrt: threshold)
  public init(threshold: Double, fraction: Double) {
    self.threshold = threshold
    self.fraction = fraction
  }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: supportSelectingThreshold(r, threshold: threshold, fraction: fraction), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "threshold", &threshold, &gradient.threshold)
  }
}

/// The proximal map of any penalty at a step: prox_{t g}.
public struct Proximal<G: Penalty>: PriorStep {
  public var penalty: G
  /// t.
  public var stepSize: Double
  public init(_ penalty: G, stepSize: Double) {
    self.penalty = penalty
    self.stepSize = stepSize
  }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: penalty.prox(r, step: stepSize), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    penalty.visitParameters(&gradient.penalty, path + "penalty.", visit)
    visit(path + "stepSize", &stepSize, &gradient.stepSize)
  }
}

/// A learned shrinkage curve: piecewise linear through values at uniform knots, slope 1 outside (Deep ADMM-Net's S_PLF).
public struct PiecewiseLinearShrinkage: PriorStep {
  /// q, `[knots]` for one curve or `[m, knots]` for one a component.
  public var values: Tensor
  @noDerivative public let firstKnot: Double
  @noDerivative public let spacing: Double

  public init(values: Tensor, firstKnot: Double, spacing: Double) {
    precondition(spacing > 0, "a knot spacing of \(spacing)")
    self.values = values
    self.firstKnot = firstKnot
    self.spacing = spacing
  }

  /// Starts as the soft threshold, on `knots` knots over [−1, 1]. It is exactly that inside [−1, 1] when `threshold` is a knot.
  public init(softThreshold threshold: Double, knots: Int = 101) {
    let spacing = 2 / Double(knots - 1)
    let grid = Tensor((0..<knots).map { -1 + spacing * Double($0) })
    self.init(values: Tensors.softThreshold(grid, threshold: threshold), firstKnot: -1, spacing: spacing)
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: piecewiseLinear(r, values: values, first: firstKnot, spacing: spacing), recorded: 0)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "values", &values, &gradient.values)
  }
}
