// SPDX-License-Identifier: Apache-2.0
import Operators
import ProximalMaps
import Tensors

/// E(x, y) = ½‖A x − y‖₂² + g(x): an objective an algorithm can be held to.
public protocol Objective: Sendable {
  associatedtype Signal: VectorSpace
  associatedtype Measurement: VectorSpace
  func value(_ x: Signal, measurement y: Measurement) -> Double
}

/// The model family of sparse coding: E(X, Z) = ½‖X − W_d Z‖₂² + α‖Z‖₁ over codes Z, with a dictionary W_d of n × m.
///
/// A patch is a row of n pixels, a code a row of m coefficients. Source: Gregor & LeCun (2010), eq. 1.
public struct SparseCoding: Objective {
  /// W_d, n × m; its columns, the atoms, have unit norm for coordinate descent.
  public let dictionary: Matrix
  /// α, the weight of ‖Z‖₁.
  public let alpha: Double
  /// L ≥ λ_max(W_dᵀW_d), the constant of every step 1/L.
  public let lipschitz: Double

  /// - Parameter lipschitz: the constant to use instead of λ_max itself, for instance 1.001 of it.
  public init(dictionary: Matrix, alpha: Double, lipschitz: Double? = nil) {
    precondition(alpha >= 0, "alpha is \(alpha); it must not be negative")
    self.dictionary = dictionary
    self.alpha = alpha
    self.lipschitz = lipschitz ?? dictionary.lipschitz
  }

  /// n.
  public var patchSize: Int { dictionary.rows }
  /// m.
  public var codeSize: Int { dictionary.columns }
  public var precision: Precision { dictionary.precision }
  public var penalty: L1 { L1(weight: alpha) }

  public func converted(to precision: Precision) -> SparseCoding {
    SparseCoding(dictionary: dictionary.converted(to: precision), alpha: alpha, lipschitz: lipschitz)
  }

  /// E(X, Z); for a batch, the sum over its rows.
  public func value(_ code: Tensor, measurement patch: Tensor) -> Double {
    let residual = patch - dictionary.forward(code)
    return 0.5 * residual.inner(residual) + alpha * l1Norm(code)
  }

  /// A certificate of optimality for one sample: E(X, Z) − E* ≤ gap.
  ///
  /// r = X − W_d Z, s = min(1, α / ‖W_dᵀ r‖_∞), ν = s r is dual feasible, and
  /// gap = E(X, Z) − (½‖X‖² − ½‖X − ν‖²) ≥ 0.
  public func dualityGap(_ code: Tensor, measurement patch: Tensor) -> Double {
    let residual = patch - dictionary.forward(code)
    let correlation = dictionary.adjoint(residual).maximumMagnitude
    let scale = correlation > alpha ? alpha / correlation : 1
    let distance = patch - scale * residual
    let primal = 0.5 * residual.inner(residual) + alpha * l1Norm(code)
    return primal - 0.5 * patch.inner(patch) + 0.5 * distance.inner(distance)
  }

  /// The largest violation of the optimality conditions of one sample, with g = W_dᵀ(W_d Z − X): |gᵢ + α sign Zᵢ| where Zᵢ ≠ 0,
  /// max(|gᵢ| − α, 0) where Zᵢ = 0.
  public func optimalityViolation(_ code: Tensor, measurement patch: Tensor) -> Double {
    let g = dictionary.adjoint(dictionary.forward(code) - patch).doubles
    return zip(g, code.doubles).reduce(0) { worst, pair in
      let (g, z) = pair
      return max(worst, z == 0 ? abs(g) - alpha : abs(g + (z > 0 ? alpha : -alpha)))
    }
  }
}
