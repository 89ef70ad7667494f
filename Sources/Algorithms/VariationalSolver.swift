// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors

extension VariationalProblem {
  /// FISTA where the priors have a proximal map in closed form, CGLS where they are quadratic, else ADMM.
  public var suggestedMethod: VariationalMethod {
    if quadraticWeight != nil { return .leastSquares }
    return blocks.count == 1 && blocks[0].analysis.isOrthonormal ? .fista : .admm
  }

  /// λ where the priors are ½ λ‖x‖²: 0 of none.
  var quadraticWeight: Double? {
    let isQuadratic = priors.allSatisfy { $0.kind == .ridge || $0.weight == 0 }
    return isQuadratic ? priors.reduce(0) { $0 + ($1.kind == .ridge ? $1.weight ?? 0 : 0) } : nil
  }

  /// The minimiser for a measurement.
  ///
  /// A method ends when what it measures is below the tolerance τ:
  ///
  ///     ISTA, FISTA   duality gap ≤ τ E(x), every 10 iterations, where the priors have one;
  ///                   else ‖x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾‖ and ‖x⁽ᵏ⁺¹⁾ − v⁽ᵏ⁾‖ ≤ τ‖x⁽ᵏ⁺¹⁾‖, v where the gradient was taken
  ///     ADMM          ‖K x − z‖ ≤ τ max(‖K x‖, ‖z‖, ‖K‖‖x‖/10) and, for the gradient Aᴴ(A x − y) + ρ Kᴴβ, its norm ≤ τ max(‖Aᴴy‖, ρ‖Kᴴβ‖)
  ///     CGLS          ‖Aᴴ(y − A x) − λ x‖ ≤ τ‖Aᴴy‖
  ///
  /// - Parameters: `start`, by default 0, or an earlier solution, whose multipliers ADMM takes up too.
  /// - Throws: ``InputError`` where the measurement does not fit or the method cannot do the priors.
  public func solve(
    _ y: Measurement, by method: VariationalMethod? = nil, from start: VariationalSolution<Signal>? = nil,
    settings: VariationalSettings = VariationalSettings()
  ) throws -> VariationalSolution<Signal> {
    let method = method ?? suggestedMethod
    try settings.validate()
    try validate(y)
    let back = A.adjoint(y)
    guard !back.isShapelessZero, back.numbers.count % (layout.count * Signal.parts) == 0 else {
      throw InputError(
        "the operator's adjoint gives \(back.shape), expected samples of \(layout.shape); check the operator's shapes")
    }
    let origin = start?.estimate ?? 0 * back
    switch method {
    case .ista, .fista:
      let step = settings.stepSize ?? 1 / A.lipschitz
      guard step.isFinite else {
        throw InputError("a step of \(step): ‖A‖² is \(A.lipschitz), expected a positive number; give a step size")
      }
      guard let map = ComposedProximal(blocks, on: layout, stepSize: step, innerIterations: settings.innerIterations) else {
        throw InputError(
          "\(method.rawValue): the sum of \(names) has no proximal map of its own; take admm, which does any priors")
      }
      return runProximalGradient(y, from: origin, map, method, settings)
    case .admm: return runADMM(y, back, from: origin, start?.splitState, settings)
    case .leastSquares:
      guard let λ = quadraticWeight else {
        throw InputError("cgls: \(names) is not quadratic, expected no prior or ridge alone; take fista or admm")
      }
      return runLeastSquares(y, back, from: origin, λ, settings)
    }
  }

  private var names: String { priors.map { "\($0)" }.joined(separator: " + ") }

  /// A measurement that the operator can take.
  public func validate(_ y: Measurement) throws {
    let shape = y.isShapelessZero ? [] : y.shape
    let expected = A.codomainShape
    guard !y.isShapelessZero, !shape.contains(0), expected.isEmpty || shape.suffix(expected.count) == expected[...] else {
      throw InputError("a measurement of shape \(shape), expected it to end in \(expected); check which operator it was made by")
    }
    guard y.isFinite else {
      throw InputError("the measurement has numbers that are not finite, expected all finite; mend or mask them")
    }
  }

  /// The solution of a run, its figures computed anew.
  func solution(
    _ method: VariationalMethod, _ x: Signal, _ y: Measurement, iterations: Int, _ ending: Ending, trace: [TracePoint],
    split: SplitState? = nil
  ) -> VariationalSolution<Signal> {
    let r = A.forward(x) - y
    return VariationalSolution(
      method: method, estimate: x, objective: 0.5 * r.inner(r) + penalty(x), residualNorm: r.norm,
      residual: r.norm / max(y.norm, .leastNormalMagnitude), iterations: iterations, ending: ending,
      dualityGap: hasCertificate ? dualityGap(x, measurement: y)?.gap : nil, trace: trace, splitState: split)
  }

  /// A point of a trace.
  func tracePoint(_ k: Int, _ x: Signal, _ y: Measurement, primal: Double? = nil, dual: Double? = nil) -> TracePoint {
    let r = A.forward(x) - y
    return TracePoint(
      iteration: k, objective: 0.5 * r.inner(r) + penalty(x), residualNorm: r.norm, primal: primal, dual: dual)
  }
}

extension VariationalSettings {
  func validate() throws {
    func require(_ holds: Bool, _ what: String, _ value: Double, _ expected: String) throws {
      guard holds else { throw InputError("\(what) is \(value), expected \(expected)") }
    }
    try require(tolerance >= 0 && tolerance < 1, "the tolerance", tolerance, "0 to below 1, such as 1e-6")
    try require((maximumIterations ?? 1) >= 1, "the budget of iterations", Double(maximumIterations ?? 1), "at least 1")
    try require((stepSize ?? 1) > 0 && (stepSize ?? 1).isFinite, "the step size", stepSize ?? 1, "a positive number below 2/‖A‖²")
    try require((penalty ?? 1) > 0 && (penalty ?? 1).isFinite, "ADMM's penalty", penalty ?? 1, "a positive number")
    try require(relaxation > 0 && relaxation < 2, "ADMM's relaxation", relaxation, "above 0 and below 2, such as 1.6")
    try require(innerIterations >= 1, "the iterations of the proximal map", Double(innerIterations), "at least 1")
  }
}
