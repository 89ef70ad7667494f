// SPDX-License-Identifier: Apache-2.0
import Denoisers
import FileFormats
import Foundation
import Kernels
import Metrics
import Tensors
import TestSupport
import Testing

@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct BM3DFigureTests {
  /// PSNR of the first and of the second step, on the scale 0 … 255 in single precision, not clipped; the noise is that of a seed and a stream.
  private func figures(
    _ path: String, _ profile: BM3DProfile, sigma: Double, stream: UInt64 = 0
  ) throws -> (basic: Double, final: Double) {
    let x = 255 * (try readImage(dataFolder + "/natural/" + path).grayscale)
    var generator = RandomGenerator(seed: 0, stream: stream)
    let y = (x + sigma * Tensor.normal(x.shape, using: &generator)).converted(to: .single)
    let denoiser = BM3D(profile, peak: 255)
    let basic = denoiser.basicEstimate(y, sigma: sigma)
    let final = denoiser.refined(y, basic: basic, sigma: sigma)
    return try (
      psnr(basic.converted(to: .double), x, peak: 255), psnr(final.converted(to: .double), x, peak: 255)
    )
  }

  /// σ and the PSNR of training images 1, 81, 161, 241 and 321 by the authors' Python package, `bm3d` 4.0.3 with `bm4d` 4.2.5, profile "np", on
  /// the same noisy images.
  static let ofTheAuthorsPackage: [(sigma: Double, psnr: [Double])] = [
    (15, [30.674, 33.338, 31.905, 27.967, 28.349]), (25, [28.598, 31.129, 29.394, 25.098, 25.385]),
    (50, [26.527, 27.479, 26.156, 21.988, 22.150]),
  ]

  @Test(.enabled(if: isOptimised, "takes a minute in a debug build"), arguments: ofTheAuthorsPackage)
  func noWorseThanTheAuthorsPackage(level: (sigma: Double, psnr: [Double])) throws {
    for (number, expected) in zip(["001", "081", "161", "241", "321"], level.psnr) {
      let found = try figures("train400/test_\(number).png", .automatic, sigma: level.sigma).final
      #expect(found > expected - 0.1, "\(number), σ = \(level.sigma): \(found)")
    }
  }

  /// Expected: the published means of BM3D on BSD68, as Zhang et al., IEEE Trans. Image Process. 26 (2017), table II, give them; the noise is
  /// another.
  @Test(
    .enabled(if: isOptimised && takesLong, "a minute; set UNFOLD_LONG_TESTS, as make test-all does"),
    arguments: [BM3DProfile.automatic, .published], [(15.0, 31.07), (25, 28.57), (50, 25.62)])
  func bsd68(profile: BM3DProfile, level: (sigma: Double, mean: Double)) throws {
    let folder = dataFolder + "/natural/bsd68"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".png") }.sorted()
    #expect(names.count == 68)
    let all = try names.enumerated().map { number, name in
      try figures("bsd68/" + name, profile, sigma: level.sigma, stream: UInt64(number)).final
    }
    let mean = all.reduce(0, +) / Double(all.count)
    #expect(abs(mean - level.mean) < 0.1, "\(profile), σ = \(level.sigma): \(mean)")
  }
}
