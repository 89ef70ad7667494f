// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct SampleWiseTests {
  private func normal(_ shape: [Int], seed: UInt64, precision: Precision = .double) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    return Tensor.normal(shape, precision: precision, using: &generator)
  }

  @Test func valuesByHand() {
    let a = Tensor([1, -2, 0, 0, 0, 0, 3, 0, -4], shape: [3, 3])
    #expect(sampleL1Norms(a).doubles == [3, 0, 7] && sampleSupportSizes(a) == [2, 0, 2])
    #expect(scaledSamples(a, by: Tensor([2, 5, -1])).doubles == [2, -4, 0, 0, 0, 0, -3, 0, 4])
    #expect(sampleL1Norms(a.row(2)).doubles == [7] && sampleL1Norms(.zero).isShapelessZero)
    #expect(scaledSamples(.zero, by: Tensor([1])).isShapelessZero && sampleSupportSizes(.zero) == [])
    // Row 0: one may pass, and it is above 0.5. Row 1: two may, one is above 3. Row 2: none may.
    let r = Tensor([1, -2, 0.6, 4, 2, 1, 3, 0, -4], shape: [3, 3])
    let x = supportSelectingThreshold(r, thresholds: Tensor([0.5, 3, 1]), counts: [1, 2, 0])
    expectClose(x, Tensor([0.5, -2, 0.1, 4, 0, 0, 2, 0, -3], shape: [3, 3]), relative: 1e-15)
  }

  /// One threshold and one count for all rows are the other function's.
  @Test(arguments: [Precision.single, .double], [0, 0.2, 1]) func uniformSelection(precision: Precision, fraction: Double) {
    let r = normal([6, 10], seed: 1, precision: precision)
    let expected = supportSelectingThreshold(r, threshold: 0.3, fraction: fraction)
    let counts = Array(repeating: Int((fraction * 10).rounded(.up)), count: 6)
    let found = supportSelectingThreshold(r, thresholds: .filled(0.3, shape: [6], precision: precision), counts: counts)
    #expect(found == expected)
    // In single precision the threshold has the 0.3 of its own precision in both.
    let slope = gradient(at: Tensor.filled(0.3, shape: [6], precision: precision)) {
      squaredNorm(supportSelectingThreshold(r, thresholds: $0, counts: counts))
    }
    let total = gradient(at: 0.3) { squaredNorm(supportSelectingThreshold(r, threshold: $0, fraction: fraction)) }
    #expect(abs(slope.doubles.reduce(0, +) - total) <= (precision == .double ? 1e-13 : 1e-5) * max(1, abs(total)))
  }

  @Test func gradients() {
    let (a, b, s) = (normal([4, 7], seed: 2), normal([4, 7], seed: 3), normal([4], seed: 4))
    expectGradient(at: a) { squaredNorm(sampleL1Norms($0)) }
    expectGradient(at: a) { innerProduct(scaledSamples($0, by: s), b) }
    expectGradient(at: s) { squaredNorm(scaledSamples(a, by: $0)) }
    let (t, counts) = (Tensor([0.1, 0.4, 0, 0.9]), [0, 3, 7, 1])
    expectGradient(at: a) { innerProduct(supportSelectingThreshold($0, thresholds: t, counts: counts), b) }
    expectGradient(at: t) { innerProduct(supportSelectingThreshold(a, thresholds: $0, counts: counts), b) }
  }
}
