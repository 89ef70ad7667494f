// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors

/// An untrained network is its algorithm: ≤ 1e-13 relative in double for every depth from 1 to 50, on five samples.
public func equivalenceChecks() -> [CheckItem] {
  let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 20, columns: 40, seed: 41).withUnitColumns, alpha: 0.1)
  var generator = RandomGenerator(seed: 42)
  let y = Tensor.normal([5, 20], using: &generator)
  var items: [CheckItem] = []

  func item<I: Iteration, E, S, T, O>(
    _ name: String, _ algorithm: I, _ network: Unrolled<E, S, T, O>, measurement: Tensor? = nil
  ) where I.Signal == Tensor, I.Measurement == Tensor, E.Measurement == Tensor, T.Stage.Signal == Tensor, O.Estimate == Tensor {
    var iterates: [Tensor] = []
    _ = solve(algorithm, measurement: measurement ?? y, until: .iterations(50)) { _, s in iterates.append(algorithm.estimate(s)) }
    let stages = network.trace(y)
    var worst = zip(stages, iterates).reduce(0) { max($0, relativeDifference($1.0, $1.1)) }
    worst = max(worst, relativeDifference(network(y), iterates[49]))
    items.append(CheckItem(name, error: stages.count == 50 ? worst : .infinity, tolerance: 1e-13))
  }

  let ista = ISTA(problem)
  item("untrained LISTA is ISTA", ista, LISTA(unfolding: problem, iterations: 49))
  item("untrained untied LISTA is ISTA", ista, UntiedLISTA(unfolding: problem, depth: 50))
  item("untrained LISTA-CP is ISTA", ista, LISTACP(unfolding: problem, depth: 50))
  item("untrained Step-LISTA is ISTA", ista, StepLISTA(unfolding: problem, depth: 50))
  let none = SupportSchedule(growth: 0, maximum: 0)
  item("untrained LISTA-SS without selection is ISTA", ista, LISTASS(unfolding: problem, depth: 50, support: none))
  item("untrained LISTA-CPSS without selection is ISTA", ista, LISTACPSS(unfolding: problem, depth: 50, support: none))
  item("untrained TiLISTA without selection is ISTA", ista, TiLISTA(unfolding: problem, depth: 50, support: none))
  let scaled = Matrix((1 / problem.lipschitz) * problem.dictionary.entries)
  item(
    "ALISTA with weight A/L without selection is ISTA", ista,
    ALISTA(unfolding: problem, depth: 50, weight: scaled, support: none))
  // The analytic weight with falling thresholds, from where training begins: one iteration, in three forms.
  let W = analyticWeight(of: problem.dictionary)
  let start = RecoveryStart(weight: W.entries, thresholds: (0..<50).map { 0.3 * pow(0.9, Double($0)) })
  func starts<E, S, T, O>(_ name: String, _ network: Unrolled<E, S, T, O>, support: SupportSchedule = .init())
  where E.Measurement == Tensor, O.Estimate == Tensor {
    let expected = ALISTA(unfolding: problem, depth: 50, weight: W, thresholds: start.thresholds, support: support)
    items.append(CheckItem(name, error: relativeDifference(network(y), expected(y)), tolerance: 1e-12))
  }
  starts(
    "LISTA begins its training as ALISTA without selection", UntiedLISTA(unfolding: problem, depth: 50, from: start), support: none)
  starts(
    "LISTA-CP begins its training as ALISTA without selection", LISTACP(unfolding: problem, depth: 50, from: start), support: none)
  starts("LISTA-CPSS begins its training as ALISTA", LISTACPSS(unfolding: problem, depth: 50, from: start))
  starts("TiLISTA begins its training as ALISTA", TiLISTA(unfolding: problem, depth: 50, from: start))
  item("untrained FISTA network is FISTA", FISTA(problem), UnfoldedFISTA(unfolding: problem, depth: 50))
  item(
    "untrained coordinate-descent network is coordinate descent", CoordinateDescent(problem),
    UnfoldedCoordinateDescent(unfolding: problem, depth: 50), measurement: problem.dictionary.adjoint(y))
  item(
    "untrained ADMM network is ADMM", ADMM(problem, penalty: 0.5),
    UnfoldedADMM(unfolding: problem, depth: 50, penalty: 0.5))

  // Splitting II with one inner step, D orthonormal, is splitting I with the exact proximal map of θ‖D·‖₁.
  let D = orthonormal(40, seed: 43)
  let update = RegularisedLeastSquares(
    problem.dictionary, Identity<Tensor>(), solver: CholeskySolver(problem.dictionary), penalty: 0.5)
  let inner = ADMM(solve: update, prior: InnerGradientDescent(D, shrinkage: SoftThreshold(threshold: 0.2)))
  let direct = ADMM(
    solve: RegularisedLeastSquares(problem.dictionary, D, solver: CholeskySolver(problem.dictionary, D), penalty: 0.5),
    prior: SoftThreshold(threshold: 0.2))
  let a = solve(inner, measurement: y, until: .iterations(200)).estimate
  let b = solve(direct, measurement: y, until: .iterations(200)).estimate
  items.append(CheckItem("ADMM splitting II is splitting I for orthonormal D", error: relativeDifference(a, b), tolerance: 1e-10))

  // The piecewise-linear curve is the soft threshold when the knee lies on a knot and responses stay in [−1, 1].
  let small = 0.02 * y
  let curve = ADMM(solve: update, prior: PiecewiseLinearShrinkage(softThreshold: 0.04))
  let soft = ADMM(solve: update, prior: SoftThreshold(threshold: 0.04))
  let c = solve(curve, measurement: small, until: .iterations(50)).estimate
  let s = solve(soft, measurement: small, until: .iterations(50)).estimate
  items.append(CheckItem("ADMM with a piecewise-linear soft threshold is ADMM", error: relativeDifference(c, s), tolerance: 1e-12))
  return items + imageNetworkEquivalenceChecks() + wholeImageEquivalenceChecks() + kSpaceEquivalenceChecks()
    + tomographyEquivalenceChecks()
}

/// A random orthonormal matrix by Gram–Schmidt, twice.
func orthonormal(_ n: Int, seed: UInt64) -> Matrix {
  var generator = RandomGenerator(seed: seed)
  var rows: [Tensor] = []
  for _ in 0..<n {
    var v = Tensor.normal([n], using: &generator)
    for _ in 0..<2 { for u in rows { v = v - u.inner(v) * u } }
    rows.append((1 / v.norm) * v)
  }
  return Matrix(Tensor.stacked(rows))
}
