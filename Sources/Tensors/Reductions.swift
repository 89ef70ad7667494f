// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// The mean of (a − b)² over all elements.
@differentiable(reverse)
public func meanSquaredDifference(_ a: Tensor, _ b: Tensor) -> Double {
  let difference = a - b
  return difference.isShapelessZero ? 0 : difference.inner(difference) / Double(difference.count)
}

@derivative(of: meanSquaredDifference) @usableFromInline
func _vjpMeanSquaredDifference(_ a: Tensor, _ b: Tensor) -> (value: Double, pullback: (Double) -> (Tensor, Tensor)) {
  let difference = a - b
  if difference.isShapelessZero { return (0, { _ in (.zero, .zero) }) }
  let count = Double(difference.count)
  return (
    difference.inner(difference) / count,
    { v in v == 0 ? (.zero, .zero) : (2 * v / count * difference, -2 * v / count * difference) }
  )
}

/// The same elements under another shape.
@differentiable(reverse,wrt: a)
public func reshaped(_ a: Tensor, _ shape: [Int]) -> Tensor { a.reshaped(shape) }

@derivative(of: reshaped, wrt: a) @usableFromInline
func _vjpReshaped(_ a: Tensor, _ shape: [Int]) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let original = a.shape
  return (a.reshaped(shape), { v in v.reshaped(original) })
}
