// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

/// The preconditioned solver finds what plain conjugate gradients find, in fewer products with the matrix.
@Suite struct SENSESolverTests {
  @Test func agreesWithConjugateGradients() throws {
    let (h, w) = (12, 10)
    var generator = RandomGenerator(seed: 4)
    func random() -> ComplexTensor {
      ComplexTensor(real: .uniform([h, w], using: &generator), imaginary: .uniform([h, w], using: &generator))
    }
    let mask = try SamplingMask.cartesian(height: h, width: w, ratio: 0.5, centreLines: 3, seed: 1)
    let A = SENSE(.simulated(coils: 3, height: h, width: w, seed: 2), mask: mask)
    let D = OnParts(Gradient2D(height: h, width: w, boundary: .periodic))
    let b = random()
    let plain = ConjugateGradientSolver(A, D).solve(b, penalty: 0.05)
    let found = SENSESolver(A, D, tolerance: 1e-13, maximumIterations: 1000).solve(b, penalty: 0.05, near: random())
    #expect((found - plain).norm <= 1e-10 * plain.norm)
    func K(_ x: ComplexTensor) -> ComplexTensor { A.gram.forward(x) + 0.05 * D.gram.forward(x) }
    #expect((K(found) - b).norm <= 1e-11 * b.norm)
    let few = SENSESolver(A, D, tolerance: 0, maximumIterations: 8).solve(b, penalty: 0.05)
    let fewPlain = ConjugateGradientSolver(A, D, tolerance: 0, maximumIterations: 8).solve(b, penalty: 0.05)
    #expect((few - plain).norm < 0.5 * (fewPlain - plain).norm)
  }
}

/// Several coils: what total variation with the coils' maps gains over what a scanner without either shows.
@Suite struct ParallelImagingTests {
  /// Eight simulated loops around a brain, every fourth column and a centre of 24, maps by ESPIRiT from that centre, 40 dB of noise: at
  /// least 5 dB above the root sum of squares of the zero-filled coil images.
  @Test(
    .enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"), .enabled(if: isOptimised, "takes a minute in a debug build"))
  func totalVariationBeatsRootSumOfSquares() throws {
    let image = try readImage(dataFolder + "/mri/brain_test/brain_test_10.png").values
    let (h, w) = (image.shape[0], image.shape[1])
    let truth = complex(image)
    let coils = CoilSensitivities.simulated(coils: 8, height: h, width: w, seed: 3)
    let mask = SamplingMask.uniformCartesian(height: h, width: w, acceleration: 4, calibrationLines: 24)
    let y = UndersampledMRI(SENSE(coils, mask: mask), noise: .decibel(40)).simulate(truth, seed: 1)

    let estimated = try ESPIRiT().estimate(y)
    let A = SENSE(CoilSensitivities(maps: estimated.maps), mask: mask)
    let found = solve(SENSETV(totalVariation: 5e-4, A, penalty: 0.05), measurement: y, until: .iterations(40)).estimate
    func decibel(_ x: Tensor) -> Double { -10 * log10(meanSquaredDifference(x, image)) }
    func magnitude(_ z: ComplexTensor) -> Tensor { rootSumOfSquares(ComplexTensor(pairs: z.pairs.reshaped([1, h, w, 2]))) }
    let (before, after) = (decibel(rootSumOfSquares(inverseFFT2(y))), decibel(magnitude(found).reshaped([h, w])))
    #expect(after >= before + 5, "\(before) dB by zero filling, \(after) dB by total variation")
  }
}
