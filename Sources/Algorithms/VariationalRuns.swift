// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors

/// FISTA, or ISTA, of composed priors: the iteration that networks unfold, its prior ``ComposedProximal``.
public typealias ComposedProximalGradient<Op: LinearOperator, Momentum: Extrapolation> = ProximalGradient<
  GradientStep<Op>, ComposedProximal<Op.Domain>, Momentum
> where Op.Domain: ImageSpace, Momentum.Signal == Op.Domain

extension VariationalProblem {
  func runProximalGradient(
    _ y: Measurement, from start: Signal, _ map: ComposedProximal<Signal>, _ method: VariationalMethod,
    _ settings: VariationalSettings
  ) -> VariationalSolution<Signal> {
    let data = GradientStep(A, stepSize: map.stepSize)
    if method == .ista {
      let ista = ComposedProximalGradient<Op, NoMomentum<Signal>>(data: data, prior: map, momentum: NoMomentum())
      return run(ista, y, from: start, .ista, settings, budget: 20_000)
    }
    let momentum = NesterovMomentum<Signal>(restart: settings.restarts ? .whenUphill : .never)
    return run(
      ComposedProximalGradient<Op, _>(data: data, prior: map, momentum: momentum), y, from: start, .fista, settings, budget: 5_000)
  }

  private func run<Momentum>(
    _ iteration: ComposedProximalGradient<Op, Momentum>, _ y: Measurement, from start: Signal, _ method: VariationalMethod,
    _ settings: VariationalSettings, budget: Int
  ) -> VariationalSolution<Signal> {
    let budget = settings.maximumIterations ?? budget
    // With a certificate a small change only says that rounding has the last word.
    let rounding = y.numbers.precision == .double ? 1e-15 : 5e-7
    let change = hasCertificate ? rounding : settings.tolerance
    var (ending, trace, v, step) = (Ending.budget, [TracePoint](), start, 0.0)
    let rule = StoppingRule<Signal, Measurement> { p in
      let norm = p.estimate.norm
      if !norm.isFinite {
        ending = .notFinite
      } else if max((p.estimate - p.previous).norm, step) <= change * norm {
        ending = .smallChange
      } else if p.iterations % 10 == 0, let (gap, objective) = dualityGap(p.estimate, measurement: y),
        gap <= settings.tolerance * abs(objective)
      {
        ending = .dualityGap
      }
      return ending != .budget
    }
    let found = Algorithms.solve(iteration, measurement: y, from: start, until: rule, .iterations(budget)) { k, s in
      Work.report("iteration", k, of: budget, isAtMost: true)
      step = (s.x - v).norm
      v = s.v
      if settings.isTraced { trace.append(tracePoint(k, s.x, y)) }
    }
    return solution(method, found.estimate, y, iterations: found.iterations, ending, trace: trace)
  }

  /// CGLS on min ½‖A x − y‖² + ½ λ‖x‖²: conjugate gradients whose residual y − A x is kept, not AᴴA x. Source: Björck (1996), §7.4.
  func runLeastSquares(
    _ y: Measurement, _ back: Signal, from start: Signal, _ λ: Double, _ settings: VariationalSettings
  ) -> VariationalSolution<Signal> {
    let (goal, budget) = (settings.tolerance * back.norm, settings.maximumIterations ?? 1_000)
    var (x, r) = (start, y - A.forward(start))
    var s = A.adjoint(r) - λ * x
    var (p, square, k) = (s, s.inner(s), 0)
    var (ending, trace) = (Ending.budget, [TracePoint]())
    while true {
      if !square.isFinite { ending = .notFinite }
      if square.squareRoot() <= goal { ending = .residuals }
      if ending != .budget || k >= budget { break }
      let q = A.forward(p)
      let curvature = q.inner(q) + λ * p.inner(p)
      guard curvature > 0 else {
        ending = .smallChange
        break
      }
      let step = square / curvature
      x = x + step * p
      r = r - step * q
      s = A.adjoint(r) - λ * x
      let next = s.inner(s)
      p = s + (next / square) * p
      square = next
      k += 1
      Work.report("iteration", k, of: budget, isAtMost: true)
      if settings.isTraced { trace.append(tracePoint(k, x, y, dual: square.squareRoot())) }
    }
    return solution(.leastSquares, x, y, iterations: k, ending, trace: trace)
  }
}
