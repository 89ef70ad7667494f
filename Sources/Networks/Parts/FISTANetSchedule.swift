// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// softplus(w k + c) over stages k = 0, 1, …, with w of a sign that training cannot change: w = ± softplus(raw).
public struct SoftplusLine: Parameterized {
  /// What the optimiser moves in the place of w.
  public var slope: Double
  /// c.
  public var offset: Double
  @noDerivative public let rises: Bool

  /// From w and c.
  public init(slope w: Double, offset: Double) {
    precondition(w != 0, "a slope of 0 has no sign")
    slope = inverseSoftplus(abs(w))
    self.offset = offset
    rises = w > 0
  }

  @differentiable(reverse,wrt: self)
  public func value(_ k: Int) -> Double {
    let w = rises ? softplus(slope) : -softplus(slope)
    return softplus(w * withoutDerivative(at: Double(k)) + offset)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "slope", &slope, &gradient.slope)
    visit(path + "offset", &offset, &gradient.offset)
  }
}

/// The stages of FISTA-Net: one prior for all, step, threshold and momentum from six numbers, stages counted from k = 0:
///
///     μ_k = softplus(w₁ k + c₁), w₁ < 0;   θ_k = softplus(w₂ k + c₂), w₂ < 0;
///     ρ_k = (softplus(w₃ k + c₃) − softplus(c₃)) / softplus(w₃ k + c₃), w₃ > 0
///
/// so that μ and θ are positive and fall, ρ rises from 0 and stays below 1. Source: Xiang, Dong & Yang (2021), eqs. 20 to 22, with the
/// stage index of its authors' program.
public struct FISTANetSchedule<Op: LinearOperator, Prior: ThresholdedPrior>: Schedule
where Op.Domain == Op.Codomain, Prior.Signal == Op.Domain {
  public typealias Stage = ProximalGradient<NormalStep<Op>, Prior, Momentum<Op.Domain>>

  @noDerivative public let P: Op
  public var prior: Prior
  public var stepSize: SoftplusLine
  public var threshold: SoftplusLine
  public var momentum: SoftplusLine
  /// Whether there is momentum; without, the same is an unfolded ISTA.
  @noDerivative public let hasMomentum: Bool

  /// The published initial values.
  public init(
    _ P: Op, prior: Prior, stepSize: SoftplusLine = SoftplusLine(slope: -0.2, offset: 0.1),
    threshold: SoftplusLine = SoftplusLine(slope: -0.5, offset: -2), momentum: SoftplusLine = SoftplusLine(slope: 0.5, offset: 0),
    hasMomentum: Bool = true
  ) {
    self.P = P
    self.prior = prior
    self.stepSize = stepSize
    self.threshold = threshold
    self.momentum = momentum
    self.hasMomentum = hasMomentum
  }

  /// ρ_k.
  @differentiable(reverse,wrt: self)
  public func momentumWeight(_ k: Int) -> Double {
    if !hasMomentum { return 0 }
    let here = momentum.value(k)
    return (here - softplus(momentum.offset)) / here
  }

  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage {
    ProximalGradient(
      data: NormalStep(P, stepSize: stepSize.value(k)), prior: prior.with(threshold: threshold.value(k)),
      momentum: Momentum(weight: momentumWeight(k)))
  }

  public var depth: Int? { nil }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    prior.visitParameters(&gradient.prior, path + "prior.", visit)
    stepSize.visitParameters(&gradient.stepSize, path + "stepSize.", visit)
    threshold.visitParameters(&gradient.threshold, path + "threshold.", visit)
    momentum.visitParameters(&gradient.momentum, path + "momentum.", visit)
  }
}
