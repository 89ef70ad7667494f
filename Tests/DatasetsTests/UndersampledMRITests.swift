// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct UndersampledMRITests {
  private func normal(_ shape: [Int], seed: UInt64) -> ComplexTensor {
    var generator = RandomGenerator(seed: seed)
    return ComplexTensor(pairs: .normal(shape + [2], using: &generator))
  }

  /// Without noise the measurement is the operator's, and zero filling its adjoint; with every frequency measured that is the image.
  @Test func withoutNoise() {
    let (h, w) = (12, 10)
    let x = normal([3, h, w], seed: 1)
    let S = CoilSensitivities.simulated(coils: 4, height: h, width: w, seed: 2)
    func check<Op: KSpaceSampling>(_ A: Op, _ x: Op.Domain, coils: Int) {
      let problem = UndersampledMRI(A)
      let y = problem.simulate(x, seed: 5)
      #expect(y == A.forward(x) && A.coils == coils && problem.mask.ratio == 1)
      #expect(relativeError(problem.zeroFilled(y), x) < 1e-13)
    }
    let full = SamplingMask.full(height: h, width: w)
    check(MaskedFourier(full), x, coils: 1)
    check(RealMaskedFourier(full), x.real, coils: 1)
    check(SENSE(S, mask: full), x, coils: 4)
    check(OnReal(SENSE(S, mask: full)), x.real, coils: 4)
  }

  /// White: the mean power is what the ratio says, equal in both parts, no more where the signal is, none where nothing is measured; each
  /// image on its own scale. Bounds are 5 deviations of a mean of squares of M normal numbers, √(2 / M).
  @Test(arguments: [1, 4]) func noise(coils: Int) throws {
    let (h, w) = (64, 48)
    let mask = try SamplingMask.variableDensity(height: h, width: w, ratio: 0.4, seed: 3)
    let S = CoilSensitivities.simulated(coils: coils, height: h, width: w, seed: 2)
    let A = SENSE(S, mask: mask)
    let faint = normal([h, w], seed: 4)
    let x = ComplexTensor(pairs: .stacked([faint.pairs, 1000 * faint.pairs]))
    let noisy = UndersampledMRI(A, noise: .decibel(20))
    let y = noisy.simulate(x, seed: 7)
    #expect(y == noisy.simulate(x, seed: 7) && y != noisy.simulate(x, seed: 8) && y != noisy.simulate(x, seed: 7, stream: 1))
    let clean = A.forward(x)
    let noise = y - clean
    #expect(relativeError(noise.selecting(mask), noise) == 0)
    for image in 0..<2 {
      let (e, s) = (noise.pairs.row(image), clean.pairs.row(image))
      let bound = 5 * (2 / Double(2 * coils * mask.count)).squareRoot()
      #expect(abs(e.inner(e) / s.inner(s) * 100 - 1) < bound)
      let parts = ComplexTensor(pairs: e)
      #expect(abs(parts.real.inner(parts.real) / parts.imaginary.inner(parts.imaginary) - 1) < 3 * bound)
      #expect(abs(parts.real.inner(parts.imaginary)) / e.inner(e) < bound)
      #expect(abs(e.inner(s)) / (e.norm * s.norm) < bound)
    }
    #expect(noise.pairs.row(0) != noise.pairs.row(1))
    let single = noisy.simulate(ComplexTensor(pairs: .zeros([h, w, 2])), seed: 1)
    #expect(single.norm == 0)
    #expect(noisy.simulate(.zero, seed: 1).isShapelessZero)
  }

  /// Σ_c |S_c|² = 1: the root sum of squares of the coil images is the magnitude.
  @Test func rootSumOfSquaresOfUnitMaps() {
    let x = normal([2, 9, 7], seed: 6)
    let S = CoilSensitivities.simulated(coils: 5, height: 9, width: 7, seed: 1)
    let combined = rootSumOfSquares(inverseFFT2(fft2(S.forward(x))))
    let v = x.pairs.doubles
    let magnitude = stride(from: 0, to: v.count, by: 2).map { i in hypot(v[i], v[i + 1]) }
    expectClose(combined, Tensor(magnitude, shape: [2, 9, 7]), relative: 1e-14)
    #expect(rootSumOfSquares(ComplexTensor(pairs: Tensor([3, 0, 0, 4], shape: [2, 1, 1, 2]))).doubles == [5])
    #expect(rootSumOfSquares(.zero).isShapelessZero)
  }

  // MARK: Published data

  private func mask(_ name: String, _ order: FrequencyOrder) throws -> SamplingMask {
    let values = try #require(try NPY.read(dataFolder + "/mri/masks/\(name).npy").real)
    return try SamplingMask(values: values, height: 256, width: 256, order: order)
  }

  /// Zero filling of the 50 test images: NMSE and PSNR of NumPy on the same images and masks, to the digits given; published are
  /// 0.1700 / 29.96, 0.1247 / 32.59, 0.0968 / 34.76, 0.0770 / 36.73 (Yang et al., 2020, table 1).
  @Test(
    .enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"),
    arguments: [(20, 0.1677, 29.95), (30, 0.1239, 32.58), (40, 0.0965, 34.75), (50, 0.0769, 36.71)])
  func zeroFillingOfTheTestImages(percent: Int, nmse: Double, decibel: Double) throws {
    let images = try ImageFolder(dataFolder + "/mri/brain_test").entries.map(\.image)
    #expect(images.count == 50)
    let problem = UndersampledMRI(RealMaskedFourier(try .pseudoRadial(height: 256, width: 256, ratio: Double(percent) / 100)))
    var (errors, decibels) = (0.0, 0.0)
    for x in images {
      let error = problem.zeroFilled(problem.simulate(x, seed: 0)) - x
      errors += error.norm / x.norm / 50
      decibels += -10 * log10(error.inner(error) / Double(x.count)) / 50
    }
    #expect(abs(errors - nmse) <= 0.00006, "\(errors)")
    #expect(abs(decibels - decibel) <= 0.006, "\(decibels)")
  }

  /// Zero filling of the public complex image with the public columns, PSNR of magnitudes: as the public program of ADMM-CSNet (PyTorch)
  /// gives it, to the digits given.
  @Test(
    .enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"), arguments: [(20, 27.689), (30, 29.209), (40, 29.424)])
  func zeroFillingOfAComplexImage(percent: Int, decibel: Double) throws {
    let x = try NPY.read(dataFolder + "/mri/complex/brain_cdata1.npy").complex
    let problem = UndersampledMRI(MaskedFourier(try mask("cartesian-1d_\(percent)", .centred)))
    func magnitude(_ z: ComplexTensor) -> Tensor { rootSumOfSquares(ComplexTensor(pairs: z.pairs.reshaped([1, 256, 256, 2]))) }
    let error = magnitude(problem.zeroFilled(problem.simulate(x, seed: 0))) - magnitude(x)
    let found = -10 * log10(error.inner(error) / Double(x.count))
    #expect(abs(found - decibel) <= 0.0006, "\(found)")
  }
}
