// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// x − ρ Aᴴ(A x − y): a gradient step on ½‖A x − y‖². ISTA: 0 < ρ < 2 / `A.lipschitz`; ISTA-Net and Step-LISTA learn ρ.
public struct GradientStep<Op: LinearOperator>: DataStep {
  @noDerivative public let A: Op
  /// ρ.
  public var stepSize: Double
  @differentiable(reverse,wrt: stepSize)
  public init(_ A: Op, stepSize: Double) {
    self.A = A
    self.stepSize = stepSize
  }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Op.Domain, measurement y: Op.Codomain) -> Op.Domain { x - stepSize * A.H(A(x) - y) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "stepSize", &stepSize, &gradient.stepSize)
  }
}

/// S x + b: the affine step of LISTA on an encoded measurement b = W_e y, with S learned. At ISTA: S = I − AᵀA/L.
public struct RecurrentStep: DataStep {
  /// S, m × m.
  public var recurrence: Tensor
  public init(recurrence: Tensor) { self.recurrence = recurrence }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Tensor) -> Tensor { linear(x, recurrence, adding: y) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "recurrence", &recurrence, &gradient.recurrence)
  }
}

/// x + Wᵀ(b − A x): the coupled step of LISTA-CP, with W learned and A known. At ISTA: W = A/L.
public struct CoupledStep: DataStep {
  /// A, M × N.
  @noDerivative public let A: Matrix
  /// W, M × N.
  public var weight: Tensor
  public init(_ A: Matrix, weight: Tensor) {
    precondition(weight.shape == A.entries.shape, "a weight \(weight.shape) for a matrix \(A.entries.shape)")
    self.A = A
    self.weight = weight
  }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Tensor) -> Tensor { x + linearTransposed(y - A(x), weight) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// x + γ Wᵀ(b − A x) with W given: the step of ALISTA, where W is the analytic weight and γ is learned.
public struct WeightedStep<Back: LinearOperator>: DataStep where Back.Domain == Tensor, Back.Codomain == Tensor {
  /// A, M × N.
  @noDerivative public let A: Matrix
  /// Wᵀ is `W.H`.
  @noDerivative public let W: Back
  /// γ.
  public var stepSize: Double
  public init(_ A: Matrix, W: Back, stepSize: Double) {
    self.A = A
    self.W = W
    self.stepSize = stepSize
  }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Tensor) -> Tensor { x + stepSize * W.H(y - A(x)) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "stepSize", &stepSize, &gradient.stepSize)
  }
}

/// x + γ Wᵀ(b − A x) with both γ and W learned: the step of TiLISTA, whose stages share W.
public struct ScaledCoupledStep: DataStep {
  @noDerivative public let A: Matrix
  public var weight: Tensor
  public var stepSize: Double
  @differentiable(reverse,wrt: (weight, stepSize))
  public init(_ A: Matrix, weight: Tensor, stepSize: Double) {
    self.A = A
    self.weight = weight
    self.stepSize = stepSize
  }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Tensor) -> Tensor { x + stepSize * linearTransposed(y - A(x), weight) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "stepSize", &stepSize, &gradient.stepSize)
  }
}

/// (AᴴA + ρ)⁻¹(Aᴴ y + ρ x) = argmin ½‖A u − y‖² + (ρ/2)‖u − x‖²: the proximal map of the data term, which half-quadratic splitting takes in
/// the place of a gradient step. Differentiated implicitly, as ``RegularisedLeastSquares``.
public struct ProximalStep<Op: LinearOperator>: DataStep {
  @noDerivative public let A: Op
  @noDerivative public let solver: OperatorSolver<Op>
  /// ρ > 0.
  public var penalty: Double

  /// - Parameter solver: nil: as the operator does it.
  @differentiable(reverse,wrt: penalty)
  public init(_ A: Op, solver: OperatorSolver<Op>? = nil, penalty: Double) {
    self.A = A
    self.solver = solver ?? OperatorSolver(A)
    self.penalty = penalty
  }

  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Op.Domain, measurement y: Op.Codomain) -> Op.Domain {
    RegularisedLeastSquares(A, Identity<Op.Domain>(), solver: solver, penalty: penalty)(
      y, pulledTo: x, near: withoutDerivative(at: x))
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "penalty", &penalty, &gradient.penalty)
  }
}
