// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// λ_max(AᴴA) by power iteration: v ← AᴴA v / ‖AᴴA v‖.
///
/// The Rayleigh quotients ‖A v‖² rise monotonically to ‖A‖² from below; multiply by 1.01 or so where an upper bound is needed
/// (a step 1/L with L too small can make ISTA diverge).
/// - Parameters: `start`, any vector not orthogonal to the leading eigenspace, such as a random one; `tolerance` on the relative
///   change of the quotient.
/// - Returns: every quotient in turn; the last is the estimate. `[0]` for A = 0.
public func powerIteration<Op: LinearOperator>(
  _ A: Op, startingAt start: Op.Domain, tolerance: Double = 1e-12, maximumIterations: Int = 10_000
) -> [Double] {
  var v = start
  var quotients: [Double] = []
  for k in 0..<maximumIterations {
    Work.report("‖A‖, power iteration", k, of: maximumIterations, isAtMost: true)
    let norm = v.norm
    guard norm > 0 else { break }
    v = (1 / norm) * v
    let image = A.forward(v)
    let quotient = image.inner(image)
    let change = quotient - (quotients.last ?? 0)
    quotients.append(quotient)
    if change <= tolerance * quotient { break }
    v = A.adjoint(image)
  }
  return quotients.isEmpty ? [0] : quotients
}
