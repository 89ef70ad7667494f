// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// A network from real arrays to real arrays, whatever it is made of: what can be trained, saved and run by name.
public protocol TensorNetwork: Parameterized {
  /// Number of stages; 1 for a feed-forward encoder.
  var depth: Int { get }
  /// The estimate from measurements `[…, n]` after the first `stages` stages (an encoder has only one).
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func callAsFunction(_ y: Tensor, stages: Int) -> Tensor
  /// The estimate, and what the stages left for the training loss when `recording`.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func run(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor>
  /// The same with less memory: the backward pass recomputes the stages.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func recomputing(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor>
  /// The estimates after every stage, for plots. Not differentiable.
  func trace(_ y: Tensor) -> [Tensor]
  /// How far the learned transforms are from having the left inverses that go with them, on signals `x`: a sum over stages; 0 for
  /// networks without any.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  func asymmetry(_ x: Tensor) -> Double
  /// The network with the population statistics of these measurements of the training set in its buffers: what a network that is
  /// trained with the statistics of batches needs before it is run. Any other is left as it is. Not differentiable.
  func calibrated(on y: Tensor) -> Self
}

// Disfavoured, so that a concrete network's own come before them.
extension TensorNetwork {
  @_disfavoredOverload @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> {
    let stages = withoutDerivative(at: depth)
    return NetworkOutput(estimate: self(y, stages: stages), penalty: 0, depth: stages)
  }
  @_disfavoredOverload @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func recomputing(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> { run(y, recording: recording) }
  @_disfavoredOverload public func trace(_ y: Tensor) -> [Tensor] { [self(y, stages: depth)] }
  @_disfavoredOverload @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Tensor) -> Double { 0 }
  @_disfavoredOverload public func calibrated(on y: Tensor) -> Self { self }

  /// The estimate of the whole network, samples spread over the threads. Not differentiable.
  public func predict(_ y: Tensor, samplesAtATime: Int = 125) -> Tensor {
    predict(y, stages: depth, samplesAtATime: samplesAtATime)
  }

  /// The estimate after the first `stages` stages, depth first: a group of samples goes through all stages while it is in cache.
  public func predict(_ y: Tensor, stages: Int, samplesAtATime: Int = 125) -> Tensor {
    guard y.shape.count > 1, y.shape[0] > samplesAtATime else { return self(y, stages: stages) }
    return Tensor.concatenatedGroups(count: y.shape[0], size: samplesAtATime) { self(y.rows($0), stages: stages) }
  }
}

extension Unrolled: TensorNetwork where Encode.Measurement == Tensor, Stages.Stage.Signal == Tensor, Output.Estimate == Tensor {
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func recomputing(_ y: Tensor, recording: Bool) -> NetworkOutput<Tensor> { checkpointed(y, every: 1, recording: recording) }
}
