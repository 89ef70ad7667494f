// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// What a network does to the measurement once, before its stages.
public protocol Encoder: Parameterized {
  associatedtype Measurement: VectorSpace
  associatedtype Encoded: VectorSpace
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func callAsFunction(_ y: Measurement) -> Encoded
}

/// Where a network starts.
public protocol InitialMap: Parameterized {
  associatedtype Measurement: VectorSpace
  associatedtype Signal: VectorSpace
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  func callAsFunction(_ y: Measurement) -> Signal
}

/// What a network makes of its last estimate.
public protocol OutputMap: Parameterized {
  associatedtype Measurement: VectorSpace
  /// What the stages estimate.
  associatedtype Signal: VectorSpace
  /// What the network does.
  associatedtype Estimate: VectorSpace = Signal
  @differentiable(reverse,wrt: (self, x)) @differentiable(reverse,wrt: (self, x, y))
  func callAsFunction(_ x: Signal, measurement y: Measurement) -> Estimate
}

/// What a network returns.
public struct NetworkOutput<Signal: VectorSpace>: Differentiable {
  public var estimate: Signal
  /// What the stages left for the training loss; 0 unless asked for.
  public var recorded: Double
  /// Stages run.
  @noDerivative public var depth: Int
  @differentiable(reverse,wrt: estimate) @differentiable(reverse,wrt: (estimate, recorded))
  public init(estimate: Signal, recorded: Double, depth: Int) {
    self.estimate = estimate
    self.recorded = recorded
    self.depth = depth
  }
}

/// A network: an encoder, a start, `depth` stages of a schedule, an output map. The stages are an algorithm's own iteration.
///
///     b = encoder(y);   s₀ = start(y);   s_{k+1} = stage_k.step(s_k, b);   x = output(estimate(s_depth), y)
public struct Unrolled<Encode: Encoder, Start: InitialMap, Stages: Schedule, Output: OutputMap>: Parameterized
where
  Encode.Encoded == Stages.Stage.Measurement, Start.Measurement == Encode.Measurement, Start.Signal == Stages.Stage.Signal,
  Output.Measurement == Encode.Measurement, Output.Signal == Stages.Stage.Signal
{
  public typealias Signal = Output.Estimate
  public typealias Measurement = Encode.Measurement

  public var encoder: Encode
  public var start: Start
  public var schedule: Stages
  public var output: Output
  /// Number of stages.
  @noDerivative public var depth: Int

  /// - Parameter depth: may be left out when the schedule knows its own; it may stop an untied schedule short.
  public init(encoder: Encode, start: Start, schedule: Stages, output: Output, depth: Int? = nil) {
    guard let stages = depth ?? schedule.depth else { preconditionFailure("a tied schedule needs a depth") }
    precondition(
      stages >= 1 && stages <= schedule.depth ?? stages, "depth \(stages) of a schedule of \(schedule.depth ?? 0) stages")
    self.encoder = encoder
    self.start = start
    self.schedule = schedule
    self.output = output
    self.depth = stages
  }

  /// The estimate after `depth` stages.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Measurement) -> Signal { run(y, recording: false, stages: depth).estimate }

  /// The estimate after the first `stages` stages only: what layer-wise training looks at.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Measurement, stages: Int) -> Signal { run(y, recording: false, stages: stages).estimate }

  /// The same network stopped after `depth` stages of its own.
  public func truncated(to depth: Int) -> Self {
    Self(encoder: encoder, start: start, schedule: schedule, output: output, depth: depth)
  }

  /// The estimate, and what the stages left for the training loss when `recording`.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Measurement, recording: Bool) -> NetworkOutput<Signal> { run(y, recording: recording, stages: depth) }

  /// The sum over stages of how far their transforms are from having left inverses, on an estimate; 0 where the stages' signals are of
  /// another space.
  @differentiable(reverse,wrt: self)
  public func asymmetry(_ x: Signal) -> Double {
    guard let x = withoutDerivative(at: x as? Stages.Stage.Signal) else { return 0 }
    var sum = 0.0
    for k in 0..<depth { sum += schedule.stage(k).asymmetry(x) }
    return sum
  }

  @differentiable(reverse,wrt: (self, y))
  private func run(_ y: Measurement, recording: Bool, stages: Int) -> NetworkOutput<Signal> {
    let b = encoder(y)
    let first = schedule.stage(0)
    var s = first.step(first.initialState(start(y)), measurement: b, recording: recording)
    var x = first.estimate(s)
    var recorded = first.recorded(s)
    for k in 1..<max(stages, 1) {
      let stage = schedule.stage(k)
      s = stage.step(s, measurement: b, recording: recording)
      x = stage.estimate(s)
      recorded = stage.recorded(s)
    }
    return NetworkOutput(estimate: output(x, measurement: y), recorded: recorded, depth: stages)
  }

  /// A network whose depth depends on the sample: it stops when max |x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾| < tolerance, or at `depth`.
  ///
  /// The derivative is that of the stages which ran; where to stop is a decision.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func adaptive(_ y: Measurement, tolerance: Double) -> NetworkOutput<Signal> {
    let b = encoder(y)
    let first = schedule.stage(0)
    let x0 = start(y)
    var s = first.step(first.initialState(x0), measurement: b, recording: false)
    var x = first.estimate(s)
    var k = 1
    var change = withoutDerivative(at: (x - x0).maximumMagnitude)
    while k < depth {
      if change < tolerance { break }
      let stage = schedule.stage(k)
      s = stage.step(s, measurement: b, recording: false)
      let next = stage.estimate(s)
      change = withoutDerivative(at: (next - x).maximumMagnitude)
      x = next
      k += 1
    }
    return NetworkOutput(estimate: output(x, measurement: y), recorded: 0, depth: k)
  }

  /// The estimates after every stage, for plots: x⁽¹⁾ … x⁽ᵈᵉᵖᵗʰ⁾. Not differentiable.
  public func trace(_ y: Measurement) -> [Signal] {
    let b = encoder(y)
    var s = schedule.stage(0).initialState(start(y))
    return (0..<depth).map { k in
      let stage = schedule.stage(k)
      s = stage.step(s, measurement: b, recording: false)
      return output(stage.estimate(s), measurement: y)
    }
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    encoder.visitParameters(&gradient.encoder, path + "encoder.", visit)
    start.visitParameters(&gradient.start, path + "start.", visit)
    schedule.visitParameters(&gradient.schedule, path, visit)
    output.visitParameters(&gradient.output, path + "output.", visit)
  }
}
