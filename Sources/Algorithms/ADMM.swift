// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import _Differentiation

/// The alternating direction method of multipliers for min ½‖A x − y‖² + g(D x), with scaled multipliers β:
///
///     x⁽ᵏ⁺¹⁾ = argmin ½‖A x − y‖² + (ρ/2)‖D x − (z⁽ᵏ⁾ − β⁽ᵏ⁾)‖²
///     z⁽ᵏ⁺¹⁾ = prior(D x⁽ᵏ⁺¹⁾ + β⁽ᵏ⁾)                        soft threshold λ/ρ for g = λ‖·‖₁
///     β⁽ᵏ⁺¹⁾ = β⁽ᵏ⁾ + η (D x⁽ᵏ⁺¹⁾ − z⁽ᵏ⁺¹⁾)                  0 < η < (1 + √5)/2
///
/// starting at z = β = 0. Splitting I has the analysis operator D in the constraint (Deep ADMM-Net's z_l = D_l x). Splitting II has
/// z = x, D the identity, and the prior step is ``InnerGradientDescent`` through D (ADMM-CSNet's). Source: Yang, Sun, Li & Xu (2016, 2020).
public struct ADMM<Op: LinearOperator, Analysis: LinearOperator, Solver: NormalEquationSolver, Prior: PriorStep>: Iteration
where Op.Domain == Analysis.Domain, Solver.Signal == Op.Domain, Prior.Signal == Analysis.Codomain {
  public typealias Signal = Op.Domain
  public typealias Measurement = Op.Codomain

  public struct State: Differentiable {
    public var x: Signal
    public var z: Analysis.Codomain
    /// β = α/ρ.
    public var multiplier: Analysis.Codomain
    public var penalty: Double
    /// z of the stage before, for the dual residual.
    @noDerivative public var previousZ: Analysis.Codomain
    @differentiable(reverse,wrt: (x, z, multiplier, penalty))
    public init(
      x: Signal, z: Analysis.Codomain, multiplier: Analysis.Codomain, penalty: Double, previousZ: Analysis.Codomain
    ) {
      self.x = x
      self.z = z
      self.multiplier = multiplier
      self.penalty = penalty
      self.previousZ = previousZ
    }
  }

  /// The x-update with its penalty ρ.
  public var solve: RegularisedLeastSquares<Op, Analysis, Solver>
  public var prior: Prior
  /// η.
  public var updateRate: Double

  public init(solve: RegularisedLeastSquares<Op, Analysis, Solver>, prior: Prior, updateRate: Double = 1) {
    self.solve = solve
    self.prior = prior
    self.updateRate = updateRate
  }

  /// D.
  public var analysis: Analysis { solve.D }

  @differentiable(reverse)
  public func initialState(_ x: Signal) -> State { State(x: x, z: .zero, multiplier: .zero, penalty: 0, previousZ: .zero) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Signal { s.x }
  @differentiable(reverse)
  public func penalty(_ s: State) -> Double { s.penalty }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Measurement, recording: Bool) -> State {
    let x = solve(y, s.z - s.multiplier)
    let c = solve.D(x)
    let output = prior(c + s.multiplier, recording: recording)
    let multiplier = s.multiplier + updateRate * (c - output.value)
    return State(
      x: x, z: output.value, multiplier: multiplier, penalty: s.penalty + output.penalty, previousZ: withoutDerivative(at: s.z))
  }

  /// ‖D x − z‖ and ρ ‖Dᴴ(z − z_previous)‖: both fall to 0 as ADMM converges.
  public func residuals(_ s: State) -> (primal: Double, dual: Double) {
    ((analysis.forward(s.x) - s.z).norm, solve.penalty * analysis.adjoint(s.z - s.previousZ).norm)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    solve.visitParameters(&gradient.solve, path, visit)
    prior.visitParameters(&gradient.prior, path + "prior.", visit)
    visit(path + "updateRate", &updateRate, &gradient.updateRate)
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

  @differentiable(reverse,wrt: (self, u))
  public func callAsFunction(_ u: Analysis.Domain, recording: Bool) -> PriorOutput<Analysis.Domain> {
    var z = u
    var penalty = 0.0
    for _ in 0..<steps {
      let c = D(z)
      let output = shrinkage(c, recording: recording)
      z = z + pull * (u - z) - weight * D.H(c - output.value)
      penalty = penalty + output.penalty
    }
    return PriorOutput(value: z, penalty: penalty)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    shrinkage.visitParameters(&gradient.shrinkage, path + "shrinkage.", visit)
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "pull", &pull, &gradient.pull)
  }
}

extension ADMM
where Op == Matrix, Analysis == Identity<Tensor>, Solver == CholeskySolver, Prior == SoftThreshold {
  /// For a sparse-coding problem, z = Z: threshold α/ρ.
  public init(_ problem: SparseCoding, penalty: Double, updateRate: Double = 1) {
    self.init(
      solve: RegularisedLeastSquares(
        problem.dictionary, Identity(), solver: CholeskySolver(problem.dictionary), penalty: penalty),
      prior: SoftThreshold(threshold: problem.alpha / penalty), updateRate: updateRate)
  }
}
