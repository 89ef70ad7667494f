// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Testing

#if DEBUG
  private let isOptimised = false
#else
  private let isOptimised = true
#endif
private let dataFolder = ProcessInfo.processInfo.environment["UNFOLD_DATA"] ?? ""

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
    let y = UndersampledMRI(SENSE(coils, mask: mask), noiseDecibel: 40).simulate(truth, seed: 1)

    let estimated = try ESPIRiT().estimate(y)
    let A = SENSE(CoilSensitivities(maps: estimated.maps), mask: mask)
    let found = solve(SENSETV(totalVariation: 5e-4, A, penalty: 0.02), measurement: y, until: .iterations(40)).estimate
    func decibel(_ x: Tensor) -> Double { -10 * log10(meanSquaredDifference(x, image)) }
    func magnitude(_ z: ComplexTensor) -> Tensor { rootSumOfSquares(ComplexTensor(pairs: z.pairs.reshaped([1, h, w, 2]))) }
    let (before, after) = (decibel(rootSumOfSquares(inverseFFT2(y))), decibel(magnitude(found).reshaped([h, w])))
    #expect(after >= before + 5, "\(before) dB by zero filling, \(after) dB by total variation")
  }
}
