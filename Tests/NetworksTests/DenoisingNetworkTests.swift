// SPDX-License-Identifier: Apache-2.0
import Foundation
import Networks
import Tensors
import Testing
import _Differentiation

@Suite struct DenoisingNetworkTests {
  /// 2·64·9 + 64, five of 64·64·9 + 64, 64·9 + 1.
  @Test func parameterCount() { #expect(DilatedCNN(seed: 1).parameterCount == 186_433) }

  /// Numbers of the same layers in PyTorch 2 (`conv2d` with `dilation`), double precision, weights and images by formulas.
  @Test func dilatedLayers() {
    let (h, w, channels) = (11, 9, 4)
    let layers = (0..<7).map { k in
      let (input, output) = (k == 0 ? 2 : channels, k == 6 ? 1 : channels)
      return ConvolutionLayer(
        weight: Tensor(
          (0..<output * input * 9).map { (n: Int) -> Double in
            0.3 * sin(0.7 * Double(n) + Double(k)) / Double(input).squareRoot()
          }, shape: [output, input, 3, 3]),
        bias: Tensor((0..<output).map { (n: Int) -> Double in 0.05 * cos(Double(n + k)) }, shape: [output]))
    }
    let numbers = (0..<h * w).flatMap { (p: Int) -> [Double] in [0.5 + 0.4 * sin(0.37 * Double(p)), 0.1 + 0.002 * Double(p)] }
    let y = Tensor(numbers, shape: [1, h, w, 2])
    let found = DilatedCNN(layers)(y, stages: 1)
    #expect(found.shape == [1, h, w])
    #expect(abs(found.norm - 5.370281252768594) <= 1e-12)
    for (place, value) in [
      (0, 0.4870236244850999), (5 * w + 4, 0.2042383768617963), (10 * w + 8, 0.027246928395548695), (3 * w, 0.22382926738162662),
    ] {
      #expect(abs(found[flat: place] - value) <= 1e-12, "\(place)")
    }
  }

  /// Before training it leaves an image as it is.
  @Test func beginsAtTheImage() {
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([2, 12, 10], precision: .single, using: &generator)
    #expect(DilatedCNN(channels: 5, seed: 3).denoised(x, sigma: 0.1) == x)
  }

  @Test(arguments: [(6, 5), (9, 8)]) func gradients(height: Int, width: Int) {
    var generator = RandomGenerator(seed: 3)
    let y = Tensor.normal([2, height, width, 2], using: &generator)
    var dilated = DilatedCNN(channels: 3, precision: .double, seed: 4)
    dilated.updateParameters { _, value in value + 0.1 * Tensor.normal(value.shape, using: &generator) }
    let split = FFDNet(layers: 3, channels: 4, precision: .double, seed: 4)
    #expect(parameterGradientError(dilated, seed: 5) { squaredNorm($0(y, stages: 1)) } <= 1e-6)
    #expect(inputGradientError(at: y, seed: 6) { squaredNorm(dilated($0, stages: 1)) } <= 1e-6)
    #expect(parameterGradientError(split, seed: 5) { squaredNorm($0(y, stages: 1)) } <= 1e-6)
    #expect(inputGradientError(at: y, seed: 6) { squaredNorm(split($0, stages: 1)) } <= 1e-6)
  }

  /// A map of one level is that level.
  @Test(arguments: [(6, 4), (5, 7)]) func levelsBesidePixels(height: Int, width: Int) {
    var generator = RandomGenerator(seed: 3)
    let network = FFDNet(layers: 3, channels: 4, precision: .double, seed: 4)
    let y = Tensor.normal([2, height, width], using: &generator)
    #expect(network(besideConstant(y, 0.1), stages: 1) == network(y, sigma: 0.1))
  }

  /// A tall image goes through in strips that see what they reach.
  @Test func strips() {
    var generator = RandomGenerator(seed: 5)
    let (height, width) = (700, 1200)
    let image = Tensor.normal([1, height, width], precision: .single, using: &generator)
    var dilated = DilatedCNN(channels: 2, seed: 4)
    dilated.updateParameters { _, value in value + 0.2 * Tensor.normal(value.shape, precision: .single, using: &generator) }
    let split = FFDNet(layers: 3, channels: 2, seed: 6)
    for network in [dilated, split] as [any DenoisingNetwork] {
      let whole = network(besideConstant(image, 0.2), stages: 1)
      let found = network.denoised(image, sigma: 0.2)
      #expect((found - whole).norm <= 1e-6 * whole.norm && whole.norm > 1)
    }
  }
}
