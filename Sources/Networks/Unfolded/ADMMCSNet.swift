// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Platform
import Tensors
import _Differentiation

/// ADMM-CSNet, Yang, Sun, Li & Xu (TPAMI 2020): ADMM with z = x and a learned shrinkage in the image,
///
///     z = x + β − w₂ * S(w₁ * (x + β) + b₁) − b₂                     one inner step
///     β ← β + η (x − z)
///     x = (AᴴA + ρ)⁻¹(Aᴴ y + ρ (z − β));   from k-space Fᴴ[(y + ρ F(z − β)) / (mask + ρ)]
///
/// nothing shared between its stages, for any operator on images `[batch, h, w]`. Of complex images the same filters and curves act on the
/// real and on the imaginary part. 19 459 parameters a stage with 128 filters of 5 × 5 and 101 knots, and ρ of the first x.
public typealias ADMMCSNet<Op: LinearOperator> = Unrolled<
  AsMeasured<Op.Codomain>, RegularisedStart<Op, Identity<Op.Domain>, OperatorSolver<Op>>,
  Untied<ClassicalADMM<Op, Identity<Op.Domain>, OperatorSolver<Op>, PriorOnParts<ConvolutionalShrinkage, Op.Domain>>>,
  DataConsistency<Op>
> where Op.Domain: ImageSpace

extension Unrolled {
  /// Before training: ρ = 0.1, η = 1, filters of N(0, 2 / (size² · maps)), curves max(p, 0), no bias.
  ///
  /// - Parameters: `isHard`, the measured samples replace those of the last estimate, as published for complex images; `learnsSlopes`, the
  ///   curves have slopes of their own outside the knots, as in the authors' second program.
  public init<Op: LinearOperator>(
    admmCSNet A: Op, stages: Int = 10, maps: Int = 128, filterSize: Int = 5, penalty: Double = 0.1, updateRate: Double = 1,
    isHard: Bool? = nil, learnsSlopes: Bool = false, precision: Precision = .double, seed: UInt64
  ) where Self == ADMMCSNet<Op> {
    var generator = RandomGenerator(seed: seed, stream: 8)
    let solve = RegularisedLeastSquares(A, Identity<Op.Domain>(), solver: OperatorSolver(A), penalty: penalty)
    self.init(
      encoder: AsMeasured(), start: RegularisedStart(solve: solve),
      schedule: Untied(
        (0..<stages).map { _ in
          ADMM(
            solve: solve,
            prior: PriorOnParts(
              ConvolutionalShrinkage(
                maps: maps, size: filterSize, learnsSlopes: learnsSlopes, precision: precision, using: &generator)),
            updateRate: updateRate)
        }), output: DataConsistency(A, isHard: isHard ?? (Op.Domain.parts == 2)))
  }
}
