// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Operators
import Tensors
import _Differentiation

/// ISTA-Net, Zhang & Ghanem (CVPR 2018): ISTA on blocks of an image with a learned step and a soft threshold under a learned transform,
/// nothing shared between its stages,
///
///     r⁽ᵏ⁾ = x⁽ᵏ⁻¹⁾ − ρ Φᵀ(Φ x⁽ᵏ⁻¹⁾ − y);   x⁽ᵏ⁾ = F̃(soft(F(r⁽ᵏ⁾), θ)),   x⁽⁰⁾ = Q_init y
///
/// Measurements `[blocks, M]`, estimates `[blocks, side²]` flattened row by row. 19 010 parameters a stage with 32 channels.
public typealias ISTANet = BlockNetwork<TransformThreshold>

/// ISTA-Net⁺: the threshold acts on a correction to r⁽ᵏ⁾,
///
///     x⁽ᵏ⁾ = r⁽ᵏ⁾ + G * H̃(soft(H(D * r⁽ᵏ⁾), θ))
///
/// 37 442 parameters a stage with 32 channels.
public typealias ISTANetPlus = BlockNetwork<ResidualCorrection<TransformThreshold>>

/// A proximal-gradient network on the measurements of square image blocks, whose prior is a convolutional network.
public typealias BlockNetwork<Prior: PriorStep> = Unrolled<
  AsMeasured<Tensor>, LinearStart, Untied<ProximalGradient<GradientStep<Matrix>, OnImages<Prior>, NoMomentum<Tensor>>>,
  AsEstimated<Tensor, Tensor>
> where Prior.Signal == Tensor

/// ISTA-Net for compressive-sensing MRI: Re Fᴴ P F in the place of ΦᵀΦ, whole images in the place of blocks, x⁽⁰⁾ = Re Fᴴ y.
///
/// Measurements are k-space `[batch, h, w]` on the whole grid, estimates real images `[batch, h, w]`.
public typealias KSpaceISTANet = RealKSpaceGradientNetwork<TransformThreshold>

/// ISTA-Net⁺ for compressive-sensing MRI.
public typealias KSpaceISTANetPlus = RealKSpaceGradientNetwork<ResidualCorrection<TransformThreshold>>

/// A proximal-gradient network from k-space to real images whose prior is a convolutional network.
public typealias RealKSpaceGradientNetwork<Prior: PriorStep> = Unrolled<
  AsMeasured<ComplexTensor>, AdjointStart<RealMaskedFourier>,
  Untied<ProximalGradient<GradientStep<RealMaskedFourier>, OnImages<Prior>, NoMomentum<Tensor>>>, AsEstimated<ComplexTensor, Tensor>
> where Prior.Signal == Tensor

/// The convolution weights a stage starts from. Xavier normal: N(0, 2 / (9 (in + out))).
struct XavierWeights {
  var generator: RandomGenerator
  let precision: Precision

  mutating func layer(_ input: Int, _ output: Int) -> Tensor {
    (2 / Double(9 * (input + output))).squareRoot() * Tensor.normal([output, input, 3, 3], precision: precision, using: &generator)
  }
  /// With a bias of 0.
  mutating func biased(_ input: Int, _ output: Int) -> ConvolutionLayer {
    ConvolutionLayer(weight: layer(input, output), bias: .zeros([output], precision: precision))
  }
  mutating func pair(_ input: Int, _ middle: Int, _ output: Int) -> ConvolutionPair {
    ConvolutionPair(first: layer(input, middle), second: layer(middle, output))
  }
  /// The prior of a stage of ISTA-Net.
  mutating func transform(_ channels: Int) -> TransformThreshold {
    TransformThreshold(
      analysis: pair(1, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, 1))
  }
  /// The prior of a stage of ISTA-Net⁺.
  mutating func correction(_ channels: Int) -> ResidualCorrection<TransformThreshold> {
    let expansion = layer(1, channels)
    let inner = TransformThreshold(
      analysis: pair(channels, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, channels))
    return ResidualCorrection(expansion: expansion, prior: inner, reduction: layer(channels, 1))
  }
}

