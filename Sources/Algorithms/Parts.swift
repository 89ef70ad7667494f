// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// What an algorithm needs from the data: one step towards agreement with the measurement.
public protocol DataStep: Parameterized {
  associatedtype Signal: VectorSpace
  associatedtype Measurement: VectorSpace
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  func callAsFunction(_ x: Signal, measurement y: Measurement) -> Signal
}

/// What a prior step returns: the signal, and what it leaves for the training loss (0 unless recording).
public struct PriorOutput<Signal: VectorSpace>: Differentiable {
  public var value: Signal
  public var recorded: Double
  @differentiable(reverse,wrt: value) @differentiable(reverse)
  public init(value: Signal, recorded: Double) {
    self.value = value
    self.recorded = recorded
  }
}

/// What an algorithm needs from the prior: a proximal map or what is learned in its place.
public protocol PriorStep: Parameterized {
  associatedtype Signal: VectorSpace
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  func callAsFunction(_ r: Signal, recording: Bool) -> PriorOutput<Signal>
  /// How far a learned transform is from having its left inverse, on a signal: the mean of (F̃(F(x)) − x)²; 0 without one.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  func asymmetry(_ x: Signal) -> Double
}

extension PriorStep {
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Signal) -> Double { 0 }
}

/// How an algorithm goes beyond its last iterate: v = next + weight · (next − previous).
public protocol Extrapolation: Parameterized {
  associatedtype Signal: VectorSpace
  /// Decides, from values alone, the weight of this stage and the sequence's next t. Not differentiated: a decision.
  func decide(t: Double, next: Signal, previous: Signal, extrapolated v: Signal) -> (weight: Double, t: Double)
  /// v of the next stage, given what was decided.
  @differentiable(reverse,wrt: (self, next, previous))
  func callAsFunction(_ next: Signal, _ previous: Signal, weight: Double) -> Signal
}

/// A data step with its parameters frozen, by type: its gradient does not exist.
public struct FrozenData<Part: DataStep>: DataStep {
  @noDerivative public let part: Part
  public init(_ part: Part) { self.part = part }
  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Part.Signal, measurement y: Part.Measurement) -> Part.Signal { part(x, measurement: y) }
}

/// A prior step with its parameters frozen, by type.
public struct FrozenPrior<Part: PriorStep>: PriorStep {
  @noDerivative public let part: Part
  public init(_ part: Part) { self.part = part }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Part.Signal, recording: Bool) -> PriorOutput<Part.Signal> { part(r, recording: recording) }
}
