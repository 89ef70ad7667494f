// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Platform
import Tensors

/// BM3D as the peer's script has it: 256 × 256 pixels of 128 + 80 sin(i/9) cos(j/7) and noise of σ = 25, on 0 … 255, single precision.
func bm3dBenchmark() -> () throws -> Void {
  var generator = RandomGenerator(seed: 1)
  func pixel(_ i: Int, _ j: Int) -> Double { 128 + 80 * sin(Double(i) / 9) * cos(Double(j) / 7) }
  let clean = Tensor((0..<256 * 256).map { pixel($0 / 256, $0 % 256) }, shape: [256, 256])
  let noisy = (clean + 25 * Tensor.normal([256, 256], using: &generator)).converted(to: .single)
  return {
    let x = BM3D(peak: 255).denoised(noisy, sigma: 25)
    precondition(x.shape == [256, 256])
  }
}
