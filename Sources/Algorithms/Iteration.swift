// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// One step of an iterative algorithm on its state: the single description from which both the classical solver
/// (`solve(_:measurement:from:until:observing:)`) and the trained network (``Unrolled``) are made.
public protocol Iteration: Parameterized {
  associatedtype Signal: VectorSpace
  associatedtype Measurement: VectorSpace
  associatedtype State: Differentiable

  /// The state at k = 0 for a start x⁽⁰⁾; `Signal.zero` costs nothing.
  @differentiable(reverse)
  func initialState(_ x: Signal) -> State
  /// The current estimate of the signal.
  @differentiable(reverse)
  func estimate(_ s: State) -> Signal
  /// What the stages so far left behind for the training loss; 0 unless they were asked to record.
  @differentiable(reverse)
  func recorded(_ s: State) -> Double
  /// State k + 1 from state k. When `recording`, what the loss needs from the stage is added to the state's penalty.
  @differentiable(reverse,wrt: (self, s, y))
  func step(_ s: State, measurement y: Measurement, recording: Bool) -> State
  /// How far a learned transform is from having its left inverse, on a signal; 0 without one.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  func asymmetry(_ x: Signal) -> Double
}

extension Iteration {
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Signal) -> Double { 0 }
}

/// Which iteration runs at stage k = 0, 1, …, and which numbers the stages share.
public protocol Schedule: Parameterized {
  associatedtype Stage: Iteration
  /// The stage k, made from the schedule's own parameters.
  @differentiable(reverse,wrt: self)
  func stage(_ k: Int) -> Stage
  /// The number of stages a schedule has parameters for; nil: any.
  var depth: Int? { get }
}

/// The same iteration at every stage: the classical algorithm, or a network with tied weights.
public struct Repeated<Stage: Iteration>: Schedule {
  public var iteration: Stage
  public init(_ iteration: Stage) { self.iteration = iteration }
  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage { iteration }
  public var depth: Int? { nil }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    iteration.visitParameters(&gradient.iteration, path, visit)
  }
}

/// An iteration of its own for every stage.
public struct Untied<Stage: Iteration>: Schedule {
  public var stages: [Stage]
  public init(_ stages: [Stage]) { self.stages = stages }
  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage { stages[k] }
  public var depth: Int? { stages.count }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    stages.visitParameters(&gradient.stages, path + "stages.", visit)
  }
}
