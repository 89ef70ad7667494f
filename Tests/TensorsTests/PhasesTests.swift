// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing
import _Differentiation

@Suite struct PhasesTests {
  static let cases = [([1, 6, 8, 2], 2), ([2, 7, 5, 3], 3), ([1, 3, 2, 1], 4), ([2, 4, 4, 2], 1)]

  /// Every pixel lies where the formula says, zeros where there is none; joined, the maps are themselves.
  @Test(arguments: cases) func places(shape: [Int], step: Int) {
    var generator = RandomGenerator(seed: 2)
    for precision in Precision.allCases {
      let x = Tensor.normal(shape, precision: precision, using: &generator)
      let y = phases(x, step: step)
      let (h, w, c) = (shape[1], shape[2], shape[3])
      let (rows, columns) = ((h + step - 1) / step, (w + step - 1) / step)
      #expect(y.shape == [shape[0] * step * step, rows, columns, c])
      for place in 0..<y.count {
        let (k, q, p) = (place % c, place / c % columns, place / (c * columns) % rows)
        let number = place / (c * columns * rows)
        let (image, i, j) = (number / (step * step), number / step % step, number % step)
        let (row, column) = (step * p + i, step * q + j)
        let expected = row < h && column < w ? x[flat: ((image * h + row) * w + column) * c + k] : 0
        #expect(y[flat: place] == expected)
      }
      #expect(joinedPhases(y, step: step, height: h, width: w) == x)
    }
  }

  /// A convolution of phases is one whose taps lie apart: that of a filter with zeros between its taps.
  @Test(arguments: [2, 3, 4]) func dilatedConvolution(step: Int) {
    var generator = RandomGenerator(seed: 3)
    let (h, w) = (9, 10)
    let x = Tensor.normal([2, h, w, 3], using: &generator)
    let filters = Tensor.normal([4, 3, 3, 3], using: &generator)
    let found = joinedPhases(convolved(phases(x, step: step), filters), step: step, height: h, width: w)
    let size = 2 * step + 1
    var wide = [Double](repeating: 0, count: 4 * 3 * size * size)
    for place in 0..<filters.count {
      let (j, i, maps) = (place % 3, place / 3 % 3, place / 9)
      wide[(maps * size + i * step) * size + j * step] = filters[flat: place]
    }
    let planes = Tensor(
      (0..<x.count).map { x[flat: (($0 / (3 * h * w)) * h * w + $0 % (h * w)) * 3 + $0 / (h * w) % 3] }, shape: [2, 3, h, w])
    let expected = conv2d(planes, Tensor(wide, shape: [4, 3, size, size]))
    for place in 0..<expected.count {
      let (pixel, channel, image) = (place % (h * w), place / (h * w) % 4, place / (4 * h * w))
      #expect(abs(found[flat: (image * h * w + pixel) * 4 + channel] - expected[flat: place]) <= 1e-12)
    }
  }

  @Test(arguments: cases) func gradients(shape: [Int], step: Int) {
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.normal(shape, using: &generator)
    let w = Tensor.normal(phases(x, step: step).shape, using: &generator)
    #expect(inputGradientError(at: x, seed: 5) { squaredNorm(phases($0, step: step) - w) } <= 1e-6)
    #expect(
      inputGradientError(at: w, seed: 6) { squaredNorm(joinedPhases($0, step: step, height: shape[1], width: shape[2]) - x) }
        <= 1e-6)
  }
}
