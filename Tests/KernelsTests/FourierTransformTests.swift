// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

@Suite struct FourierTransformTests {
  /// Every radix, products of them, primes by the definition and by Bluestein's algorithm (67 and above), and around powers of two.
  static let lengths =
    Array(1...40) + [49, 60, 61, 64, 67, 77, 97, 101, 121, 127, 128, 134, 169, 201, 211, 243, 625, 1003, 1009, 1024]
  static let shapes = [
    [1, 1], [1, 7], [7, 1], [2, 3], [5, 3], [8, 6], [9, 16], [17, 31], [33, 33], [67, 4], [3, 71], [3, 4, 5], [2, 1, 3, 7],
  ]

  static func transformed<S: Scalar>(
    _ x: [S], batch: Int, _ shape: [Int], inverse: Bool = false, by who: FourierTransform.Implementation
  ) -> [S] {
    changed(x) { FourierTransform.transform($0, batch: batch, shape: shape, inverse: inverse, by: who) }
  }

  /// The definition, in double, each axis with exact reduction of the angle.
  static func definition(_ x: [Double], _ shape: [Int], inverse: Bool) -> [Double] {
    var values = x
    var inner = 1
    for n in shape.reversed() {
      var out = [Double](repeating: 0, count: values.count)
      let roots = (0..<n).map { k in
        let angle = 2 * Double.pi * Double(k) / Double(n)
        return (cos(angle), inverse ? sin(angle) : -sin(angle))
      }
      for line in 0..<values.count / 2 / n {
        let start = line / inner * inner * n + line % inner
        for k in 0..<n {
          var (re, im) = (0.0, 0.0)
          for j in 0..<n {
            let (c, s) = roots[j * k % n]
            let at = 2 * (start + j * inner)
            re += values[at] * c - values[at + 1] * s
            im += values[at] * s + values[at + 1] * c
          }
          out[2 * (start + k * inner)] = re / Double(n).squareRoot()
          out[2 * (start + k * inner) + 1] = im / Double(n).squareRoot()
        }
      }
      values = out
      inner *= n
    }
    return values
  }

  @Test(arguments: FourierTransform.available) func isTheDefinition(who: FourierTransform.Implementation) {
    for shape in Self.lengths.filter({ $0 < 250 }).map({ [$0] }) + Self.shapes {
      let x: [Double] = chirp(2 * shape.reduce(1, *), 0.3)
      for inverse in [false, true] {
        let expected = Self.definition(x, shape, inverse: inverse)
        expectClose(Self.transformed(x, batch: 1, shape, inverse: inverse, by: who), expected, tolerance: 1e-13, "\(shape)")
        let single = Self.transformed(x.map(Float.init), batch: 1, shape, inverse: inverse, by: who)
        expectClose(single, expected.map(Float.init), "\(shape)")
      }
    }
  }

  /// The two implementations, where the build has both; forwards and backwards again, and three arrays at once, for each.
  @Test(arguments: FourierTransform.available) func agreesWithItsTwin(who: FourierTransform.Implementation) {
    func check<S: Scalar>(_: S.Type, _ shape: [Int]) {
      let count = 2 * shape.reduce(1, *)
      let x: [S] = chirp(3 * count, 0.3)
      let X = Self.transformed(x, batch: 3, shape, by: who)
      expectClose(X, Self.transformed(x, batch: 3, shape, by: .own), "\(shape)")
      expectClose(Self.transformed(X, batch: 3, shape, inverse: true, by: who), x, "\(shape) and back")
      let second = Self.transformed(Array(x[count..<2 * count]), batch: 1, shape, by: who)
      #expect(Array(X[count..<2 * count]) == second, "\(shape): the same alone and in a batch")
    }
    for shape in Self.lengths.map({ [$0] }) + Self.shapes {
      check(Float.self, shape)
      check(Double.self, shape)
    }
  }

