// SPDX-License-Identifier: Apache-2.0
import Platform
import Problems
import Tensors
import Testing

@Suite struct NoiseTests {
  /// √((e^½ + e + e^³ᐟ²)/N₀ + 400 (e + e² + e³)/N₀²) · 2/√3 for N₀ = 10⁵.
  private static var photons: Double {
    let quantum: Double = (exp(0.5) + exp(1) + exp(1.5)) / 1e5
    let electronic: Double = 400 * (exp(1) + exp(2) + exp(3)) / 1e10
    return 2 * ((quantum + electronic) / 3).squareRoot()
  }

  /// The deviation of 20 000 measurements of one clean one is the one that ``Noise/deviation(for:support:relativeTo:)`` states, and what is not
  /// measured stays as it is. Of photons it is √(1/N + σ²/N²) / attenuation to first order, N = N₀ exp(−p).
  @Test(arguments: [
    (Noise.deviation(0.3), 0.3), (.decibel(20), 0.21602468994692867), (.photons(1e5, electronic: 20, attenuation: 0.5), photons),
  ])
  func deviation(noise: Noise, expected: Double) {
    let (clean, support) = ([1.0, 2, 3, 0], [1.0, 1, 1, 0])
    #expect(abs(noise.deviation(for: clean[...], support: support) - expected) <= 1e-12 * expected)
    var generator = RandomGenerator(seed: 3)
    let count = 20_000
    let x = Tensor((0..<count).flatMap { _ in clean }, shape: [count, 4])
    let error = (noise.added(to: x, support: support, using: &generator) - x).doubles
    #expect(stride(from: 3, to: error.count, by: 4).allSatisfy { error[$0] == 0 })
    let found = Tensor(error).norm / Double(3 * count).squareRoot()
    #expect(abs(found / expected - 1) <= 0.02, "\(found), \(expected)")
  }

  /// About the mean 2 of 1, 2, 3 the root mean square is √(2/3).
  @Test func ratioIsRelativeToTheStandardDeviationWhereAModelSaysSo() {
    let sigma = Noise.decibel(0).deviation(for: [1, 2, 3], relativeTo: .standardDeviation)
    #expect(abs(sigma - (2.0 / 3).squareRoot()) <= 1e-15)
    #expect(Noise(snr: nil) == .none && Noise(snr: 20) == .decibel(20))
  }
}
