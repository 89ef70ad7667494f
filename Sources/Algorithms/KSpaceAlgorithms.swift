// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import _Differentiation

// Classical algorithms of compressive-sensing MRI over real or complex images: ADMM with an exact solve in k-space and a shrinkage of groups
// of numbers. A group of complex numbers holds both parts of each.

/// min ½‖P F x − y‖² + λ Σᵢ ‖(∇x)ᵢ‖₂.
public typealias KSpaceTV<Space: FourierSpace> = ClassicalADMM<
  Space.Sampling, OnEachPart<Gradient2D, Space>, KSpaceSolver<Space>, GroupShrinkage<Space>
>

/// min ½‖P F x − y‖² + λ ‖W x‖₁ with W undecimated wavelets, WᴴW = 1, whose low pass is left alone.
public typealias KSpaceSIDWT<Space: FourierSpace> = ClassicalADMM<
  Space.Sampling, UndecimatedWavelet<Space>, OperatorSolver<Space.Sampling>, GroupShrinkage<Space>
>

/// min ½‖P F x − y‖² + λ₁ Σᵢ ‖(∇x)ᵢ‖₂ + λ₂ ‖Ψ x‖₁ with Ψ orthonormal wavelets.
public typealias RecPF<Space: FourierSpace> = ClassicalADMM<
  Space.Sampling, OnEachPart<GradientAndWavelet, Space>, KSpaceSolver<Space>, GroupShrinkage<Space>
>

/// pFISTA, Liu, Zhan, Cai, Guo, Chen & Qu (IEEE Trans. Med. Imaging 35, 2016): FISTA projected on the images of a tight frame W,
///
///     x⁽ᵏ⁺¹⁾ = Wᴴ soft(W(v⁽ᵏ⁾ + Fᴴ P (y − P F v⁽ᵏ⁾)), λ);   v⁽ᵏ⁺¹⁾ = x⁽ᵏ⁺¹⁾ + ((t_k − 1) / t_{k+1}) (x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾)
///
/// which is one inner step of ``InnerGradientDescent`` where WᴴW = 1. W undecimated wavelets, whose low pass is left alone. One parameter.
public typealias PFISTA<Space: FourierSpace> = ProximalGradient<
  GradientStep<Space.Sampling>, InnerGradientDescent<UndecimatedWavelet<Space>, GroupShrinkage<Space>>, NesterovMomentum<Space>
>

/// min ½‖P F S x − y‖² + λ Σᵢ ‖(∇x)ᵢ‖₂ over complex images seen by several coils; the x-update by conjugate gradients.
public typealias SENSETV = ClassicalADMM<SENSE, OnParts<Gradient2D>, SENSESolver, GroupShrinkage<ComplexTensor>>

extension ADMM {
  /// - Parameters: `weight` λ, `penalty` ρ.
  public init<Space: FourierSpace>(
    totalVariation weight: Double, mask: SamplingMask, penalty: Double
  ) where Self == KSpaceTV<Space> {
    let D = Gradient2D(height: mask.height, width: mask.width, boundary: .periodic)
    self.init(
      solve: RegularisedLeastSquares(
        Space.sampling(mask), OnEachPart(D), solver: KSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 2 * Space.parts, threshold: weight / penalty)]))
  }

  /// - Parameters: `weight` λ, `penalty` ρ.
  public init<Space: FourierSpace>(
    undecimatedWavelet weight: Double, mask: SamplingMask, filter: WaveletFilter, levels: Int, penalty: Double
  ) where Self == KSpaceSIDWT<Space> {
    let A = Space.sampling(mask)
    let W = UndecimatedWavelet<Space>(height: mask.height, width: mask.width, filter: filter, levels: levels)
    self.init(
      solve: RegularisedLeastSquares(A, W, solver: OperatorSolver(A), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: Space.parts, threshold: weight / penalty)], planes: W.bands, planesKept: 1))
  }

  /// - Parameters: `gradientWeight` λ₁, `waveletWeight` λ₂, `penalty` ρ of both constraints.
  public init<Space: FourierSpace>(
    gradientWeight: Double, waveletWeight: Double, mask: SamplingMask, wavelet: OrthonormalWavelet<Tensor>, penalty: Double
  ) where Self == RecPF<Space> {
    let D = GradientAndWavelet(wavelet)
    self.init(
      solve: RegularisedLeastSquares(
        Space.sampling(mask), OnEachPart(D), solver: KSpaceSolver(mask, D), penalty: penalty),
      prior: GroupShrinkage(groups: [
        .init(size: 2 * Space.parts, threshold: gradientWeight / penalty),
        .init(size: Space.parts, threshold: waveletWeight / penalty),
      ]))
  }

  /// - Parameters: `weight` λ, `penalty` ρ; `tolerance` and `maximumIterations` of the conjugate gradients.
  public init(
    totalVariation weight: Double, _ A: SENSE, penalty: Double, tolerance: Double = 1e-4, maximumIterations: Int = 20
  ) where Self == SENSETV {
    let D = OnParts(Gradient2D(height: A.mask.height, width: A.mask.width, boundary: .periodic))
    self.init(
      solve: RegularisedLeastSquares(
        A, D, solver: SENSESolver(A, D, tolerance: tolerance, maximumIterations: maximumIterations), penalty: penalty),
      prior: GroupShrinkage(groups: [.init(size: 4, threshold: weight / penalty)]))
  }
}

extension ProximalGradient {
  /// - Parameter threshold: λ.
  public init<Space: FourierSpace>(pfista threshold: Double, mask: SamplingMask, filter: WaveletFilter, levels: Int)
  where Self == PFISTA<Space> {
    let W = UndecimatedWavelet<Space>(height: mask.height, width: mask.width, filter: filter, levels: levels)
    let shrinkage = GroupShrinkage<Space>(groups: [.init(size: Space.parts, threshold: threshold)], planes: W.bands, planesKept: 1)
    self.init(
      data: GradientStep(Space.sampling(mask), stepSize: 1), prior: InnerGradientDescent(W, shrinkage: shrinkage),
      momentum: NesterovMomentum())
  }
}
