// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// SCNet, Chen, Zhang, Chen, Chen & Zhang (2023): proximal gradient with memory on whole images. One set of weights serves every sampling ratio
/// and every operator A of orthonormal rows, since A is an input,
///
///     X⁽⁰⁾ = K₀ * [Aᴴ y; m],   m the sampling ratio
///     X⁽ᵏ⁺¹⁾ = R + C₂ * max(C₁ * R, 0),   R = X⁽ᵏ⁾ with x − Aᴴ(A x − y) in the place of its channel x
///     x = K₁ * X⁽ᴺ⁾;   x − Aᴴ(A x − y)
///
/// Images `[batch, h, w]`, zeros outside. 370 817 parameters with 20 modules of 32 channels. ``Algorithms/Unrolled/with(_:)`` gives the
/// network for another operator or another size.
public typealias SCNet<Op: Undersampling> = Unrolled<
  AsMeasured<Op.Codomain>, RatioStart<Op>,
  Untied<ProximalGradient<OnFirstChannel<FrozenData<GradientStep<Op>>>, ResidualConvolutions, NoMomentum<Tensor>>>,
  ConsistentReadout<Op>
> where Op.Domain == Tensor

/// SODAS-Net, Song & Chen (2023): proximal gradient with memory on whole images, with a soft threshold whose height is a multiple of each
/// channel's mean,
///
///     X⁽⁰⁾ = [x; K₀ * x],   x = Aᴴ y
///     X⁽ᵏ⁺¹⁾ = R + F̃(soft(F(R), t mean(F(R)))),   R = X⁽ᵏ⁾ with x − ρ Aᴴ(A x − y) in the place of its channel x
///
/// Images `[batch, h, w]`, zeros outside. 921 960 parameters with 25 stages of 32 channels.
public typealias SODASNet<Op: LinearOperator> = Unrolled<
  AsMeasured<Op.Codomain>, FeatureStart<Op>,
  Untied<ProximalGradient<OnFirstChannel<GradientStep<Op>>, MeanThresholdCorrection, NoMomentum<Tensor>>>, FirstChannel<Op>
> where Op.Domain == Tensor

/// A network from the measurements of an image's blocks, `[batch, blocks, M]`, to the whole image, `[batch, h, w]`, whatever Φ and the
/// size: ``with(_:)`` gives it for both.
public protocol WholeImageNetwork: Network where Measurement == Tensor, Signal == Tensor {
  /// The same parameters for other blocks or another Φ of orthonormal rows.
  @differentiable(reverse,wrt: self)
  func with(_ A: BlockSampling) -> Self
}

extension Unrolled: WholeImageNetwork
where
  Encode.Measurement == Tensor, Stages.Stage.Signal == Tensor, Output.Estimate == Tensor, Start: OperatorDependent,
  Stages: OperatorDependent, Output: OperatorDependent, Start.Op == BlockSampling, Stages.Op == BlockSampling,
  Output.Op == BlockSampling
{}

extension Unrolled {
  /// SCNet before training: the image passes through the first and the last layer, bodies begin small.
  ///
  /// - Parameters: `A`, of orthonormal rows, ‖A‖ = 1; `depth`, modules; `bodyScale`, what the second filters of a module are multiplied by.
  public init<Op: Undersampling>(
    scNet A: Op, depth: Int = 20, channels: Int = 32, bodyScale: Double = 0.1, precision: Precision = .single, seed: UInt64
  ) where Self == SCNet<Op> {
    precondition(depth >= 1 && channels >= 2, "SCNet of \(depth) modules with \(channels) channels")
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    var (first, last) = (weights.biased(2, channels), weights.biased(channels, 1))
    first.weight = passing([(0, 0, 1)], in: first.weight)
    last.weight = passing([(0, 0, 1)], in: last.weight)
    self.init(
      encoder: AsMeasured(), start: RatioStart(A, layer: first),
      schedule: Untied(
        (0..<depth).map { _ in
          var body = ResidualConvolutions(first: weights.biased(channels, channels), second: weights.biased(channels, channels))
          body.second.weight = bodyScale * body.second.weight
          return ProximalGradient(
            data: OnFirstChannel(FrozenData(GradientStep(A, stepSize: 1))), prior: body, momentum: NoMomentum())
        }),
      output: ConsistentReadout(A, layer: last))
  }

  /// SODAS-Net before training: ρ = 0.5, t = 0.01, Xavier-normal filters, those of the last layer of a stage times `bodyScale`.
  public init<Op: LinearOperator>(
    sodasNet A: Op, depth: Int = 25, channels: Int = 32, bodyScale: Double = 0.1, precision: Precision = .single, seed: UInt64
  ) where Self == SODASNet<Op> {
    precondition(depth >= 1 && channels >= 2, "SODAS-Net of \(depth) stages with \(channels) channels")
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    let first = weights.biased(1, channels - 1)
    self.init(
      encoder: AsMeasured(), start: FeatureStart(A, layer: first),
      schedule: Untied(
        (0..<depth).map { _ in
          var body = MeanThresholdCorrection(
            analysis: weights.pair(channels, channels, channels), threshold: initialThreshold,
            synthesis: weights.pair(channels, channels, channels))
          body.synthesis.second = bodyScale * body.synthesis.second
          return ProximalGradient(
            data: OnFirstChannel(GradientStep(A, stepSize: initialStepSize)), prior: body, momentum: NoMomentum())
        }),
      output: FirstChannel())
  }
}
