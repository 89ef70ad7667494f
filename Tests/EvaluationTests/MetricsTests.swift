// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Tensors
import Testing

/// Reference values: scikit-image 0.26.0, SciPy, NumPy and PyTorch 2.13.0 in double precision on the two images below,
/// `i, j = numpy.mgrid[0:24, 0:31]`.
@Suite struct MetricsTests {
  static func image(_ f: (Double, Double) -> Double) -> Tensor {
    Tensor((0..<24).flatMap { i in (0..<31).map { j in f(Double(i), Double(j)) } }, shape: [24, 31])
  }
  /// x = 0.5 + 0.4 sin(0.3 i + 0.2 j) cos(0.11 i − 0.23 j)
  let groundTruth = image { i, j in 0.5 + 0.4 * sin(0.3 * i + 0.2 * j) * cos(0.11 * i - 0.23 * j) }
  /// x + 0.05 cos(1.7 i − 0.9 j) + 0.02 sin(0.05 i j)
  let estimate = image { i, j in
    let x = 0.5 + 0.4 * sin(0.3 * i + 0.2 * j) * cos(0.11 * i - 0.23 * j)
    return x + 0.05 * cos(1.7 * i - 0.9 * j) + 0.02 * sin(0.05 * i * j)
  }

  @Test func peakSignalToNoiseRatio() throws {
    // peak_signal_noise_ratio(x, y, data_range=1)
    #expect(abs(try psnr(estimate, groundTruth) - 28.43194619818927) < 1e-9)
    #expect(abs(try psnr(255 * estimate, 255 * groundTruth, peak: 255) - 28.43194619818927) < 1e-9)
    // The same after .astype(numpy.float32).
    #expect(abs(try psnr(estimate.converted(to: .single), groundTruth.converted(to: .single)) - 28.43194598059659) < 1e-6)
    #expect(try psnr(groundTruth, groundTruth) == .infinity)
    // A constant error of 0.1 is 20 dB.
    #expect(abs(try psnr(.filled(0.6, shape: [3, 4]), .filled(0.5, shape: [3, 4])) - 20) < 1e-9)
  }

  @Test func structuralSimilarity() throws {
    // structural_similarity(x, y, data_range=1), then with use_sample_covariance=False, then x and y times 255.
    #expect(abs(try ssim(estimate, groundTruth) - 0.9644670554989) < 1e-9)
    #expect(abs(try ssim(estimate, groundTruth, sampleCovariance: false) - 0.964485870397213) < 1e-9)
    #expect(abs(try ssim(255 * estimate, 255 * groundTruth, peak: 255) - 0.9644670554988958) < 1e-9)
    // The same with gaussian_weights=True, sigma=1.5 and use_sample_covariance=False, then True.
    #expect(abs(try ssim(estimate, groundTruth, window: .gaussian11) - 0.9483157733520586) < 1e-9)
    #expect(abs(try ssim(estimate, groundTruth, window: .gaussian11, sampleCovariance: true) - 0.9482996044329458) < 1e-9)
    // conv2d(…, padding=5) of the 11 × 11 Gaussian window, the formula evaluated at every pixel and averaged.
    #expect(abs(try ssim(estimate, groundTruth, window: .gaussian11ZeroPadded) - 0.9634466012487427) < 1e-9)
  }

  @Test(arguments: SimilarityWindow.allCases) func similarityIsOneForEqualImages(window: SimilarityWindow) throws {
    #expect(abs(try ssim(groundTruth, groundTruth, window: window) - 1) < 1e-12)
    #expect(abs(try ssim(groundTruth.reshaped([1, 1, 24, 31]), groundTruth.reshaped([1, 1, 24, 31]), window: window) - 1) < 1e-12)
  }

