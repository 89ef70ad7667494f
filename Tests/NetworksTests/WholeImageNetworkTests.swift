// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Kernels
import Networks
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct WholeImageNetworkTests {
  private static func sampling(_ rows: Int, _ columns: Int, side: Int = 6) -> BlockSampling {
    BlockSampling(
      phi: Matrix.orthonormalRows(rows: 10, columns: side * side, seed: 3).converted(to: .single),
      grid: BlockGrid(height: rows * side, width: columns * side, side: side))
  }

  /// Numbers of the authors' files: 370 817 and 921 960.
  @Test func parameterCounts() {
    let A = Self.sampling(1, 1)
    #expect(SCNet(scNet: A, seed: 1).parameterCount == 370_817)
    #expect(SODASNet(sodasNet: A, seed: 1).parameterCount == 921_960)
  }

  /// A small convolution whose filters are large enough for every rounding to show, whatever the channels: both sides have tiles of their
  /// own, each of which rounds by 1 to 3e-6 of the largest number.
  @Test(arguments: [(1, 32), (2, 32), (32, 32), (32, 1), (3, 5)])
  func convolutionByRowsIsTheConvolution(input: Int, output: Int) {
    var generator = RandomGenerator(seed: 4)
    let (height, width) = (23, 13)
    let maps = Tensor.normal([1, height, width, input], precision: .single, using: &generator)
    let weight = Tensor.normal([output, input, 3, 3], precision: .single, using: &generator)
    let bias = Tensor.normal([output], precision: .single, using: &generator)
    for rectified in [false, true] {
      let whole = convolved(maps, weight, adding: bias, rectified: rectified)
      // Pieces of none, of one row and of many.
      for pieces in [[23], [1, 1, 1, 20], [0, 7, 0, 9, 7], Array(repeating: 1, count: 23)] {
        let layer = RowLayer(weight, bias: bias, rectified: rectified)
        var (source, result) = (RowWindow(width: width, channels: input), RowWindow(width: width, channels: output))
        var (row, made, found): (Int, Int, [Float]) = (0, 0, [])
        for (i, count) in pieces.enumerated() {
          source.append(maps.floats[row * width * input..<(row + count) * width * input])
          row += count
          let isLast = i == pieces.count - 1
          let ready = layer.rows(from: made, of: source, isLast: isLast)
          layer.append(to: &result, of: source, isLast: isLast)
          if result.end > made { result.withRows(made..<result.end) { expectEqual($0, ready) } }
          made += ready.count / (width * output)
          found += ready
          source.drop(before: made - 1)
          result.drop(before: made - 1)
          #expect(made == (isLast ? row : max(0, row - 1)) && result.end == made)
        }
        #expect(found.count == whole.count)
        expectClose(Tensor(found, shape: whole.shape), whole, relative: 6e-6)
      }
    }
  }

  private func expectEqual(_ a: UnsafePointer<Float>, _ b: ArraySlice<Float>) {
    #expect(Array(UnsafeBufferPointer(start: a, count: b.count)) == Array(b))
  }

  /// Images by rows of blocks are those of the whole image; one thread and two give the same bytes.
  @Test(arguments: [(1, 1), (1, 4), (2, 3), (7, 2), (20, 2)]) func rowsGiveTheImageAsAWhole(rows: Int, columns: Int) {
    let A = Self.sampling(rows, columns)
    var generator = RandomGenerator(seed: 5)
    let image = Tensor.uniform([1, A.grid.height, A.grid.width], precision: .single, using: &generator)
    let y = A.forward(image)
    let blocks = y.reshaped([A.grid.count, A.phi.rows])
    let scNet = disturbed(SCNet(scNet: A, depth: 5, seed: 6))
    let sodasNet = disturbed(SODASNet(sodasNet: A, depth: 4, seed: 6))
    for stages in [1, 4] {
      for traversal in [ImageTraversal.whole, .rows] {
        let found = [1, 2].map {
          Parallel.with(threads: $0) {
            (
              scNet.image(blocks, stages: stages, traversal: traversal),
              sodasNet.image(blocks, stages: stages, traversal: traversal)
            )
          }
        }
        #expect(found[0].0 == found[1].0 && found[0].1 == found[1].1)
        expectClose(found[0].0.reshaped(image.shape), scNet(y, stages: stages), relative: 1e-5)
        expectClose(found[0].1.reshaped(image.shape), sodasNet(y, stages: stages), relative: 1e-5)
      }
    }
  }

  private func disturbed<Model: Parameterized>(_ model: Model) -> Model {
    var generator = RandomGenerator(seed: 7)
    var model = model
    model.updateParameters { _, value in value + 0.02 * Tensor.normal(value.shape, using: &generator).converted(to: value.precision)
    }
    return model
  }

  /// With another operator the network is the one that was made for it.
  @Test func anotherOperator() {
    let (A, B) = (Self.sampling(2, 2), Self.sampling(1, 3))
    let network = SCNet(scNet: A, depth: 3, seed: 8)
    var generator = RandomGenerator(seed: 9)
    let y = B.forward(Tensor.uniform([2, B.grid.height, B.grid.width], precision: .single, using: &generator))
    #expect(network.with(B)(y) == SCNet(scNet: B, depth: 3, seed: 8)(y))
  }

  /// Every orientation followed by its adjoint is the identity; two of them are what NumPy's flip and transpose give.
  @Test func orientations() {
    let image = Tensor((0..<6).map(Double.init), shape: [2, 3])
    for turn in Orientation.allCases { #expect(turn.adjoint(turn.forward(image)) == image) }
    #expect(Set(Orientation.allCases.map { $0.forward(image).doubles }).count == 8)
    #expect(Orientation(transposes: true, flipsRows: false, flipsColumns: false).forward(image) == image.transposed)
    // numpy.flip(a, 0) and numpy.flip(a, 1)
    #expect(Orientation(transposes: false, flipsRows: true, flipsColumns: false).forward(image).doubles == [3, 4, 5, 0, 1, 2])
    #expect(Orientation(transposes: false, flipsRows: false, flipsColumns: true).forward(image).doubles == [2, 1, 0, 5, 4, 3])
  }
}
