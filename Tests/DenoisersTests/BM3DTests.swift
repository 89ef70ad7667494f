// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Kernels
import Operators
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct BM3DTests {
  /// Whole numbers around a texture on 0 … 255, of which the distances of blocks are exact in any precision and order.
  private func noisy(_ height: Int, _ width: Int, sigma: Double, seed: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    let clean = texture(height, width, 0.05, 0.4)
    return (255 * clean + sigma * Tensor.normal([height, width], using: &generator)).map { $0.rounded() }
  }

  struct Case: Sendable {
    let profile: BM3DProfile
    var height = 17
    var width = 22
    var sigma = 20.3
  }

  /// Every profile, above and below σ = 40, sizes that are no multiple of a step, blocks cut to the image. Levels are such that no coefficient of
  /// whole numbers lies at the threshold.
  @Test(
    arguments: BM3DProfile.allCases.map { Case(profile: $0) } + [
      Case(profile: .automatic, height: 9, width: 21, sigma: 60.7), Case(profile: .published, height: 14, width: 12, sigma: 60.7),
    ])
  func isItsPlainTwin(of image: Case) {
    let (profile, h, w, sigma) = (image.profile, image.height, image.width, image.sigma)
    let y = noisy(h, w, sigma: sigma, seed: 1)
    let plain = PlainBM3D(parameters: profile.parameters(sigma: sigma), sigma: sigma, height: h, width: w)
    let denoiser = BM3D(profile, peak: 255)
    let basic = Tensor(plain.estimate(y.doubles), shape: [h, w])
    expectClose(denoiser.basicEstimate(y, sigma: sigma), basic, relative: 1e-12)
    // In single precision a coefficient at the threshold may fall on the other side.
    expectClose(denoiser.basicEstimate(y.converted(to: .single), sigma: sigma).converted(to: .double), basic, relative: 1e-3)
    let guide = basic.map { $0.rounded() }
    let final = Tensor(plain.estimate(y.doubles, guide: guide.doubles), shape: [h, w])
    expectClose(denoiser.refined(y, basic: guide, sigma: sigma), final, relative: 1e-12)
    let single = denoiser.refined(y.converted(to: .single), basic: guide.converted(to: .single), sigma: sigma)
    expectClose(single.converted(to: .double), final, relative: 1e-5)
  }

  @Test func sameBytesForAnyThreads() {
    let y = noisy(45, 50, sigma: 25, seed: 2).converted(to: .single)
    let batch = Tensor.stacked([y, 0.5 * y, -1 * y])
    let one = Parallel.with(threads: 1) { BM3D(peak: 255).denoised(batch, sigma: 25) }
    for threads in [2, 3, 8] {
      #expect(Parallel.with(threads: threads) { BM3D(peak: 255).denoised(batch, sigma: 25) }.floats == one.floats)
    }
    // Each image by itself.
    #expect(BM3D(peak: 255).denoised(0.5 * y, sigma: 25).floats == one.row(1).floats)
  }

  @Test func scaleIsThePeaks() {
    let y = noisy(20, 24, sigma: 50, seed: 3)
    let unit = BM3D(.published).denoised((1.0 / 256) * y, sigma: 50 * (255.0 / 256) / 255)
    expectClose(256 * unit, BM3D(.published, peak: 256).denoised(y, sigma: 50 * 255.0 / 255), relative: 1e-10)
    let parts = ComplexTensor(real: y, imaginary: -1 * y)
    let complex = BM3D(peak: 255).denoised(parts, sigma: 50)
    expectClose(complex.real, BM3D(peak: 255).denoised(y, sigma: 50), relative: 1e-15)
    #expect(relativeError(complex.real, -1 * complex.imaginary) < 1e-12)
  }

  /// One block is a group of one: thresholds in the wavelet basis, gains in the cosine one.
  @Test func oneBlockInClosedForm() {
    let y = noisy(8, 8, sigma: 30, seed: 4)
    /// a x aᵀ.
    func transformed(_ x: [Double], _ a: [Double]) -> [Double] {
      var out = [Double](repeating: 0, count: 64)
      for i in 0..<8 {
        for j in 0..<8 {
          for k in 0..<8 { for l in 0..<8 { out[i * 8 + j] += a[i * 8 + k] * x[k * 8 + l] * a[j * 8 + l] } }
        }
      }
      return out
    }
    let (wavelet, cosine) = (PatchTransform.biorthogonalWavelet(side: 8), PatchTransform.cosine(side: 8))
    let kept = transformed(y.doubles, wavelet.matrix).map { abs($0) < 2.7 * 30 ? 0 : $0 }
    let basic = transformed(kept, wavelet.inverse)
    let gains = transformed(basic, cosine.matrix).map { $0 * $0 / ($0 * $0 + 900) }
    let final = transformed(zip(transformed(y.doubles, cosine.matrix), gains).map { $0 * $1 }, cosine.inverse)
    let denoiser = BM3D(.normal, peak: 255)
    expectClose(denoiser.basicEstimate(y, sigma: 30), Tensor(basic, shape: [8, 8]), relative: 1e-13)
    expectClose(denoiser.denoised(y, sigma: 30), Tensor(final, shape: [8, 8]), relative: 1e-13)
  }

  @Test(arguments: BM3DProfile.allCases) func constantImages(profile: BM3DProfile) {
    let flat = Tensor.filled(100, shape: [33, 33], precision: .single)
    let basic = BM3D(profile, peak: 255).basicEstimate(flat, sigma: 25)
    #expect((basic - flat).maximumMagnitude < 1e-3)
    // The mean of a group of n blocks is multiplied by E² / (E² + σ²), E = 100 · side · √n.
    let final = BM3D(profile, peak: 255).denoised(flat, sigma: 25)
    #expect((final - flat).maximumMagnitude < 0.1)
    let dark = BM3D(profile, peak: 255).denoised(0 * flat, sigma: 25)  // nothing is left of any group
    #expect(dark.maximumMagnitude == 0)
  }

  @Test func whatThereIsNothingToDoAbout() throws {
    let y = noisy(8, 9, sigma: 10, seed: 5)
    #expect(BM3D().denoised(y, sigma: 0).doubles == y.doubles)
    #expect(BM3D().denoised(Tensor.zero, sigma: 1).isShapelessZero)
    #expect(BM3D().denoised(Tensor.zeros([0, 9, 9]), sigma: 1).shape == [0, 9, 9])
    try BM3D().check(y, sigma: 3)
  }

  /// A dark ground, where next to nothing of a group is left: its weight is finite.
  @Test(arguments: Precision.allCases) func darkGround(precision: Precision) {
    let image = Tensor(
      (0..<40 * 40).map { (p: Int) -> Double in p / 40 < 8 && p % 40 < 8 ? 1 : 1e-12 * Double(p % 7) }, shape: [40, 40])
    let found = BM3D().denoised(image.converted(to: precision), sigma: 0.3)
    #expect(found.isFinite && abs(found[flat: 39 * 40 + 39]) < 1e-6)
  }

  @Test func refusals() {
    func refused(_ images: Tensor, _ sigma: Double = 1) -> String {
      refusal(InputError.self) { try BM3D().check(images, sigma: sigma) }
    }
    #expect(refused(.zeros([7, 40])) == "found images of 7 × 40; expected at least 8 × 8 pixels")
    #expect(refused(.zeros([40])).hasPrefix("found images of 40;"))
    #expect(refused(.zeros([8, 8]), -1).hasPrefix("found the noise level -1.0;"))
    #expect(refused(.zeros([8, 8]), .nan).hasPrefix("found the noise level nan;"))
    #expect(refused(.filled(.nan, shape: [8, 8])).hasPrefix("found images with numbers that are NaN or infinite;"))
    #expect(refused(.filled(.infinity, shape: [8, 8], precision: .single)).hasPrefix("found images with numbers"))
  }

  /// Where nobody checks, an image that is not finite is NaN and the others are untouched by it.
  @Test(arguments: [BM3D(peak: 255) as any Denoiser, TotalVariationDenoiser(weight: 0.01)]) func notFinite(denoiser: any Denoiser) {
    let y = noisy(12, 12, sigma: 25, seed: 6)
    var broken = y.doubles
    broken[5] = .infinity
    let both = denoiser.denoised(Tensor.stacked([Tensor(broken, shape: [12, 12]), y]), sigma: 25)
    #expect(both.row(0).doubles.filter(\.isNaN).count == 144)
    #expect(both.row(1).doubles == denoiser.denoised(y, sigma: 25).doubles)
  }

  /// The step of PenaltyTests: two flat pieces of 4 and 6 pixels, which λ = weight · σ² moves by λ/4 and λ/6.
  @Test func totalVariation() {
    let step = Tensor((0..<10).map { $0 < 4 ? 0.0 : 1 }, shape: [1, 10])
    let found = TotalVariationDenoiser(weight: 15, iterations: 3000).denoised(step, sigma: 0.2)
    let expected = Tensor((0..<10).map { $0 < 4 ? 0.15 : 0.9 }, shape: [1, 10])
    #expect((found - expected).maximumMagnitude < 1e-5)
  }
}
