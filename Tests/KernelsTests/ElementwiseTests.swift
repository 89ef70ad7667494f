// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// Every vectorised loop against its plain twin, under every instruction set this processor has: `InstructionSet.best` is the last
/// one covered, so that a machine without AVX-512 says nothing about the AVX-512 loops.
@Suite(.serialized) struct ElementwiseTests {
  static let levels = InstructionSet.allCases.filter { $0.rawValue <= InstructionSet.best.rawValue }
  static let sizes = [0, 1, 2, 15, 16, 17, 1003]

  @Test func instructionSetIsLoweredToWhatTheProcessorHas() {
    let before = InstructionSet.current
    #expect(InstructionSet.use(.avx512) == InstructionSet.best)
    InstructionSet.use(before)
    for level in InstructionSet.allCases {
      let used = InstructionSet.with(level) { InstructionSet.current }
      #expect(used.rawValue == min(level.rawValue, InstructionSet.best.rawValue))
    }
    #expect(InstructionSet.current == before)
  }

  @Test(arguments: levels, sizes) func singlePrecision(level: InstructionSet, n: Int) { arithmetic(Float.self, level, n) }
  @Test(arguments: levels, sizes) func doublePrecision(level: InstructionSet, n: Int) { arithmetic(Double.self, level, n) }
  @Test(arguments: levels, sizes) func shrinkageSingle(level: InstructionSet, n: Int) { shrinkage(Float.self, level, n) }
  @Test(arguments: levels, sizes) func shrinkageDouble(level: InstructionSet, n: Int) { shrinkage(Double.self, level, n) }
  @Test(arguments: levels, sizes) func rowsSingle(level: InstructionSet, n: Int) { rows(Float.self, level, n) }
  @Test(arguments: levels, sizes) func rowsDouble(level: InstructionSet, n: Int) { rows(Double.self, level, n) }
  @Test(arguments: levels, sizes) func optimiserSingle(level: InstructionSet, n: Int) { optimiser(Float.self, level, n) }
  @Test(arguments: levels, sizes) func optimiserDouble(level: InstructionSet, n: Int) { optimiser(Double.self, level, n) }
  @Test(arguments: levels, sizes) func complexSingle(level: InstructionSet, n: Int) { complexProducts(Float.self, level, n) }
  @Test(arguments: levels, sizes) func complexDouble(level: InstructionSet, n: Int) { complexProducts(Double.self, level, n) }

  /// chirp with exact zeros, and ± the threshold 0.5, sprinkled in.
  private func withTies<S: Scalar>(_ n: Int, _ a: Double) -> [S] {
    chirp(n, a).enumerated().map { i, v in i % 7 == 3 ? 0 : (i % 11 == 5 ? 0.5 : (i % 13 == 6 ? -0.5 : v)) }
  }

  private func arithmetic<S: Scalar>(_: S.Type, _ level: InstructionSet, _ n: Int) {
    let (a, b): ([S], [S]) = (chirp(n, 0.3), chirp(n, 0.7))
    InstructionSet.with(level) {
      expectEqual(written(n) { S.add(a, b, $0, n) }, zip(a, b).map { $0 + $1 }, "add")
      expectEqual(written(n) { S.subtract(a, b, $0, n) }, zip(a, b).map { $0 - $1 }, "subtract")
      expectEqual(written(n) { S.multiply(a, b, $0, n) }, zip(a, b).map { $0 * $1 }, "multiply")
      expectEqual(written(n) { S.divide(a, b, $0, n) }, zip(a, b).map { $0 / $1 }, "divide")
      expectEqual(written(n) { S.scale(0.37, a, $0, n) }, a.map { 0.37 * $0 }, "scale")
      expectClose(changed(b) { S.axpy(0.37, a, $0, n) }, changed(b) { Reference.axpy(0.37, a, $0, count: n) }, "axpy")
      // A sum of terms of both signs: the error is relative to Σ |a b|.
      let magnitude = zip(a, b).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
      #expect(abs(S.dot(a, b, n) - Reference.dot(a, b, count: n)) <= 1e-14 * magnitude)
      let mixed: [S] = withTies(n, 0.3)
      let y = written(n) { S.relu(mixed, $0, n) }
      expectEqual(y, written(n) { Reference.relu(mixed, into: $0, count: n) }, "relu")
      expectEqual(
        written(n) { S.reluPullback(y, b, $0, n) }, written(n) { Reference.reluPullback(y, b, into: $0, count: n) })
      let kept = changed([.nan]) { S.relu($0, $0, 1) }
      #expect(kept[0].isNaN)
    }
  }

  private func shrinkage<S: Scalar>(_: S.Type, _ level: InstructionSet, _ n: Int) {
    let (r, v): ([S], [S]) = (withTies(n, 0.3), chirp(n, 0.7))
    let magnitude = v.reduce(0) { $0 + abs(Double($1)) }
    for t in [0.5, 0, -0.25] as [S] {
      InstructionSet.with(level) {
        let x = written(n) { S.softThreshold(r, t, $0, n) }
        expectEqual(x, written(n) { Reference.softThreshold(r, t, into: $0, count: n) }, "t = \(t)")
        var (dt, expected) = (0.0, 0.0)
        let dr = written(n) { dt = S.softThresholdPullback(x, v, $0, n) }
        expectEqual(dr, written(n) { expected = Reference.softThresholdPullback(x, v, into: $0, count: n) })
        #expect(abs(dt - expected) <= 1e-14 * magnitude)
      }
    }
  }

