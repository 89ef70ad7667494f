// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// A penalty g and its proximal map, prox_{t g}(r) = argmin_x ½‖x − r‖² + t g(x).
///
/// The map is differentiable in r, in the step t and in the penalty's own learnable numbers.
public protocol Penalty: Parameterized, Sendable {
  /// g(x); infinity outside the domain of an indicator.
  func value(_ x: Tensor) -> Double
  /// prox_{t g}(r), t ≥ 0.
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  func prox(_ r: Tensor, step t: Double) -> Tensor
}

extension Penalty {
  /// The proximal map of the convex conjugate, prox_{t g*}(r) = r − t prox_{g/t}(r/t) (Moreau). For convex g, t > 0.
  public func conjugateProx(_ r: Tensor, step t: Double) -> Tensor { r - t * prox((1 / t) * r, step: 1 / t) }
}

/// g(x) = weight · ‖x‖₁.
public struct L1: Penalty {
  public var weight: Double
  public init(weight: Double = 1) { self.weight = weight }
  public func value(_ x: Tensor) -> Double { weight * l1Norm(x) }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { softThreshold(r, threshold: t * weight) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// g(x) = weight · ‖x‖₀, the number of non-zeros: not convex. Its map keeps r where |r| > √(2 t weight). The jump has no
/// derivative with respect to the weight or the step.
public struct L0: Penalty {
  @noDerivative public let weight: Double
  public init(weight: Double = 1) { self.weight = weight }
  public func value(_ x: Tensor) -> Double { weight * Double(x.doubles.count { $0 != 0 }) }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor {
    hardThreshold(r, threshold: withoutDerivative(at: (2 * t * weight).squareRoot()))
  }
}

/// g(x) = weight · Σ_g ‖x_g‖₂ over consecutive groups of `groupSize` components (group lasso, isotropic shrinkage).
public struct GroupL1: Penalty {
  public var weight: Double
  @noDerivative public let groupSize: Int
  public init(weight: Double = 1, groupSize: Int) {
    precondition(groupSize > 0, "a group of \(groupSize) components")
    self.weight = weight
    self.groupSize = groupSize
  }
  public func value(_ x: Tensor) -> Double {
    let v = x.doubles
    return weight
      * stride(from: 0, to: v.count, by: groupSize).reduce(0) { sum, start in
        sum + v[start..<start + groupSize].reduce(0) { $0 + $1 * $1 }.squareRoot()
      }
  }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { groupSoftThreshold(r, threshold: t * weight, groupSize: groupSize) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// The indicator of lower ≤ x ≤ upper: 0 inside, infinity outside. Its map is the projection.
public struct Box: Penalty {
  @noDerivative public let lower: Double
  @noDerivative public let upper: Double
  public init(lower: Double = 0, upper: Double = .infinity) {
    precondition(lower <= upper, "an empty box: [\(lower), \(upper)]")
    self.lower = lower
    self.upper = upper
  }
  public func value(_ x: Tensor) -> Double { x.doubles.allSatisfy { $0 >= lower && $0 <= upper } ? 0 : .infinity }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { clamped(r, lower: lower, upper: upper) }
}

/// g(x) = l1 · ‖x‖₁ + ½ l2 · ‖x‖₂² (elastic net). prox = soft(r, t·l1) / (1 + t·l2).
public struct ElasticNet: Penalty {
  public var l1: Double
  public var l2: Double
  public init(l1: Double, l2: Double) {
    self.l1 = l1
    self.l2 = l2
  }
  public func value(_ x: Tensor) -> Double { l1 * l1Norm(x) + 0.5 * l2 * squaredNorm(x) }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { (1 / (1 + t * l2)) * softThreshold(r, threshold: t * l1) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "l1", &l1, &gradient.l1)
    visit(path + "l2", &l2, &gradient.l2)
  }
}
