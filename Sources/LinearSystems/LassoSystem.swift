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
  /// W̃ of A, computed in double precision.
  ///
  /// - Throws: ``InputError`` unless A has full row rank and no zero column.
  public func analyticWeight() throws -> Matrix {
    guard let W = Operators.analyticWeight(ifRegular: A) else {
      throw InputError(
        "found a matrix of \(A.rows) × \(A.columns) without full row rank or with a zero column, which has no analytic weight; choose lista-cpss"
      )
    }
    return W.converted(to: precision)
  }
}
