// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Operators
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct AdaptiveProximalGradientTests {
  private let A = Matrix.gaussian(rows: 12, columns: 20, seed: 1).withUnitColumns
  private let W = Matrix.gaussian(rows: 12, columns: 20, seed: 2).withUnitColumns

  /// Codes of 1, 2, 3 … non-zeros and their measurements.
  private func samples(_ count: Int) -> (b: Tensor, x: Tensor) {
    var generator = RandomGenerator(seed: 3)
    var values = [Double](repeating: 0, count: count * 20)
    for i in 0..<count { for k in 0...i % 3 { values[i * 20 + (7 * k + 5 * i) % 20] = 1 + generator.uniform() } }
    let x = Tensor(values, shape: [count, 20])
    return (A.forward(x), x)
  }

  private func stage(
    weight: Matrix? = nil, _ momentum: Double = 0.05, _ threshold: Double = 0.12, _ support: Double = 0.15, solves: Bool = false
  ) -> AdaptiveProximalGradient {
    AdaptiveProximalGradient(
      A, W: weight ?? A, momentum: momentum, threshold: threshold, support: support, solvesOnSupport: solves)
  }

  /// The iteration written out in scalar loops for one sample, from the equations.
  private func byHand(_ b: [Double], W: Matrix, _ c: (Double, Double, Double), stages: Int) -> [[Double]] {
    let (m, n) = (12, 20)
    let (a, w, inverse) = (A.entries.doubles, W.entries.doubles, A.pseudoInverse.entries.doubles)
    func shortestNorm(_ y: [Double]) -> Double {
      var sum = 0.0
      for j in 0..<n {
        var entry = 0.0
        for i in 0..<m { entry += inverse[j * m + i] * y[i] }
        sum += abs(entry)
      }
      return sum
    }
    var (x, previous) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
    var found: [[Double]] = []
    for _ in 0..<stages {
      var g = b.map { -$0 }
      for i in 0..<m { for j in 0..<n { g[i] += a[i * n + j] * x[j] } }
      var nonZeros = 0
      for j in 0..<n where x[j] != 0 { nonZeros += 1 }
      let (beta, theta) = (c.0 * Double(nonZeros), c.1 * shortestNorm(g))
      let p = min(max(c.2 * log(shortestNorm(b) / shortestNorm(g)), 0), 1)
      var z = [Double](repeating: 0, count: n)
      for j in 0..<n {
        z[j] = x[j] + beta * (x[j] - previous[j])
        for i in 0..<m { z[j] -= w[i * n + j] * g[i] }
      }
      let order = (0..<n).sorted { abs(z[$0]) > abs(z[$1]) }
      let passing = Set(order.prefix(Int((p * Double(n)).rounded(.up))))
      previous = x
      for j in 0..<n {
        let isSelected = passing.contains(j) && abs(z[j]) > theta
        x[j] = isSelected ? z[j] : abs(z[j]) <= theta ? 0 : z[j] > 0 ? z[j] - theta : z[j] + theta
      }
      found.append(x)
    }
    return found
  }

  /// Every stage of a batch is that of scalar loops on each sample, with W = A and with a W of its own.
  @Test(arguments: [true, false]) func isTheEquations(weightIsA: Bool) {
    let weight = weightIsA ? A : Matrix((1.0 / 3) * (A.entries + W.entries))
    let (b, _) = samples(6)
    let iteration = stage(weight: weight)
    var stages: [Tensor] = []
    _ = solve(iteration, measurement: b, until: .iterations(8)) { stages.append($1.x) }
    for i in 0..<6 {
      let expected = byHand(b.row(i).doubles, W: weight, (0.05, 0.12, 0.15), stages: 8)
      for k in 0..<8 { expectClose(stages[k].row(i), Tensor(expected[k]), relative: 1e-12) }
    }
    // It does something: supports and numbers differ from sample to sample and from stage to stage.
    let sizes = stages.map(sampleSupportSizes)
    #expect(Set(sizes.flatMap { $0 }).count > 2 && sizes[0] != sizes[7], "\(sizes)")
  }

  /// Without momentum and selection a stage is ALISTA's step with θ = c₂ ‖A⁺g‖₁, from 0 and from elsewhere; with a selection of all entries
  /// it is the one that selects all.
  @Test func reducesToThePlainStep() {
    let (b, truth) = samples(5)
    var generator = RandomGenerator(seed: 4)
    let elsewhere = truth + 0.1 * Tensor.normal(truth.shape, using: &generator)
    for (support, fraction) in [(0.0, 0.0), (1e9, 1.0)] {
      let adaptive = stage(weight: W, 0, 0.05, support)
      for start in [Tensor.zeros(truth.shape), elsewhere] {
        for i in 0..<5 {
          let (x, y) = (start.row(i), b.row(i))
          let error = l1Norm(A.pseudoInverse.forward(A.forward(x) - y))
          let isNearer = l1Norm(A.pseudoInverse.forward(y)) > error
          let plain = ProximalGradient(
            data: WeightedStep(A, W: W, stepSize: 1),
            prior: SupportSelection(threshold: 0.05 * error, fraction: isNearer ? fraction : 0), momentum: NoMomentum())
          let expected = plain.step(plain.initialState(x), measurement: y, recording: false).x
          let found = adaptive.step(adaptive.initialState(x), measurement: y, recording: false).x
          expectClose(found, expected, relative: 1e-13)
        }
      }
    }
  }

  @Test func samplesDoNotSeeOneAnother() {
    let (b, _) = samples(7)
    for solves in [false, true] {
      let iteration = stage(solves: solves)
      func run(_ y: Tensor) -> Tensor { solve(iteration, measurement: y, until: .iterations(6)).estimate }
      let all = run(b)
      for i in 0..<7 { expectClose(run(b.row(i)), all.row(i), relative: 1e-12) }
    }
  }

  @Test func singlePrecisionIsCloseToDouble() {
    let (b, _) = samples(6)
    let double = solve(stage(), measurement: b, until: .iterations(4)).estimate
    let single = AdaptiveProximalGradient(
      A.converted(to: .single), W: A.converted(to: .single), momentum: 0.05, threshold: 0.12, support: 0.15)
    let found = solve(single, measurement: b.converted(to: .single), until: .iterations(4)).estimate
    #expect(found.precision == .single)
    expectClose(found.converted(to: .double), double, relative: 1e-4)
  }

  /// Nothing measured gives 0; numbers far off the mark end anywhere, but not in a trap.
  @Test(arguments: [false, true]) func oddInputs(solves: Bool) {
    let zero = solve(stage(solves: solves), measurement: .zeros([2, 12]), until: .iterations(5)).estimate
    #expect(zero.doubles.allSatisfy { $0 == 0 })
    let (b, _) = samples(3)
    for (momentum, threshold, support) in [(50.0, 1e-3, 5.0), (-1, -1, -1), (.infinity, .nan, .infinity)] {
      let far = solve(stage(momentum, threshold, support, solves: solves), measurement: b, until: .iterations(100)).estimate
      #expect(far.shape == [3, 20])
    }
  }

  /// In the measurement, in the state and in c₁ and c₂; c₃ only chooses. With and without least squares on the support.
  @Test(arguments: [false, true]) func gradients(solves: Bool) {
    let (b, truth) = samples(4)
    var generator = RandomGenerator(seed: 5)
    let (x, previous, c) = (
      truth + 0.05 * Tensor.normal(truth.shape, using: &generator), truth, Tensor.normal(truth.shape, using: &generator)
    )
    let iteration = stage(weight: W, solves: solves)
    let scale = sampleL1Norms(A.pseudoInverse.forward(b))
    expectGradient(at: b) { y in
      let s = AdaptiveProximalGradient.State(x: x, previous: previous, scale: scale)
      return innerProduct(iteration.step(s, measurement: y, recording: false).x, c)
    }
    expectGradient(at: x) { x in
      let s = AdaptiveProximalGradient.State(x: x, previous: previous, scale: scale)
      return innerProduct(iteration.step(s, measurement: b, recording: false).x, c)
    }
    expectGradient(at: b) { y in
      var s = iteration.initialState(withoutDerivative(at: Tensor.zero))
      for _ in 0..<4 { s = iteration.step(s, measurement: y, recording: false) }
      return innerProduct(iteration.estimate(s), c)
    }
    let slope = gradient(at: iteration) { iteration in
      let s = AdaptiveProximalGradient.State(x: x, previous: previous, scale: scale)
      return innerProduct(iteration.step(s, measurement: b, recording: false).x, c)
    }
    func value(_ momentum: Double, _ threshold: Double) -> Double {
      let s = AdaptiveProximalGradient.State(x: x, previous: previous, scale: scale)
      return stage(weight: W, momentum, threshold, solves: solves).step(s, measurement: b, recording: false).x.inner(c)
    }
    let h = 1e-6
    #expect(abs(slope.momentum - (value(0.05 + h, 0.12) - value(0.05 - h, 0.12)) / (2 * h)) < 1e-6 * max(1, abs(slope.momentum)))
    #expect(abs(slope.threshold - (value(0.05, 0.12 + h) - value(0.05, 0.12 - h)) / (2 * h)) < 1e-6 * max(1, abs(slope.threshold)))
    #expect(slope.support == 0)
  }

  /// Once its support stands still a sample is the least-squares solution on it: the truth without noise, and with noise where the slope of
  /// ½‖A x − b‖² in the entries of the support is 0.
  @Test func supportStandsStill() {
    let A = Matrix.gaussian(rows: 60, columns: 100, seed: 6).withUnitColumns
    var values = [Double](repeating: 0, count: 600)
    for i in 0..<6 { for k in 0...i % 3 { values[i * 100 + (37 * k + 11 * i) % 100] = k % 2 == 0 ? 1.5 : -2 } }
    let truth = Tensor(values, shape: [6, 100])
    // The analytic weight: rows of A⁺ with w_jᵀ a_j = 1.
    let rows = A.pseudoInverse.entries
    let W = Matrix(Tensor.stacked((0..<100).map { (1 / rows.row($0).inner(A.column($0))) * rows.row($0) }).transposed)
    func run(_ b: Tensor, solves: Bool) -> Tensor {
      let iteration = AdaptiveProximalGradient(A, W: W, momentum: 0.01, threshold: 0.09, support: 0.25, solvesOnSupport: solves)
      return solve(iteration, measurement: b, until: .iterations(15)).estimate
    }
    let b = A.forward(truth)
    let (plain, exact) = (relativeError(run(b, solves: false), truth), relativeError(run(b, solves: true), truth))
    #expect(exact < 1e-13 && plain > 1e-12, "\(exact) beside \(plain)")
    var generator = RandomGenerator(seed: 7)
    let noise = Tensor.normal(b.shape, using: &generator)
    let noisy = b + 0.005 * noise
    let found = run(noisy, solves: true)
    let slopes = A.adjoint(A.forward(found) - noisy)
    #expect(sampleSupportSizes(found) == [1, 2, 3, 1, 2, 3])
    for j in 0..<600 where found[flat: j] != 0 { #expect(abs(slopes[flat: j]) < 1e-13) }
  }

  /// argmin by hand for one support of three, and samples that were not chosen.
  @Test func leastSquares() {
    let (b, _) = samples(2)
    var start = [Double](repeating: 0, count: 40)
    for j in [2, 9, 17] { start[j] = 0.3 }
    for j in [1, 3] { start[20 + j] = 0.7 }
    let x = Tensor(start, shape: [2, 20])
    let found = leastSquaresOnSupport(x, measurement: b, of: A, chosen: [true, false])
    #expect(found.row(1) == x.row(1) && sampleSupportSizes(found) == [3, 2])
    let columns = [2, 9, 17].map { A.column($0) }
    let narrow = Matrix(Tensor(columns.flatMap(\.doubles), shape: [3, 12]).transposed)
    let expected = narrow.pseudoInverse.forward(b.row(0))
    for (k, j) in [2, 9, 17].enumerated() { #expect(abs(found[flat: j] - expected[flat: k]) < 1e-12) }
    expectGradient(at: b) { squaredNorm(leastSquaresOnSupport(x, measurement: $0, of: A, chosen: [true, false])) }
    #expect(leastSquaresOnSupport(.zero, measurement: b, of: A, chosen: [true, true]).isShapelessZero)
  }
}
