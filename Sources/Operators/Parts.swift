// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A real operator on complex arrays, real and imaginary part each for itself: A (u + i v) = A u + i A v. The adjoint is Aᵀ on both
/// parts, the norm that of A.
public struct OnParts<Op: LinearOperator>: LinearOperator where Op.Domain == Tensor, Op.Codomain == Tensor {
  public let A: Op
  public init(_ A: Op) { self.A = A }

  public func forward(_ x: ComplexTensor) -> ComplexTensor {
    x.isShapelessZero ? x : ComplexTensor(real: A.forward(x.real), imaginary: A.forward(x.imaginary))
  }
  public func adjoint(_ y: ComplexTensor) -> ComplexTensor {
    y.isShapelessZero ? y : ComplexTensor(real: A.adjoint(y.real), imaginary: A.adjoint(y.imaginary))
  }
  public var lipschitz: Double { A.lipschitz }
}

/// An operator on complex images, given real ones: x ↦ A (x + 0 i). The adjoint is Re Aᴴ: what a real image takes from the measurement.
public struct OnReal<Op: LinearOperator>: LinearOperator where Op.Domain == ComplexTensor {
  public let A: Op
  public init(_ A: Op) { self.A = A }

  public func forward(_ x: Tensor) -> Op.Codomain { A.forward(complex(x)) }
  public func adjoint(_ y: Op.Codomain) -> Tensor { A.adjoint(y).real }
  /// That of A: an upper bound.
  public var lipschitz: Double { A.lipschitz }
}
