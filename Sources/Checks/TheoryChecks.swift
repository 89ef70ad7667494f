// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import Foundation
import Networks
import Operators
import Problems
import ProximalMaps
import Tensors

/// Convergence rates, optimality, proximal maps, and untrained networks against their algorithms.
public func theoryChecks() -> [CheckItem] {
  rateChecks() + optimalityChecks() + proximalChecks() + equivalenceChecks() + kSpaceTheoryChecks() + weightChecks()
    + [stateEvolutionCheck()]
}

/// A badly conditioned LASSO, on which the rates show, and its optimum by an independent method.
private struct Lasso {
  let problem: SparseCoding
  let y: Tensor
  let optimum: Tensor
  let optimalValue: Double
  init() {
    problem = SparseCoding(dictionary: Matrix.gaussian(rows: 30, columns: 60, seed: 51).withUnitColumns, alpha: 0.05)
    var generator = RandomGenerator(seed: 52)
    y = .normal([30], using: &generator)
    let descent = CoordinateDescent(problem)
    optimum =
      solve(
        descent, measurement: problem.dictionary.adjoint(y),
        until: .iterations(200_000),
        StoppingRule { [problem, y] p in p.iterations % 500 == 0 && problem.dualityGap(p.estimate, measurement: y) < 1e-14 }
      ).estimate
    optimalValue = problem.value(optimum, measurement: y)
  }
}

private func rateChecks() -> [CheckItem] {
  let lasso = Lasso()
  let (problem, y, L) = (lasso.problem, lasso.y, lasso.problem.lipschitz)
  let start = squaredNorm(lasso.optimum)  // ‖x₀ − x*‖² from x₀ = 0
  var (istaBound, istaRise, istaExpansion, fistaBound) = (0.0, 0.0, 0.0, 0.0)
  var previous = (value: problem.value(.zeros([60]), measurement: y), distance: start.squareRoot())
  _ = solve(ISTA(problem), measurement: y, until: .iterations(2000)) { k, s in
    let value = problem.value(s.x, measurement: y)
    let distance = (s.x - lasso.optimum).norm
    istaBound = max(istaBound, (value - lasso.optimalValue) / (L * start / (2 * Double(k))))
    istaRise = max(istaRise, value - previous.value)
    istaExpansion = max(istaExpansion, distance - previous.distance)
    previous = (value, distance)
  }
  _ = solve(FISTA(problem), measurement: y, until: .iterations(2000)) { k, s in
    let bound = 2 * L * start / (Double(k + 1) * Double(k + 1))
    // Rounding floors the difference of two energies near 1e-14.
    fistaBound = max(fistaBound, (problem.value(s.x, measurement: y) - lasso.optimalValue - 1e-13) / bound)
  }
  var (monotoneRise, last) = (0.0, Double.infinity)
  _ = solve(MonotoneFISTA(problem), measurement: y, until: .iterations(500)) { _, s in
    let value = problem.value(s.x, measurement: y)
    if last.isFinite { monotoneRise = max(monotoneRise, value - last) }
    last = value
  }
  let diverging = ProximalGradient(
    data: GradientStep(problem.dictionary, stepSize: 2.1 / L), prior: SoftThreshold(threshold: problem.alpha * 2.1 / L),
    momentum: NoMomentum())
  let far = solve(diverging, measurement: y, until: .iterations(2000)).estimate.norm
  var sequence = 0.0
  var t = 1.0
  for k in 1...1000 {
    sequence = max(sequence, Double(k + 1) / 2 - t)
    t = (1 + (1 + 4 * t * t).squareRoot()) / 2
  }
  return [
    CheckItem("ISTA: (F − F*) over L‖x₀ − x*‖²/(2k), every k", error: istaBound, tolerance: 1),
    CheckItem("ISTA: largest rise of the objective", error: istaRise, tolerance: 1e-12),
    CheckItem("ISTA: largest step away from the optimum", error: istaExpansion, tolerance: 1e-10),
    CheckItem("FISTA: (F − F*) over 2L‖x₀ − x*‖²/(k + 1)², every k", error: fistaBound, tolerance: 1),
    CheckItem("FISTA: t_k ≥ (k + 1)/2", error: sequence, tolerance: 1e-9),
    CheckItem("monotone FISTA: largest rise of the objective", error: monotoneRise, tolerance: 1e-12),
    CheckItem("ISTA with step 2.1/L diverges: ‖x*‖ over ‖x⁽²⁰⁰⁰⁾‖", error: lasso.optimum.norm / far, tolerance: 1e-3),
  ]
}