  @Test func whatHasNoNumberStaysOutOfTheMean() throws {
    let (zero, one) = (Tensor.zeros([3, 4]), Tensor.filled(0.5, shape: [3, 4]))
    #expect(try nmse(one, zero).isNaN && nmse(zero, zero).isNaN && nmseDecibel(one, zero).isNaN)
    #expect(try meanScore([20, .infinity, 30, .nan]) == 25)
    #expect(try meanScore([.nan, .infinity]) == .infinity && meanScore([.nan]).isNaN)
    let scores = [Scores(psnr: 20, nmse: 0.5), Scores(psnr: .infinity, nmse: .nan), Scores(psnr: 30, nmse: 0.1)]
    let report = try EvaluationReport(
      method: "tv", problem: .object([]), protocol: ScoringProtocol(),
      images: zip(["a", "black", "c"], scores).map { .init(name: $0, scores: $1) }, parameters: 0, weights: nil, seed: 1)
    #expect(report.mean.psnr == 25 && report.mean.nmse == 0.3)
    #expect(
      report.leftOut == [
        "PSNR [dB] is infinite for 1 of 3 (black); the mean is of the other 2",
        "NMSE is not defined for 1 of 3 (black); the mean is of the other 2",
      ])
    let json = report.json.text(indented: false)
    #expect(json.contains(#"{"name": "black", "psnr": "Infinity", "nmse": null}"#) && json.contains(report.leftOut[0]))
  }

  @Test func normalizedErrors() throws {
    // normalized_root_mse(x, y, normalization='euclidean')
    #expect(abs(try nmse(estimate, groundTruth) - 0.06625785131440888) < 1e-12)
    // 10 * numpy.log10(((y - x)**2).sum() / (x**2).sum())
    #expect(abs(try nmseDecibel(estimate, groundTruth) - -23.57525304050473) < 1e-9)
    // mean_squared_error(x, y) ** 0.5
    #expect(abs(try rmse(estimate, groundTruth) - 0.03787936500872628) < 1e-12)
    // (numpy.linalg.norm(y - x, axis=1)**2).mean()
    #expect(abs(try codeError(estimate, groundTruth) - 0.04448023509739383) < 1e-12)
  }

  @Test func decibelsOfASetAreARatioOfSums() throws {
    // Errors 1 and 4, signals 1 and 100: 10 log10(5 / 101), whatever the mean of the two ratios.
    let estimates = [Tensor([2.0]), Tensor([8.0, 0])]
    let truths = [Tensor([1.0]), Tensor([10.0, 0])]
    #expect(abs(try nmseDecibel(estimates, truths) - 10 * log10(5.0 / 101)) < 1e-12)
    // Split in rows, the image has the value it has as a whole.
    let rows = (0..<24).map { estimate.row($0) }
    #expect(abs(try nmseDecibel(rows, (0..<24).map { groundTruth.row($0) }) - -23.57525304050473) < 1e-9)
  }

  @Test func overlapOfSupports() throws {
    // numpy.mean([1 - scipy.spatial.distance.jaccard(a, b) for a, b in zip(abs(x - 0.5) > 0.2, abs(y - 0.5) > 0.2)])
    let half = Tensor.filled(0.5, shape: [24, 31])
    #expect(abs(try supportOverlap(estimate - half, groundTruth - half, tolerance: 0.2) - 0.8296016483516483) < 1e-12)
    #expect(try supportOverlap(Tensor([1.0, 0, 2, 0], shape: [2, 2]), Tensor([3.0, 0, 0, 0], shape: [2, 2])) == 0.5)
    #expect(try supportOverlap(.zeros([2, 3]), .zeros([2, 3])) == 1)
  }

  @Test func wrongInputIsATypedError() {
    let small = Tensor.zeros([6, 9])
    #expect(throws: InputError.self) { try ssim(small, small) }
    #expect(throws: InputError.self) { try ssim(Tensor.zeros([10, 12]), .zeros([10, 12]), window: .gaussian11) }
    #expect(throws: InputError.self) { try ssim(Tensor.zeros([2, 20, 20]), .zeros([2, 20, 20])) }
    #expect(throws: InputError.self) { try psnr(.zeros([4]), .zeros([5])) }
    #expect(throws: InputError.self) { try psnr(small, small, peak: 0) }
    #expect(throws: InputError.self) { try psnr(.zeros([0, 5]), .zeros([0, 5])) }
    #expect(throws: InputError.self) { try rmse(.zero, .zero) }
    #expect(throws: InputError.self) { try codeError(.zeros([0, 5]), .zeros([0, 5])) }
    #expect(throws: InputError.self) { try supportOverlap(.zeros([3, 0]), .zeros([3, 0])) }
    #expect(throws: InputError.self) { try meanScore([]) }
    #expect(throws: InputError.self) { try nmseDecibel([Tensor](), []) }
    #expect(throws: InputError.self) { try nmseDecibel([small], []) }
    #expect(throws: InputError("the estimate has shape [4], the ground truth [5]; compare arrays of one shape.")) {
      try nmse(.zeros([4]), .zeros([5]))
    }
  }
}
