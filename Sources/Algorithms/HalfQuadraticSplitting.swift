// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// Half-quadratic splitting for min ½‖A x − y‖² + g(x), with z held to x by a penalty:
///
///     z⁽ᵏ⁾ = prior(x⁽ᵏ⁾)                                      the proximal map of g/ρ, a denoiser, a learned network
///     x⁽ᵏ⁺¹⁾ = argmin ½‖A x − y‖² + (ρ/2)‖x − z⁽ᵏ⁾‖²
///
/// ADMM without multipliers. With a prior that does nothing it is the proximal-point iteration for least squares. Source: Geman & Yang, IEEE
/// Trans. Image Process. 4 (1995); with denoisers Zhang, Zuo, Gu & Zhang, CVPR 2017.
public struct HalfQuadraticSplitting<Reconstruct: ReconstructionStep, Prior: PriorStep>: Iteration
where Reconstruct.Split == Reconstruct.Signal, Prior.Signal == Reconstruct.Signal {
  public typealias Signal = Reconstruct.Signal
  public typealias Measurement = Reconstruct.Measurement

  public struct State: Differentiable {
    public var x: Signal
    public var recorded: Double
    @differentiable(reverse,wrt: (x, recorded))
    public init(x: Signal, recorded: Double) {
      self.x = x
      self.recorded = recorded
    }
  }

  /// The x-update with its penalty ρ.
  public var solve: Reconstruct
  public var prior: Prior

  @differentiable(reverse)
  public init(solve: Reconstruct, prior: Prior) {
    self.solve = solve
    self.prior = prior
  }

  @differentiable(reverse)
  public func initialState(_ x: Signal) -> State { State(x: x, recorded: 0) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Signal { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { s.recorded }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Measurement, recording: Bool) -> State {
    let output = prior(s.x, recording: recording)
    let x = solve(y, pulledTo: output.value, near: withoutDerivative(at: s.x))
    return State(x: x, recorded: s.recorded + output.recorded)
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Signal) -> Double { prior.asymmetry(x) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    solve.visitParameters(&gradient.solve, path, visit)
    prior.visitParameters(&gradient.prior, path + "prior.", visit)
  }
}

/// argmin ½‖A x − y‖² + (ρ/2)‖x − u‖² with a ρ that training keeps positive. Differentiated implicitly, as ``RegularisedLeastSquares``.
public struct PositivelyRegularised<Op: LinearOperator>: ReconstructionStep {
  @noDerivative public let A: Op
  @noDerivative public let solver: OperatorSolver<Op>
  /// ρ.
  public var penalty: Positive

  public init(_ A: Op, solver: OperatorSolver<Op>, penalty: Double) {
    (self.A, self.solver, self.penalty) = (A, solver, Positive(penalty))
  }

  @differentiable(reverse,wrt: (self, y, u))
  public func callAsFunction(_ y: Op.Codomain, pulledTo u: Op.Domain, near x: Op.Domain) -> Op.Domain {
    RegularisedLeastSquares(A, Identity<Op.Domain>(), solver: solver, penalty: penalty.value)(y, pulledTo: u, near: x)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    penalty.visitParameters(&gradient.penalty, path + "penalty.", visit)
  }
}
