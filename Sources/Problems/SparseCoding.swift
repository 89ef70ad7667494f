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
public struct SparseCoding: Objective, Model {
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

  /// W_d, codes to patches.
  public var A: Matrix { dictionary }
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

  /// A certificate of optimality of one sample: E(X, Z) − E* ≤ gap.
  ///
  /// r = X − W_d Z, s = min(1, α / ‖W_dᵀ r‖_∞), ν = s r is dual feasible, and
  /// gap = E(X, Z) − (½‖X‖² − ½‖X − ν‖²) ≥ 0.
  public func dualityGap(_ code: Tensor, measurement patch: Tensor) -> Double {
    certificates(code, measurement: patch).gaps[0]
  }

  /// The duality gap and the energy of every row of a batch.
  public func certificates(_ codes: Tensor, measurement patches: Tensor) -> (gaps: [Double], energies: [Double]) {
    let residuals = patches - dictionary.forward(codes)
    let correlations = dictionary.adjoint(residuals)
    let (x, r, c, z) = (patches.doubles, residuals.doubles, correlations.doubles, codes.doubles)
    let (n, m) = (patchSize, codeSize)
    var (gaps, energies) = ([Double](), [Double]())
    for row in 0..<patches.rowCount {
      let largest = c[row * m..<(row + 1) * m].reduce(0) { max($0, abs($1)) }
      let scale = largest > alpha ? alpha / largest : 1
      var (fit, norm, distance) = (0.0, 0.0, 0.0)
      for i in row * n..<(row + 1) * n {
        fit += r[i] * r[i]
        norm += x[i] * x[i]
        let d = x[i] - scale * r[i]
        distance += d * d
      }
      let energy = 0.5 * fit + alpha * z[row * m..<(row + 1) * m].reduce(0) { $0 + abs($1) }
      energies.append(energy)
      gaps.append(energy - 0.5 * norm + 0.5 * distance)
    }
    return (gaps, energies)
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
