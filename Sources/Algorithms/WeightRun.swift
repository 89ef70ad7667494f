// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors

/// The trials of one search.
struct WeightRun<Op: LinearOperator> where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
  typealias Signal = Op.Domain
  let search: WeightSearch<Op>
  let y: Op.Codomain
  let rule: WeightRule
  private var trials: [WeightTrial] = []
  private var solutions: [VariationalSolution<Signal>] = []
  private let count: Double

  init(search: WeightSearch<Op>, y: Op.Codomain, rule: WeightRule) {
    (self.search, self.y, self.rule) = (search, y, rule)
    count = Double(search.measuredCount ?? y.numbers.count)
  }

  // MARK: One trial

  /// Trials that a search takes, about.
  private var usualCount: Int {
    switch rule {
    case .lCurve(let points): points + 1
    case .discrepancy, .residualFreedom: 10
    case .predictedRisk, .crossValidation: 8
    }
  }

  /// One more solution, as part of the search.
  private func counted<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Work.within("weight", trials.count, of: max(usualCount, trials.count + 1), body)
  }

  /// Tries λ, and returns what the rule says of it: below 0 where λ is to grow, or the risk.
  private mutating func attempt(_ weight: Double) throws -> Double {
    let near = trials.indices.min { abs(log(trials[$0].weight / weight)) < abs(log(trials[$1].weight / weight)) }
    var settings = search.settings
    settings.tolerance = max(search.trialTolerance, settings.tolerance)
    settings.isTraced = false
    let problem = try search.problem(weight)
    let found = try counted { try problem.solve(y, by: search.method, from: near.map { solutions[$0] }, settings: settings) }
    let penalty =
      weight > 0 ? (try search.problem(2 * weight).penalty(found.estimate) - problem.penalty(found.estimate)) / weight : 0
    var trial = WeightTrial(
      weight: weight, residualNorm: found.residualNorm, penalty: penalty, iterations: found.iterations, ending: found.ending)
    let square = found.residualNorm * found.residualNorm
    var value = 0.0
    switch rule {
    case .discrepancy(let σ, let τ): value = found.residualNorm - τ * σ * count.squareRoot()
    case .residualFreedom(let σ), .predictedRisk(let σ):
      let d = try degreesOfFreedom(problem, found, settings, step: 0.2 * σ)
      trial.degreesOfFreedom = d
      trial.risk = square + 2 * σ * σ * d - count * σ * σ
      if case .predictedRisk = rule { value = trial.risk! } else { value = square - σ * σ * (count - d) }
    case .crossValidation:
      let d = try degreesOfFreedom(
        problem, found, settings, step: max(0.2 * found.residualNorm, 1e-4 * y.norm) / count.squareRoot())
      let free = 1 - d / count
      trial.degreesOfFreedom = d
      // A fit that leaves less than a hundredth of the numbers free says nothing: λ is to grow.
      value = free > 0.01 ? square / (free * free) : 1e3 * y.inner(y) * (2 - min(max(free, -1), 1))
      trial.risk = value
    case .lCurve: break
    }
    trials.append(trial)
    solutions.append(found)
    return value
  }

  /// div_y A x(y) ≈ ⟨b, A x(y + ε b) − A x(y)⟩ / ε for signs b drawn at random.
  private func degreesOfFreedom(
    _ problem: VariationalProblem<Op>, _ found: VariationalSolution<Signal>, _ settings: VariationalSettings, step ε: Double
  ) throws -> Double {
    var generator = RandomGenerator(seed: search.seed)
    // Numbers that are 0 because nothing was measured stay so.
    let all = search.measuredCount == nil || search.measuredCount == y.numbers.count
    let signs = y.numbers.map { value in
      let sign = generator.uniform() < 0.5 ? -1.0 : 1.0
      return all || value != 0 ? sign : 0
    }
    let b = Op.Codomain(numbers: signs, shape: y.shape)
    let moved = try counted { try problem.solve(y + ε * b, by: search.method, from: found, settings: settings) }
    return b.inner(problem.A.forward(moved.estimate - found.estimate)) / ε
  }

  /// Solved at λ to the settings' tolerance.
  private func choice(_ weight: Double, remark: String? = nil) throws -> WeightChoice<Signal> {
    let near = trials.indices.min { abs(log(trials[$0].weight / weight)) < abs(log(trials[$1].weight / weight)) }
    let problem = try search.problem(weight)
    let solution = try counted {
      try problem.solve(y, by: search.method, from: near.map { solutions[$0] }, settings: search.settings)
    }
    return WeightChoice(rule: rule, weight: weight, priors: problem.priors, solution: solution, trials: trials, remark: remark)
  }

  // MARK: Scales

  private var isQuadratic: Bool { search.priors[search.automatic].kind == .ridge }

  /// λ of about the right size, σ unknown taken as a twentieth of the measurement: σ‖A‖, of a ridge σ² over the mean square of Aᴴy/‖A‖².
  private var first: Double {
    let σ = rule.noise ?? 0.05 * y.norm / count.squareRoot()
    let L = search.A.lipschitz
    guard isQuadratic else { return σ * L.squareRoot() }
    let back = search.A.adjoint(y)
    let square = back.inner(back) / (L * L * Double(max(back.numbers.count, 1)))
    return σ * σ / max(square, 1e-12 * σ * σ)
  }

  // MARK: A root, by regula falsi on log λ (Illinois)

  mutating func root() throws -> WeightChoice<Signal> {
    let start = first
    var (at, value) = (log(start), try attempt(start))
    var other = (at: at, value: value)
    let step = log(4.0) * (value < 0 ? 1 : -1)
    for _ in 0..<12 where value * other.value > 0 || other.at == at {
      other = (at, value)
      at += step
      value = try attempt(exp(at))
      // Where λ changes nothing any more, or the numbers end, the rule is not met further on either.
      if abs(value - other.value) < 1e-4 * abs(value) { break }
    }
    guard value * other.value <= 0 else {
      let end =
        value < 0 ? "is below it at every λ, so that the largest tried" : "is above it at every λ, so that the smallest tried"
      return try choice(exp(at), remark: "the residual \(end) was taken; check the noise's standard deviation")
    }
    var (low, high) = value < other.value ? ((at, value), (other.at, other.value)) : ((other.at, other.value), (at, value))
    var side = 0
    for _ in 0..<12 where abs(high.0 - low.0) > 0.02 {
      let middle = (low.0 * high.1 - high.0 * low.1) / (high.1 - low.1)
      let found = try attempt(exp(middle))
      if abs(found) <= 1e-3 * scale { return try choice(exp(middle)) }
      if found < 0 {
        low = (middle, found)
        if side == -1 { high.1 /= 2 }
        side = -1
      } else {
        high = (middle, found)
        if side == 1 { low.1 /= 2 }
        side = 1
      }
    }
    return try choice(exp((low.0 * high.1 - high.0 * low.1) / (high.1 - low.1)))
  }

  /// What the rule compares with.
  private var scale: Double {
    switch rule {
    case .discrepancy(let σ, let τ): τ * σ * count.squareRoot()
    default: (rule.noise ?? 1) * (rule.noise ?? 1) * count
    }
  }

  // MARK: The least risk, by steps of √10 and a parabola

  mutating func least() throws -> WeightChoice<Signal> {
    var points: [(at: Double, risk: Double)] = []
    func best() -> Int { points.indices.min { points[$0].risk < points[$1].risk } ?? 0 }
    let step = 0.5 * log(10.0)
    let start = log(first)
    for at in [start, start - step, start + step] { points.append((at, try attempt(exp(at)))) }
    points.sort { $0.at < $1.at }
    for _ in 0..<12 {
      let i = best()
      guard i == 0 || i == points.count - 1 else { break }
      let at = points[i].at + (i == 0 ? -step : step)
      points.insert((at, try attempt(exp(at))), at: i == 0 ? 0 : points.count)
    }
    let i = best()
    guard i > 0 && i < points.count - 1 else {
      return try choice(
        exp(points[i].at), remark: "the estimate of the risk has no least value among the λ tried; the last was taken")
    }
    let halves = try [-0.5 * step, 0.5 * step].map { (points[i].at + $0, try attempt(exp(points[i].at + $0))) }
    points = [points[i - 1], halves[0], points[i], halves[1], points[i + 1]]
    let j = min(max(best(), 1), 3)
    let (a, b, c) = (points[j - 1], points[j], points[j + 1])
    let curvature = a.risk - 2 * b.risk + c.risk
    let shift = curvature > 0 ? 0.5 * (a.risk - c.risk) / curvature : 0
    return try choice(exp(b.at + min(max(shift, -1), 1) * 0.5 * step))
  }

  // MARK: The corner of the L-curve

  mutating func corner(_ points: Int) throws -> WeightChoice<Signal> {
    let back = search.A.adjoint(y)
    let term = search.priors[search.automatic].with(weight: 1)
    let own = try PriorBlock<Signal>(term, on: SignalLayout(search.A.domainShape, images: search.signalShape)).analysis
    let L = search.A.lipschitz
    let top = isQuadratic ? 10 * L : own.forward(back).maximumMagnitude / max(own.lipschitz, 1)
    guard top > 0 else { throw InputError("a measurement without a signal, Aᴴy = 0; expected one to choose a weight by") }
    for i in 0..<points { _ = try attempt(top * pow(10, -(isQuadratic ? 7 : 5) * Double(i) / Double(points - 1))) }
    let most = trials.map(\.penalty).max() ?? 0
    let usable = trials.indices.filter { trials[$0].penalty > 1e-10 * most && trials[$0].residualNorm > 1e-12 * y.norm }
    let (u, v) = (trials.map { log($0.residualNorm) }, trials.map { log($0.penalty) })
    var corner: (at: Int, curvature: Double)?
    for i in usable where usable.contains(i - 1) && usable.contains(i + 1) {
      // With respect to the index, which grows as log λ falls.
      let (u1, v1) = (0.5 * (u[i + 1] - u[i - 1]), 0.5 * (v[i + 1] - v[i - 1]))
      let (u2, v2) = (u[i + 1] - 2 * u[i] + u[i - 1], v[i + 1] - 2 * v[i] + v[i - 1])
      let speed = u1 * u1 + v1 * v1
      guard speed > 1e-12 else { continue }
      let curvature = (v1 * u2 - u1 * v2) / (speed * speed.squareRoot())
      trials[i].curvature = curvature
      if curvature > corner?.curvature ?? 0 { corner = (i, curvature) }
    }
    guard let corner else {
      let middle = usable.isEmpty ? points / 2 : usable[usable.count / 2]
      return try choice(trials[middle].weight, remark: "the L-curve has no corner; the middle of it was taken")
    }
    return try choice(trials[corner.at].weight)
  }
}
