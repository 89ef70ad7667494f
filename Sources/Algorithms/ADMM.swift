// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import _Differentiation

/// The x-update of ADMM: what agrees with the measurement and, as far as the penalty asks, with u = z − β.
public protocol ReconstructionStep: Parameterized {
  associatedtype Signal: VectorSpace
  associatedtype Measurement: VectorSpace
  associatedtype Split: VectorSpace
  /// x is close to the result, for solvers that iterate; the result does not depend on it.
  @differentiable(reverse,wrt: (self, y, u))
  func callAsFunction(_ y: Measurement, pulledTo u: Split, near x: Signal) -> Signal
}

/// c = D x, D given or learned.
public protocol AnalysisStep: Parameterized {
  associatedtype Signal: VectorSpace
  associatedtype Split: VectorSpace
  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Signal) -> Split
}

/// What follows D x in a stage of ADMM: z = prior(D x + β) and β' = β + η (D x − z), with one η or several, and z − β', what the next x is
/// pulled to.
public protocol SplitStep: Parameterized {
  associatedtype Split: VectorSpace
  @differentiable(reverse,wrt: (self, c, multiplier))
  func callAsFunction(_ c: Split, multiplier: Split, recording: Bool) -> SplitOutput<Split>
}

/// The alternating direction method of multipliers for min ½‖A x − y‖² + g(D x), with scaled multipliers β:
///
///     z⁽ᵏ⁾ = prior(D x⁽ᵏ⁾ + β⁽ᵏ⁻¹⁾)                          soft threshold λ/ρ for g = λ‖·‖₁
///     β⁽ᵏ⁾ = β⁽ᵏ⁻¹⁾ + η (D x⁽ᵏ⁾ − z⁽ᵏ⁾)                      0 < η < (1 + √5)/2
///     x⁽ᵏ⁺¹⁾ = argmin ½‖A x − y‖² + (ρ/2)‖D x − (z⁽ᵏ⁾ − β⁽ᵏ⁾)‖²
///
/// from x⁽⁰⁾ and β = 0. Over-relaxed, α D x⁽ᵏ⁾ + (1 − α) z⁽ᵏ⁻¹⁾ stands for D x⁽ᵏ⁾ in the first two lines, 1 ≤ α < 2 (Eckstein & Bertsekas
/// 1992). From x⁽⁰⁾ = 0 the first x is argmin ½‖A x − y‖² + (ρ/2)‖D x‖², where published accounts begin.
/// Splitting I has the analysis operator D in the constraint (Deep ADMM-Net's z_l = D_l x). Splitting II has z = x, D the identity,
/// and the prior step is ``InnerGradientDescent`` through D (ADMM-CSNet's). Source: Yang, Sun, Li & Xu (2016, 2020).
public struct ADMM<Reconstruct: ReconstructionStep, Analysis: AnalysisStep, Splitting: SplitStep>: Iteration
where Analysis.Signal == Reconstruct.Signal, Analysis.Split == Reconstruct.Split, Splitting.Split == Reconstruct.Split {
  public typealias Signal = Reconstruct.Signal
  public typealias Measurement = Reconstruct.Measurement
  public typealias Split = Reconstruct.Split

  public struct State: Differentiable {
    public var x: Signal
    public var z: Split
    /// β = α/ρ.
    public var multiplier: Split
    public var recorded: Double
    /// z of the stage before, for the dual residual.
    @noDerivative public var previousZ: Split
    @differentiable(reverse,wrt: (x, z, multiplier, recorded))
    public init(x: Signal, z: Split, multiplier: Split, recorded: Double, previousZ: Split) {
      self.x = x
      self.z = z
      self.multiplier = multiplier
      self.recorded = recorded
      self.previousZ = previousZ
    }
  }

  /// The x-update with its penalty ρ.
  public var solve: Reconstruct
  /// D.
  public var analysis: Analysis
  /// The prior and the multiplier's step.
  public var split: Splitting
  /// α.
  @noDerivative public var relaxation = 1.0

  @differentiable(reverse)
  public init(solve: Reconstruct, analysis: Analysis, split: Splitting) {
    self.solve = solve
    self.analysis = analysis
    self.split = split
  }

  @differentiable(reverse)
  public func initialState(_ x: Signal) -> State { State(x: x, z: .zero, multiplier: .zero, recorded: 0, previousZ: .zero) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Signal { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { s.recorded }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Measurement, recording: Bool) -> State {
    let exact = analysis(s.x)
    let c = relaxation == 1 ? exact : relaxation * exact + (1 - relaxation) * s.z
    let next = split(c, multiplier: s.multiplier, recording: recording)
    let x = solve(y, pulledTo: next.pull, near: withoutDerivative(at: s.x))
    return State(
      x: x, z: next.z, multiplier: next.multiplier, recorded: s.recorded + next.recorded, previousZ: withoutDerivative(at: s.z))
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    solve.visitParameters(&gradient.solve, path, visit)
    analysis.visitParameters(&gradient.analysis, path + "analysis.", visit)
    split.visitParameters(&gradient.split, path, visit)
  }
}

/// ADMM with operators A and D that are given, one penalty and one rate.
public typealias ClassicalADMM<Op: LinearOperator, Analysis: LinearOperator, Solver: NormalEquationSolver, Prior: PriorStep> = ADMM<
  RegularisedLeastSquares<Op, Analysis, Solver>, FixedAnalysis<Analysis>, ProximalSplit<Prior>
> where Op.Domain == Analysis.Domain, Solver.Signal == Op.Domain, Prior.Signal == Analysis.Codomain

extension ADMM {
  public init<Op, D, Solver, Prior>(solve: RegularisedLeastSquares<Op, D, Solver>, prior: Prior, updateRate: Double = 1)
  where Reconstruct == RegularisedLeastSquares<Op, D, Solver>, Analysis == FixedAnalysis<D>, Splitting == ProximalSplit<Prior> {
    self.init(solve: solve, analysis: FixedAnalysis(solve.D), split: ProximalSplit(prior: prior, rate: updateRate))
  }

  /// ‖D x − z‖ and ρ ‖Dᴴ(z − z_previous)‖: both fall to 0 as ADMM converges.
  public func residuals<Op, D, Solver>(_ s: State) -> (primal: Double, dual: Double)
  where Reconstruct == RegularisedLeastSquares<Op, D, Solver>, Analysis == FixedAnalysis<D> {
    ((solve.D.forward(s.x) - s.z).norm, solve.penalty * solve.D.adjoint(s.z - s.previousZ).norm)
  }
}

/// An operator that is given, in the place of a learned one.
public struct FixedAnalysis<Op: LinearOperator>: AnalysisStep {
  @noDerivative public let D: Op
  public init(_ D: Op) { self.D = D }
  @differentiable(reverse,wrt: (self, x))
  public func callAsFunction(_ x: Op.Domain) -> Op.Codomain { D(x) }
}

/// z by any map, and β + η (D x − z) with one η.
public struct ProximalSplit<Prior: PriorStep>: SplitStep {
  public var prior: Prior
  /// η.
  public var rate: Double

  @differentiable(reverse)
  public init(prior: Prior, rate: Double = 1) {
    self.prior = prior
    self.rate = rate
  }

  @differentiable(reverse,wrt: (self, c, multiplier))
  public func callAsFunction(_ c: Prior.Signal, multiplier: Prior.Signal, recording: Bool) -> SplitOutput<Prior.Signal> {
    let output = prior(c + multiplier, recording: recording)
    let next = multiplier + rate * (c - output.value)
    return SplitOutput(z: output.value, multiplier: next, pull: output.value - next, recorded: output.recorded)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    prior.visitParameters(&gradient.prior, path + "prior.", visit)
    visit(path + "updateRate", &rate, &gradient.rate)
  }
}

/// The z-update of splitting II: `steps` gradient steps on (ρ/2)‖z − u‖² + g_D(z) from z⁽⁰⁾ = u = x + β:
///
///     z ← μ₁ z + μ₂ u − weight · Dᴴ H(D z),   μ₁ + μ₂ = 1,   H(v) = v − shrinkage(v)
///
/// H is the gradient of the Moreau envelope of the penalty whose proximal map is the shrinkage. With one step, weight 1 and DᴴD = I
/// the update is the exact proximal map, and splitting II is splitting I.
public struct InnerGradientDescent<Analysis: LinearOperator, Shrinkage: PriorStep>: PriorStep
where Shrinkage.Signal == Analysis.Codomain {
  @noDerivative public let D: Analysis
  public var shrinkage: Shrinkage
  /// λ̃, the step along −Dᴴ H(D z).
  public var weight: Double
  /// μ₂: the pull towards u.
  public var pull: Double
  @noDerivative public let steps: Int

  public init(_ D: Analysis, shrinkage: Shrinkage, weight: Double = 1, pull: Double = 0, steps: Int = 1) {
    precondition(steps >= 1, "\(steps) inner steps; at least 1 is needed")
    self.D = D
    self.shrinkage = shrinkage
    self.weight = weight
    self.pull = pull
    self.steps = steps
  }

  @differentiable(reverse,wrt: u) @differentiable(reverse,wrt: (self, u))
  public func callAsFunction(_ u: Analysis.Domain, recording: Bool) -> PriorOutput<Analysis.Domain> {
    var z = u
    var penalty = 0.0
    for _ in 0..<steps {
      let c = D(z)
      let output = shrinkage(c, recording: recording)
      z = z + pull * (u - z) - weight * D.H(c - output.value)
      penalty = penalty + output.recorded
    }
    return PriorOutput(value: z, recorded: penalty)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    shrinkage.visitParameters(&gradient.shrinkage, path + "shrinkage.", visit)
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "pull", &pull, &gradient.pull)
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<Matrix, Identity<Tensor>, CholeskySolver>, Analysis == FixedAnalysis<Identity<Tensor>>,
  Splitting == ProximalSplit<SoftThreshold>
{
  /// For a sparse-coding problem, z = Z: threshold α/ρ.
  public init(_ problem: SparseCoding, penalty: Double, updateRate: Double = 1) {
    self.init(
      solve: RegularisedLeastSquares(
        problem.dictionary, Identity(), solver: CholeskySolver(problem.dictionary), penalty: penalty),
      prior: SoftThreshold(threshold: problem.alpha / penalty), updateRate: updateRate)
  }
}
