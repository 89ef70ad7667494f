// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// ALISTA's analytic weight: W̃ = argmin ‖WᵀA‖_F² subject to w_jᵀ a_j = 1 for every column j.
///
/// The columns decouple; with G = (A Aᵀ)⁻¹, w_j = G a_j / (a_jᵀ G a_j). Needs A Aᵀ invertible (full row rank).
/// Source: Liu, Chen, Wang & Yin (2019), eq. 16, in its Frobenius form.
public func analyticWeight(of A: Matrix) -> Matrix {
  guard let W = weight(of: A, added: 0) else {
    preconditionFailure("A Aᵀ is singular: A has no full row rank and no analytic weight")
  }
  return W
}

/// The analytic weight; nil unless A has full row rank, no pivot of the factor of A Aᵀ lost to rounding, and no zero column.
public func analyticWeight(ifRegular A: Matrix) -> Matrix? {
  let columns = A.entries.transposed
  let hasZero = (0..<A.columns).contains { columns.row($0).maximumMagnitude == 0 }
  return A.rows <= A.columns && !hasZero ? weight(of: A, added: 0, leastPivot: 1e-6) : nil
}

/// The analytic weight where A Aᵀ is nearly singular, as in tomography: G = (A Aᵀ + ε ‖A‖² I)⁻¹, and W̃ divided by the spectral radius of
/// A W̃ᵀ, so that steps x − μ W̃ᵀ(A x − b) with 0 < μ < 2 contract. Columns then have w_jᵀ a_j below 1.
///
/// - Parameter regularisation: ε, more than 0.
public func regularisedWeight(of A: Matrix, regularisation: Double = 1e-3) -> Matrix {
  precondition(regularisation > 0, "a regularisation of \(regularisation)")
  guard let W = weight(of: A, added: regularisation * A.lipschitz) else { preconditionFailure("A is zero or not finite") }
  return Matrix((1 / spectralRadius(A, W)) * W.entries)
}

/// The largest |eigenvalue| of A W̃ᵀ, which W̃ᵀ A shares, by power iteration: for columns w_j = c_j G a_j with c_j > 0 and a positive
/// definite G all of them are real and at least 0.
func spectralRadius(_ A: Matrix, _ W: Matrix) -> Double {
  let product = linear(A.entries.converted(to: .double), W.entries.converted(to: .double))
  var v = Tensor.filled(1, shape: [1, A.rows])
  var radius = 0.0
  for _ in 0..<10_000 {
    v = (1 / v.norm) * linear(v, product)
    let change = abs(v.norm - radius)
    radius = v.norm
    if change <= 1e-12 * radius { break }
  }
  return radius
}

/// w_j = G a_j / (a_jᵀ G a_j), G = (A Aᵀ + δ I)⁻¹; nil where the matrix has no Cholesky factor, or one whose smallest pivot is not above
/// `leastPivot` of the largest.
private func weight(of A: Matrix, added delta: Double, leastPivot: Double = 0) -> Matrix? {
  let entries = A.entries.converted(to: .double)
  let columns = entries.transposed  // one a_jᵀ a row
  var gram = linear(entries, entries).doubles
  for i in 0..<A.rows { gram[i * A.rows + i] += delta }
  guard LinearAlgebra.cholesky(&gram, size: A.rows) else { return nil }
  let pivots = (0..<A.rows).map { abs(gram[$0 * (A.rows + 1)]) }
  guard pivots.min()! > leastPivot * pivots.max()! else { return nil }
  var solved = columns.doubles
  solved.withUnsafeMutableBufferPointer {
    LinearAlgebra.choleskySolve(gram, size: A.rows, rows: A.columns, $0.baseAddress!)
  }
  let a = columns.doubles
  for j in 0..<A.columns {
    let range = j * A.rows..<(j + 1) * A.rows
    let scale = range.reduce(0) { $0 + a[$1] * solved[$1] }
    for i in range { solved[i] /= scale }
  }
  return Matrix(Tensor(solved, shape: [A.columns, A.rows]).transposed.converted(to: A.precision))
}
