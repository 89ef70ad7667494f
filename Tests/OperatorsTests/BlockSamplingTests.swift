// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct BlockSamplingTests {
  static let sizes = [(1, 1, 3), (1, 9, 3), (4, 4, 4), (8, 12, 4), (7, 5, 3), (5, 2, 1), (3, 4, 5), (35, 67, 33), (33, 33, 33)]

  /// Twelve pixels in blocks of 2 × 2, and the same in blocks of 3 × 3, written out.
  @Test func layoutByHand() {
    let image = Tensor((0..<12).map(Double.init), shape: [3, 4])
    #expect(BlockGrid(height: 3, width: 4, side: 2).cut(image).doubles == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 0, 0, 10, 11, 0, 0])
    let three = BlockGrid(height: 3, width: 4, side: 3)
    #expect(three.cut(image).doubles == [0, 1, 2, 4, 5, 6, 8, 9, 10, 3, 0, 0, 7, 0, 0, 11, 0, 0])
    #expect(three.rows == 1 && three.columns == 2 && three.count == 2)
    // 256 × 256 pixels are 64 blocks of 33 × 33, 512 × 512 are 256.
    #expect(BlockGrid(height: 256, width: 256, side: 33).count == 64 && BlockGrid(height: 512, width: 512, side: 33).count == 256)
  }

  /// Pixel (i, j) lies in block (⌊i/s⌋, ⌊j/s⌋) at (i mod s, j mod s); every other place is 0. Cut and put together, nothing changes.
  @Test(arguments: sizes) func layoutIsTheDefinition(height: Int, width: Int, side: Int) {
    for precision in Precision.allCases {
      let image = Tensor((0..<height * width).map { Double($0 + 1) }, shape: [height, width], precision: precision)
      let grid = BlockGrid(height: height, width: width, side: side)
      let blocks = grid.cut(image)
      let across = (width - 1) / side + 1
      #expect(blocks.shape == [((height - 1) / side + 1) * across, side * side] && blocks.precision == precision)
      var expected = [Double](repeating: 0, count: blocks.count)
      for i in 0..<height {
        for j in 0..<width {
          expected[((i / side * across + j / side) * side + i % side) * side + j % side] = Double(i * width + j + 1)
        }
      }
      #expect(blocks.doubles == expected)
      #expect(grid.assemble(blocks) == image)
      // What lies beyond the image is cropped: the adjoint, not more.
      let beyond = Tensor(zip(expected, blocks.doubles).map { $0.0 == 0 ? 7 : $0.1 }, shape: blocks.shape, precision: precision)
      #expect(grid.assemble(beyond) == image)
    }
  }

  @Test(arguments: 1...20) func adjoint(seed: Int) {
    let (height, width, side) = Self.sizes[seed % 7]
    let phi = Matrix.orthonormalRows(rows: (side * side + 1) / 2, columns: side * side, seed: UInt64(seed))
    let A = BlockSampling(phi: phi, grid: BlockGrid(height: height, width: width, side: side))
    expectAdjoint(A, domain: [height, width], codomain: [A.grid.count, phi.rows], seed: UInt64(seed))
  }

  /// Row b of the measurement is Φ times block b, sum by sum.
  @Test func measurementIsTheDefinition() {
    let (height, width, side) = (5, 7, 3)
    var generator = RandomGenerator(seed: 3)
    let phi = Tensor.normal([4, 9], using: &generator)
    let image = Tensor.normal([height, width], using: &generator)
    let y = BlockSampling(phi: Matrix(phi), grid: BlockGrid(height: height, width: width, side: side)).forward(image)
    #expect(y.shape == [6, 4])
    for block in 0..<6 {
      for m in 0..<4 {
        var sum = 0.0
        for at in 0..<9 {
          let (i, j) = (block / 3 * 3 + at / 3, block % 3 * 3 + at % 3)
          if i < height, j < width { sum += phi[flat: m * 9 + at] * image[flat: i * width + j] }
        }
        #expect(abs(y[flat: block * 4 + m] - sum) < 1e-13)
      }
    }
  }

  /// The norm of the largest matrix column by column: that of Φ where the image holds a whole block, less where it does not.
  @Test func lipschitzBounds() {
    let phi = Matrix.gaussian(rows: 3, columns: 9, seed: 4)
    for (height, width) in [(3, 3), (5, 4), (2, 2)] {
      let A = BlockSampling(phi: phi, grid: BlockGrid(height: height, width: width, side: 3))
      let columns = (0..<height * width).map { j in
        A.forward(Tensor((0..<height * width).map { $0 == j ? 1 : 0 }, shape: [height, width], precision: .double))
          .reshaped([A.grid.count * 3])
      }
      let exact = Matrix(Tensor.stacked(columns)).lipschitz
      #expect(exact <= A.lipschitz * (1 + 1e-12))
      if height >= 3, width >= 3 { #expect(abs(exact - A.lipschitz) <= 1e-10 * exact) }
    }
  }

  @Test(arguments: [10, 272, 545, 1089]) func rowsAreOrthonormal(rows: Int) {
    let phi = Matrix.orthonormalRows(rows: rows, columns: 1089, seed: UInt64(rows))
    #expect(phi.rows == rows && phi.columns == 1089 && phi.precision == .double)
    let defect = linear(phi.entries, phi.entries) - .identity(rows)
    #expect(defect.maximumMagnitude <= 1e-13, "\(defect.maximumMagnitude)")
  }

  /// The seed alone decides; the rows span what the Gaussian rows they come from span: ‖G − G Φᵀ Φ‖ = 0.
  @Test func rowsSpanTheGaussianOnes() {
    let phi = Matrix.orthonormalRows(rows: 6, columns: 25, seed: 8)
    #expect(phi == .orthonormalRows(rows: 6, columns: 25, seed: 8) && phi != .orthonormalRows(rows: 6, columns: 25, seed: 9))
    var generator = RandomGenerator(seed: 8)
    let G = Tensor.normal([6, 25], using: &generator)
    #expect((G - phi.adjoint(phi.forward(G))).norm <= 1e-13 * G.norm)
    // G (ΦᵀΦ) = G, and the symmetric square root: Φ Gᵀ is symmetric and positive.
    let root = linear(phi.entries, G)
    #expect((root - root.transposed).maximumMagnitude <= 1e-12 * root.maximumMagnitude)
    #expect((0..<6).allSatisfy { root[flat: $0 * 7] > 0 })
  }
}