/// The values of public training code: ρ = 0.5, θ = 0.01.
let initialStepSize = 0.5
let initialThreshold = 0.01

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == LinearStart, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<GradientStep<Matrix>, OnImages<TransformThreshold>, NoMomentum<Tensor>>>
{
  /// ISTA-Net before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  ///
  /// - Parameters: `phi`, Φ, M × side²; `initial`, Q_init, side² × M; both of the precision the network computes in.
  public init(phi: Matrix, initial: Tensor, depth: Int = 9, channels: Int = 32, seed: UInt64) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: phi.precision)
    self.init(
      blocks: phi, initial: initial, depth: depth,
      priors: (0..<depth).map { _ in weights.transform(channels) })
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == LinearStart, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<GradientStep<Matrix>, OnImages<ResidualCorrection<TransformThreshold>>, NoMomentum<Tensor>>>
{
  /// ISTA-Net⁺ before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  ///
  /// - Parameters: `phi`, Φ, M × side²; `initial`, Q_init, side² × M; both of the precision the network computes in.
  public init(phi: Matrix, initial: Tensor, depth: Int = 9, channels: Int = 32, seed: UInt64) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: phi.precision)
    self.init(
      blocks: phi, initial: initial, depth: depth,
      priors: (0..<depth).map { _ in weights.correction(channels) })
  }
}

extension Unrolled where Encode == AsMeasured<Tensor>, Start == LinearStart, Output == AsEstimated<Tensor, Tensor> {
  fileprivate init<Prior: PriorStep>(blocks phi: Matrix, initial: Tensor, depth: Int, priors: [Prior])
  where Stages == Untied<ProximalGradient<GradientStep<Matrix>, OnImages<Prior>, NoMomentum<Tensor>>> {
    let side = Int(Double(phi.columns).squareRoot().rounded())
    precondition(side * side == phi.columns, "Φ of \(phi.rows) × \(phi.columns): its columns are no square block")
    precondition(
      initial.shape == [phi.columns, phi.rows], "Q_init of shape \(initial.shape) for Φ of \(phi.rows) × \(phi.columns)")
    self.init(
      encoder: AsMeasured(), start: LinearStart(weight: initial),
      schedule: Untied(
        priors.map {
          ProximalGradient(
            data: GradientStep(phi, stepSize: initialStepSize), prior: OnImages($0, height: side, width: side),
            momentum: NoMomentum())
        }),
      output: AsEstimated(), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<ComplexTensor>, Start == AdjointStart<RealMaskedFourier>, Output == AsEstimated<ComplexTensor, Tensor>,
  Stages == Untied<ProximalGradient<GradientStep<RealMaskedFourier>, OnImages<TransformThreshold>, NoMomentum<Tensor>>>
{
  /// ISTA-Net for MRI before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  public init(mask: SamplingMask, depth: Int = 9, channels: Int = 32, precision: Precision = .single, seed: UInt64) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    self.init(kSpace: mask, priors: (0..<depth).map { _ in weights.transform(channels) })
  }
}

extension Unrolled
where
  Encode == AsMeasured<ComplexTensor>, Start == AdjointStart<RealMaskedFourier>, Output == AsEstimated<ComplexTensor, Tensor>,
  Stages
    == Untied<
      ProximalGradient<GradientStep<RealMaskedFourier>, OnImages<ResidualCorrection<TransformThreshold>>, NoMomentum<Tensor>>
    >
{
  /// ISTA-Net⁺ for MRI before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  public init(mask: SamplingMask, depth: Int = 9, channels: Int = 32, precision: Precision = .single, seed: UInt64) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    self.init(kSpace: mask, priors: (0..<depth).map { _ in weights.correction(channels) })
  }
}

extension Unrolled
where
  Encode == AsMeasured<ComplexTensor>, Start == AdjointStart<RealMaskedFourier>, Output == AsEstimated<ComplexTensor, Tensor>
{
  fileprivate init<Prior: PriorStep>(kSpace mask: SamplingMask, priors: [Prior])
  where Stages == Untied<ProximalGradient<GradientStep<RealMaskedFourier>, OnImages<Prior>, NoMomentum<Tensor>>> {
    let A = RealMaskedFourier(mask)
    self.init(
      encoder: AsMeasured(), start: FixedStart(A.H),
      schedule: Untied(
        priors.map {
          ProximalGradient(
            data: GradientStep(A, stepSize: initialStepSize), prior: OnImages($0, height: mask.height, width: mask.width),
            momentum: NoMomentum())
        }),
      output: AsEstimated())
  }
}
