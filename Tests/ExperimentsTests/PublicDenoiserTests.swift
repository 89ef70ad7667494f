// SPDX-License-Identifier: Apache-2.0
import Experiments
import FileFormats
import Foundation
import Networks
import Tensors
import TestSupport
import Testing
import Training

@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct PublicDenoiserTests {
  /// The public weights on an image by a formula, of odd extents, σ = 25 of 255: numbers of the same layers in PyTorch 2 on NumPy's arrays, the
  /// last row and column repeated.
  @Test func ffdNet() throws {
    let weights = try Weights(anyFile: dataFolder + "/denoisers/ffdnet_gray.npz").withHouseNames
    let network = try weights.filled(FFDNet(seed: 0))
    let (h, w) = (37, 41)
    let image = Tensor(
      (0..<h * w).map { p in
        let (i, j) = (Double(p / w), Double(p % w))
        return 0.5 + 0.3 * sin(0.31 * i + 0.17 * j) + 0.2 * cos(0.9 * i - 0.4 * j)
      }, shape: [1, h, w], precision: .single)
    let found = network(image, sigma: 25 / 255)
    #expect(abs(found.norm - 21.676954498488673) <= 2e-5)
    for (i, j, value) in [
      (0, 0, 0.7503147721290588), (18, 20, 0.5652919411659241), (36, 40, 0.09861122071743011), (5, 33, 0.5758360028266907),
    ] { #expect(abs(found[flat: i * w + j] - value) <= 2e-6, "\(i), \(j)") }
  }
}
