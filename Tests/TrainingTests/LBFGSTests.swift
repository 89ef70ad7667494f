// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

@Suite struct LBFGSTests {
  /// Σ 100 (w₂ᵢ₊₁ − w₂ᵢ²)² + (1 − w₂ᵢ)², minimal at (1, …, 1).
  static func rosenbrock(_ u: Unknowns) -> LossGradient<Unknowns> {
    let w = u.w.doubles
    var (loss, g) = (0.0, [Double](repeating: 0, count: w.count))
    for i in stride(from: 0, to: w.count, by: 2) {
      let (a, b) = (w[i + 1] - w[i] * w[i], 1 - w[i])
      loss += 100 * a * a + b * b
      g[i] = -400 * a * w[i] - 2 * b
      g[i + 1] = 200 * a
    }
    return LossGradient(loss: loss, gradient: .init(w: Tensor(g)))
  }

  /// SciPy 1.17.1's L-BFGS-B (maxcor=5, ftol=0, gtol=1e-12) takes 41 iterations with 50 evaluations, and 265 with 301.
  @Test(arguments: [([-1.2, 1.0], 60), ([-1.2, 1, 2, -3, 0.3, 0.7], 400)])
  func reachesRosenbrocksMinimum(start: [Double], limit: Int) {
    var (u, optimiser) = (Unknowns(w: Tensor(start)), LBFGS(memory: 5))
    var (steps, evaluations) = (0, 0)
    while steps < limit {
      let outcome = optimiser.step(&u, learningRate: 1, groups: []) { u in
        evaluations += 1
        return Self.rosenbrock(u)
      }
      if outcome.isConverged { break }
      steps += 1
    }
    #expect(u.w.doubles.allSatisfy { abs($0 - 1) < 1e-8 }, "\(u.w.doubles) after \(steps) steps")
    #expect(evaluations < 2 * limit, "\(steps) steps, \(evaluations) evaluations")
  }

  /// Of Rosenbrock's function and 1, a tolerance of a millionth leaves out the last steps, no others.
  @Test func endsWhereTheLossStandsStill() {
    func steps(_ tolerance: Double) -> (count: Int, losses: [Double]) {
      var (u, optimiser, losses) = (Unknowns(w: Tensor([-1.2, 1])), LBFGS(memory: 5, lossTolerance: tolerance), [Double]())
      for count in 0..<100 {
        let outcome = optimiser.step(&u, learningRate: 1, groups: []) {
          var found = Self.rosenbrock($0)
          found.loss += 1
          return found
        }
        losses.append(outcome.loss)
        if outcome.isConverged { return (count, losses + [1 + Self.rosenbrock(u).loss]) }
      }
      return (100, losses)
    }
    let (all, few) = (steps(0), steps(1e-6))
    #expect(few.count < all.count && few.count > 5, "\(few.count) and \(all.count) steps")
    #expect(zip(few.losses, few.losses.dropFirst()).dropLast().allSatisfy { $0 - $1 > 1e-6 * $0 })
    #expect(zip(few.losses, few.losses.dropFirst()).suffix(1).allSatisfy { $0 - $1 <= 1e-6 * $0 })
  }

  /// Both conditions, checked from outside: from one accepted point to the next.
  @Test(arguments: [[-1.2, 1.0], [2, -3], [0, 0], [-50, 30]])
  func everyStepMeetsTheWolfeConditions(start: [Double]) {
    var (u, optimiser) = (Unknowns(w: Tensor(start)), LBFGS(memory: 3))
    for _ in 0..<25 {
      let (w, before) = (u.w, Self.rosenbrock(u))
      if optimiser.step(&u, learningRate: 1, groups: [], gradient: Self.rosenbrock).isConverged { break }
      let after = Self.rosenbrock(u)
      if after.loss < 1e-20 { break }  // rounding decides from here on
      let (s, g0, g1) = (u.w - w, before.gradient.w, after.gradient.w)
      #expect(after.loss <= before.loss + 1e-4 * g0.inner(s))
      #expect(abs(g1.inner(s)) <= 0.9 * abs(g0.inner(s)))
    }
  }

