// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An operator between two spaces whose type does not matter: a network that runs on blocks, on a sinogram, on coils or on electrodes is of
/// one type.
public struct AnyOperator<Domain: VectorSpace, Codomain: VectorSpace>: LinearOperator {
  public let A: any LinearOperator<Domain, Codomain>
  public init(_ A: any LinearOperator<Domain, Codomain>) { self.A = A }

  public func forward(_ x: Domain) -> Codomain { A.forward(x) }
  public func adjoint(_ y: Codomain) -> Domain { A.adjoint(y) }
  public func normal(_ x: Domain) -> Domain { A.normal(x) }
  public var domainShape: [Int] { A.domainShape }
  public var codomainShape: [Int] { A.codomainShape }
  public var lipschitz: Double { A.lipschitz }
  public func solveNormalEquations(_ b: Domain, penalty: Double) -> Domain { A.solveNormalEquations(b, penalty: penalty) }
  public var solvesDirectly: Bool { A.solvesDirectly }
}
