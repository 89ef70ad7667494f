// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// What a guide says of patches: which are like one another, which basis suits each.
public protocol PatchModel: Sendable {
  /// Patches of images of an extent, in groups and bases that suit the guide `[h, w]`.
  func analysis<Image: ImageSpace>(of guide: Image) -> PatchAnalysis<Image>
}

/// argmin_x ½‖P F x − y‖² + λ ‖A x‖₁ with patches A that a guide image decides, by alternating minimisation over α of
///
///     λ ‖α‖₁ + (β/2) ‖α − A x‖² + ½ ‖P F x − y‖²,     β growing: t = λ/β falls from `firstThreshold` to `lastThreshold`, each time by the same factor
///
///     α⁽ᵏ⁾ = soft(A x⁽ᵏ⁾, t_k)
///     x⁽ᵏ⁺¹⁾ = F⁻¹ (PᴴP + ρ_k)⁻¹ (Pᴴ y + ρ_k F (AᴴA)⁻¹ Aᴴ α⁽ᵏ⁾),     ρ_k = β_k c = λ c / t_k, c the mean of AᴴA
///
/// which is ``HalfQuadraticSplitting`` with ``PatchShrinkage``. What is found is the guide of the next round.
public struct PatchReconstruction<Model: PatchModel>: Sendable {
  public var model: Model
  /// λ, for images whose largest magnitude is 1.
  public var weight: Double
  public var firstThreshold: Double
  public var lastThreshold: Double
  /// Of each round.
  public var iterations: Int
  public var rounds: Int

  public typealias Splitting<Space: FourierSpace> = HalfQuadraticSplitting<
    RegularisedLeastSquares<Space.Sampling, Identity<Space>, OperatorSolver<Space.Sampling>>, PatchShrinkage<Space>
  >

  public init(
    _ model: Model, weight: Double, firstThreshold: Double, lastThreshold: Double, iterations: Int, rounds: Int
  ) {
    (self.model, self.weight, self.iterations, self.rounds) = (model, weight, iterations, rounds)
    (self.firstThreshold, self.lastThreshold) = (firstThreshold, lastThreshold)
  }

  /// t_k.
  public var thresholds: [Double] { NoiseSchedule.logarithmic(firstThreshold, lastThreshold, iterations) }

  /// The iterations of a round.
  public func stages<Space: FourierSpace>(_ analysis: PatchAnalysis<Space>, mask: SamplingMask) -> Untied<Splitting<Space>> {
    let A = Space.sampling(mask)
    let mean = analysis.multiplicity.reduce(0, +) / Double(analysis.multiplicity.count)
    return Untied(
      thresholds.map { t in
        Splitting<Space>(
          solve: RegularisedLeastSquares(A, Identity(), solver: OperatorSolver(A), penalty: weight * mean / t),
          prior: PatchShrinkage(analysis, threshold: t))
      })
  }

  /// - Parameters: `kSpace` y, `[h, w]`; `guide`, an image by another method, from which the first round begins.
  public func callAsFunction<Space: FourierSpace>(_ kSpace: ComplexTensor, mask: SamplingMask, guide: Space) -> Space {
    (0..<rounds).reduce(guide) { x, _ in
      solve(stages(model.analysis(of: x), mask: mask), measurement: kSpace, from: x).estimate
    }
  }
}

extension ImageSpace {
  /// Values, of complex images magnitudes.
  var magnitudes: [Double] {
    let parts = separateParts.map(\.doubles)
    return parts.count == 1 ? parts[0] : zip(parts[0], parts[1]).map { ($0 * $0 + $1 * $1).squareRoot() }
  }
}