  /// ½ wᵀ D w − bᵀw, minimised by D⁻¹b. With exact searches L-BFGS is the conjugate-gradient method: n steps. The search's cubic
  /// is exact on a quadratic, and demanding a small slope makes every step use it.
  @Test(arguments: [2, 5, 8]) func minimisesAQuadraticInAsManySteps(n: Int) {
    let (D, b) = (Tensor((0..<n).map { 1 + 0.5 * Double($0) }), wave([n], 1.1, 0.3))
    func quadratic(_ u: Unknowns) -> LossGradient<Unknowns> {
      LossGradient(loss: 0.5 * u.w.inner(D .* u.w) - b.inner(u.w), gradient: .init(w: D .* u.w - b))
    }
    var (u, optimiser) = (Unknowns(w: .zeros([n])), LBFGS(memory: n, curvature: 1.1e-4))
    let minimum = Tensor((0..<n).map { b[flat: $0] / D[flat: $0] })
    for _ in 0..<n { _ = optimiser.step(&u, learningRate: 1, groups: [], gradient: quadratic) }
    expectClose(u.w, minimum, relative: 1e-3)
    for _ in 0..<30 { _ = optimiser.step(&u, learningRate: 1, groups: [], gradient: quadratic) }
    expectClose(u.w, minimum, relative: 1e-8)
    // In the end rounding leaves nothing to gain, and the step says so and changes nothing.
    var (bits, more) = (u.w, 0)
    while more < 300, !optimiser.step(&u, learningRate: 1, groups: [], gradient: quadratic).isConverged {
      bits = u.w
      more += 1
    }
    #expect(more < 300 && u.w.isIdentical(to: bits))
  }

  /// ½ Σᵢ hᵢ (wᵢ − 1)² with h from 1e-3 to 1e3, as parameters of several kinds have. SciPy 1.17.1's L-BFGS-B (maxcor=5, ftol=0,
  /// gtol=0) is at 0.37276 after 60 steps and at 0.13251 after 100; unscaled we are near it, scaled we are there after 10 and 20.
  @Test func scalingByGradientsHelpsWithParametersOfSeveralKinds() {
    let h = Tensor((0..<40).map { pow(10, -3 + 6 * Double($0) / 39) })
    func quadratic(_ u: Unknowns) -> LossGradient<Unknowns> {
      let r = u.w - .filled(1, shape: [40])
      return LossGradient(loss: 0.5 * r.inner(h .* r), gradient: .init(w: h .* r))
    }
    func loss(_ scaling: LBFGS.Scaling, steps: Int) -> Double {
      var (u, optimiser) = (Unknowns(w: .zeros([40])), LBFGS(memory: 5, scaling: scaling))
      for _ in 0..<steps { _ = optimiser.step(&u, learningRate: 1, groups: [], gradient: quadratic) }
      return quadratic(u).loss
    }
    #expect(abs(loss(.identity, steps: 60) / 0.37276 - 1) < 0.3)
    #expect(loss(.gradients, steps: 10) < 0.37276 && loss(.gradients, steps: 20) < 0.13251)
  }

  /// The logarithm's barrier: a step too long gives infinity, and the search turns back. Minimum of w − log w at 1.
  @Test func turnsBackFromInfinity() {
    func barrier(_ u: Unknowns) -> LossGradient<Unknowns> {
      let w = u.w[flat: 0]
      return LossGradient(loss: w > 0 ? w - log(w) : .infinity, gradient: .init(w: Tensor([w > 0 ? 1 - 1 / w : .nan])))
    }
    var (u, optimiser) = (Unknowns(w: Tensor([30.0])), LBFGS())
    for _ in 0..<40 { _ = optimiser.step(&u, learningRate: 100, groups: [], gradient: barrier) }
    #expect(abs(u.w[flat: 0] - 1) < 1e-7)
  }

  @Test func aModelThatWasChangedBeginsAnew() {
    var (u, optimiser) = (Unknowns(w: Tensor([-1.2, 1])), LBFGS())
    for _ in 0..<5 { _ = optimiser.step(&u, learningRate: 1, groups: [], gradient: Self.rosenbrock) }
    var (fresh, moved) = (Unknowns(w: Tensor([0.5, 0.5])), Unknowns(w: Tensor([0.5, 0.5])))
    var other = LBFGS()
    _ = optimiser.step(&moved, learningRate: 1, groups: [], gradient: Self.rosenbrock)
    _ = other.step(&fresh, learningRate: 1, groups: [], gradient: Self.rosenbrock)
    #expect(moved.w.isIdentical(to: fresh.w))
  }

  @Test func minimisesInSinglePrecision() {
    func gradient(_ u: Unknowns) -> LossGradient<Unknowns> {
      let residual = u.w - wave([7], 0.9, 0.1, precision: .single)
      return LossGradient(loss: squaredNorm(residual), gradient: .init(w: 2 * residual))
    }
    var (u, optimiser) = (Unknowns(w: .zeros([7], precision: .single)), LBFGS())
    for _ in 0..<20 { _ = optimiser.step(&u, learningRate: 1, groups: [], gradient: gradient) }
    expectClose(u.w, wave([7], 0.9, 0.1, precision: .single), relative: 1e-6)
    #expect(u.w.precision == .single)
  }
}
