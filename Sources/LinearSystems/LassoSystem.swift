// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Kernels
import Networks
import Operators
import Problems
import Tensors

/// ½‖A x − y‖² + weight ‖x‖₁: what methods of sparse coding and of sparse recovery are made ready for.
public struct LassoSystem: Sendable {
  /// A, in double precision.
  public let A: Matrix
  /// α of sparse coding, λ of sparse recovery.
  public var weight: Double
  /// L is 1.001 ‖A‖², as the experiments of sparse recovery have it.
  public let isRecovery: Bool
  public var precision = Precision.double
  /// Where networks of sparse recovery begin; nil: at ISTA.
  public var start: RecoveryStart?

  /// α for codes of a dictionary.
  public init(dictionary: Matrix, alpha: Double) { (A, weight, isRecovery) = (dictionary, alpha, false) }
  /// λ for sparse signals measured by A.
  public init(A: Matrix, lambda: Double = 0.1) { (self.A, weight, isRecovery) = (A, lambda, true) }

  public var problem: SparseCoding {
    (isRecovery ? SparseRecovery(A: A).lasso(lambda: weight) : SparseCoding(dictionary: A, alpha: weight)).converted(to: precision)
  }
}

extension LassoSystem {
  /// No pivot of the factor of A Aᵀ, in its diagonal, has been lost to rounding.
  private func isRegular(_ factor: [Double]) -> Bool {
    let pivots = (0..<A.rows).map { abs(factor[$0 * (A.rows + 1)]) }
    return pivots.min()! > 1e-6 * pivots.max()!
  }

  /// W̃ of A, computed in double precision.
  ///
  /// - Throws: ``InputError`` unless A has full row rank and no zero column.
  public func analyticWeight() throws -> Matrix {
    var gram = linear(A.entries, A.entries).doubles
    let columns = A.entries.transposed
    let hasZero = (0..<A.columns).contains { columns.row($0).maximumMagnitude == 0 }
    guard A.rows <= A.columns, !hasZero, LinearAlgebra.cholesky(&gram, size: A.rows), isRegular(gram) else {
      throw InputError(
        "found a matrix of \(A.rows) × \(A.columns) without full row rank or with a zero column, which has no analytic weight; choose lista-cpss"
      )
    }
    return Operators.analyticWeight(of: A).converted(to: precision)
  }
}