  /// numpy.fft (NumPy 2.4.6) with norm="ortho" of pairs from sin(0.3 (i + 1)²).
  @Test(arguments: FourierTransform.available) func equalsNumPys(who: FourierTransform.Implementation) {
    let seven = [
      0.4545184375445454, -0.6113399423943862, -0.12792030352192724, -0.30859861720837417, -0.9202053622360139, 1.5744230242038502,
      0.08407195605825928, 0.06681815408756185, -0.47858325886770386, 0.10072738178924223, 1.0830539884268402, 0.011271456419433175,
      0.6869375168163178, 1.632642176763904,
    ]
    expectClose(Self.transformed(chirp(14, 0.3), batch: 1, [7], by: who), seven)
    let plane = [
      0.4592873416148073, 0.21903642878508803, -1.5991615370803087, 0.031452248413347705, -0.2820146240733974, 0.10576190960110628,
      -0.1920865622266998, -0.20354158193099056, 0.5256601861683675, 0.5092720904303625, -0.39253084166004387, 1.530056070295465,
      -0.06256490676827399, -0.8584490845800782, 0.0720052259221402, 0.14339875475801855, 1.185872361442127, -1.336039095924273,
      0.27526526894526054, 0.4574933093800731, 0.3102792714893392, 1.2757254137628506, 0.7237008414280718, 1.354511640079615,
    ]
    expectClose(Self.transformed(chirp(24, 0.3), batch: 1, [3, 4], by: who), plane)
  }

  @Test(arguments: FourierTransform.available) func emptyAndUnaligned(who: FourierTransform.Implementation) {
    #expect(Self.transformed([Double](), batch: 0, [5], by: who) == [])
    #expect(Self.transformed([Float](), batch: 3, [0, 4], by: who) == [])
    func unaligned<S: Scalar>(_: S.Type) {
      let x: [S] = chirp(48, 0.3)
      let aligned = Self.transformed(x, batch: 1, [24], by: who)
      for offset in 1...3 {
        let shifted = changed([S](repeating: 0, count: offset) + x) {
          FourierTransform.transform($0 + offset, batch: 1, shape: [24], inverse: false, by: who)
        }
        expectClose(Array(shifted[offset...]), aligned)
      }
    }
    unaligned(Float.self)
    unaligned(Double.self)
  }

  /// Lines together are lines apart; a line's bits depend neither on the others nor on where they lie.
  @Test func linesTogether() {
    func check<S: Scalar>(_: S.Type, _ length: Int, _ count: Int) {
      let x: [S] = chirp(2 * length * count, 0.3)
      for inverse in [false, true] {
        let together = changed(x) { FourierTransform.transformLines($0, count: count, length: length, inverse: inverse) }
        expectClose(together, Self.transformed(x, batch: count, [length], inverse: inverse, by: .own), "\(count) of \(length)")
        let shifted = changed([0] + x) { FourierTransform.transformLines($0 + 1, count: count, length: length, inverse: inverse) }
        #expect(Array(shifted[1...]) == together, "\(count) of \(length), elsewhere")
        let last = Array(x[(2 * length * (count - 1))...])
        let alone = changed(last) { FourierTransform.transformLines($0, count: 1, length: length, inverse: inverse) }
        #expect(alone == Array(together[(2 * length * (count - 1))...]), "\(count) of \(length), the last alone")
      }
    }
    for length in [1, 2, 5, 12, 67, 181, 256] {
      for count in [1, 7, 8, 9, 20] {
        check(Float.self, length, count)
        check(Double.self, length, count)
      }
    }
  }

  /// Plans are made and used on many threads at once: the same bits as alone.
  @Test(arguments: FourierTransform.available) func threadsDoNotDisturbEachOther(who: FourierTransform.Implementation) {
    let sizes = [131, 132, 133, 134, 135, 136]
    let alone = sizes.map { n in Self.transformed(chirp(2 * n * n, 0.3, as: Double.self), batch: 1, [n, n], by: who) }
    onThreads(8) { thread in
      for round in 0..<6 {
        let i = (thread + round) % sizes.count
        let x: [Double] = chirp(2 * sizes[i] * sizes[i], 0.3)
        #expect(Self.transformed(x, batch: 1, [sizes[i], sizes[i]], by: who) == alone[i])
        // Lengths no one has planned before.
        let fresh = 300 + thread * 10 + round
        let y: [Float] = chirp(2 * fresh, 0.3)
        expectClose(Self.transformed(y, batch: 1, [fresh], by: who), Self.transformed(y, batch: 1, [fresh], by: .own))
      }
    }
  }
}
