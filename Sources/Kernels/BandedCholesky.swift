// SPDX-License-Identifier: Apache-2.0
import CBLAS

extension LinearAlgebra {
  /// Replaces a symmetric positive definite banded n × n matrix by its Cholesky factor R, a = RᵀR, in the same storage. Returns false when
  /// `a` is not positive definite.
  ///
  /// Row i of `a` is its diagonal entry and the `bandwidth` entries right of it: a[i, i + k] at `i · (bandwidth + 1) + k`. What lies beyond
  /// the matrix is not read.
  public static func bandedCholesky(_ a: inout [Double], size n: Int, bandwidth: Int) -> Bool {
    precondition(
      n > 0 && bandwidth >= 0 && a.count == n * (bandwidth + 1),
      "bandedCholesky: \(a.count) values for \(n) rows of \(bandwidth + 1)")
    var (size, width, leading, info) = (Int32(n), Int32(bandwidth), Int32(bandwidth + 1), Int32(0))
    var lower: CChar = 76  // "L" of the column-major view: the columns there are the rows here
    BLAS.call { dpbtrf_(&lower, &size, &width, &a, &leading, &info) }
    return info == 0
  }

  /// Solves a x = b for every row of `b`, `rows` × n, in place, given R of ``bandedCholesky(_:size:bandwidth:)``.
  public static func bandedCholeskySolve(_ factor: [Double], size n: Int, bandwidth: Int, rows: Int, _ b: inout [Double]) {
    precondition(
      factor.count == n * (bandwidth + 1) && b.count == rows * n,
      "bandedCholeskySolve: \(factor.count) values for \(n) rows of \(bandwidth + 1), \(b.count) for \(rows) right-hand sides")
    var (size, width, leading, count, info) = (Int32(n), Int32(bandwidth), Int32(bandwidth + 1), Int32(rows), Int32(0))
    var lower: CChar = 76
    var leadingB = size
    BLAS.call { dpbtrs_(&lower, &size, &width, &count, factor, &leading, &b, &leadingB, &info) }
    precondition(info == 0, "bandedCholeskySolve: LAPACK refuses argument \(-info)")
  }
}
