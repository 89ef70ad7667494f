// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import _Differentiation

/// The mean of (a − b)² over all elements.
@differentiable(reverse,wrt: a) @differentiable(reverse)
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

@derivative(of: meanSquaredDifference, wrt: a) @usableFromInline
func _vjpMeanSquaredDifferenceFirst(_ a: Tensor, _ b: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  let difference = a - b
  if difference.isShapelessZero { return (0, { _ in .zero }) }
  let count = Double(difference.count)
  return (difference.inner(difference) / count, { v in v == 0 ? .zero : 2 * v / count * difference })
}

/// The mean of |a − b| over all elements; where a = b, its derivative is taken as 0.
@differentiable(reverse,wrt: a) @differentiable(reverse)
public func meanAbsoluteDifference(_ a: Tensor, _ b: Tensor) -> Double {
  let difference = a - b
  return l1Norm(difference) / withoutDerivative(at: Double(max(difference.count, 1)))
}

/// The same elements under another shape.
@differentiable(reverse,wrt: a)
public func reshaped(_ a: Tensor, _ shape: [Int]) -> Tensor { a.reshaped(shape) }

@derivative(of: reshaped, wrt: a) @usableFromInline
func _vjpReshaped(_ a: Tensor, _ shape: [Int]) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let original = a.shape
  return (a.reshaped(shape), { v in v.reshaped(original) })
}

/// The mean over samples of ‖aᵢ − bᵢ‖₂ / ‖bᵢ‖₂, samples along the first axis; b is given.
///
/// - Note: where a sample is exact, its derivative is taken as 0.
@differentiable(reverse,wrt: a)
public func meanNormalisedError(_ a: Tensor, _ b: Tensor) -> Double {
  let (errors, norms) = sampleErrors(a, b)
  return zip(errors, norms).reduce(0) { $0 + $1.0 / $1.1 } / Double(errors.count)
}

@derivative(of: meanNormalisedError, wrt: a) @usableFromInline
func _vjpMeanNormalisedError(_ a: Tensor, _ b: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  let (errors, norms) = sampleErrors(a, b)
  let count = Double(errors.count)
  return (
    zip(errors, norms).reduce(0) { $0 + $1.0 / $1.1 } / count,
    { v in
      let difference = a - b
      let scales = zip(errors, norms).map { $0 > 0 ? v / (count * $0 * $1) : 0 }
      return Tensor.concatenated(scales.indices.map { scales[$0] * difference.rows($0..<$0 + 1) })
    }
  )
}

/// The mean of log₁₀ of the mean of (a − b)² of every sample `a[i]`, a tenth of the mean PSNR with its sign changed for images of range 1; a
/// mean square below 10⁻¹² counts as that, with no derivative.
@differentiable(reverse,wrt: a)
public func meanLogSquare(_ a: Tensor, _ b: Tensor) -> Double {
  let squares = sampleErrors(a, b).errors.map { $0 * $0 / Double(a.count / a.shape[0]) }
  return squares.reduce(0) { $0 + log10(max($1, 1e-12)) } / Double(squares.count)
}

@derivative(of: meanLogSquare, wrt: a) @usableFromInline
func _vjpMeanLogSquare(_ a: Tensor, _ b: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  (
    meanLogSquare(a, b),
    { v in
      let (difference, errors) = (a - b, sampleErrors(a, b).errors)
      let numbers = Double(a.count / a.shape[0])
      let scales = errors.map { $0 * $0 > 1e-12 * numbers ? 2 * v / (log(10) * Double(errors.count) * $0 * $0) : 0 }
      return Tensor.concatenated(scales.indices.map { scales[$0] * difference.rows($0..<$0 + 1) })
    }
  )
}

private func sampleErrors(_ a: Tensor, _ b: Tensor) -> (errors: [Double], norms: [Double]) {
  precondition(a.shape == b.shape && (a.shape.first ?? 0) > 0, "errors of samples: \(a.shape) beside \(b.shape)")
  let difference = a - b
  let rows = (0..<a.shape[0]).map { $0..<$0 + 1 }
  return (rows.map { difference.rows($0).norm }, rows.map { b.rows($0).norm })
}

/// The mean of |a| over all elements; 0 for `.zero`. At 0 the derivative is taken as 0.
@differentiable(reverse)
public func meanMagnitude(_ a: Tensor) -> Double {
  let count = withoutDerivative(at: Double(max(a.count, 1)))
  return l1Norm(a) / count
}
