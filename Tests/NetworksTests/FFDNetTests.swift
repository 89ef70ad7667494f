// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Tensors
import Testing
import _Differentiation

@Suite struct FFDNetTests {
  /// The number of the authors' file.
  @Test func parameterCount() { #expect(FFDNet(seed: 1).parameterCount == 485_316) }

  /// Split and joined, images are themselves, of odd extents too; the constant stands beside.
  @Test(arguments: [[2, 4, 6], [1, 5, 4], [3, 1, 1], [1, 6, 3]]) func subImagesAreJoined(shape: [Int]) {
    var generator = RandomGenerator(seed: 2)
    for precision in Precision.allCases {
      let x = Tensor.normal(shape, precision: precision, using: &generator)
      let maps = subImages(x, beside: 0.25)
      #expect(maps.shape == [shape[0], (shape[1] + 1) / 2, (shape[2] + 1) / 2, 5])
      #expect(maps.doubles.indices.allSatisfy { $0 % 5 != 4 || maps.doubles[$0] == 0.25 })
      let four = Tensor(
        maps.doubles.indices.filter { $0 % 5 != 4 }.map { maps.doubles[$0] }, shape: Array(maps.shape.dropLast()) + [4],
        precision: precision)
      #expect(joinedSubImages(four, height: shape[1], width: shape[2]) == x)
    }
  }

  /// Column by column: the four sub-images of one square of pixels.
  @Test func order() {
    #expect(subImages(Tensor([1, 2, 3, 4], shape: [1, 2, 2]), beside: 5).doubles == [1, 3, 2, 4, 5])
  }

  @Test(arguments: [(6, 4), (5, 7)]) func gradients(height: Int, width: Int) {
    var generator = RandomGenerator(seed: 3)
    let network = FFDNet(layers: 3, channels: 4, precision: .double, seed: 4)
    let y = Tensor.normal([2, height, width], using: &generator)
    #expect(parameterGradientError(network, seed: 5) { squaredNorm($0(y, sigma: 0.1)) } <= 1e-6)
    #expect(inputGradientError(at: y, seed: 6) { squaredNorm(network($0, sigma: 0.1)) } <= 1e-6)
    let slope = gradient(at: 0.1) { squaredNorm(network(y, sigma: $0)) }
    let step = 1e-6
    let expected = (squaredNorm(network(y, sigma: 0.1 + step)) - squaredNorm(network(y, sigma: 0.1 - step))) / (2 * step)
    #expect(abs(slope - expected) <= 1e-6 * abs(expected))
  }
}
