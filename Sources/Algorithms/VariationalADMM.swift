// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import ProximalMaps
import Tensors

/// ADMM with any priors: z stacks the Kᵢ x, each with the proximal map of its own.
public typealias ComposedADMM<Op: LinearOperator> = ClassicalADMM<
  Op, StackedAnalysis<Op.Domain>, StackedNormalSolver<Op>, BlockShrinkage
> where Op.Domain: ImageSpace

extension ADMM {
  /// For composed priors and a given ρ.
  public init<Op>(_ problem: VariationalProblem<Op>, penalty: Double, tolerance: Double = 1e-10, relaxation: Double = 1)
  where
    Reconstruct == RegularisedLeastSquares<Op, StackedAnalysis<Op.Domain>, StackedNormalSolver<Op>>,
    Analysis == FixedAnalysis<StackedAnalysis<Op.Domain>>, Prior == BlockShrinkage, Update == UniformUpdate<Tensor>
  {
    var blocks = problem.blocks
    if blocks.isEmpty { blocks = [PriorBlock(analysis: AnalysisMap(.identity, on: problem.layout), penalty: SeparablePenalty())] }
    let K = StackedAnalysis(blocks.map(\.analysis))
    self.init(
      solve: RegularisedLeastSquares(
        problem.A, K, solver: StackedNormalSolver(problem.A, K, tolerance: tolerance), penalty: penalty),
      prior: BlockShrinkage(blocks.map(\.penalty), ranges: K.ranges, stepSize: 1 / penalty))
    self.relaxation = relaxation
  }

  /// The same iteration with another ρ and accuracy of its x-update; scaled multipliers change with ρ.
  func with<Op>(penalty: Double, tolerance: Double) -> Self
  where
    Reconstruct == RegularisedLeastSquares<Op, StackedAnalysis<Op.Domain>, StackedNormalSolver<Op>>,
    Analysis == FixedAnalysis<StackedAnalysis<Op.Domain>>, Prior == BlockShrinkage, Update == UniformUpdate<Tensor>
  {
    var (other, solver) = (self, solve.solver)
    solver.tolerance = tolerance
    other.solve = RegularisedLeastSquares(solve.A, solve.D, solver: solver, penalty: penalty)
    other.prior = BlockShrinkage(prior.penalties, ranges: prior.ranges, stepSize: 1 / penalty)
    return other
  }
}

/// When ρ changes: every 10 iterations to the 100th, then ever more rarely, so that the last run of one ρ is long.
///
/// By ρ ← ρ √(primal / dual), both residuals relative, within [1/10, 10] and where they are apart by more than 2. Sources: Boyd, Parikh, Chu,
/// Peleato & Eckstein (2011), §3.4.1; Wohlberg, ADMM penalty parameter selection by residual balancing (2017).
private struct PenaltyRule {
  var next = 10
  mutating func penalty(_ ρ: Double, at k: Int, primal: Double, dual: Double) -> Double {
    guard k >= next else { return ρ }
    next = k < 100 ? k + 10 : k + k / 2
    guard primal > 0, dual > 0, max(primal / dual, dual / primal) > 2 else { return ρ }
    return ρ * min(max((primal / dual).squareRoot(), 0.1), 10)
  }
}

extension VariationalProblem {
  func runADMM(
    _ y: Measurement, _ back: Signal, from start: Signal, _ split: SplitState?, _ settings: VariationalSettings
  ) -> VariationalSolution<Signal> {
    let norms = (A.lipschitz, blocks.reduce(0) { $0 + $1.analysis.lipschitz })
    let usual = norms.0 > 0 && norms.1 > 0 ? norms.0 / norms.1 : 1
    let floor = y.numbers.precision == .double ? 1e-14 : 1e-6
    var iteration = ComposedADMM<Op>(
      self, penalty: settings.penalty ?? split?.penalty ?? usual, tolerance: 1e-4, relaxation: settings.relaxation)
    let K = iteration.solve.D
    var state = iteration.initialState(start)
    if let split, split.z.width == K.codomainShape[0] {
      state.z = split.z
      state.multiplier = 1 / iteration.solve.penalty * split.multiplier
    } else {
      state.z = 0 * K.forward(start)
    }
    var (rule, ending, trace, k) = (PenaltyRule(), Ending.budget, [TracePoint](), 0)
    let scale = back.norm
    repeat {
      k += 1
      let (old, ρ, α) = (state, iteration.solve.penalty, settings.relaxation)
      state = iteration.step(old, measurement: y, recording: false)
      // x of the iteration before, z and β make a triple whose gradient is ρ Kᴴ((α − 1)(K x − z₋) − (z − z₋)), the x-update exact.
      let c = K.forward(old.x)
      let gap = c - state.z
      let pull = ρ * K.adjoint(state.multiplier).norm
      let defect = ρ * K.adjoint((α - 1) * (c - old.z) - (state.z - old.z)).norm
      let primal = gap.norm / max(c.norm, state.z.norm, .leastNormalMagnitude)
      let dual = k == 1 ? 1 : defect / max(scale, pull, .leastNormalMagnitude)
      if settings.isTraced { trace.append(tracePoint(k, estimate(state), y, primal: gap.norm, dual: defect)) }
      if !primal.isFinite || !dual.isFinite {
        ending = .notFinite
      } else if max(primal, dual) <= settings.tolerance && k > 1 {
        ending = .residuals
      }
      let next = settings.adaptsPenalty ? rule.penalty(ρ, at: k, primal: primal, dual: dual) : ρ
      if next != ρ { state.multiplier = (ρ / next) * state.multiplier }
      iteration = iteration.with(penalty: next, tolerance: min(1e-4, max(0.05 * min(primal, dual), floor)))
    } while ending == .budget && k < settings.maximumIterations ?? 1_000
    let kept = SplitState(z: state.z, multiplier: iteration.solve.penalty * state.multiplier, penalty: iteration.solve.penalty)
    return solution(.admm, estimate(state), y, iterations: k, ending, trace: trace, split: kept)
  }

  /// z of the priors on the signal itself, which is sparse and within its bounds, else x.
  private func estimate(_ state: ComposedADMM<Op>.State) -> Signal {
    let ranges = StackedAnalysis(blocks.map(\.analysis).isEmpty ? [AnalysisMap(.identity, on: layout)] : blocks.map(\.analysis))
      .ranges
    let own = blocks.indices.filter { if case .identity = blocks[$0].analysis.kind { true } else { false } }
    guard let first = own.first(where: { blocks[$0].penalty.isBounded }) ?? own.first else { return state.x }
    return blocks[first].analysis.adjoint(channels(state.z, ranges[first]))
  }
}
