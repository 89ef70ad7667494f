// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

// Penalties made of others. Source: Combettes & Pesquet, Proximal splitting methods in signal processing (2011), table 1.

/// x ↦ g(scale · x): prox_{t g(s ·)}(r) = prox_{s² t g}(s r) / s.
public struct Dilated<G: Penalty>: Penalty {
  public var penalty: G
  @noDerivative public let scale: Double

  public init(_ penalty: G, scale: Double) {
    precondition(scale != 0 && scale.isFinite, "a penalty of x times \(scale)")
    self.penalty = penalty
    self.scale = scale
  }

  public func value(_ x: Tensor) -> Double { penalty.value(scale * x) }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { (1 / scale) * penalty.prox(scale * r, step: scale * scale * t) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    penalty.visitParameters(&gradient.penalty, path + "penalty.", visit)
  }
}

/// x ↦ g(x − offset), the offset of the signals' shape: prox(r) = offset + prox_{t g}(r − offset).
public struct Translated<G: Penalty>: Penalty {
  public var penalty: G
  @noDerivative public let offset: Tensor

  public init(_ penalty: G, by offset: Tensor) {
    self.penalty = penalty
    self.offset = offset
  }

  public func value(_ x: Tensor) -> Double { penalty.value(x - offset) }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { offset + penalty.prox(r - offset, step: t) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    penalty.visitParameters(&gradient.penalty, path + "penalty.", visit)
  }
}

/// x ↦ a(x') + b(x''), x' the first `width` components of a signal and x'' the others: each part has its own map. For more parts, b is one of
/// these again.
public struct Disjoint<A: Penalty, B: Penalty>: Penalty {
  public var first: A
  public var rest: B
  @noDerivative public let width: Int

  public init(_ first: A, ofWidth width: Int, _ rest: B) {
    precondition(width > 0, "a part of \(width) components")
    self.first = first
    self.rest = rest
    self.width = width
  }

  public func value(_ x: Tensor) -> Double {
    first.value(channels(x, 0..<width)) + rest.value(channels(x, width..<(x.shape.last ?? 0)))
  }
  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor {
    let end = withoutDerivative(at: r.shape.last ?? 0)
    return joinedChannels(first.prox(channels(r, 0..<width), step: t), rest.prox(channels(r, width..<end), step: t))
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    first.visitParameters(&gradient.first, path + "first.", visit)
    rest.visitParameters(&gradient.rest, path + "rest.", visit)
  }
}
