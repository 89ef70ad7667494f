// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Problems
import Tensors

/// What theory says of a user's operator, priors and measurement, in double precision:
///
///     ⟨A x, y⟩ = ⟨x, Aᴴ y⟩,   ‖A‖² ≤ what the operator says,   0 < ρ < 2/‖A‖²
///     ISTA     F(x_k) never rises where ρ ≤ 1/‖A‖²
///     FISTA    F(x_k) − F* ≤ 2 ‖x₀ − x*‖² / (ρ (k + 1)²)      at every k, ρ ≤ 1/‖A‖²
///     ADMM     ‖K x − z‖ and ρ‖Kᴴ(z − z₋)‖ → 0, relative
///
/// and that both find the same objective. F* and x* are those of the longer run. FISTA's items are there where the priors have a proximal
/// map in closed form. Source: Beck & Teboulle (2009), theorem 4.4; Boyd et al. (2011), §3.
/// - Parameters: `stepSize` as it will be used, 1/‖A‖² by the operator's word by default; `iterations` of FISTA and ISTA that are watched.
public func theoryChecks<Op: LinearOperator>(
  of problem: VariationalProblem<Op>, measurement y: Op.Codomain, stepSize: Double? = nil, iterations: Int = 300, seed: UInt64 = 1
) throws -> [CheckItem] {
  try problem.validate(y)
  let y = y.converted(to: .double)
  let A = problem.A
  let back = A.adjoint(y)
  var generator = RandomGenerator(seed: seed)
  let random = Op.Domain(numbers: .normal([back.shape.reduce(1, *) * Op.Domain.parts], using: &generator), shape: back.shape)
  let quotient = powerIteration(A, startingAt: random, tolerance: 1e-7, maximumIterations: 500).last ?? 0
  let step = stepSize ?? 1 / A.lipschitz
  var items = [
    CheckItem(
      "adjoint: ⟨A x, y⟩ against ⟨x, Aᴴy⟩", error: A.adjointError(domain: back.shape, codomain: y.shape, seed: seed),
      tolerance: 1e-10),
    CheckItem("‖A‖² by power iteration over the operator's own", error: quotient / A.lipschitz, tolerance: 1 + 1e-6),
    CheckItem("step ρ over 2/‖A‖²", error: step * quotient / 2, tolerance: 1 - 1e-9),
  ]
  var settings = VariationalSettings()
  (settings.tolerance, settings.maximumIterations) = (1e-9, 5_000)
  let split = try problem.solve(y, by: .admm, settings: settings)
  settings.isTraced = true
  settings.maximumIterations = min(10 * iterations, 5_000)
  let traced = try problem.solve(y, by: .admm, settings: settings)
  let last = traced.trace.last
  let scale = max(back.norm, 1e-300)
  items.append(
    CheckItem("ADMM: gradient at the last iteration over ‖Aᴴy‖", error: (last?.dual ?? .infinity) / scale, tolerance: 1e-6))
  items.append(
    CheckItem(
      "ADMM: ‖K x − z‖ at the last iteration over the largest",
      error: (last?.primal ?? .infinity) / largest(traced.trace.map(\.primal)),
      tolerance: 1e-5))

  let closed = problem.blocks.isEmpty || (problem.blocks.count == 1 && problem.blocks[0].analysis.isOrthonormal)
  guard closed, step * quotient < 1 + 1e-6 else { return items }
  var long = VariationalSettings()
  (long.tolerance, long.maximumIterations, long.stepSize) = (1e-13, 20_000, step)
  let reference = try problem.solve(y, by: .fista, settings: long)
  let best = min(reference.objective, split.objective)
  let distance = reference.estimate.inner(reference.estimate)
  let rounding = 1e-12 * max(best, 0.5 * y.inner(y))
  (long.isTraced, long.restarts, long.maximumIterations, long.tolerance) = (true, false, iterations, 0)
  let fista = try problem.solve(y, by: .fista, settings: long)
  let bound = fista.trace.map { point in
    let k = Double(point.iteration + 1)
    return (point.objective - best - rounding) / max(2 * distance / (step * k * k), 1e-300)
  }
  let ista = try problem.solve(y, by: .ista, settings: long).trace.map(\.objective)
  let rises = zip(ista.dropFirst(), ista).map { $0 - $1 }
  return items + [
    CheckItem("FISTA: (F − F*) over 2‖x₀ − x*‖²/(ρ (k + 1)²), every k", error: bound.max() ?? .infinity, tolerance: 1),
    CheckItem("ISTA: largest rise of the objective, relative", error: (rises.max() ?? 0) / max(best, 1e-300), tolerance: 1e-10),
    CheckItem(
      "FISTA and ADMM: objectives apart, relative", error: abs(reference.objective - split.objective) / max(best, 1e-300),
      tolerance: 1e-6),
  ]
}

private func largest(_ values: [Double?]) -> Double { max(values.compactMap { $0 }.max() ?? 0, 1e-300) }
