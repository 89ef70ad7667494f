// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

extension Unrolled {
  /// The same network and the same gradient with less memory: the forward pass keeps only every `interval`-th state, and the
  /// backward pass recomputes the stages in between. Costs one more forward pass; keeps depth / interval states and the
  /// intermediate values of `interval` stages instead of those of all.
  @differentiable(reverse, wrt: (self, y))
  public func checkpointed(_ y: Measurement, every interval: Int = 1, recording: Bool = false) -> NetworkOutput<Signal> {
    run(y, recording: recording)
  }

  @derivative(of: checkpointed, wrt: (self, y)) @usableFromInline
  func _vjpCheckpointed(
    _ y: Measurement, every interval: Int, recording: Bool
  ) -> (value: NetworkOutput<Signal>, pullback: (NetworkOutput<Signal>.TangentVector) -> (TangentVector, Measurement)) {
    precondition(interval >= 1, "checkpoints every \(interval) stages")
    let depth = depth
    let (b, encoderPullback) = valueWithPullback(at: encoder, y, of: { encoder, y in encoder(y) })
    let (initial, startPullback) = valueWithPullback(
      at: start, schedule, y, of: { start, schedule, y in schedule.stage(0).initialState(start(y)) })

    var starts: [Stages.Stage.State] = []
    var state = initial
    for first in stride(from: 0, to: depth, by: interval) {
      starts.append(state)
      state = segment(schedule, state, b, from: first, to: min(first + interval, depth), recording: recording)
    }
    let (last, readPullback) = valueWithPullback(
      at: schedule, state, of: { schedule, state in read(schedule, state, depth: depth) })
    let (estimate, outputPullback) = valueWithPullback(
      at: output, last.estimate, y, of: { output, x, y in output(x, measurement: y) })
    let value = NetworkOutput(estimate: estimate, penalty: last.penalty, depth: depth)

    return (
      value,
      { v in
        var tangent = TangentVector.zero
        let end = outputPullback(v.estimate)
        tangent.output = end.0
        var dMeasurement = end.2
        var dLast = v
        dLast.estimate = end.1
        let reading = readPullback(dLast)
        tangent.schedule = reading.0
        var dState = reading.1
        var dEncoded = Stages.Stage.Measurement.zero
        for i in starts.indices.reversed() {
          let (from, to) = (i * interval, min((i + 1) * interval, depth))
          let pullback = valueWithPullback(
            at: schedule, starts[i], b,
            of: { schedule, s, b in segment(schedule, s, b, from: from, to: to, recording: recording) }
          ).pullback
          let step = pullback(dState)
          tangent.schedule += step.0
          dState = step.1
          dEncoded += step.2
        }
        let begin = startPullback(dState)
        tangent.start = begin.0
        tangent.schedule += begin.1
        dMeasurement += begin.2
        let encoded = encoderPullback(dEncoded)
        tangent.encoder = encoded.0
        return (tangent, dMeasurement + encoded.1)
      }
    )
  }
}

/// Stages from ..< to.
@differentiable(reverse, wrt: (schedule, s, b))
private func segment<S: Schedule>(
  _ schedule: S, _ s: S.Stage.State, _ b: S.Stage.Measurement, from: Int, to: Int, recording: Bool
) -> S.Stage.State {
  var state = s
  for k in from..<to {
    let stage = schedule.stage(k)
    state = stage.step(state, measurement: b, recording: recording)
  }
  return state
}

/// What is read off the last state.
@differentiable(reverse, wrt: (schedule, s))
private func read<S: Schedule>(_ schedule: S, _ s: S.Stage.State, depth: Int) -> NetworkOutput<S.Stage.Signal> {
  let stage = schedule.stage(depth - 1)
  return NetworkOutput(estimate: stage.estimate(s), penalty: stage.penalty(s), depth: depth)
}
