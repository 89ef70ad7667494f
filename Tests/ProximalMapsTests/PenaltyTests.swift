// SPDX-License-Identifier: Apache-2.0
// Moreau's identity, firm non-expansiveness and optimality of every map are held in ChecksTests; here are values in closed form
// and conventions at kinks.
import ProximalMaps
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct PenaltyTests {
  private let r = Tensor([-2, -0.5, 0, 0.5, 0.75, 3])

  @Test func closedForms() {
    #expect(L1(weight: 0.5).prox(r, step: 1).doubles == [-1.5, 0, 0, 0, 0.25, 2.5])
    #expect(L0(weight: 0.18).prox(r, step: 1).doubles == [-2, 0, 0, 0, 0.75, 3])  // √(2 · 0.18) = 0.6
    #expect(Box(lower: -1, upper: 0.6).prox(r, step: 9).doubles == [-1, -0.5, 0, 0.5, 0.6, 0.6])
    #expect(ElasticNet(l1: 0.5, l2: 1).prox(r, step: 1).doubles == [-0.75, 0, 0, 0, 0.125, 1.25])
    // Groups (−2, −0.5, 0) and (0.5, 0.75, 3): norms √4.25 and √9.8125; factors 1 − 1/norm.
    let group = GroupL1(weight: 1, groupSize: 3).prox(r, step: 1)
    let (a, b) = (1 - 1 / 4.25.squareRoot(), 1 - 1 / 9.8125.squareRoot())
    expectClose(group, Tensor([-2 * a, -0.5 * a, 0, 0.5 * b, 0.75 * b, 3 * b]), relative: 1e-14)
    #expect(GroupL1(weight: 9, groupSize: 3).prox(r, step: 1).maximumMagnitude == 0)
  }

  @Test func valuesOfThePenalties() {
    #expect(L1(weight: 2).value(r) == 13.5)
    #expect(L0(weight: 2).value(r) == 10)
    #expect(Box(lower: -2, upper: 3).value(r) == 0 && Box(lower: 0, upper: 3).value(r) == .infinity)
    #expect(ElasticNet(l1: 1, l2: 2).value(Tensor([3, -4])) == 32)
    #expect(GroupL1(weight: 1, groupSize: 2).value(Tensor([3, 4, 0, 0])) == 5)
  }

  /// Two flat pieces of 4 and 6 pixels a step of 1 apart: the lower one rises by λ/4, the higher one falls by λ/6, until they meet in the
  /// mean; the same down a column, and per column where there are several.
  @Test func totalVariationOfAStep() {
    let step = Tensor((0..<10).map { $0 < 4 ? 0.0 : 1 })
    for (lambda, low, high) in [(0.6, 0.15, 0.9), (0, 0, 1), (5, 0.6, 0.6)] {
      let expected = Tensor((0..<10).map { $0 < 4 ? low : high })
      for (h, w) in [(1, 10), (10, 1)] {
        let found = TotalVariationPenalty(height: h, width: w, iterations: 3000).prox(step.reshaped([h, w]), step: lambda)
        #expect((found.reshaped([10]) - expected).maximumMagnitude <= 1e-5, "\(lambda), \(h) × \(w)")
      }
    }
    let bounded = TotalVariationPenalty(height: 1, width: 10, lower: 0.5, iterations: 3000).prox(step.reshaped([1, 10]), step: 0.6)
    #expect((bounded - Tensor((0..<10).map { $0 < 4 ? 0.5 : 0.9 }, shape: [1, 10])).maximumMagnitude <= 1e-5)
    let square = Tensor([0, 0, 3, 4], shape: [2, 2])
    // Differences (0, 3), (0, 4), (1, 0) and none.
    #expect(abs(TotalVariationPenalty(weight: 2, height: 2, width: 2).value(square) - 2 * (3 + 4 + 1)) <= 1e-14)
    #expect(TotalVariationPenalty(height: 2, width: 2, lower: 1).value(square) == .infinity)
  }

  @Test func conventionAtTheKink() {
    // |r| = threshold: the value is 0 and the derivative is taken as 0; just above, it is 1.
    let g = gradient(at: Tensor([1, 1 + 1e-9, -1])) { sum(softThreshold($0, threshold: 1)) }
    #expect(g.doubles == [0, 1, 0])
    #expect(gradient(at: 0.0) { nonNegative($0) } == 0)
    #expect(gradient(at: Tensor([0, 1])) { sum(clamped($0, lower: 0, upper: 1)) }.doubles == [0, 0])
  }

  @Test func aNegativeThresholdExpands() {
    #expect(softThreshold(r, threshold: -1).doubles == [-3, -1.5, 0, 1.5, 1.75, 4])
    #expect(softThreshold(Tensor([-2, 0, 3]), thresholds: Tensor([-1, -1, 1])).doubles == [-3, 0, 2])
  }

  @Test func supportSelection() {
    // Rows of five, 40 % may pass: the two largest in magnitude, if above the threshold.
    let x = Tensor([5, -4, 3, 0.2, 1, 0.3, 0.1, -0.6, 0.2, 0.55], shape: [2, 5])
    #expect(
      supportSelectingThreshold(x, threshold: 0.5, fraction: 0.4).doubles == [5, -4, 2.5, 0, 0.5, 0, 0, -0.6, 0, 0.55])
    #expect(supportSelectingThreshold(x, threshold: 0.5, fraction: 0) == softThreshold(x, threshold: 0.5))
    #expect(supportSelectingThreshold(x, threshold: 0.05, fraction: 1) == x)
  }

  @Test func piecewiseLinearCurve() {
    // Knots −1, 0, 1 with values −3, 0, 1: slopes 3 and 1 inside, 1 outside.
    let q = Tensor([-3, 0, 1])
    let x = Tensor([-2, -1, -0.5, 0, 0.25, 1, 4])
    #expect(piecewiseLinear(x, values: q, first: -1, spacing: 1).doubles == [-4, -3, -1.5, 0, 0.25, 1, 4])
    // The derivatives with respect to the knots' values sum to 1 for every input.
    let dq = gradient(at: q) { sum(piecewiseLinear(x, values: $0, first: -1, spacing: 1)) }
    #expect(abs(dq.doubles.reduce(0, +) - 7) < 1e-14)
  }
}
