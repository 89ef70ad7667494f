// SPDX-License-Identifier: Apache-2.0
import CBLAS

/// Factorisations by LAPACK, in double precision, on row-major buffers.
public enum LinearAlgebra {
  /// Replaces the symmetric positive definite n × n matrix `a` by its Cholesky factor R with a = RᵀR, R upper triangular
  /// row-major (entries below the diagonal are left as they were). Returns false when `a` is not positive definite.
  public static func cholesky(_ a: inout [Double], size n: Int) -> Bool {
    precondition(a.count == n * n, "cholesky: \(a.count) values for a \(n) × \(n) matrix")
    var size = Int32(n)
    var info: Int32 = 0
    var lower: CChar = 76  // "L" of the column-major view is the upper triangle of the row-major one
    var leading = size
    BLAS.call { dpotrf_(&lower, &size, &a, &leading, &info) }
    return info == 0
  }

  /// Solves a X = B for `columns`… one right-hand side a row of `b` (rows × n), given R of ``cholesky(_:size:)``, in place.
  public static func choleskySolve<S: Scalar>(_ r: [S], size n: Int, rows: Int, _ b: UnsafeMutablePointer<S>) {
    // Row i of B is the right-hand side xᵢ with RᵀR xᵢ = bᵢ, so X = B R⁻¹ R⁻ᵀ.
    r.withUnsafeBufferPointer { r in
      S.triangularSolve(r.baseAddress!, transposed: false, size: n, rows: rows, b)
      S.triangularSolve(r.baseAddress!, transposed: true, size: n, rows: rows, b)
    }
  }

  /// Eigenvalues of the symmetric n × n matrix `a`, ascending, and their eigenvectors as rows.
  public static func symmetricEigen(_ a: [Double], size n: Int) -> (values: [Double], vectors: [Double]) {
    var matrix = a
    var values = [Double](repeating: 0, count: n)
    var job: CChar = 86  // "V"
    var lower: CChar = 76
    var size = Int32(n)
    var leading = Int32(n)
    var info: Int32 = 0
    var workSize = Int32(-1)
    var indexSize = Int32(-1)
    var work = [0.0]
    var index: [Int32] = [0]
    BLAS.call {
      dsyevd_(&job, &lower, &size, &matrix, &leading, &values, &work, &workSize, &index, &indexSize, &info)
    }
    workSize = Int32(work[0])
    indexSize = index[0]
    work = [Double](repeating: 0, count: Int(workSize))
    index = [Int32](repeating: 0, count: Int(indexSize))
    BLAS.call {
      dsyevd_(&job, &lower, &size, &matrix, &leading, &values, &work, &workSize, &index, &indexSize, &info)
    }
    precondition(info == 0, "symmetricEigen: the eigenvalue iteration did not converge; are there NaNs in the matrix?")
    return (values, matrix)
  }

  /// U Vᵀ of the n × n matrix `a` = U S Vᵀ: the orthonormal matrix nearest to it.
  public static func nearestOrthonormal(_ a: [Double], size n: Int) -> [Double] {
    precondition(a.count == n * n, "nearestOrthonormal: \(a.count) values for a \(n) × \(n) matrix")
    // Column-major LAPACK sees aᵀ = V S Uᵀ.
    var matrix = a
    var values = [Double](repeating: 0, count: n)
    var (left, right) = (a, a)
    var job: CChar = 65  // "A"
    var (rows, columns, leading, leadingLeft, leadingRight) = (Int32(n), Int32(n), Int32(n), Int32(n), Int32(n))
    var (info, workSize) = (Int32(0), Int32(-1))
    var work = [0.0]
    var index = [Int32](repeating: 0, count: 8 * n)
    func run() {
      BLAS.call {
        dgesdd_(
          &job, &rows, &columns, &matrix, &leading, &values, &left, &leadingLeft, &right, &leadingRight, &work, &workSize,
          &index, &info)
      }
    }
    run()
    workSize = Int32(work[0])
    work = [Double](repeating: 0, count: Int(workSize))
    run()
    precondition(info == 0, "nearestOrthonormal: the iteration did not converge; are there NaNs in the matrix?")
    var product = a
    Double.gemm(transposeA: false, transposeB: false, m: n, n: n, k: n, alpha: 1, right, left, beta: 0, &product)
    return product
  }

