// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import Operators
import ProximalMaps
import Tensors
import TestSupport
import Testing
import _Differentiation

/// D(v) = c v, whatever the level.
private struct Shrinking: Denoiser {
  let factor: Double
  func denoised(_ images: Tensor, sigma: Double) -> Tensor { factor * images }
}

/// Soft threshold at 1.5 σ: AMP of Donoho, Maleki & Montanari (2009).
private struct Thresholding: Denoiser {
  func denoised(_ images: Tensor, sigma: Double) -> Tensor { softThreshold(images, threshold: 1.5 * sigma) }
}

@Suite struct PlugAndPlayTests {
  private let noisy: Tensor = {
    var generator = RandomGenerator(seed: 1)
    return texture(16, 18, 0.05, 0.4) + 0.1 * Tensor.normal([16, 18], using: &generator)
  }()

  /// A = 1, one step from 0.
  @Test func oneStepIsTheDenoiser() {
    let (A, D) = (Identity<Tensor>(), BM3D())
    let expected = D.denoised(noisy, sigma: 0.1)
    let gradient = Untied<PlugAndPlayGradient<Identity<Tensor>>>(
      A, D, NoiseSchedule([0.1]), stepSize: { _ in 1 }, height: 16, width: 18)
    #expect(solve(gradient, measurement: noisy).estimate == expected)
    // (1 + ρ)⁻¹(y + ρ x) of x = y, halves and doubles exact.
    let splitting = Untied<PlugAndPlaySplitting<Identity<Tensor>>>(
      A, D, NoiseSchedule([0.1]), weight: 0.01, height: 16, width: 18)
    let found = solve(splitting, measurement: noisy, from: noisy).estimate
    expectClose(found, expected, relative: 1e-9)
  }

  /// Of orthonormal rows the proximal map of the data is a gradient step of 1 / (1 + ρ).
  @Test func splittingOfOrthonormalRows() {
    let A = Matrix.orthonormalRows(rows: 60, columns: 16 * 18, seed: 7)
    let y = A.forward(noisy.reshaped([16 * 18]))
    let schedule = NoiseSchedule(from: 0.3, to: 0.05, count: 4)
    let gradient = Untied<PlugAndPlayGradient<Matrix>>(
      A, TotalVariationDenoiser(weight: 5), schedule, stepSize: { 1 / (1 + 0.02 / ($0 * $0)) }, height: 16, width: 18)
    let splitting = Untied<PlugAndPlaySplitting<Matrix>>(
      A, TotalVariationDenoiser(weight: 5), schedule, weight: 0.02, height: 16, width: 18)
    expectClose(solve(gradient, measurement: y).estimate, solve(splitting, measurement: y).estimate, relative: 1e-9)
  }

  @Test func complexImagesPartByPart() {
    let prior = DenoiserPrior<ComplexTensor>(BM3D(), sigma: 0.1, height: 16, width: 18)
    let z = ComplexTensor(real: noisy, imaginary: 0.5 * noisy)
    #expect(prior(z, recording: false).value == BM3D().denoised(z, sigma: 0.1))
  }

  /// With the denoiser of total variation it is the proximal gradient of that penalty, σ² its step.
  @Test func totalVariationIsItsProximalGradient() throws {
    let kernel = Tensor([1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }, shape: [3, 3])
    let A = try #require(PeriodicFilter<Tensor>(kernel: kernel, height: 16, width: 18))
    let (weight, step) = (0.3, 0.8)
    let played = Untied<PlugAndPlayGradient<PeriodicFilter<Tensor>>>(
      A, TotalVariationDenoiser(weight: weight, iterations: 40), NoiseSchedule([Double](repeating: step.squareRoot(), count: 12)),
      stepSize: { _ in step }, height: 16, width: 18)
    let penalty = TotalVariationPenalty(weight: weight, height: 16, width: 18, iterations: 40)
    let ista = ProximalGradient(
      data: GradientStep(A, stepSize: step), prior: Proximal(penalty, stepSize: step), momentum: NoMomentum<Tensor>())
    let y = A.forward(noisy)
    expectClose(
      solve(played, measurement: y).estimate, solve(ista, measurement: y, until: .iterations(12)).estimate, relative: 1e-12)
  }

  /// The minimiser of ½‖A u − y‖² + (ρ/2)‖u − x‖² has no gradient; and its derivatives.
  @Test func proximalStep() {
    let A = Matrix.gaussian(rows: 5, columns: 8, seed: 2)
    var generator = RandomGenerator(seed: 3)
    let (x, y) = (Tensor.normal([8], using: &generator), Tensor.normal([5], using: &generator))
    let step = ProximalStep(A, penalty: 0.7)
    let u = step(x, measurement: y)
    #expect((A.adjoint(A.forward(u) - y) + 0.7 * (u - x)).norm <= 1e-10 * x.norm)
    #expect(inputGradientError(at: x, seed: 4) { squaredNorm(step($0, measurement: y)) } <= 1e-6)
    #expect(inputGradientError(at: y, seed: 5) { squaredNorm(step(x, measurement: $0)) } <= 1e-6)
    // The value is large beside its derivative: with a step of 1e-6 rounding alone is 1e-6.
    #expect(parameterGradientError(step, step: 1e-5, seed: 6) { squaredNorm($0(x, measurement: y)) } <= 1e-6)
  }

