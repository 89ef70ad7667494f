// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How min ½‖A x − y‖² + Σ gᵢ(Kᵢ x) is solved.
public enum VariationalMethod: String, Sendable, CaseIterable {
  /// Proximal gradient, for priors whose sum has a proximal map.
  case ista
  /// The same with Nesterov's momentum, restarted where it points uphill.
  case fista
  /// Any priors.
  case admm
  /// Conjugate gradients for least squares: no prior, or `ridge` alone.
  case leastSquares = "cgls"
}

/// Why a run ended.
public enum Ending: String, Sendable, CaseIterable {
  case smallChange = "relative change below tolerance"
  case dualityGap = "duality gap below tolerance"
  case residuals = "residuals below tolerance"
  case budget = "budget of iterations ended"
  case notFinite = "numbers no longer finite"

  /// Whether a tolerance was met.
  public var isConvergence: Bool { self != .budget && self != .notFinite }
}

/// What a user may set; nil: as the method does it.
public struct VariationalSettings: Sendable {
  /// Relative, of the quantity that the method stops by: see ``VariationalProblem/solve(_:by:from:settings:)``.
  public var tolerance = 1e-6
  /// By default 20 000 of ISTA, 5 000 of FISTA, 1 000 of ADMM and of CGLS.
  public var maximumIterations: Int?
  /// ρ of a gradient step, 1/‖A‖² by default.
  public var stepSize: Double?
  /// FISTA's restart (O'Donoghue & Candès 2015).
  public var restarts = true
  /// Iterations of the proximal map of total variation in ISTA and FISTA.
  public var innerIterations = 100
  /// ρ of ADMM at its start; by default from λ and the measurement.
  public var penalty: Double?
  /// Whether ρ follows the residuals.
  public var adaptsPenalty = true
  /// Over-relaxation of ADMM, 1 … 2; 1: none.
  public var relaxation = 1.6
  /// Whether the solution has a trace, for another application of A an iteration.
  public var isTraced = false
  public init() {}
}

/// One iteration of a trace.
public struct TracePoint: Sendable {
  public let iteration: Int
  /// ½‖A x − y‖² + Σ gᵢ(Kᵢ x); infinite while a bound is not met.
  public let objective: Double
  /// ‖A x − y‖.
  public let residualNorm: Double
  /// ‖K x − z‖ of ADMM.
  public let primal: Double?
  /// How far the conditions of optimality are missed, in the units of Aᴴy, by ADMM and CGLS.
  public let dual: Double?
}

/// What was found.
public struct VariationalSolution<Signal: VectorSpace>: Sendable {
  public let method: VariationalMethod
  public let estimate: Signal
  /// ½‖A x − y‖² + Σ gᵢ(Kᵢ x).
  public let objective: Double
  /// ‖A x − y‖.
  public let residualNorm: Double
  /// ‖A x − y‖ / ‖y‖.
  public let residual: Double
  public let iterations: Int
  public let ending: Ending
  /// A bound on the distance of the objective to its least value, where there is one.
  public let dualityGap: Double?
  public let trace: [TracePoint]
  /// Of ADMM, for the next run nearby.
  let splitState: SplitState?
}

/// z and the multiplier ρ β of ADMM, and ρ.
struct SplitState: Sendable {
  var z: Tensor
  var multiplier: Tensor
  var penalty: Double
}
