// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import _Differentiation

// Classical algorithms of compressive-sensing MRI: ADMM with an exact solve in k-space and a shrinkage of groups of numbers.

/// min ½‖P F x − y‖² + λ Σᵢ ‖(∇x)ᵢ‖₂ over real images.
public typealias KSpaceTV = ClassicalADMM<RealMaskedFourier, Gradient2D, RealKSpaceSolver, GroupShrinkage<Tensor>>
/// The same over complex images; a pixel's group holds both parts of its two differences.
public typealias ComplexKSpaceTV = ClassicalADMM<
  MaskedFourier, OnParts<Gradient2D>, ComplexKSpaceSolver, GroupShrinkage<ComplexTensor>
>

/// min ½‖P F x − y‖² + λ ‖W x‖₁ with W undecimated wavelets, whose low pass is left alone.
public typealias KSpaceSIDWT = ClassicalADMM<
  RealMaskedFourier, UndecimatedWavelet<Tensor>, RealKSpaceSolver, GroupShrinkage<Tensor>
>
public typealias ComplexKSpaceSIDWT = ClassicalADMM<
  MaskedFourier, UndecimatedWavelet<ComplexTensor>, ComplexKSpaceSolver, GroupShrinkage<ComplexTensor>
>

/// min ½‖P F x − y‖² + λ₁ Σᵢ ‖(∇x)ᵢ‖₂ + λ₂ ‖Ψ x‖₁ with Ψ orthonormal wavelets.
public typealias RecPF = ClassicalADMM<RealMaskedFourier, GradientAndWavelet, RealKSpaceSolver, GroupShrinkage<Tensor>>
public typealias ComplexRecPF = ClassicalADMM<
  MaskedFourier, OnParts<GradientAndWavelet>, ComplexKSpaceSolver, GroupShrinkage<ComplexTensor>
>