  /// The repeats that the author's program prints.
  @Test func decoupledSchedule() {
    let levels = NoiseSchedule.decoupled(peak: 255).levels
    let repeats = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 10]
    let ratio = levels[1] / levels[0]
    let expected = repeats.enumerated().flatMap { k, n in
      [Double](repeating: 200 * (0..<k).reduce(1.0) { value, _ in value * ratio }, count: n)
    }
    #expect(levels.count == 70 && zip(levels, expected).allSatisfy { abs($0 - $1) <= 1e-12 * $1 })
    #expect(abs(levels[69] - 1) <= 1e-12)
  }
}

@Suite struct ApproximateMessagePassingTests {
  private static let side = 40
  /// A tenth of the pixels, of N(0, 1).
  private let sparse: Tensor = {
    var generator = RandomGenerator(seed: 11)
    return Tensor.normal([side, side], using: &generator).map { value in
      generator.uniform() < 0.1 ? value : 0
    }
  }()
  private let A = matrix(seed: 12)
  private static func matrix(seed: UInt64) -> Matrix {
    Matrix.gaussian(rows: side * side / 2, columns: side * side, seed: seed).withUnitColumns
  }
  private var y: Tensor { A.forward(sparse.reshaped([sparse.count])) }

  /// σ_k of so many steps, and the image.
  private func run(_ count: Int, corrects: Bool = true) -> (levels: [Double], x: Tensor) {
    let iteration = ApproximateMessagePassing(
      A, Thresholding(), height: Self.side, width: Self.side, corrects: corrects, seed: 13)
    var levels: [Double] = []
    let x = solve(iteration, measurement: y, until: .iterations(count)) { levels.append($1.sigma) }.estimate
    return (levels, x)
  }

  /// Without Onsager's term: proximal gradient of step 1 with the same levels.
  @Test func withoutItsTermItIsProximalGradient() {
    let (levels, x) = run(4, corrects: false)
    let played = Untied<PlugAndPlayGradient<Matrix>>(
      A, Thresholding(), NoiseSchedule(levels), stepSize: { _ in 1 }, height: Self.side, width: Self.side)
    expectClose(x, solve(played, measurement: y).estimate, relative: 1e-12)
    #expect((x - run(4).x).norm > 0.01 * x.norm)
  }

  /// Mean levels of ten A, with noise of 0.2, are those of state evolution, which is of infinitely many pixels; without Onsager's term they
  /// leave it.
  @Test func followsStateEvolution() {
    let (draws, steps, noise) = (10, 8, 0.2)
    func mean(_ levels: (UInt64) -> [Double]) -> [Double] {
      let all = (0..<UInt64(draws)).map(levels)
      return (0..<steps).map { k in all.reduce(0) { $0 + $1[k] } / Double(draws) }
    }
    let predicted = mean {
      stateEvolution(of: sparse, measurements: A.rows, noise: noise, Thresholding(), count: steps, seed: 14 + $0)
    }
    func measured(corrects: Bool) -> [Double] {
      mean { draw in
        let A = Self.matrix(seed: 100 + draw)
        let iteration = ApproximateMessagePassing(
          A, Thresholding(), height: Self.side, width: Self.side, corrects: corrects, seed: 200 + draw)
        var levels: [Double] = []
        var generator = RandomGenerator(seed: 400 + draw)
        let y = A.forward(sparse.reshaped([sparse.count])) + noise * Tensor.normal([A.rows], using: &generator)
        _ = solve(iteration, measurement: y, until: .iterations(steps)) { levels.append($1.sigma) }
        return levels
      }
    }
    for (found, expected) in zip(measured(corrects: true), predicted) {
      #expect(abs(found - expected) <= 0.05 * expected, "\(found), \(expected)")
    }
    #expect(zip(measured(corrects: false), predicted).contains { abs($0 - $1) > 0.2 * $1 })
  }

  /// div (c v) = c N; z shrinks by it: with D = c the recursion z ← y − A x + c (N/M) z, x = c (x + Aᴴ z).
  @Test func divergenceOfAMultiple() {
    let (c, N, M) = (0.4, Double(sparse.count), Double(A.rows))
    let iteration = ApproximateMessagePassing(A, Shrinking(factor: c), height: Self.side, width: Self.side, seed: 15)
    var state = iteration.initialState(.zero)
    var (x, z) = (Tensor.zeros([sparse.count]), Tensor.zeros([A.rows]))
    for _ in 0..<3 {
      state = iteration.step(state, measurement: y, recording: false)
      z = y - A.forward(x) + (c * N / M) * z
      x = c * (x + A.adjoint(z))
      // ⟨η, η⟩ = N (1 ± √(2/N)).
      expectClose(state.x, x, relative: 0.15)
    }
  }
}
