// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// What is measured and how: y = A x + ε, and where a reconstruction may start.
///
/// A batch holds samples along its first axis. Noise is drawn from a generator alone, so that measurements are a function of seed and stream.
public protocol Model<Signal, Measurement>: Sendable {
  associatedtype Signal: Batched
  associatedtype Measurement: Batched
  associatedtype Op: LinearOperator where Op.Domain == Signal, Op.Codomain == Measurement
  var A: Op { get }
  /// Measurements as a sensor gives them for exact ones; nothing is added unless a model says so.
  func noisy(_ clean: Measurement, using generator: inout RandomGenerator) -> Measurement
  /// Measurements of signals, in their precision.
  func measure(_ x: Signal, using generator: inout RandomGenerator) -> Measurement
  /// Measurements to a first estimate: Aᴴ unless a model has a better one.
  var initial: any LinearOperator<Measurement, Signal> { get }
}

extension Model {
  public func noisy(_ clean: Measurement, using generator: inout RandomGenerator) -> Measurement { clean }
  public func measure(_ x: Signal, using generator: inout RandomGenerator) -> Measurement {
    noisy(A.forward(x), using: &generator)
  }
  public var initial: any LinearOperator<Measurement, Signal> { A.H }

  /// Measurements of signals, in their precision; a pure function of seed and stream.
  public func simulate(_ x: Signal, seed: UInt64, stream: UInt64 = 0) -> Measurement {
    var generator = RandomGenerator(seed: seed, stream: stream)
    return measure(x, using: &generator)
  }
}
