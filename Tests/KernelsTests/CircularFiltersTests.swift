// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// A chirp, 1.3 times as high: some numbers are beyond the knots of a curve over [−1, 1].
private func numbers<S: Scalar>(_ count: Int, _ seed: Int) -> [S] { chirp(count, 0.1 * Double(seed)).map { S(1.3) * $0 } }

private func relative<S: Scalar>(_ a: [S], _ b: [S]) -> Double {
  let error = zip(a, b).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
  return (error / max(b.reduce(0.0) { $0 + Double($1) * Double($1) }, 1e-300)).squareRoot()
}

/// The vectorised filters and curves against their definitions, one number at a time.
@Suite struct CircularFiltersTests {
  /// Batch, maps, height, width, filter height, filter width: wide and narrow images, filters larger than the image.
  static let shapes = [
    [1, 1, 1, 1, 1, 1], [1, 2, 1, 1, 3, 3], [2, 3, 8, 7, 3, 3], [1, 8, 64, 300, 3, 3], [2, 2, 5, 9, 5, 1], [1, 2, 4, 3, 7, 5],
    [1, 1, 2, 40, 1, 31],
  ]

  private func check<S: Scalar>(_ shape: [Int], _: S.Type, tolerance: Double) {
    let bank = CircularFilters(
      batch: shape[0], maps: shape[1], height: shape[2], width: shape[3], filterHeight: shape[4], filterWidth: shape[5])
    let x: [S] = numbers(bank.imageCount, 1)
    let k: [S] = numbers(shape[1] * shape[4] * shape[5], 2)
    let v: [S] = numbers(bank.mapCount, 3)
    var expected = [S](repeating: 0, count: bank.mapCount)
    Reference.circularFilters(bank, x, k, into: &expected)
    for level in ElementwiseTests.levels {
      InstructionSet.with(level) {
        var y = [S](repeating: 9, count: bank.mapCount)
        bank.forward(x, k, into: &y)
        #expect(relative(y, expected) <= tolerance, "\(S.self), \(level), \(shape)")
        var back = [S](repeating: 9, count: bank.imageCount)
        bank.adjoint(v, k, into: &back)
        let (left, right) = (dot(expected, v), dot(x, back))
        #expect(abs(left - right) <= tolerance * Double(bank.mapCount) * Double(shape[4] * shape[5]), "adjoint, \(level), \(shape)")
        // ⟨k * x, v⟩ is linear in k: its derivative times k is itself.
        let gradient = bank.filterGradient(x, v)
        let product = zip(gradient, k).reduce(0.0) { $0 + $1.0 * Double($1.1) }
        #expect(
          abs(product - left) <= tolerance * Double(bank.mapCount) * Double(shape[4] * shape[5]), "gradient, \(level), \(shape)")
      }
    }
  }

  /// What is left of a solve's cotangents, in one pass, is that of the operations one by one.
  private func checkSolve<S: Scalar>(_ shape: [Int], _: S.Type, tolerance: Double) {
    let bank = CircularFilters(
      batch: shape[0], maps: shape[1], height: shape[2], width: shape[3], filterHeight: shape[4], filterWidth: shape[5])
    let (w, x): ([S], [S]) = (numbers(bank.imageCount, 7), numbers(bank.imageCount, 8))
    let (u, k, rho): ([S], [S], [S]) = (
      numbers(bank.mapCount, 9), numbers(shape[1] * shape[4] * shape[5], 10), numbers(shape[1], 11)
    )
    var (kw, kx) = ([S](repeating: 9, count: bank.mapCount), [S](repeating: 9, count: bank.mapCount))
    bank.forward(w, k, into: &kw)
    bank.forward(x, k, into: &kx)
    let e = zip(u, kx).map { $0 - $1 }
    let filters = zip(bank.filterGradient(w, e), bank.filterGradient(x, kw)).map { $0 - $1 }
    let size = shape[2] * shape[3]
    var penalties = [Double](repeating: 0, count: shape[1])
    for i in kw.indices { penalties[i / size % shape[1]] += Double(kw[i]) * Double(e[i]) }
    let expected = kw.indices.map { rho[$0 / size % shape[1]] * kw[$0] }
    var du = [S](repeating: 9, count: bank.mapCount)
    let found = bank.solvePullback(w, x, u, k, penalties: rho, into: &du)
    #expect(relative(du, expected) <= tolerance, "\(S.self), \(shape)")
    #expect(relative(found.filters, filters) <= 100 * tolerance, "\(S.self), \(shape)")
    #expect(relative(found.penalties, penalties) <= 100 * tolerance, "\(S.self), \(shape)")
  }

  @Test(arguments: shapes) func solvesArePulledBack(shape: [Int]) {
    checkSolve(shape, Double.self, tolerance: 1e-13)
    checkSolve(shape, Float.self, tolerance: 1e-6)
  }

  private func dot<S: Scalar>(_ a: [S], _ b: [S]) -> Double { zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } }

  @Test(arguments: shapes) func filtersAreTheirDefinition(shape: [Int]) {
    check(shape, Double.self, tolerance: 1e-13)
    check(shape, Float.self, tolerance: 1e-5)
  }

  private func checkCurve<S: Scalar>(_ count: Int, _: S.Type, tolerance: Double) {
    let curve = PiecewiseCurve(knots: 11, first: -1, spacing: 0.2, outer: (0.3, 1.7))
    let a: [S] = numbers(count, 4) + [-1, 1, 5, -5, 0.2]
    let q: [S] = numbers(11, 5)
    let v: [S] = numbers(a.count, 6)
    var expected = [S](repeating: 0, count: a.count)
    Reference.piecewise(curve, a, q, into: &expected, count: a.count)
    for level in ElementwiseTests.levels {
      InstructionSet.with(level) {
        var y = [S](repeating: 9, count: a.count)
        curve.apply(a, q, into: &y, count: a.count)
        #expect(relative(y, expected) <= tolerance, "\(S.self), \(level)")
        var da = [S](repeating: 9, count: a.count)
        var (dq, ds) = ([Double](repeating: 0, count: 11), [0.0, 0.0])
        curve.pullback(a, q, v, into: &da, addingTo: &dq, &ds, count: a.count)
        // S is linear in q and the slopes: Σ q dS/dq + Σ s dS/ds = S.
        let linear = zip(dq, q).reduce(0.3 * ds[0] + 1.7 * ds[1]) { $0 + $1.0 * Double($1.1) }
        #expect(abs(linear - dot(expected, v)) <= tolerance * Double(a.count) * 3, "\(S.self), \(level)")
      }
    }
  }

  @Test(arguments: [0, 1, 255, 256, 1000]) func curvesAreTheirDefinition(count: Int) {
    checkCurve(count, Double.self, tolerance: 1e-13)
    checkCurve(count, Float.self, tolerance: 2e-6)
  }

  @Test func aNaNStaysOne() {
    var y = [0.0, 0, 0]
    PiecewiseCurve(knots: 3, first: -1, spacing: 1).apply([.nan, 0.5, .infinity], [0, 1, 2], into: &y, count: 3)
    #expect(y[0].isNaN && y[1] == 1.5 && y[2] == .infinity)
  }

  /// The transform of real planes against that of complex ones, odd and even sizes, every implementation of this build.
  @Test(arguments: [[1, 1], [2, 3], [8, 7], [7, 8], [16, 16], [1, 12], [12, 1]])
  func realFilterIsTheComplexOne(size: [Int]) {
    let (h, w) = (size[0], size[1])
    let columns = w / 2 + 1
    // A factor that is the same at k and −k.
    func factor(_ k: Int, _ l: Int) -> Double { 1 + Double(min(k, h - k)) * 0.3 + Double(min(l, w - l)) * 0.7 }
    var half: [Double] = []
    for k in 0..<h { for l in 0..<columns { half.append(factor(k, l)) } }
    let x: [Double] = numbers(2 * h * w, 7)
    var expected: [Double] = []
    for b in 0..<2 {
      var pairs: [Double] = []
      for value in x[b * h * w..<(b + 1) * h * w] { pairs += [value, 0] }
      FourierTransform.transform(&pairs, batch: 1, shape: [h, w], inverse: false)
      for k in 0..<h {
        for l in 0..<w {
          pairs[2 * (k * w + l)] *= factor(k, l)
          pairs[2 * (k * w + l) + 1] *= factor(k, l)
        }
      }
      FourierTransform.transform(&pairs, batch: 1, shape: [h, w], inverse: true)
      for i in 0..<h * w { expected.append(pairs[2 * i]) }
    }
    for implementation in FourierTransform.available {
      var y = x
      RealFourierTransform.filter(&y, batch: 2, height: h, width: w, factor: half, by: implementation)
      #expect(relative(y, expected) <= 1e-13, "\(implementation), \(size)")
      var single = x.map(Float.init)
      RealFourierTransform.filter(&single, batch: 2, height: h, width: w, factor: half.map(Float.init), by: implementation)
      #expect(relative(single, expected.map(Float.init)) <= 1e-5, "\(implementation), \(size)")
    }
  }
}
