// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// The measurement as it is.
public struct AsMeasured<Space: VectorSpace>: Encoder {
  public init() {}
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Space) -> Space { y }
}

/// b = W_e y: LISTA's encoder, learned. At ISTA: W_e = Aᵀ/L.
public struct LinearEncoder: Encoder {
  /// W_e, m × n.
  public var weight: Tensor
  public init(weight: Tensor) { self.weight = weight }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor) -> Tensor { linear(y, weight) }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// b = Q y with Q fixed.
public struct FixedEncoder<Op: LinearOperator>: Encoder {
  @noDerivative public let Q: Op
  public init(_ Q: Op) { self.Q = Q }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Domain) -> Op.Codomain { Q(y) }
}

/// b = Aᴴ y with A fixed: coordinate descent's.
public typealias AdjointEncoder<Op: LinearOperator> = FixedEncoder<Adjoint<Op>>

/// x⁽⁰⁾ = 0.
public struct ZeroStart<Measurement: VectorSpace, Signal: VectorSpace>: InitialMap {
  public init() {}
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Measurement) -> Signal { withoutDerivative(at: Signal.zero) }
}

/// x⁽⁰⁾ = Q y with Q fixed, such as the least-squares fit of training signals by their measurements.
public struct FixedStart<Op: LinearOperator>: InitialMap {
  @noDerivative public let Q: Op
  public init(_ Q: Op) { self.Q = Q }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Domain) -> Op.Codomain { Q(y) }
}

/// The last estimate as it is.
public struct AsEstimated<Measurement: VectorSpace, Signal: VectorSpace>: OutputMap {
  public init() {}
  @differentiable(reverse,wrt: (self, x)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Signal, measurement y: Measurement) -> Signal { x }
}
