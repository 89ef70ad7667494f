// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// ALISTA's analytic weight: W̃ = argmin ‖WᵀA‖_F² subject to w_jᵀ a_j = 1 for every column j.
///
/// The columns decouple; with G = (A Aᵀ)⁻¹, w_j = G a_j / (a_jᵀ G a_j). Needs A Aᵀ invertible (full row rank).
/// Source: Liu, Chen, Wang & Yin (2019), eq. 16, in its Frobenius form.
public func analyticWeight(of A: Matrix) -> Matrix {
  let columns = A.entries.converted(to: .double).transposed  // one a_jᵀ a row
  let entries = A.entries.converted(to: .double)
  var gram = linear(entries, entries).doubles
  precondition(LinearAlgebra.cholesky(&gram, size: A.rows), "A Aᵀ is singular: A has no full row rank and no analytic weight")
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
