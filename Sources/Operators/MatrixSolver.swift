// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// (AᵀA + ρ)⁻¹ b of a matrix, in double precision, the Cholesky factor of the smaller of AᵀA + ρ and AAᵀ + ρ kept for the last ρ:
/// (AᵀA + ρ)⁻¹ = (1 − Aᵀ(AAᵀ + ρ)⁻¹A) / ρ.
public final class MatrixSolver: Sendable {
  private let A: Tensor
  private let isWide: Bool
  private let lock = Lock()
  private nonisolated(unsafe) var gram: [Double]?
  private nonisolated(unsafe) var kept: (penalty: Double, factor: [Double])?

  public init(_ matrix: Matrix) {
    A = matrix.entries.converted(to: .double)
    isWide = matrix.rows < matrix.columns
  }

  public func solve(_ b: Tensor, penalty: Double) -> Tensor {
    if b.isShapelessZero { return b }
    let factor = factor(penalty)
    let size = isWide ? A.shape[0] : A.shape[1]
    func solved(_ b: Tensor) -> Tensor {
      var x = b.doubles
      x.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(factor, size: size, rows: b.rowCount, $0.baseAddress!) }
      return Tensor(x, shape: b.shape)
    }
    let r = b.converted(to: .double)
    let x = isWide ? (1 / penalty) * (r - linearTransposed(solved(linear(r, A)), A)) : solved(r)
    return x.converted(to: b.precision)
  }

  private func factor(_ penalty: Double) -> [Double] {
    lock.withLock {
      if let kept, kept.penalty == penalty { return kept.factor }
      let side = isWide ? A : A.transposed
      let products = gram ?? linear(side, side).doubles
      gram = products
      var k = products
      let size = side.shape[0]
      for i in 0..<size { k[i * (size + 1)] += penalty }
      precondition(
        LinearAlgebra.cholesky(&k, size: size), "AᵀA + \(penalty) is not positive definite; the penalty must be positive")
      kept = (penalty, k)
      return k
    }
  }
}
