// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a stopping rule may look at after an iteration.
public struct Progress<Signal: VectorSpace, Measurement: VectorSpace> {
  /// Iterations done, from 1.
  public let iterations: Int
  public let estimate: Signal
  public let previous: Signal
  public let measurement: Measurement
}

/// When an algorithm has done enough.
public struct StoppingRule<Signal: VectorSpace, Measurement: VectorSpace> {
  /// Whether the rule counts as convergence (a tolerance was met) or only as the end of the budget.
  public let isConvergence: Bool
  let isMet: (Progress<Signal, Measurement>) -> Bool

  /// A rule of your own.
  public init(isConvergence: Bool = true, _ isMet: @escaping (Progress<Signal, Measurement>) -> Bool) {
    self.isConvergence = isConvergence
    self.isMet = isMet
  }

  /// After `count` iterations.
  public static func iterations(_ count: Int) -> StoppingRule {
    StoppingRule(isConvergence: false) { $0.iterations >= count }
  }

  /// When max |x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾| < tolerance.
  public static func change(below tolerance: Double) -> StoppingRule {
    StoppingRule { ($0.estimate - $0.previous).maximumMagnitude < tolerance }
  }

  /// When ‖x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾‖ ≤ tolerance · ‖x⁽ᵏ⁺¹⁾‖.
  public static func relativeChange(below tolerance: Double) -> StoppingRule {
    StoppingRule { ($0.estimate - $0.previous).norm <= tolerance * $0.estimate.norm }
  }

  /// When a certificate, such as a duality gap, is at most tolerance · max(1, |objective|). Looked at every `interval` iterations.
  public static func dualityGap(
    below tolerance: Double, every interval: Int = 1, gap: @escaping (Signal, Measurement) -> Double,
    objective: @escaping (Signal, Measurement) -> Double
  ) -> StoppingRule {
    StoppingRule { p in
      guard p.iterations % interval == 0 else { return false }
      return gap(p.estimate, p.measurement) <= tolerance * max(1, abs(objective(p.estimate, p.measurement)))
    }
  }
}

/// What a solver found.
public struct Solution<Signal: VectorSpace> {
  public let estimate: Signal
  public let iterations: Int
  /// True when a tolerance was met, false when only the budget ended.
  public let converged: Bool
}

/// Runs a schedule's stages until a rule is met: the classical solver.
///
/// - Parameters: `start` may be `.zero`; `rules` of which the first met ends the run (one should be `.iterations`);
///   `observing` is called with k = 1, 2, … and the state after each iteration.
/// - Note: a schedule with a depth of its own ends there.
public func solve<S: Schedule>(
  _ schedule: S, measurement y: S.Stage.Measurement, from start: S.Stage.Signal = .zero,
  until rules: StoppingRule<S.Stage.Signal, S.Stage.Measurement>...,
  observing: ((Int, S.Stage.State) -> Void)? = nil
) -> Solution<S.Stage.Signal> {
  run(schedule, measurement: y, from: start, until: rules, observing: observing)
}

/// Runs one iteration over and over until a rule is met.
public func solve<I: Iteration>(
  _ iteration: I, measurement y: I.Measurement, from start: I.Signal = .zero,
  until rules: StoppingRule<I.Signal, I.Measurement>..., observing: ((Int, I.State) -> Void)? = nil
) -> Solution<I.Signal> {
  run(Repeated(iteration), measurement: y, from: start, until: rules, observing: observing)
}

private func run<S: Schedule>(
  _ schedule: S, measurement y: S.Stage.Measurement, from start: S.Stage.Signal,
  until rules: [StoppingRule<S.Stage.Signal, S.Stage.Measurement>], observing: ((Int, S.Stage.State) -> Void)?
) -> Solution<S.Stage.Signal> {
  precondition(!rules.isEmpty || schedule.depth != nil, "solve: no stopping rule; give .iterations at least")
  var iteration = schedule.stage(0)
  var state = iteration.initialState(start)
  var estimate = iteration.estimate(state)
  var k = 0
  while true {
    if k > 0 { iteration = schedule.stage(k) }
    state = iteration.step(state, measurement: y, recording: false)
    k += 1
    let next = iteration.estimate(state)
    observing?(k, state)
    let progress = Progress(iterations: k, estimate: next, previous: estimate, measurement: y)
    estimate = next
    if let met = rules.first(where: { $0.isMet(progress) }) {
      return Solution(estimate: estimate, iterations: k, converged: met.isConvergence)
    }
    if k == schedule.depth { return Solution(estimate: estimate, iterations: k, converged: false) }
  }
}
