// SPDX-License-Identifier: Apache-2.0
import _Differentiation

/// A real inner-product space whose elements are their own tangents: what algorithms are written over.
///
/// Complex tensors are a *real* space too: their inner product is Re⟨a, b⟩, so that gradients treat real and imaginary part as
/// two real numbers. `zero` has no shape; every operation accepts it on either side.
///
/// The operations are differentiable in each argument alone too, and conforming types say so as well, each subset with a derivative of its
/// own: where one argument is a constant the compiler would else make a thunk of the whole derivative, under a name that functions of
/// several generic signatures share (Swift 6.3; see Documentation/Differentiation.md).
public protocol VectorSpace: Differentiable, AdditiveArithmetic, Sendable where TangentVector == Self {
  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  static func + (a: Self, b: Self) -> Self
  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  static func - (a: Self, b: Self) -> Self
  @differentiable(reverse,wrt: s) @differentiable(reverse,wrt: a) @differentiable(reverse)
  static func * (s: Double, a: Self) -> Self
  /// Re⟨a, b⟩ = Re Σ conj(aᵢ) bᵢ.
  func inner(_ other: Self) -> Double
  /// maxᵢ |aᵢ|.
  var maximumMagnitude: Double { get }
}

extension VectorSpace {
  /// ‖a‖₂, not differentiable; see ``squaredNorm(_:)`` for losses.
  public var norm: Double { inner(self).squareRoot() }
}

/// ‖a‖₂² = Re⟨a, a⟩; its gradient is 2a.
@differentiable(reverse)
public func squaredNorm<V: VectorSpace>(_ a: V) -> Double { a.inner(a) }

@derivative(of: squaredNorm) @usableFromInline
func _vjpSquaredNorm<V: VectorSpace>(_ a: V) -> (value: Double, pullback: (Double) -> V) {
  (a.inner(a), { v in 2 * v * a })
}

/// Re⟨a, b⟩, differentiable in both.
@differentiable(reverse)
public func innerProduct<V: VectorSpace>(_ a: V, _ b: V) -> Double { a.inner(b) }

@derivative(of: innerProduct) @usableFromInline
func _vjpInnerProduct<V: VectorSpace>(_ a: V, _ b: V) -> (value: Double, pullback: (Double) -> (V, V)) {
  (a.inner(b), { v in (v * b, v * a) })
}
