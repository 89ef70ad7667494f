// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import _Differentiation

/// What gradients cost, measured: slopes of pullbacks over size, a network's gradient over its forward pass. For benchmarks, on a
/// quiet machine: never a timed test.
public func costChecks() -> [CheckItem] { pullbackSlopes() + [gradientOverForward()] }

/// Seconds of one call, the least of several runs of at least 5 ms each.
private func seconds(_ work: () -> Void) -> Double {
  var best = Double.infinity
  work()
  for _ in 0..<7 {
    var calls = 0
    let begin = DispatchTime.now().uptimeNanoseconds
    var now = begin
    repeat {
      work()
      calls += 1
      now = DispatchTime.now().uptimeNanoseconds
    } while now - begin < 5_000_000
    best = min(best, Double(now - begin) * 1e-9 / Double(calls))
  }
  return best
}

/// The log-log slope of every pullback's time from 1 000 to 64 000 elements in single precision, as networks are trained; those of
/// matrix products follow their own law and are left out.
private func pullbackSlopes() -> [CheckItem] {
  func slope(_ name: String, _ pullback: (Tensor, Tensor) -> () -> Void) -> CheckItem {
    var generator = RandomGenerator(seed: 81)
    let points = [1_000, 4_000, 16_000, 64_000].map { count -> (Double, Double) in
      let x = Tensor.normal([count / 100, 100], precision: .single, using: &generator)
      let v = Tensor.normal([count / 100, 100], precision: .single, using: &generator)
      return (log(Double(count)), log(seconds(pullback(x, v))))
    }
    let (mx, my) = (points.map(\.0).reduce(0, +) / 4, points.map(\.1).reduce(0, +) / 4)
    let rise = points.reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) } / points.reduce(0) { $0 + ($1.0 - mx) * ($1.0 - mx) }
    return CheckItem("log-log slope of the pullback of \(name)", error: rise, tolerance: 1.1)
  }
  func unary(_ name: String, _ f: @escaping @differentiable(reverse) (Tensor) -> Tensor) -> CheckItem {
    slope(name) { x, v in
      let pullback = valueWithPullback(at: x, of: f).pullback
      return { _ = pullback(v) }
    }
  }
  func scalar(_ name: String, _ f: @escaping @differentiable(reverse) (Tensor) -> Double) -> CheckItem {
    slope(name) { x, _ in
      let pullback = valueWithPullback(at: x, of: f).pullback
      return { _ = pullback(1) }
    }
  }
  var generator = RandomGenerator(seed: 82)
  let vector = Tensor.normal([100], precision: .single, using: &generator)
  let positive = vector.map { abs($0) }
  let curve = PiecewiseLinearShrinkage(softThreshold: 0.1)
  return [
    unary("+") { $0 + $0 },
    unary("scaling") { 2 * $0 },
    unary("element-wise product") { $0 .* $0 },
    scalar("squaredNorm") { squaredNorm($0) },
    scalar("sum") { sum($0) },
    scalar("l1Norm") { l1Norm($0) },
    unary("softThreshold") { softThreshold($0, threshold: 0.3) },
    unary("softThreshold by component") { softThreshold($0, thresholds: positive) },
    unary("supportSelectingThreshold") { supportSelectingThreshold($0, threshold: 0.3, fraction: 0.1) },
    unary("hardThreshold") { hardThreshold($0, threshold: 0.3) },
    unary("groupSoftThreshold") { groupSoftThreshold($0, threshold: 0.3, groupSize: 10) },
    unary("clamped") { clamped($0, lower: -1, upper: 1) },
    unary("tanh") { tanh($0) },
    unary("scaledColumns") { scaledColumns($0, vector) },
    unary("addedColumns") { addedColumns($0, vector) },
    unary("piecewiseLinear") { piecewiseLinear($0, values: curve.values, first: -1, spacing: 0.02) },
    unary("relu") { relu($0) },
  ]
}

/// Gradient of LISTA's loss (m = 400, T = 7, a batch of 64, one thread) over its forward pass.
private func gradientOverForward() -> CheckItem {
  let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 100, columns: 400, seed: 83).withUnitColumns, alpha: 0.5)
    .converted(to: .single)
  let network = LISTA(unfolding: problem, iterations: 7)
  var generator = RandomGenerator(seed: 84)
  let y = Tensor.normal([64, 100], precision: .single, using: &generator)
  let target = Tensor.normal([64, 400], precision: .single, using: &generator)
  let forward = seconds { _ = squaredNorm(network(y) - target) }
  let both = seconds { _ = gradient(at: network) { squaredNorm($0(y) - target) } }
  return CheckItem("gradient through LISTA's loop over its forward pass", error: both / forward, tolerance: 4)
}