  /// Eigenvalues of `count` Hermitian n × n matrices, complex numbers as pairs, ascending for each, and unit eigenvectors as rows:
  /// A vᵢ = λᵢ vᵢ. The strictly lower triangles are not read.
  public static func hermitianEigen(_ a: [Double], size n: Int, count: Int = 1) -> (values: [Double], vectors: [Double]) {
    precondition(n > 0 && a.count == 2 * count * n * n, "hermitianEigen: \(a.count) numbers for \(count) of \(n) × \(n)")
    var matrices = a
    var values = [Double](repeating: 0, count: count * n)
    var job: CChar = 86  // "V"
    var lower: CChar = 76  // of the column-major view, which is the conjugate matrix
    var size = Int32(n)
    var leading = Int32(n)
    var info: Int32 = 0
    var (workSize, realSize, indexSize) = (Int32(-1), Int32(-1), Int32(-1))
    var (work, real, index) = ([0.0, 0], [0.0], [Int32(0)])
    BLAS.call {
      zheevd_(
        &job, &lower, &size, &matrices, &leading, &values, &work, &workSize, &real, &realSize, &index, &indexSize, &info)
    }
    (workSize, realSize, indexSize) = (Int32(work[0]), Int32(real[0]), index[0])
    work = [Double](repeating: 0, count: 2 * Int(workSize))
    real = [Double](repeating: 0, count: Int(realSize))
    index = [Int32](repeating: 0, count: Int(indexSize))
    matrices.withUnsafeMutableBufferPointer { matrices in
      values.withUnsafeMutableBufferPointer { values in
        for i in 0..<count {
          let (matrix, spectrum) = (matrices.baseAddress! + 2 * i * n * n, values.baseAddress! + i * n)
          BLAS.call {
            zheevd_(
              &job, &lower, &size, matrix, &leading, spectrum, &work, &workSize, &real, &realSize, &index, &indexSize, &info)
          }
          precondition(info == 0, "hermitianEigen: the eigenvalue iteration did not converge; are there NaNs in the matrix?")
        }
      }
    }
    for i in stride(from: 1, to: matrices.count, by: 2) { matrices[i] = -matrices[i] }
    return (values, matrices)
  }
}

extension Scalar {
  /// B ← B R⁻¹ (or B R⁻ᵀ when transposed), R upper triangular n × n row-major, B rows × n.
  static func triangularSolve(
    _ r: UnsafePointer<Self>, transposed: Bool, size n: Int, rows: Int, _ b: UnsafeMutablePointer<Self>
  ) {
    let transpose = transposed ? CblasTrans : CblasNoTrans
    if Self.self == Float.self {
      BLAS.call {
        cblas_strsm(
          CblasRowMajor, CblasRight, CblasUpper, transpose, CblasNonUnit, Int32(rows), Int32(n), 1,
          UnsafeRawPointer(r).assumingMemoryBound(to: Float.self), Int32(n),
          UnsafeMutableRawPointer(b).assumingMemoryBound(to: Float.self), Int32(n))
      }
    } else {
      BLAS.call {
        cblas_dtrsm(
          CblasRowMajor, CblasRight, CblasUpper, transpose, CblasNonUnit, Int32(rows), Int32(n), 1,
          UnsafeRawPointer(r).assumingMemoryBound(to: Double.self), Int32(n),
          UnsafeMutableRawPointer(b).assumingMemoryBound(to: Double.self), Int32(n))
      }
    }
  }
}
