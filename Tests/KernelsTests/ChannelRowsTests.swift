// SPDX-License-Identifier: Apache-2.0
import Kernels
import Testing

/// What treats every channel by itself against its definition, under every instruction set.
@Suite struct ChannelRowsTests {
  static let extents: [(rows: Int, channels: Int)] = [(0, 3), (1, 1), (7, 16), (5000, 17), (311, 48), (4097, 32)]

  @Test(arguments: ElementwiseTests.levels, extents) func single(level: InstructionSet, extents: (rows: Int, channels: Int)) {
    check(Float.self, level, ChannelRows(rows: extents.rows, channels: extents.channels))
  }
  @Test(arguments: ElementwiseTests.levels, extents) func double(level: InstructionSet, extents: (rows: Int, channels: Int)) {
    check(Double.self, level, ChannelRows(rows: extents.rows, channels: extents.channels))
  }

  private func check<S: Scalar>(_: S.Type, _ level: InstructionSet, _ rows: ChannelRows) {
    let (n, c) = (rows.rows * rows.channels, rows.channels)
    let (x, v): ([S], [S]) = (chirp(n, 0.3), chirp(n, 0.7))
    let table: [[S]] = (0..<5).map { chirp(c, 0.2 + 0.1 * Double($0)) }
    let (scale, shift) = (table[0], table[1])
    InstructionSet.with(level) {
      let sums = rows.sums(x)
      #expect(sums.count == 2 * c)
      for rectified in [false, true] {
        let y: [S] = written(n) { rows.affine(x, scale: scale, shift: shift, rectified: rectified, into: $0) }
        let products = rows.products(x, v, scale: scale, shift: shift, rectified: rectified)
        let dx: [S] = written(n) {
          rows.pullback(
            x, v, scale: scale, shift: shift, rectified: rectified, factors: table[2], slopes: table[3], offsets: table[4],
            into: $0)
        }
        var expected = (
          y: [S](), dx: [S](), sums: [Double](repeating: 0, count: 2 * c), products: [Double](repeating: 0, count: 2 * c)
        )
        for i in 0..<n {
          let (j, value) = (i % c, x[i] * scale[i % c] + shift[i % c])
          let g: S = rectified && y[i] == 0 ? 0 : v[i]
          expected.y.append(rectified ? max(value, 0) : value)
          expected.dx.append(table[2][j] * g + table[3][j] * x[i] + table[4][j])
          expected.sums[j] += Double(x[i])
          expected.sums[c + j] += Double(x[i]) * Double(x[i])
          expected.products[j] += Double(g)
          expected.products[c + j] += Double(g) * Double(x[i])
        }
        expectClose(y, expected.y, "affine")
        expectClose(dx, expected.dx, "pullback")
        expectClose(sums, expected.sums, "sums")
        expectClose(products, expected.products, "products")
      }
    }
  }
}
