// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A real operator on the parts of arrays, each for itself: A x of real ones, A (u + i v) = A u + i A v of complex ones. The adjoint is Aᵀ
/// on every part, the norm that of A.
public struct OnEachPart<Op: LinearOperator, Space: ImageSpace>: LinearOperator where Op.Domain == Tensor, Op.Codomain == Tensor {
  public let A: Op
  public init(_ A: Op) { self.A = A }

  public func forward(_ x: Space) -> Space {
    x.isShapelessZero ? x : Space(separateParts: x.separateParts.map(A.forward))
  }
  public func adjoint(_ y: Space) -> Space {
    y.isShapelessZero ? y : Space(separateParts: y.separateParts.map(A.adjoint))
  }
  public func solveNormalEquations(_ b: Space, penalty: Double) -> Space {
    b.isShapelessZero ? b : Space(separateParts: b.separateParts.map { A.solveNormalEquations($0, penalty: penalty) })
  }
  public var solvesDirectly: Bool { A.solvesDirectly }
  public var domainShape: [Int] { A.domainShape }
  public var codomainShape: [Int] { A.codomainShape }
  public var lipschitz: Double { A.lipschitz }
}

/// On the real and the imaginary part of complex arrays.
public typealias OnParts<Op: LinearOperator> = OnEachPart<Op, ComplexTensor> where Op.Domain == Tensor, Op.Codomain == Tensor

/// An operator on complex images, given real ones: x ↦ A (x + 0 i). The adjoint is Re Aᴴ: what a real image takes from the measurement.
public struct OnReal<Op: LinearOperator>: LinearOperator where Op.Domain == ComplexTensor {
  public let A: Op
  public init(_ A: Op) { self.A = A }

  public func forward(_ x: Tensor) -> Op.Codomain { A.forward(complex(x)) }
  public func adjoint(_ y: Op.Codomain) -> Tensor { A.adjoint(y).real }
  /// That of A: an upper bound.
  /// Re Fᴴ P F is diagonal in the half of k-space that says all of a real image; of other operators by conjugate gradients.
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor {
    (A as? MaskedFourier).map { b.solvingNormalEquations(of: $0.mask, penalty: penalty) } ?? iteratedSolve(b, penalty: penalty)
  }
  public var solvesDirectly: Bool { A is MaskedFourier }
  public var domainShape: [Int] { A.domainShape }
  public var codomainShape: [Int] { A.codomainShape }
  public var lipschitz: Double { A.lipschitz }
}