  private func rows<S: Scalar>(_: S.Type, _ level: InstructionSet, _ width: Int) {
    let rows = 3
    let n = rows * width
    let (r, v): ([S], [S]) = (withTies(n, 0.3), chirp(n, 0.7))
    let t: [S] = (0..<width).map { [0.5, 0, -0.25, 0.1][$0 % 4] }
    let start: [S] = chirp(width, 0.11)
    InstructionSet.with(level) {
      let x = written(n) { S.softThresholdColumns(r, t, $0, rows, width) }
      expectEqual(x, written(n) { Reference.softThresholdColumns(r, t, into: $0, rows: rows, width: width) })
      var (dr, expected): ([S], [S]) = ([], [])
      let dt = changed(start) { dt in
        dr = written(n) { S.softThresholdColumnsPullback(x, v, $0, dt, rows, width) }
      }
      let dtExpected = changed(start) { dt in
        expected = written(n) { Reference.softThresholdColumnsPullback(x, v, into: $0, addingTo: dt, rows: rows, width: width) }
      }
      expectEqual(dr, expected)
      expectClose(dt, dtExpected, "column thresholds")
      expectEqual(
        changed(v) { S.addRows(start, $0, rows, width) },
        changed(v) { Reference.addRows(start, to: $0, rows: rows, width: width) })
      expectClose(
        changed(start) { S.sumRows(v, $0, rows, width) },
        changed(start) { Reference.sumRows(v, addingTo: $0, rows: rows, width: width) }, "sumRows")
    }
  }

  private func optimiser<S: Scalar>(_: S.Type, _ level: InstructionSet, _ n: Int) {
    let constants = AdamConstants(
      rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, meanCorrection: 1 / (1 - 0.81),
      squareCorrection: 1 / (1 - 0.998_001))
    let (g, w): ([S], [S]) = (chirp(n, 0.3), chirp(n, 0.7))
    let (m, u): ([S], [S]) = (chirp(n, 0.11), chirp(n, 0.13).map { $0 * $0 })
    typealias Step = (UnsafeMutablePointer<S>, UnsafeMutablePointer<S>, UnsafeMutablePointer<S>) -> Void
    func run(_ step: Step) -> [[S]] {
      var (m1, u1): ([S], [S]) = (m, u)
      let w1 = changed(w) { w in m1 = changed(m) { m in u1 = changed(u) { u in step(m, u, w) } } }
      return [m1, u1, w1]
    }
    InstructionSet.with(level) {
      let fast = run { S.adam(gradient: g, mean: $0, square: $1, parameter: $2, constants: constants, count: n) }
      let plain = run { Reference.adam(gradient: g, mean: $0, square: $1, parameter: $2, constants: constants, count: n) }
      for (a, b) in zip(fast, plain) { expectClose(a, b, "adam") }
    }
  }

  private func complexProducts<S: Scalar>(_: S.Type, _ level: InstructionSet, _ n: Int) {
    let (a, b): ([S], [S]) = (chirp(2 * n, 0.3), chirp(2 * n, 0.7))
    InstructionSet.with(level) {
      for conjugating in [false, true] {
        expectClose(
          written(2 * n) { (conjugating ? S.complexMultiplyConjugated : S.complexMultiply)(a, b, $0, n) },
          written(2 * n) { Reference.complexMultiply(a, b, conjugatingFirst: conjugating, into: $0, count: n) }, "complex product")
      }
      expectEqual(
        written(2 * n) { S.complexConjugate(a, $0, n) },
        written(2 * n) { Reference.complexConjugate(a, into: $0, count: n) })
    }
  }

  /// Three steps of torch.optim.AdamW (PyTorch 2.13.0, double precision): w = sin(0.3 (i + 1)²), gradients
  /// sin((0.7 + 0.1 k) (i + 1)²) at step k = 0, 1, 2; lr 0.01, betas (0.9, 0.999), eps 1e-8, weight_decay 0.1.
  @Test func adamIsPyTorchs() {
    var w: [Double] = chirp(5, 0.3)
    var (m, u) = ([Double](repeating: 0, count: 5), [Double](repeating: 0, count: 5))
    var (power1, power2) = (1.0, 1.0)
    for k in 0..<3 {
      (power1, power2) = (power1 * 0.9, power2 * 0.999)
      let constants = AdamConstants(
        rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, meanCorrection: 1 / (1 - power1),
        squareCorrection: 1 / (1 - power2))
      let g: [Double] = chirp(5, 0.7 + 0.1 * Double(k))
      Double.adam(gradient: g, mean: &m, square: &u, parameter: &w, constants: constants, count: 5)
    }
    let expected = [0.2646151113932129, 0.9165099069028477, 0.3998898069052345, -0.9801418375682587, 0.9470233064151957]
    expectClose(w, expected, tolerance: 1e-12)
  }
}
