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
      let scales = zip(errors, norms).map { $0 > 0 ? v / (count * $0 * $1) : 0 }
      return samples(of: a - b, times: scales)
    }
  )
}

/// The mean of log₁₀ of the mean of (a − b)² of every sample `a[i]`, a tenth of the mean PSNR with its sign changed for images of range 1; a
/// mean square below 10⁻¹² counts as that, with no derivative.
@differentiable(reverse,wrt: a)
public func meanLogSquare(_ a: Tensor, _ b: Tensor) -> Double { meanLogarithm(sampleSquares(a, b).squares) }

@derivative(of: meanLogSquare, wrt: a) @usableFromInline
func _vjpMeanLogSquare(_ a: Tensor, _ b: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  let (difference, squares) = sampleSquares(a, b)
  return (
    meanLogarithm(squares),
    { v in samples(of: difference, times: squares.map { $0 > 1e-12 ? 2 * v / (log(10) * Double(a.count) * $0) : 0 }) }
  )
}

private func meanLogarithm(_ squares: [Double]) -> Double {
  squares.reduce(0) { $0 + log10(max($1, 1e-12)) } / Double(squares.count)
}

/// a − b, and the mean of its squares for every sample.
private func sampleSquares(_ a: Tensor, _ b: Tensor) -> (difference: Tensor, squares: [Double]) {
  precondition(a.shape == b.shape && (a.shape.first ?? 0) > 0, "meanLogSquare: \(a.shape) beside \(b.shape)")
  let difference = a - b
  let squares = (0..<a.shape[0]).map { i in
    let sample = difference.rows(i..<i + 1)
    return sample.inner(sample) / Double(sample.count)
  }
  return (difference, squares)
}

/// Every sample of `a` times its own number.
private func samples(of a: Tensor, times scales: [Double]) -> Tensor {
  let rows = a.reshaped([scales.count, a.count / scales.count])
  return scaledSamples(rows, by: Tensor(scales, shape: [scales.count], precision: a.precision)).reshaped(a.shape)
}

private func sampleErrors(_ a: Tensor, _ b: Tensor) -> (errors: [Double], norms: [Double]) {
  precondition(a.shape == b.shape && (a.shape.first ?? 0) > 0, "meanNormalisedError: \(a.shape) beside \(b.shape)")
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
