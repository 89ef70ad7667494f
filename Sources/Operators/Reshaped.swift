// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An operator whose signals and measurements are seen under other extents: `[…] + domainShape` to `[…] + codomainShape`, flattened and
/// row-major for A. A matrix of h w columns measures images `[…, h, w]`.
public struct Reshaped<Op: LinearOperator>: LinearOperator where Op.Domain == Tensor, Op.Codomain == Tensor {
  public let A: Op
  public let domainShape: [Int]
  public let codomainShape: [Int]

  /// - Parameters: extents of as many numbers as those of `A`, which are taken where none are given.
  public init(_ A: Op, domain: [Int]? = nil, codomain: [Int]? = nil) {
    (self.A, domainShape, codomainShape) = (A, domain ?? A.domainShape, codomain ?? A.codomainShape)
    precondition(
      domainShape.reduce(1, *) == A.domainShape.reduce(1, *) && codomainShape.reduce(1, *) == A.codomainShape.reduce(1, *),
      "an operator from \(A.domainShape) to \(A.codomainShape) seen from \(domainShape) to \(codomainShape)")
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.seen(from: domainShape, as: A.domainShape) { A.forward($0) }.seen(from: A.codomainShape, as: codomainShape) { $0 }
  }
  public func adjoint(_ y: Tensor) -> Tensor {
    y.seen(from: codomainShape, as: A.codomainShape) { A.adjoint($0) }.seen(from: A.domainShape, as: domainShape) { $0 }
  }
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor {
    b.seen(from: domainShape, as: A.domainShape) { A.solveNormalEquations($0, penalty: penalty) }
      .seen(from: A.domainShape, as: domainShape) { $0 }
  }
  public var lipschitz: Double { A.lipschitz }
}

extension Tensor {
  /// `body` of `[…] + from` as `[…] + to`.
  fileprivate func seen(from: [Int], as to: [Int], _ body: (Tensor) -> Tensor) -> Tensor {
    if isShapelessZero { return body(self) }
    precondition(shape.suffix(from.count) == from[...], "a tensor of shape \(shape); expected […] + \(from)")
    return body(reshaped(shape.dropLast(from.count) + to))
  }
}
