// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import TestSupport
import Testing

/// All six problems are models: without noise y = A x, with noise a function of seed and stream, and a first estimate of the signal's shape.
@Suite struct ModelTests {
  private func check<M: Model>(_ exact: M, _ noisy: M?, _ x: M.Signal) {
    let y = exact.A.forward(x)
    let name = "\(M.self)"
    #expect((exact.simulate(x, seed: 1) - y).norm <= 1e-12 * y.norm, "\(name)")
    let back = exact.initial.forward(y)
    #expect(back.sampleCount == x.sampleCount && (back + x).norm > 0, "\(name)")
    guard let noisy else { return }
    let (a, b, c) = (noisy.simulate(x, seed: 1), noisy.simulate(x, seed: 1), noisy.simulate(x, seed: 1, stream: 1))
    #expect((a - b).norm == 0 && (a - c).norm > 1e-6 * y.norm && (a - y).norm > 1e-6 * y.norm, "\(name)")
    // The two ways to the same measurement: of the signal, and of exact measurements.
    var generator = RandomGenerator(seed: 1)
    #expect((noisy.noisy(y, using: &generator) - a).norm <= 1e-9 * y.norm, "\(name)")
  }

  @Test func problemsAreModels() throws {
    var generator = RandomGenerator(seed: 1)
    check(CompressiveSensing(ratio: 0.4, side: 5, seed: 2), nil, .uniform([3, 25], using: &generator))

    let matrix = Matrix.gaussian(rows: 6, columns: 9, seed: 3).withUnitColumns
    let codes = Tensor.normal([2, 9], using: &generator)
    check(SparseCoding(dictionary: matrix, alpha: 0.1), nil, codes)
    check(SparseRecovery(A: matrix), SparseRecovery(A: matrix, noise: .decibel(20)), codes)

    let pixels = PixelDisc(side: 6)
    let sensitivity = Matrix.gaussian(rows: 7, columns: pixels.count, seed: 4)
    check(
      ImpedanceTomography(sensitivity: sensitivity, pixels: pixels),
      ImpedanceTomography(sensitivity: sensitivity, pixels: pixels, noise: .decibel(30)),
      .uniform([2, pixels.count], using: &generator))

    let beam = ParallelBeam(ParallelBeamGeometry(side: 8, views: 6))
    check(
      SparseViewCT(beam, imageShape: [8, 8], norm: 3),
      SparseViewCT(beam, imageShape: [8, 8], norm: 3, noise: .photons(1e4, attenuation: 0.1)),
      .uniform([2, 8, 8], using: &generator))

    let mask = SamplingMask(height: 8, width: 7, isSampled: (0..<56).map { $0 % 3 != 1 })
    check(
      UndersampledMRI(RealMaskedFourier(mask)), UndersampledMRI(RealMaskedFourier(mask), noise: .decibel(20)),
      .uniform([2, 8, 7], using: &generator))
    let maps = CoilSensitivities(maps: ComplexTensor(pairs: .normal([3, 8, 7, 2], using: &generator)))
    check(
      UndersampledMRI(SENSE(maps, mask: mask)), UndersampledMRI(SENSE(maps, mask: mask), noise: .decibel(20)),
      ComplexTensor(pairs: .normal([2, 8, 7, 2], using: &generator)))
  }

  /// The ratio that is asked for, over many numbers: 20 dB are a tenth of the root mean square, ± 5 %.
  @Test func noiseIsAsLoudAsAsked() {
    var generator = RandomGenerator(seed: 5)
    let mask = SamplingMask.full(height: 64, width: 64)
    let x = Tensor.uniform([1, 64, 64], using: &generator)
    let y = RealMaskedFourier(mask).forward(x)
    let noise = UndersampledMRI(RealMaskedFourier(mask), noise: .decibel(20)).simulate(x, seed: 6) - y
    #expect(abs(noise.norm / (0.1 * y.norm) - 1) < 0.05)
    let matrix = Matrix.gaussian(rows: 4000, columns: 20, seed: 7)
    let code = Tensor.normal([1, 20], using: &generator)
    let b = matrix.forward(code)
    let mean = sum(b) / Double(b.count)
    let spread = b.map { $0 - mean }.norm
    let other = SparseRecovery(A: matrix, noise: .decibel(20)).simulate(code, seed: 8) - b
    #expect(abs(other.norm / (0.1 * spread) - 1) < 0.05)
  }
}
