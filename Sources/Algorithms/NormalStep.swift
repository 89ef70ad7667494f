// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// x − μ (P x − c): a gradient step on normal equations P x = c, whose right-hand side c = Q b was made of the measurement b before.
///
/// With P = AᴴA and Q = Aᴴ it is ``GradientStep``, with P = W̃ᵀ A and Q = W̃ᵀ the step of FISTA-Net. μ is learned.
public struct NormalStep<Op: LinearOperator>: DataStep where Op.Domain == Op.Codomain {
  @noDerivative public let P: Op
  /// μ.
  public var stepSize: Double
  @differentiable(reverse,wrt: stepSize)
  public init(_ P: Op, stepSize: Double) {
    self.P = P
    self.stepSize = stepSize
  }
  @differentiable(reverse,wrt: (x, c)) @differentiable(reverse,wrt: (self, x, c))
  public func callAsFunction(_ x: Op.Domain, measurement c: Op.Domain) -> Op.Domain { x - stepSize * (P(x) - c) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "stepSize", &stepSize, &gradient.stepSize)
  }
}
