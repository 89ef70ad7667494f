// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Operators
import Tensors
import _Differentiation

/// ADMM-CSNet, Yang, Sun, Li & Xu (TPAMI 2020), for real images: ADMM with z = x and a learned shrinkage in the image,
///
///     z = x + β − w₂ * S(w₁ * (x + β) + b₁) − b₂                     one inner step
///     β ← β + η (x − z)
///     x = Fᴴ[(y + ρ F(z − β)) / (mask + ρ)]
///
/// nothing shared between its stages. 19 459 parameters a stage with 128 filters of 5 × 5 and 101 knots, and ρ of the first x.
public typealias ADMMCSNet = Unrolled<
  AsMeasured<ComplexTensor>, RegularisedStart<RealMaskedFourier, Identity<Tensor>, RealKSpaceSolver>,
  Untied<ClassicalADMM<RealMaskedFourier, Identity<Tensor>, RealKSpaceSolver, ConvolutionalShrinkage>>,
  AsEstimated<ComplexTensor, Tensor>
>

/// ADMM-CSNet for complex images: the same filters and curves act on the real and on the imaginary part.
public typealias ComplexADMMCSNet = Unrolled<
  AsMeasured<ComplexTensor>, RegularisedStart<MaskedFourier, Identity<ComplexTensor>, ComplexKSpaceSolver>,
  Untied<ClassicalADMM<MaskedFourier, Identity<ComplexTensor>, ComplexKSpaceSolver, PriorOnParts<ConvolutionalShrinkage>>>,
  DataConsistency<MaskedFourier>
>

extension Unrolled
where
  Encode == AsMeasured<ComplexTensor>, Start == RegularisedStart<RealMaskedFourier, Identity<Tensor>, RealKSpaceSolver>,
  Stages == Untied<ClassicalADMM<RealMaskedFourier, Identity<Tensor>, RealKSpaceSolver, ConvolutionalShrinkage>>,
  Output == AsEstimated<ComplexTensor, Tensor>
{
  /// Before training: ρ = 0.1, η = 1, filters of N(0, 2 / (size² · maps)), curves max(p, 0), no bias.
  public init(
    mask: SamplingMask, stages: Int = 10, maps: Int = 128, filterSize: Int = 5, penalty: Double = 0.1, updateRate: Double = 1,
    precision: Precision = .double, seed: UInt64
  ) {
    var generator = RandomGenerator(seed: seed, stream: 8)
    let solve = RegularisedLeastSquares(
      RealMaskedFourier(mask), Identity<Tensor>(), solver: RealKSpaceSolver(mask), penalty: penalty)
    self.init(
      encoder: AsMeasured(), start: RegularisedStart(solve: solve),
      schedule: Untied(
        (0..<stages).map { _ in
          ADMM(
            solve: solve, prior: ConvolutionalShrinkage(maps: maps, size: filterSize, precision: precision, using: &generator),
            updateRate: updateRate)
        }), output: AsEstimated())
  }
}

extension Unrolled
where
  Encode == AsMeasured<ComplexTensor>, Start == RegularisedStart<MaskedFourier, Identity<ComplexTensor>, ComplexKSpaceSolver>,
  Stages == Untied<
    ClassicalADMM<MaskedFourier, Identity<ComplexTensor>, ComplexKSpaceSolver, PriorOnParts<ConvolutionalShrinkage>>
  >,
  Output == DataConsistency<MaskedFourier>
{
  /// Before training: ρ = 0.1, η = 1, filters of N(0, 2 / (size² · maps)), curves max(p, 0), no bias.
  ///
  /// - Parameters: `isHard`, the measured samples replace those of the last estimate; `learnsSlopes`, the curves have slopes of their
  ///   own outside the knots, as in the authors' second program.
  public init(
    mask: SamplingMask, stages: Int = 10, maps: Int = 128, filterSize: Int = 5, penalty: Double = 0.1, updateRate: Double = 1,
    isHard: Bool = true, learnsSlopes: Bool = false, precision: Precision = .double, seed: UInt64
  ) {
    var generator = RandomGenerator(seed: seed, stream: 8)
    let A = MaskedFourier(mask)
    let solve = RegularisedLeastSquares(A, Identity<ComplexTensor>(), solver: ComplexKSpaceSolver(mask), penalty: penalty)
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
        }), output: DataConsistency(A, isHard: isHard))
  }
}
