// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// A network from k-space to real images as one on real arrays: measurements are the pairs (real, imaginary) of k-space,
/// `[batch, h, w, 2]`, estimates `[batch, h, w]`.
public struct KSpaceNetwork<Encode: Encoder, Start: InitialMap, Stages: Schedule, Output: OutputMap>: TensorNetwork
where
  Encode.Measurement == ComplexTensor, Stages.Stage.Signal == Tensor, Encode.Encoded == Stages.Stage.Measurement,
  Start.Measurement == ComplexTensor, Start.Signal == Tensor, Output.Measurement == ComplexTensor, Output.Signal == Tensor,
  Output.Estimate == Tensor
{
  public var network: Unrolled<Encode, Start, Stages, Output>

  public init(_ network: Unrolled<Encode, Start, Stages, Output>) { self.network = network }

  public var depth: Int { network.depth }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor { network(ComplexTensor(pairs: y), stages: stages) }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> {
    network.run(ComplexTensor(pairs: y), recording: recording)
  }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func recomputing(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> {
    network.checkpointed(ComplexTensor(pairs: y), every: 1, recording: recording)
  }
  public func trace(_ y: Tensor) -> [Tensor] { network.trace(ComplexTensor(pairs: y)) }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Tensor) -> Double { network.asymmetry(x) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    network.visitParameters(&gradient.network, path, visit)
  }
}

/// A network from k-space to complex images as one on real arrays: measurements and estimates are pairs (real, imaginary),
/// `[batch, h, w, 2]`.
public struct ComplexKSpaceNetwork<Encode: Encoder, Start: InitialMap, Stages: Schedule, Output: OutputMap>: TensorNetwork
where
  Encode.Measurement == ComplexTensor, Stages.Stage.Signal == ComplexTensor, Encode.Encoded == Stages.Stage.Measurement,
  Start.Measurement == ComplexTensor, Start.Signal == ComplexTensor, Output.Measurement == ComplexTensor,
  Output.Signal == ComplexTensor, Output.Estimate == ComplexTensor
{
  public var network: Unrolled<Encode, Start, Stages, Output>

  public init(_ network: Unrolled<Encode, Start, Stages, Output>) { self.network = network }

  public var depth: Int { network.depth }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor { pairs(network(ComplexTensor(pairs: y), stages: stages)) }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> {
    let output = network.run(ComplexTensor(pairs: y), recording: recording)
    return NetworkOutput(estimate: pairs(output.estimate), penalty: output.penalty, depth: withoutDerivative(at: network.depth))
  }
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func recomputing(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> {
    let output = network.checkpointed(ComplexTensor(pairs: y), every: 1, recording: recording)
    return NetworkOutput(estimate: pairs(output.estimate), penalty: output.penalty, depth: withoutDerivative(at: network.depth))
  }
  public func trace(_ y: Tensor) -> [Tensor] { network.trace(ComplexTensor(pairs: y)).map(\.pairs) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    network.visitParameters(&gradient.network, path, visit)
  }
}