private func optimalityChecks() -> [CheckItem] {
  let lasso = Lasso()
  let (problem, y) = (lasso.problem, lasso.y)
  var items = [
    CheckItem(
      "coordinate descent: optimality conditions", error: problem.optimalityViolation(lasso.optimum, measurement: y),
      tolerance: 1e-8)
  ]
  func item(_ name: String, _ x: Tensor) {
    items.append(CheckItem("\(name) against coordinate descent", error: relativeDifference(x, lasso.optimum), tolerance: 1e-8))
  }
  item("ISTA", solve(ISTA(problem), measurement: y, until: .iterations(50_000), .change(below: 1e-15)).estimate)
  item(
    "FISTA with restart",
    solve(FISTA(problem, restart: .whenUphill), measurement: y, until: .iterations(20_000), .change(below: 1e-15)).estimate)
  item("monotone FISTA", solve(MonotoneFISTA(problem), measurement: y, until: .iterations(20_000)).estimate)
  item(
    "FISTA restarted by its objective",
    solve(MonotoneFISTA(problem, whenRising: .restart), measurement: y, until: .iterations(20_000)).estimate)
  let admm = ADMM(problem, penalty: 0.3)
  var residual = 0.0
  let solution = solve(admm, measurement: y, until: .iterations(5_000)) { k, s in
    if k == 5_000 {
      let (primal, dual) = admm.residuals(s)
      residual = max(primal, dual)
    }
  }
  item("ADMM", solution.estimate)
  items.append(CheckItem("ADMM: residuals after 5 000 iterations", error: residual, tolerance: 1e-10))
  let D = orthonormal(60, seed: 53)
  let byCholesky = RegularisedLeastSquares(problem.dictionary, D, solver: CholeskySolver(problem.dictionary, D), penalty: 0.4)
  let byGradients = RegularisedLeastSquares(
    problem.dictionary, D, solver: ConjugateGradientSolver(problem.dictionary, D), penalty: 0.4)
  items.append(
    CheckItem(
      "x-update: conjugate gradients against Cholesky",
      error: relativeDifference(byGradients(y, pulledTo: lasso.optimum), byCholesky(y, pulledTo: lasso.optimum)), tolerance: 1e-10))
  return items
}

/// Each proximal map against a search over the definition on a fine grid, the Moreau identity and firm non-expansiveness.
private func proximalChecks() -> [CheckItem] {
  var items: [CheckItem] = []
  var generator = RandomGenerator(seed: 61)
  func item<G: Penalty>(_ name: String, _ g: G, convex: Bool = true, size: Int = 6) {
    let t = 0.7
    var (moreau, expansion, definition) = (0.0, -Double.infinity, 0.0)
    for _ in 0..<10_000 {
      let (a, b) = (Tensor.normal([size], using: &generator), Tensor.normal([size], using: &generator))
      let (p, q) = (g.prox(a, step: t), g.prox(b, step: t))
      // ‖p − q‖² ≤ ⟨p − q, a − b⟩.
      expansion = max(expansion, squaredNorm(p - q) - (p - q).inner(a - b))
    }
    for _ in 0..<200 {
      let r = Tensor.normal([size], using: &generator)
      let p = g.prox(r, step: t)
      moreau = max(moreau, (r - p - t * g.conjugateProx((1 / t) * r, step: 1 / t)).norm)
      // No random or small move from the map's value lowers ½‖x − r‖² + t g(x).
      let least = 0.5 * squaredNorm(p - r) + t * g.value(p)
      for scale in [1, 0.1, 1e-3, 1e-5] {
        let x = p + scale * Tensor.normal([size], using: &generator)
        definition = max(definition, least - 0.5 * squaredNorm(x - r) - t * g.value(x))
      }
    }
    items.append(CheckItem("proximal map of \(name): best move away from it", error: definition, tolerance: 1e-10))
    if convex {
      items.append(CheckItem("proximal map of \(name): Moreau identity", error: moreau, tolerance: 1e-10))
      items.append(CheckItem("proximal map of \(name): firm non-expansiveness, 10 000 pairs", error: expansion, tolerance: 1e-12))
    }
  }
  item("ℓ1", L1(weight: 0.8))
  item("ℓ0", L0(weight: 0.5), convex: false)
  item("group ℓ1", GroupL1(weight: 0.6, groupSize: 3))
  item("box", Box(lower: -0.4, upper: 0.9))
  item("elastic net", ElasticNet(l1: 0.3, l2: 0.5))
  item("ℓ1 of −1.7 x", Dilated(L1(weight: 0.8), scale: -1.7))
  item("ℓ1 around a point", Translated(L1(weight: 0.8), by: .normal([6], using: &generator)))
  item(
    "ℓ1, a box and groups of disjoint parts",
    Disjoint(L1(weight: 0.4), ofWidth: 1, Disjoint(Box(), ofWidth: 2, GroupL1(groupSize: 3))))
  return items
}

