// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// Products that leave zeros out, against the plain twin that multiplies by them, under every instruction set.
@Suite struct SparseProductTests {
  /// Rows of less than a vector and of several panels, blocks and groups; the last is of two groups.
  static let extents: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (3, 5, 2), (17, 16, 40), (25, 127, 200), (31, 129, 65), (40, 400, 311), (9, 5, 14_600), (401, 20, 400),
  ]

  /// Every third number and those of whole rows and columns are 0.
  private static func sparse<S: Scalar>(rows: Int, columns: Int) -> [S] {
    let x: [S] = chirp(rows * columns, 0.3)
    return x.indices.map { i in
      let (row, column) = (i / columns, i % columns)
      return row % 4 == 1 || column % 7 == 2 || i % 3 == 0 ? 0 : x[i]
    }
  }

  @Test(arguments: ElementwiseTests.levels, extents) func twin(level: InstructionSet, extents: (m: Int, n: Int, k: Int)) {
    func check<S: Scalar>(_: S.Type) {
      let (m, n, k) = extents
      let b: [S] = chirp(k * n, 0.7)
      let c: [S] = chirp(m * n, 0.2)
      InstructionSet.with(level) {
        for transposeA in [false, true] {
          let a: [S] = transposeA ? Self.sparse(rows: k, columns: m) : Self.sparse(rows: m, columns: k)
          #expect(S.nonzeros(a, a.count) == a.count { $0 != 0 })
          for transposeB in [false, true] {
            for adding in [false, true] {
              let start = adding ? c : [S](repeating: .nan, count: m * n)
              expectClose(
                changed(start) {
                  SparseProduct.run(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a, b, adding: adding, $0)
                },
                changed(start) {
                  Reference.gemm(
                    transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: 1, a, b, beta: adding ? 1 : 0, $0)
                }, "\(m) × \(n) × \(k) \(transposeA) \(transposeB) \(adding)")
            }
          }
        }
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test(arguments: ElementwiseTests.levels) func aRowIsTheSameWhateverTheOthersAre(level: InstructionSet) {
    let (m, n, k) = (401, 70, 400)
    let a: [Float] = Self.sparse(rows: m, columns: k)
    let b: [Float] = chirp(k * n, 0.7)
    func product(_ a: ArraySlice<Float>, rows: Int) -> [Float] {
      written(rows * n) {
        SparseProduct.run(transposeA: false, transposeB: false, m: rows, n: n, k: k, Array(a), b, adding: false, $0)
      }
    }
    InstructionSet.with(level) {
      expectEqual(product(a[(7 * k)...], rows: m - 7), Array(product(a[...], rows: m)[(7 * n)...]))
    }
  }

  /// Zeros do not meet what the other factor has there: where it is not finite, a dense product has NaN.
  @Test func nothingIsMultipliedByZero() {
    let product: [Float] = written(2) {
      SparseProduct.run(
        transposeA: false, transposeB: false, m: 1, n: 2, k: 3, [2, 0, 1], [1, 2, .nan, .infinity, 5, 6], adding: false, $0)
    }
    #expect(product == [7, 10])
  }

  /// With few and with many zeros, in the first factor and in the second: whichever way is chosen.
  @Test(arguments: [0, 30, 80]) func whichWayDoesNotShow(percent: Int) {
    func check<S: Scalar>(_: S.Type) {
      let (m, n, k) = (70, 90, 64)
      func factor(_ rows: Int, _ columns: Int, _ a: Double, percent: Int) -> [S] {
        let x: [S] = chirp(rows * columns, a)
        return x.indices.map { $0 * 37 % 100 < percent ? 0 : x[$0] }
      }
      for (first, second) in [(percent, 0), (0, percent), (percent, percent)] {
        let (a, b) = (factor(k, m, 0.3, percent: first), factor(k, n, 0.7, percent: second))
        expectClose(
          written(m * n) { S.outerProduct(m: m, n: n, k: k, a, b, $0) },
          written(m * n) { Reference.gemm(transposeA: true, transposeB: false, m: m, n: n, k: k, alpha: 1, a, b, beta: 0, $0) },
          "outer \(first) \(second)")
      }
      let (a, b) = (factor(m, k, 0.3, percent: percent), factor(n, k, 0.7, percent: 0))
      expectClose(
        written(m * n) { S.product(transposeB: true, m: m, n: n, k: k, a, b, adding: false, $0) },
        written(m * n) { Reference.gemm(transposeA: false, transposeB: true, m: m, n: n, k: k, alpha: 1, a, b, beta: 0, $0) },
        "product")
    }
    check(Float.self)
    check(Double.self)
  }

  @Test(arguments: ElementwiseTests.levels, [(1, 1), (8, 8), (17, 70), (64, 9), (130, 141)])
  func transposeIsTheDefinition(level: InstructionSet, extents: (Int, Int)) {
    func check<S: Scalar>(_: S.Type) {
      let (rows, columns) = extents
      let x: [S] = chirp(rows * columns, 0.3)
      InstructionSet.with(level) {
        expectEqual(
          written(rows * columns) { S.transpose(x, $0, rows, columns) }, x.indices.map { x[$0 % rows * columns + $0 / rows] })
      }
    }
    check(Float.self)
    check(Double.self)
  }
}
