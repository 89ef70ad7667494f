// SPDX-License-Identifier: Apache-2.0

/// A step t along a descent direction that meets the strong Wolfe conditions
///
///     φ(t) ≤ φ(0) + c₁ t φ′(0)   and   |φ′(t)| ≤ c₂ |φ′(0)|,
///
/// by bracketing and zooming with cubic interpolation: Nocedal & Wright, Numerical Optimization (2nd ed.), algorithms 3.5 and 3.6,
/// eq. 3.59. A value that is not finite counts as too high.
struct WolfeSearch {
  var c1 = 1e-4
  var c2 = 0.9
  var maximumEvaluations = 25

  /// φ and φ′ at a step, and what was computed along with them.
  struct Trial<Payload> {
    var step: Double
    var value: Double
    var slope: Double
    var payload: Payload
  }

  /// The step found, beginning with `first`, or nil when nothing lower than `start` (step 0) was found.
  ///
  /// When the evaluations run out, the lowest step with sufficient decrease is taken.
  func search<Payload>(
    from start: Trial<Payload>, first: Double, evaluate: (Double) throws -> Trial<Payload>
  ) rethrows -> Trial<Payload>? {
    var previous = start
    var step = first
    for evaluation in 1...maximumEvaluations {
      let trial = try evaluate(step)
      let left = maximumEvaluations - evaluation
      if !decreases(trial, start) || (evaluation > 1 && trial.value >= previous.value) {
        return try zoom(low: previous, high: trial, start, evaluations: left, evaluate)
      }
      if abs(trial.slope) <= -c2 * start.slope { return trial }
      if trial.slope >= 0 { return try zoom(low: trial, high: previous, start, evaluations: left, evaluate) }
      let guess = minimiser(previous, trial) ?? .infinity
      step = min(max(guess, trial.step + 0.01 * (trial.step - previous.step)), 10 * trial.step)
      previous = trial
    }
    return previous.step > 0 ? previous : nil
  }

  /// Shrinks the interval between `low`, the lowest step so far, and `high`, until a step between them meets the conditions.
  private func zoom<Payload>(
    low: Trial<Payload>, high: Trial<Payload>, _ start: Trial<Payload>, evaluations: Int,
    _ evaluate: (Double) throws -> Trial<Payload>
  ) rethrows -> Trial<Payload>? {
    var (low, high) = (low, high)
    for _ in 0..<evaluations {
      let (left, right) = (min(low.step, high.step), max(low.step, high.step))
      let width = right - left
      if width <= 1e-16 * right { break }
      // At least a tenth of the interval goes, wherever the cubic has its minimum.
      let guess = minimiser(low, high) ?? (left + width / 2)
      let trial = try evaluate(min(max(guess, left + 0.1 * width), right - 0.1 * width))
      if !decreases(trial, start) || trial.value >= low.value {
        high = trial
      } else {
        if abs(trial.slope) <= -c2 * start.slope { return trial }
        if trial.slope * (high.step - low.step) >= 0 { high = low }
        low = trial
      }
    }
    return low.step > 0 ? low : nil
  }

  private func decreases<Payload>(_ trial: Trial<Payload>, _ start: Trial<Payload>) -> Bool {
    trial.value <= start.value + c1 * trial.step * start.slope && trial.slope.isFinite
  }

  /// The minimiser of the cubic with these two values and slopes, nil when it has none.
  private func minimiser<Payload>(_ a: Trial<Payload>, _ b: Trial<Payload>) -> Double? {
    let d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    let square = d1 * d1 - a.slope * b.slope
    guard square >= 0 else { return nil }
    let d2 = b.step > a.step ? square.squareRoot() : -square.squareRoot()
    let guess = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    return guess.isFinite ? guess : nil
  }
}
