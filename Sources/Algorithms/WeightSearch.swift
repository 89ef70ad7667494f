// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors

/// How λ is chosen from a measurement. r_λ = y − A x_λ, m the numbers measured, σ the standard deviation of the error of each.
///
/// Measured with `tv` on 64 × 64 crops of six natural images, the rules read off solutions at 13 λ over four decades: PSNR below the best of
/// them, mean and worst in dB.
///
/// | task | σ | ``predictedRisk(noise:)`` | ``crossValidation`` | ``discrepancy(noise:factor:)`` | ``residualFreedom(noise:)`` |
/// |---|---|---|---|---|---|
/// | denoising | 0.05 | 0.00, 0.00 | 0.33, 1.87 | 1.16, 2.64 | 0.40, 1.52 |
/// | | 0.1 | 0.00, 0.00 | 0.22, 1.35 | 1.13, 3.81 | 0.64, 3.11 |
/// | deblurring | 0.01 | 0.06, 0.20 | 0.06, 0.20 | 0.38, 0.85 | 3.16, 16.5 |
/// | | 0.03 | 0.02, 0.08 | 0.00, 0.02 | 0.23, 0.39 | 4.64, 22.5 |
/// | ×2 | 0.01 | 0.00, 0.01 | 0.11, 0.63 | 0.27, 0.80 | 0.02, 0.09 |
/// | | 0.03 | 0.12, 0.74 | 0.17, 0.74 | 0.51, 1.18 | 0.04, 0.09 |
/// | half the pixels | 0.01 | 0.00, 0.00 | 0.05, 0.24 | 0.33, 1.22 | 0.05, 0.27 |
/// | | 0.03 | 0.00, 0.01 | 0.26, 1.06 | 0.62, 2.04 | 0.14, 0.81 |
///
/// So ``usual(noise:)`` is the predicted risk where σ is known and cross-validation where it is not.
public enum WeightRule: Sendable, Hashable {
  /// ‖r_λ‖ = τ σ √m. Source: Morozov (1966).
  case discrepancy(noise: Double, factor: Double = 1)
  /// ‖r_λ‖² = σ² (m − d_λ), d_λ = div_y A x_λ the degrees of freedom of the fit. Source: Wahba (1990), §4.7, on Wahba (1983).
  case residualFreedom(noise: Double)
  /// The least of ‖r_λ‖² + 2 σ² d_λ − m σ², an unbiased estimate of ‖A (x_λ − x)‖². Source: Stein (1981); d_λ by one probe, Ramani, Blu &
  /// Unser (2008).
  case predictedRisk(noise: Double)
  /// The least of ‖r_λ‖² / (1 − d_λ/m)²: for unknown σ. Source: Golub, Heath & Wahba (1979).
  case crossValidation
  /// The largest curvature of log g against log ‖r_λ‖: for unknown σ and an ill-posed A, such as a blur; denoising has no corner. Source:
  /// Hansen (1992).
  case lCurve(points: Int = 17)

  /// What `auto` means.
  public static func usual(noise: Double?) -> WeightRule { noise.map { .predictedRisk(noise: $0) } ?? .crossValidation }

  /// σ.
  public var noise: Double? {
    switch self {
    case .discrepancy(let σ, _), .residualFreedom(let σ), .predictedRisk(let σ): σ
    case .crossValidation, .lCurve: nil
    }
  }
}

/// One λ that was tried.
public struct WeightTrial: Sendable {
  public let weight: Double
  /// ‖A x_λ − y‖.
  public let residualNorm: Double
  /// g(K x_λ), without λ.
  public let penalty: Double
  public let iterations: Int
  public let ending: Ending
  /// d_λ, where the rule asks.
  public var degreesOfFreedom: Double?
  /// What the rule makes least: the estimate of ‖A (x_λ − x)‖², or the score of cross-validation.
  public var risk: Double?
  /// Of the L-curve.
  public var curvature: Double?
}

/// λ chosen and what was found with it.
public struct WeightChoice<Signal: VectorSpace>: Sendable {
  public let rule: WeightRule
  public let weight: Double
  /// The priors, the weight filled in.
  public let priors: [PriorTerm]
  public let solution: VariationalSolution<Signal>
  /// In the order they were tried; of the L-curve, from the largest λ.
  public let trials: [WeightTrial]
  /// One line where no λ meets the rule and the nearest was taken.
  public let remark: String?
}

/// Chooses the one weight that is `auto`; other priors keep theirs.
///
/// A trial starts where the nearest earlier one ended and is solved to `trialTolerance`; the last run to the settings' own.
public struct WeightSearch<Op: LinearOperator>: Sendable where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
  public let A: Op
  public let priors: [PriorTerm]
  public let signalShape: [Int]?
  public var method: VariationalMethod?
  public var settings = VariationalSettings()
  public var trialTolerance = 1e-4
  /// m, by default all numbers of the measurement: where some were not measured and are 0, the others.
  public var measuredCount: Int?
  /// Of the probe of d_λ.
  public var seed: UInt64 = 1

  let automatic: Int

  /// - Throws: ``InputError`` unless exactly one prior's weight is `auto`.
  public init(_ A: Op, priors: [PriorTerm], signalShape: [Int]? = nil) throws {
    let indices = priors.indices.filter { priors[$0].isAutomatic }
    guard indices.count == 1 else {
      throw InputError("\(indices.count) priors of weight auto among \(priors.count), expected one; give the others numbers")
    }
    (self.A, self.priors, self.signalShape, automatic) = (A, priors, signalShape, indices[0])
    _ = try problem(1)
  }

  /// The problem at λ.
  public func problem(_ weight: Double) throws -> VariationalProblem<Op> {
    var chosen = priors
    chosen[automatic].weight = weight
    return try VariationalProblem(A, priors: chosen, signalShape: signalShape)
  }

  public func choose(_ y: Op.Codomain, by rule: WeightRule) throws -> WeightChoice<Op.Domain> {
    try problem(1).validate(y)
    if let σ = rule.noise, !(σ > 0 && σ.isFinite) {
      throw InputError("a noise of \(σ), expected its standard deviation, above 0; choose by the L-curve where it is unknown")
    }
    var run = WeightRun(search: self, y: y, rule: rule)
    switch rule {
    case .discrepancy, .residualFreedom: return try run.root()
    case .predictedRisk, .crossValidation: return try run.least()
    case .lCurve(let points):
      guard points >= 5 else { throw InputError("\(points) points of the L-curve, expected at least 5; 17 are usual") }
      return try run.corner(points)
    }
  }
}