/// ALISTA's analytic weight: feasible, stationary, and no worse than 100 random feasible weights.
private func weightChecks() -> [CheckItem] {
  let A = Matrix.gaussian(rows: 20, columns: 40, seed: 71).withUnitColumns
  let W = analyticWeight(of: A)
  func coherence(_ W: Tensor) -> Double { squaredNorm(linear(W.transposed, A.entries.transposed)) }  // ‖WᵀA‖_F²
  func diagonal(_ W: Tensor) -> [Double] {
    let product = W .* A.entries
    return (0..<40).map { j in (0..<20).reduce(0) { $0 + product[flat: $1 * 40 + j] } }
  }
  let best = coherence(W.entries)
  var generator = RandomGenerator(seed: 72)
  var worst = -Double.infinity
  for _ in 0..<100 {
    var move = Tensor.normal([20, 40], using: &generator)
    // Feasible directions keep every w_jᵀa_j: remove the part along a_j (unit columns).
    let along = Tensor(diagonal(move))
    move = move - scaledColumns(A.entries, along)
    worst = max(worst, best - coherence(W.entries + 0.1 * move))
  }
  return [
    CheckItem(
      "analytic weight: diagonal of WᵀA is 1", error: diagonal(W.entries).reduce(0) { max($0, abs($1 - 1)) }, tolerance: 1e-12),
    CheckItem("analytic weight: gain of 100 feasible perturbations", error: worst, tolerance: 0),
  ]
}

/// D-AMP with BM3D on an image of edges, half as many Gaussian measurements as pixels, their noise 0.1: means over eight A and eight η. State
/// evolution is of infinitely many pixels; without noise σ falls without end, and what few pixels cost grows from step to step.
private func stateEvolutionCheck() -> CheckItem {
  let side = 48
  let image = Tensor(
    (0..<side * side).map { p in
      let (i, j) = (Double(p / side) - 20, Double(p % side) - 26)
      return (i * i + j * j < 200 ? 0.5 : 0.2) + (abs(i - j) < 9 ? 0.3 : 0)
    }, shape: [side, side])
  let (draws, steps, noise) = (8, 8, 0.1)
  var (found, predicted) = ([Double](repeating: 0, count: steps), [Double](repeating: 0, count: steps))
  for draw in 0..<UInt64(draws) {
    let A = Matrix.gaussian(rows: side * side / 2, columns: side * side, seed: 100 + draw).withUnitColumns
    let iteration = ApproximateMessagePassing(A, BM3D(), height: side, width: side, seed: 200 + draw)
    var generator = RandomGenerator(seed: 400 + draw)
    let y = A.forward(image.reshaped([side * side])) + noise * Tensor.normal([A.rows], using: &generator)
    _ = solve(iteration, measurement: y, until: .iterations(steps)) { k, s in
      found[k - 1] += s.sigma
    }
    let levels = stateEvolution(of: image, measurements: A.rows, noise: noise, BM3D(), count: steps, seed: 300 + draw)
    for k in 0..<steps { predicted[k] += levels[k] }
  }
  let largest = zip(found, predicted).map { abs($0 / $1 - 1) }.max()!
  return CheckItem("D-AMP with BM3D: σ of 8 steps against state evolution, means of 8 draws", error: largest, tolerance: 0.1)
}
