// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An operator on real arrays whose type does not matter: networks that run on a sinogram, on coils or on electrodes are of one type.
public struct AnyOperator: LinearOperator {
  public let A: any LinearOperator<Tensor, Tensor>
  public init(_ A: any LinearOperator<Tensor, Tensor>) { self.A = A }

  public func forward(_ x: Tensor) -> Tensor { A.forward(x) }
  public func adjoint(_ y: Tensor) -> Tensor { A.adjoint(y) }
  public var lipschitz: Double { A.lipschitz }
}
