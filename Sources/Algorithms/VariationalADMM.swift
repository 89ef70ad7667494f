// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
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
    Analysis == FixedAnalysis<StackedAnalysis<Op.Domain>>, Splitting == ProximalSplit<BlockShrinkage>
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
    Analysis == FixedAnalysis<StackedAnalysis<Op.Domain>>, Splitting == ProximalSplit<BlockShrinkage>
  {
    var (other, solver) = (self, solve.solver)
    solver.tolerance = tolerance
    other.solve = RegularisedLeastSquares(solve.A, solve.D, solver: solver, penalty: penalty)
    other.split.prior = BlockShrinkage(split.prior.penalties, ranges: split.prior.ranges, stepSize: 1 / penalty)
    return other
  }
}

/// When ρ changes: every 10 iterations to the 100th, then ever more rarely, so that the last run of one ρ is long.
///
/// By ρ ← ρ √(primal / (10 dual)), both residuals relative, within [1/10, 10] and where that is not within 2 of 1. The 10 is measured: of
/// denoising and deblurring with total variation, each with weights over two decades, the objective after 1 000 iterations was within
/// 2e-5 of its least value, against 3e-3 with 1 and 5e-4 with 100. Sources: Boyd, Parikh, Chu, Peleato & Eckstein (2011), §3.4.1; Wohlberg,
/// ADMM penalty parameter selection by residual balancing (2017).
private struct PenaltyRule {
  var next = 10
  mutating func penalty(_ ρ: Double, at k: Int, primal: Double, dual: Double) -> Double {
    guard k >= next else { return ρ }
    next = k < 100 ? k + 10 : k + k / 2
    guard primal > 0, dual > 0 else { return ρ }
    let factor = (0.1 * primal / dual).squareRoot()
    return max(factor, 1 / factor) > 1.4 ? ρ * min(max(factor, 0.1), 10) : ρ
  }
}

extension VariationalProblem {
  func runADMM(
    _ y: Measurement, _ back: Signal, from start: Signal, _ split: SplitState?, _ settings: VariationalSettings
  ) -> VariationalSolution<Signal> {
    let floor = y.numbers.precision == .double ? 1e-14 : 1e-6
    var iteration = ComposedADMM<Op>(
      self, penalty: settings.penalty ?? split?.penalty ?? usualPenalty(back), tolerance: 1e-4, relaxation: settings.relaxation)
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
    let budget = settings.maximumIterations ?? 1_000
    repeat {
      k += 1
      Work.report("iteration", k, of: budget, isAtMost: true)
      let (old, ρ, α) = (state, iteration.solve.penalty, settings.relaxation)
      state = iteration.step(old, measurement: y, recording: false)
      // x of the iteration before, z and β make a triple whose gradient is ρ Kᴴ((α − 1)(K x − z₋) − (z − z₋)), the x-update exact.
      let c = K.forward(old.x)
      let gap = c - state.z
      let pull = ρ * K.adjoint(state.multiplier).norm
      let defect = ρ * K.adjoint((α - 1) * (c - old.z) - (state.z - old.z)).norm
      let primal = gap.norm / max(c.norm, state.z.norm, 0.1 * K.lipschitz.squareRoot() * state.x.norm, .leastNormalMagnitude)
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
    } while ending == .budget && k < budget
    let kept = SplitState(z: state.z, multiplier: iteration.solve.penalty * state.multiplier, penalty: iteration.solve.penalty)
    return solution(.admm, estimate(state), y, iterations: k, ending, trace: trace, split: kept)
  }

  /// ρ = 5 λ / rms(K Aᴴy/‖A‖²), so that the first thresholds λ/ρ are a fifth of the numbers they meet; ‖A‖²/‖K‖² where no prior has a threshold.
  private func usualPenalty(_ back: Signal) -> Double {
    let L = A.lipschitz
    let scales: [Double] = blocks.map { block in
      let c = block.analysis.forward(back)
      return 5 * max(block.penalty.l1, block.penalty.group) * L * Double(c.count).squareRoot() / c.norm
    }
    if let most = scales.filter({ $0.isFinite && $0 > 0 }).max() { return most }
    let norm = blocks.reduce(0) { $0 + $1.analysis.lipschitz }
    return L > 0 && norm > 0 ? L / norm : 1
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
