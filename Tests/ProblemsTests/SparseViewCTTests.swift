// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Problems
import Tensors
import Testing

@Suite struct SparseViewCTTests {
  /// Mean and variance are the mean; small counts have the frequencies mean^k exp(−mean) / k!.
  @Test(arguments: [0.3, 4, 9.9, 10, 37, 1e5]) func poisson(mean: Double) {
    var generator = RandomGenerator(seed: 9)
    let draws = 40_000
    let values = (0..<draws).map { _ in generator.poisson(mean: mean) }
    let average = values.reduce(0, +) / Double(draws)
    let variance = values.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(draws)
    #expect(abs(average - mean) <= 4 * (mean / Double(draws)).squareRoot())
    #expect(abs(variance / mean - 1) <= 4 * (2 / Double(draws) + 1 / (mean * Double(draws))).squareRoot())
    #expect(values.allSatisfy { $0 >= 0 && $0 == $0.rounded() })
    for k in Int(mean.rounded(.down))..<Int(mean.rounded(.down)) + 3 where mean < 100 {
      let expected = exp(Double(k) * log(mean) - mean - lgamma(Double(k) + 1))
      let found = Double(values.count { $0 == Double(k) }) / Double(draws)
      #expect(abs(found - expected) <= 4 * (expected / Double(draws)).squareRoot(), "\(k): \(found), \(expected)")
    }
    #expect(generator.poisson(mean: 0) == 0)
  }

  /// The scaled operator has norm 1; the noise of N photons is 1/√N of a ray sum.
  @Test func noise() {
    let beam = ParallelBeam(ParallelBeamGeometry(side: 32, views: 40))
    let quiet = SparseViewCT(beam, imageShape: [32, 32])
    let norm = powerIteration(quiet.A, startingAt: .filled(1, shape: [32, 32])).last!.squareRoot()
    #expect(abs(norm - 1) <= 1e-3 && quiet.A.lipschitz >= 1)
    let image = Tensor.filled(0.5, shape: [32, 32])
    #expect((quiet.simulate(image, seed: 1) - quiet.A.forward(image)).maximumMagnitude == 0)
    let noisy = SparseViewCT(
      beam, imageShape: [32, 32], noise: .photons(1e5, electronic: 10, attenuation: 0.064))
    let y = noisy.simulate(image, seed: 1)
    #expect(y == noisy.simulate(image, seed: 1) && y != noisy.simulate(image, seed: 2))
    var (sum, count) = (0.0, 0)
    let lengths = beam.forward(image)
    for (i, length) in lengths.doubles.enumerated() {
      let photons = 1e5 * exp(-0.064 * length)
      let deviation = (1 / photons + 100 / (photons * photons)).squareRoot() / 0.064 * noisy.A.factor
      let error = (y[flat: i] - noisy.A.factor * length) / deviation
      sum += error * error
      count += 1
    }
    #expect(abs(sum / Double(count) - 1) <= 0.1, "\(sum / Double(count))")
  }
}
