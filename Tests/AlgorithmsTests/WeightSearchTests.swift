// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors
import Testing
import TestSupport

/// Two rectangles of 32 × 32.
private let image = Tensor(
  (0..<1024).map { at in
    let (i, j) = (at / 32, at % 32)
    return (14..<28).contains(i) && (14..<30).contains(j) ? 0.5 : (6..<22).contains(i) && (8..<18).contains(j) ? 0.9 : 0.2
  }, shape: [32, 32])

private func noisy(_ clean: Tensor, _ σ: Double, seed: UInt64) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  return clean + σ * Tensor.normal(clean.shape, using: &generator)
}

private func search<Op>(_ A: Op, _ texts: String...) throws -> WeightSearch<Op> {
  try WeightSearch(A, priors: texts.map { try PriorTerm(parsing: $0) }, signalShape: [32, 32])
}

@Suite struct WeightSearchTests {
  private let σ = 0.05
  private let A = Identity<Tensor>()

  @Test(arguments: [1, 0.8]) func discrepancyIsMet(τ: Double) throws {
    let y = noisy(image, σ, seed: 4)
    let found = try search(A, "tv:auto", "nonnegative").choose(y, by: .discrepancy(noise: σ, factor: τ))
    #expect(abs(found.solution.residualNorm / (τ * σ * 32) - 1) < 0.01, "\(found.solution.residualNorm)")
    #expect(found.remark == nil && found.trials.count >= 3 && found.priors[0].weight == found.weight)
    #expect(found.priors[1] == PriorTerm(.nonnegative, weight: 1))
  }

  /// Of a ridge on the identity everything is known: x = y/(1 + λ), ‖r‖ = λ/(1 + λ) ‖y‖, d = n/(1 + λ).
  @Test func ridgeInClosedForm() throws {
    let y = noisy(image, 0.2, seed: 5)
    let (norm, n) = (y.norm, 1024.0)
    let ridge = try search(A, "ridge:auto")
    let byResidual = try ridge.choose(y, by: .discrepancy(noise: 0.2))
    let ratio = 0.2 * n.squareRoot() / norm
    #expect(abs(byResidual.weight / (ratio / (1 - ratio)) - 1) < 0.01)
    for trial in try ridge.choose(y, by: .residualFreedom(noise: 0.2)).trials {
      #expect(abs(trial.degreesOfFreedom! - n / (1 + trial.weight)) < 1e-6 * n)
      #expect(abs(trial.residualNorm - trial.weight / (1 + trial.weight) * norm) < 1e-6 * norm)
    }
    // The least of λ²‖y‖² + 2 n σ² (1 + λ) over (1 + λ)² is at λ = n σ² / (‖y‖² − n σ²).
    let byRisk = try ridge.choose(y, by: .predictedRisk(noise: 0.2))
    #expect(abs(byRisk.weight / (n * 0.04 / (norm * norm - n * 0.04)) - 1) < 0.1, "\(byRisk.weight)")
    // Cross-validation scores every λ with ‖y‖²: it has nothing to choose by.
    for trial in try ridge.choose(y, by: .crossValidation).trials where trial.degreesOfFreedom! < 0.99 * n {
      #expect(abs(trial.risk! / (norm * norm) - 1) < 1e-4)
    }
    #expect(WeightRule.usual(noise: 0.1) == .predictedRisk(noise: 0.1) && WeightRule.usual(noise: nil) == .crossValidation)
  }

  @Test func cornerOfTheLCurve() throws {
    let blur = Convolution2D(
      kernels: Tensor([1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }, shape: [1, 3, 3]), height: 32, width: 32, boundary: .circular)
    let found = try search(blur, "tv:auto").choose(noisy(blur.forward(image), 0.01, seed: 6), by: .lCurve(points: 11))
    #expect(found.trials.count == 11 && found.remark == nil)
    let residuals = found.trials.map(\.residualNorm)
    #expect(zip(residuals, residuals.dropFirst()).allSatisfy { $0 > 0.999 * $1 })
    #expect(found.trials.contains { $0.curvature != nil })
    #expect(decibel(found.solution.estimate) > decibel(blur.adjoint(noisy(blur.forward(image), 0.01, seed: 6))) + 1)
  }

  @Test func refusals() throws {
    #expect(refusal(InputError.self) { try search(A, "tv:0.1") }.contains("0 priors of weight auto among 1"))
    #expect(refusal(InputError.self) { try search(A, "tv:auto", "l1:auto") }.contains("2 priors of weight auto"))
    let tv = try search(A, "tv:auto")
    #expect(refusal(InputError.self) { try tv.choose(image, by: .discrepancy(noise: 0)) }.contains("choose by the L-curve"))
    #expect(refusal(InputError.self) { try tv.choose(image, by: .lCurve(points: 2)) }.contains("at least 5"))
    let none = try search(A, "ridge:auto").choose(image, by: .discrepancy(noise: 100))
    #expect(none.remark?.contains("below it at every λ") == true)
  }

  private func decibel(_ x: Tensor) -> Double { -10 * log10(squaredNorm(x - image) / 1024) }
}
