// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// v = x⁽ᵏ⁺¹⁾: no extrapolation.
public struct NoMomentum<Signal: VectorSpace>: Extrapolation {
  public init() {}
  public func decide(t: Double, next: Signal, previous: Signal, extrapolated v: Signal) -> (weight: Double, t: Double) { (0, t) }
  @differentiable(reverse,wrt: (self, next, previous))
  public func callAsFunction(_ next: Signal, _ previous: Signal, weight: Double) -> Signal { next }
}

/// v = next + weight (next − previous) with one learnable weight.
public struct Momentum<Signal: VectorSpace>: Extrapolation {
  public var weight: Double
  @differentiable(reverse)
  public init(weight: Double) { self.weight = weight }
  public func decide(t: Double, next: Signal, previous: Signal, extrapolated v: Signal) -> (weight: Double, t: Double) { (0, t) }
  @differentiable(reverse,wrt: (self, next, previous))
  public func callAsFunction(_ next: Signal, _ previous: Signal, weight _: Double) -> Signal { next + weight * (next - previous) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// FISTA's momentum: t₁ = 1 at stage k = 0, t' = (1 + √(1 + 4t²)) / 2, weight (t − 1) / t'.
///
/// Sources: Beck & Teboulle (2009), eqs. 4.2–4.3; restart: O'Donoghue & Candès (2015), §3.2.
public struct NesterovMomentum<Signal: VectorSpace>: Extrapolation {
  /// When the sequence starts anew with t = 1 and no momentum.
  public enum Restart: Sendable, Equatable {
    case never
    /// When ⟨v − x⁽ᵏ⁺¹⁾, x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾⟩ > 0: the momentum points uphill.
    case whenUphill
  }

  @noDerivative public let restart: Restart
  public init(restart: Restart = .never) { self.restart = restart }

  public func decide(t: Double, next: Signal, previous: Signal, extrapolated v: Signal) -> (weight: Double, t: Double) {
    if restart == .whenUphill && (v - next).inner(next - previous) > 0 { return (0, 1) }
    let following = nextNesterov(t)
    return ((t - 1) / following, following)
  }
  @differentiable(reverse,wrt: (self, next, previous))
  public func callAsFunction(_ next: Signal, _ previous: Signal, weight: Double) -> Signal { next + weight * (next - previous) }
}

/// (1 + √(1 + 4t²)) / 2.
func nextNesterov(_ t: Double) -> Double { (1 + (1 + 4 * t * t).squareRoot()) / 2 }
