// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

/// Filters of 8 channels to 8, 3 × 3: as a matrix 8 × 72.
@Suite struct MuonTests {
  static func filters(_ value: (_ row: Double, _ column: Double) -> Double) -> Tensor {
    Tensor((0..<8).flatMap { i in (0..<72).map { j in value(Double(i), Double(j)) } }, shape: [8, 8, 3, 3])
  }

  static func gradient(_ u: Unknowns, _ loss: @differentiable(reverse) (Unknowns) -> Double) -> LossGradient<Unknowns> {
    let (value, pullback) = valueWithPullback(at: u, of: loss)
    return LossGradient(loss: value, gradient: pullback(1))
  }

  /// G = Σ s_k u_k v_kᵀ with the orthonormal cosines u_k and v_k: a step goes by Σ p(s_k / ‖s‖) u_k v_kᵀ, p the polynomial
  /// 3.4445 s − 4.775 s³ + 2.0315 s⁵ taken five times, 0.2 √72 times the rate.
  @Test func aStepChangesSingularValuesAlone() {
    let singular = (0..<8).map { 2 / Double(1 + $0) }
    func u(_ k: Int, _ i: Double) -> Double { (k == 0 ? 0.5 : sqrt(0.5)) / sqrt(2) * cos(.pi * (i + 0.5) * Double(k) / 8) }
    func v(_ k: Int, _ j: Double) -> Double { sqrt(2.0 / 72) * cos(.pi * (j + 0.5) * Double(k + 1) / 72) }
    func sum(_ s: [Double]) -> Tensor { Self.filters { i, j in (0..<8).reduce(0) { $0 + s[$1] * u($1, i) * v($1, j) } } }
    let norm = sqrt(singular.reduce(0) { $0 + $1 * $1 })
    let moved = singular.map { value -> Double in
      (0..<5).reduce(value / norm) { s, _ in 3.4445 * s - 4.775 * pow(s, 3) + 2.0315 * pow(s, 5) }
    }
    let (G, begin) = (sum(singular), Self.filters { i, j in 0.01 * (i - j) })
    var (network, optimiser) = (Unknowns(w: begin), Muon())
    _ = optimiser.step(&network, learningRate: 0.03, groups: []) { Self.gradient($0) { innerProduct($0.w, G) } }
    let expected = begin - (0.2 * sqrt(72) * 0.03) * sum(moved)
    #expect(squaredNorm(network.w - expected).squareRoot() <= 1e-12 * squaredNorm(expected).squareRoot())
    #expect(moved.allSatisfy { (0.6...1.3).contains($0) }, "\(moved)")
  }

  /// torch.optim.Muon of PyTorch 2.13.0, `adjust_lr_fn="match_rms_adamw"`, ten steps at 0.05 on the matrix of the filters, loss ½‖W − T‖²;
  /// it rounds the products to bfloat16, 2⁻⁸ relative.
  @Test func tenStepsArePyTorchs() {
    let T = Self.filters { i, j in (i + 1) / 4 * cos(.pi * (i + 0.5) * (j + 0.5) / 72) }
    var (network, optimiser) = (Unknowns(w: Self.filters { i, j in 0.1 * sin(i + j / 7) }), Muon(weightDecay: 0.1))
    for _ in 0..<10 {
      _ = optimiser.step(&network, learningRate: 0.05, groups: []) { Self.gradient($0) { 0.5 * squaredNorm($0.w - T) } }
    }
    let places = [0, 1 * 72 + 10, 2 * 72 + 71, 3 * 72 + 33, 5 * 72 + 50, 7 * 72 + 7]
    for (place, expected) in zip(places, [0.131505, 0.134159, -0.025365, 0.118929, 0.103997, 0.017119]) {
      #expect(abs(network.w[flat: place] - expected) <= 2e-3)
    }
    #expect(abs(squaredNorm(network.w).squareRoot() - 2.637082) <= 5e-3)
  }

  @Test func otherParametersAreAdams() {
    for shape in [[8, 72], [7, 8, 3, 3], [8, 1, 3, 3], [5]] {
      let begin = wave(shape, 0.7, 0.3)
      var (a, b) = (Unknowns(w: begin), Unknowns(w: begin))
      var (muon, adam) = (Muon(), Adam())
      for _ in 0..<3 {
        _ = muon.step(&a, learningRate: 0.01, groups: []) { Self.gradient($0) { squaredNorm($0.w .* $0.w) } }
        _ = adam.step(&b, learningRate: 0.01, groups: []) { Self.gradient($0) { squaredNorm($0.w .* $0.w) } }
      }
      #expect(a.w.isIdentical(to: b.w) && !a.w.isIdentical(to: begin))
    }
  }

  @Test(arguments: [Precision.single, .double]) func stateIsRestoredExactly(precision: Precision) throws {
    let T = wave([8, 8, 3, 3], 0.3, 0.9, precision: precision)
    func advance(_ u: inout Unknowns, _ optimiser: inout Muon) {
      for _ in 0..<3 { _ = optimiser.step(&u, learningRate: 0.05, groups: []) { Self.gradient($0) { squaredNorm($0.w - T) } } }
    }
    var (network, optimiser) = (Unknowns(w: wave([8, 8, 3, 3], 0.7, 0.3, precision: precision)), Muon())
    advance(&network, &optimiser)
    var (copy, restored) = (network, Muon())
    try restored.restore(optimiser.state, for: network, groups: [])
    advance(&network, &optimiser)
    advance(&copy, &restored)
    #expect(copy.w.isIdentical(to: network.w) && areIdentical(restored.state, optimiser.state))
  }

  @Test func zerosStayAndRecipesWithoutFiltersAreRefused() {
    var (network, optimiser) = (Unknowns(w: wave([8, 8, 1, 1], 0.7, 0.3)), Muon())
    let begin = network.w
    _ = optimiser.step(&network, learningRate: 0.1, groups: []) { Self.gradient($0) { 0 * squaredNorm($0.w) } }
    #expect(network.w == begin)
    var recipe = Recipe.plain(steps: 1)
    recipe.phases[0].optimiser = .muon()
    #expect(throws: TrainingError.self) { try StagedNetwork.trainer(recipe).train(StagedNetwork(depth: 1)) }
    recipe.phases[0].optimiser = .muon(momentum: 1)
    #expect(throws: TrainingError.self) { try StagedNetwork.trainer(recipe).train(StagedNetwork(depth: 1)) }
  }
}
