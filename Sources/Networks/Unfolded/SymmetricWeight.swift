// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// The symmetric analytic weight: W = GᵀG A with the least ‖(G A)ᵀ(G A)‖_F² such that all columns of G A have unit norm.
///
/// In M = GᵀG ⪰ 0 that is a convex problem, min ‖Aᵀ M A‖_F² subject to a_jᵀ M a_j = 1. With B = (A Aᵀ)⁻¹ and P = AᵀB A, its stationary point
///
///     M = B A diag(λ) AᵀB,   (P ∘ P) λ = 1
///
/// is the minimiser where M ⪰ 0, as it is when λ ≥ 0. WᵀA = AᵀM A is symmetric; ``analyticWeight(of:)``, without that condition, has a
/// smaller ‖WᵀA‖_F. Criterion: Chen, Liu, Wang & Yin (2021), who minimise it by
/// gradient steps; the closed form is this package's own.
/// - Returns: W; nil where M is not positive semi-definite. Needs A Aᵀ invertible (full row rank) and columns that are not 0.
public func symmetricWeight(of A: Matrix) -> Matrix? {
  let (m, n) = (A.rows, A.columns)
  let entries = A.entries.converted(to: .double)
  let columns = entries.transposed
  var gram = linear(entries, entries).doubles
  precondition(LinearAlgebra.cholesky(&gram, size: m), "A Aᵀ is singular: A has no full row rank and no analytic weight")
  var solved = columns.doubles
  solved.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(gram, size: m, rows: n, $0.baseAddress!) }
  let BA = Tensor(solved, shape: [n, m])  // one (B a_j)ᵀ a row
  let P = linear(columns, BA)
  var squares = (P .* P).doubles
  guard LinearAlgebra.cholesky(&squares, size: n) else { return nil }
  var multipliers = [Double](repeating: 1, count: n)
  multipliers.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(squares, size: n, rows: 1, $0.baseAddress!) }
  let scaled = scaledSamples(BA, by: Tensor(multipliers))
  let M = linear(BA.transposed, scaled.transposed)
  if multipliers.contains(where: { $0 < 0 }) {
    let spectrum = LinearAlgebra.symmetricEigen(M.doubles, size: m).values
    guard spectrum[0] >= -1e-12 * spectrum[m - 1] else { return nil }
  }
  return Matrix(linear(M, columns).converted(to: A.precision))
}
