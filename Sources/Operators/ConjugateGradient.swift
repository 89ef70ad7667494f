// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Solves K x = b for a symmetric positive definite K by conjugate gradients (Hestenes & Stiefel 1952).
///
/// - Parameters: `K` as a function; `M`, close to the inverse of K, symmetric and positive definite too, makes it converge in fewer
///   iterations; stops when ‖b − K x‖ ≤ tolerance · ‖b‖ or after `maximumIterations`.
/// - Returns: x, of the shape of b even where no iteration is done (b = 0, or K not positive definite along b), the number of iterations and
///   the relative residual reached. Not differentiable: the solution is differentiated implicitly, by solving again
///   (``LinearOperator/regularisedInverse(_:penalty:)``).
public func conjugateGradient<Signal: VectorSpace>(
  _ K: (Signal) -> Signal, _ b: Signal, preconditionedBy M: (Signal) -> Signal = { $0 }, from start: Signal = .zero,
  tolerance: Double = 1e-12, maximumIterations: Int = 1000
) -> (x: Signal, iterations: Int, residual: Double) {
  let scale = b.norm
  guard scale > 0 else { return (0 * b, 0, scale) }  // NaN stays NaN.
  var x = 0 * b + start
  var r = b - K(x)
  var p = M(r)
  var rMr = r.inner(p)
  var residual = r.norm
  var iterations = 0
  while residual > tolerance * scale && iterations < maximumIterations {
    let Kp = K(p)
    let curvature = p.inner(Kp)
    guard curvature > 0 else { break }  // K is not positive definite along p, or rounding has the last word
    let step = rMr / curvature
    x = x + step * p
    r = r - step * Kp
    let Mr = M(r)
    let next = r.inner(Mr)
    p = Mr + (next / rMr) * p
    rMr = next
    residual = r.norm
    iterations += 1
  }
  return (x, iterations, residual / scale)
}