/// min ½‖P F S x − y‖² + λ Σᵢ ‖(∇x)ᵢ‖₂ over complex images seen by several coils; the x-update by conjugate gradients.
public typealias SENSETV = ClassicalADMM<SENSE, OnParts<Gradient2D>, SENSESolver, GroupShrinkage<ComplexTensor>>

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<SENSE, OnParts<Gradient2D>, SENSESolver>, Analysis == FixedAnalysis<OnParts<Gradient2D>>,
  Prior == GroupShrinkage<ComplexTensor>, Update == UniformUpdate<ComplexTensor>
{
  /// - Parameters: `weight` λ, `penalty` ρ; `tolerance` and `maximumIterations` of the conjugate gradients.
  public init(
    totalVariation weight: Double, _ A: SENSE, penalty: Double, tolerance: Double = 1e-4, maximumIterations: Int = 20
  ) {
    let D = OnParts(Gradient2D(height: A.mask.height, width: A.mask.width, boundary: .periodic))
    self.init(
      solve: RegularisedLeastSquares(
        A, D, solver: SENSESolver(A, D, tolerance: tolerance, maximumIterations: maximumIterations), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 4, threshold: weight / penalty)]))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<RealMaskedFourier, Gradient2D, RealKSpaceSolver>, Analysis == FixedAnalysis<Gradient2D>,
  Prior == GroupShrinkage<Tensor>, Update == UniformUpdate<Tensor>
{
  /// - Parameters: `weight` λ, `penalty` ρ.
  public init(totalVariation weight: Double, mask: SamplingMask, penalty: Double) {
    let D = Gradient2D(height: mask.height, width: mask.width, boundary: .periodic)
    self.init(
      solve: RegularisedLeastSquares(RealMaskedFourier(mask), D, solver: RealKSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 2, threshold: weight / penalty)]))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<MaskedFourier, OnParts<Gradient2D>, ComplexKSpaceSolver>,
  Analysis == FixedAnalysis<OnParts<Gradient2D>>, Prior == GroupShrinkage<ComplexTensor>, Update == UniformUpdate<ComplexTensor>
{
  /// - Parameters: `weight` λ, `penalty` ρ.
  public init(totalVariation weight: Double, mask: SamplingMask, penalty: Double) {
    let D = Gradient2D(height: mask.height, width: mask.width, boundary: .periodic)
    self.init(
      solve: RegularisedLeastSquares(MaskedFourier(mask), OnParts(D), solver: ComplexKSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 4, threshold: weight / penalty)]))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<RealMaskedFourier, UndecimatedWavelet<Tensor>, RealKSpaceSolver>,
  Analysis == FixedAnalysis<UndecimatedWavelet<Tensor>>, Prior == GroupShrinkage<Tensor>, Update == UniformUpdate<Tensor>
{
  /// - Parameters: `weight` λ, `penalty` ρ.
  public init(undecimatedWavelet weight: Double, mask: SamplingMask, filter: WaveletFilter, levels: Int, penalty: Double) {
    let W = UndecimatedWavelet<Tensor>(height: mask.height, width: mask.width, filter: filter, levels: levels)
    self.init(
      solve: RegularisedLeastSquares(RealMaskedFourier(mask), W, solver: RealKSpaceSolver(mask), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 1, threshold: weight / penalty)], planes: W.bands, planesKept: 1))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<MaskedFourier, UndecimatedWavelet<ComplexTensor>, ComplexKSpaceSolver>,
  Analysis == FixedAnalysis<UndecimatedWavelet<ComplexTensor>>, Prior == GroupShrinkage<ComplexTensor>,
  Update == UniformUpdate<ComplexTensor>
{
  /// - Parameters: `weight` λ, `penalty` ρ.
  public init(undecimatedWavelet weight: Double, mask: SamplingMask, filter: WaveletFilter, levels: Int, penalty: Double) {
    let W = UndecimatedWavelet<ComplexTensor>(height: mask.height, width: mask.width, filter: filter, levels: levels)
    self.init(
      solve: RegularisedLeastSquares(MaskedFourier(mask), W, solver: ComplexKSpaceSolver(mask), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 2, threshold: weight / penalty)], planes: W.bands, planesKept: 1))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<RealMaskedFourier, GradientAndWavelet, RealKSpaceSolver>,
  Analysis == FixedAnalysis<GradientAndWavelet>, Prior == GroupShrinkage<Tensor>, Update == UniformUpdate<Tensor>
{
  /// - Parameters: `gradientWeight` λ₁, `waveletWeight` λ₂, `penalty` ρ of both constraints.
  public init(
    gradientWeight: Double, waveletWeight: Double, mask: SamplingMask, wavelet: OrthonormalWavelet<Tensor>, penalty: Double
  ) {
    let D = GradientAndWavelet(wavelet)
    self.init(
      solve: RegularisedLeastSquares(RealMaskedFourier(mask), D, solver: RealKSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(
        groups: [.init(size: 2, threshold: gradientWeight / penalty), .init(size: 1, threshold: waveletWeight / penalty)]))
  }
}

extension ADMM
where
  Reconstruct == RegularisedLeastSquares<MaskedFourier, OnParts<GradientAndWavelet>, ComplexKSpaceSolver>,
  Analysis == FixedAnalysis<OnParts<GradientAndWavelet>>, Prior == GroupShrinkage<ComplexTensor>,
  Update == UniformUpdate<ComplexTensor>
{
  /// - Parameters: `gradientWeight` λ₁, `waveletWeight` λ₂, `penalty` ρ of both constraints.
  public init(
    gradientWeight: Double, waveletWeight: Double, mask: SamplingMask, wavelet: OrthonormalWavelet<Tensor>, penalty: Double
  ) {
    let D = GradientAndWavelet(wavelet)
    self.init(
      solve: RegularisedLeastSquares(MaskedFourier(mask), OnParts(D), solver: ComplexKSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(
        groups: [.init(size: 4, threshold: gradientWeight / penalty), .init(size: 2, threshold: waveletWeight / penalty)]))
  }
}
