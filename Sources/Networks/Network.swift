// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// A network from measurements to signals, whatever their spaces and whatever it is made of: what can be trained, saved and run by name.
public protocol Network<Measurement, Signal>: Parameterized {
  associatedtype Measurement: VectorSpace
  associatedtype Signal: VectorSpace
  /// Number of stages; 1 for a feed-forward encoder.
  var depth: Int { get }
  /// The estimate after the first `stages` stages (an encoder has only one).
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func callAsFunction(_ y: Measurement, stages: Int) -> Signal
  /// The estimate, and what the stages left for the training loss when `recording`; `recomputing` says what the backward pass computes
  /// again in the place of keeping it.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func run(_ y: Measurement, recording: Bool, recomputing: Recomputation) -> NetworkOutput<Signal>
  /// The estimates after every stage, for plots. Not differentiable.
  func trace(_ y: Measurement) -> [Signal]
  /// How far the learned transforms are from having the left inverses that go with them, on signals `x`: a sum over stages; 0 for
  /// networks without any.
  @differentiable(reverse,wrt: self)
  func asymmetry(_ x: Signal) -> Double
  /// The network with the population statistics of these measurements of the training set in its buffers: what a network that is
  /// trained with the statistics of batches needs before it is run. Any other is left as it is. Not differentiable.
  func calibrated(on y: Measurement) -> Self
}

/// A network from real arrays to real arrays.
public typealias TensorNetwork = Network<Tensor, Tensor>

// Disfavoured, so that a concrete network's own come before them.
extension Network {
  @_disfavoredOverload @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Measurement, recording: Bool, recomputing: Recomputation) -> NetworkOutput<Signal> {
    let stages = withoutDerivative(at: depth)
    return NetworkOutput(estimate: self(y, stages: stages), recorded: 0, depth: stages)
  }
  @_disfavoredOverload public func trace(_ y: Measurement) -> [Signal] { [self(y, stages: depth)] }
  @_disfavoredOverload @differentiable(reverse,wrt: self)
  public func asymmetry(_ x: Signal) -> Double { 0 }
  @_disfavoredOverload public func calibrated(on y: Measurement) -> Self { self }

  /// The estimate, and what the stages left for the training loss when `recording`.
  @_disfavoredOverload @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Measurement, recording: Bool) -> NetworkOutput<Signal> {
    run(y, recording: recording, recomputing: .nothing)
  }
}

extension Network where Measurement: Batched, Signal: Batched {
  /// The estimate of the whole network, samples spread over the threads. Not differentiable.
  public func predict(_ y: Measurement, samplesAtATime: Int = 125) -> Signal {
    predict(y, stages: depth, samplesAtATime: samplesAtATime)
  }

  /// The estimate after the first `stages` stages, depth first: a group of samples goes through all stages while it is in cache.
  public func predict(_ y: Measurement, stages: Int, samplesAtATime: Int = 125) -> Signal {
    guard y.sampleCount > samplesAtATime else { return self(y, stages: stages) }
    return Signal.concatenatedGroups(count: y.sampleCount, size: samplesAtATime) { self(y.rows($0), stages: stages) }
  }
}

extension Unrolled: Network {}
