// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// FISTA-Net, Xiang, Dong & Yang (IEEE Trans. Med. Imaging 40, 2021): FISTA with a learned proximal map that all stages share, and
/// step, threshold and momentum that six learned numbers give to every stage,
///
///     r⁽ᵏ⁾ = v⁽ᵏ⁾ − μ_k (P v⁽ᵏ⁾ − Q b);   x⁽ᵏ⁺¹⁾ = max(r⁽ᵏ⁾ + G * F̃(soft(F(D * r⁽ᵏ⁾), θ_k)), 0);   v⁽ᵏ⁺¹⁾ = x⁽ᵏ⁺¹⁾ + ρ_k (x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾)
///
/// from x⁽⁰⁾ = v⁽⁰⁾ = X b. Measurements `[batch, …]`, images `[batch, h, w]`. 74 599 parameters with 32 channels, whatever the depth.
public typealias FISTANet = Unrolled<
  FixedEncoder<AnyOperator>, FixedStart<AnyOperator>, FISTANetSchedule<AnyOperator, LearnedProximalMap>, AsEstimated<Tensor, Tensor>
>

/// ISTA-Net⁺ on the same operators, nothing shared between its stages: 37 442 parameters a stage with 32 channels.
public typealias TomographicISTANetPlus = Unrolled<
  FixedEncoder<AnyOperator>, FixedStart<AnyOperator>,
  Untied<ProximalGradient<NormalStep<AnyOperator>, OnImages<ResidualCorrection<TransformThreshold>>, NoMomentum<Tensor>>>,
  AsEstimated<Tensor, Tensor>
>

/// What the data step of a network for tomography is made of: P, Q and X of the equations above.
public struct GradientChoice: Sendable {
  /// P, images to images.
  public let normal: AnyOperator
  /// Q, measurements to images.
  public let back: AnyOperator
  /// X, measurements to the initial image.
  public let initial: AnyOperator

  /// - Parameters: `normal` P; `back` Q; `initial` X.
  public init(normal: AnyOperator, back: AnyOperator, initial: AnyOperator) {
    self.normal = normal
    self.back = back
    self.initial = initial
  }

  /// P = B A, Q = B: B = Aᴴ for the gradient itself, filtered back-projection or a matrix W̃ᵀ for a near-inverse.
  public init(
    _ A: any LinearOperator<Tensor, Tensor>, back B: any LinearOperator<Tensor, Tensor>,
    initial X: any LinearOperator<Tensor, Tensor>
  ) {
    self.init(
      normal: AnyOperator(Composition(AnyOperator(B), AnyOperator(A))), back: AnyOperator(B), initial: AnyOperator(X))
  }

  /// The regularised Newton step H (AᴴA x ± λR x − Aᴴ b), H = (AᴴA + λR)⁻¹, by X = H Aᴴ alone: with the sign of a true gradient
  /// P = 1 and Q = X; with the other, which the authors' program has, P = 2 X A − 1 and Q = X.
  public init(newton A: any LinearOperator<Tensor, Tensor>, initial X: any LinearOperator<Tensor, Tensor>, isGradient: Bool = true)
  {
    let doubled = Scaled(2, AnyOperator(Composition(AnyOperator(X), AnyOperator(A))))
    self.init(
      normal: isGradient ? AnyOperator(Identity<Tensor>()) : AnyOperator(Sum(doubled, Scaled(-1, Identity<Tensor>()))),
      back: AnyOperator(X), initial: AnyOperator(X))
  }
}

extension Unrolled
where
  Encode == FixedEncoder<AnyOperator>, Start == FixedStart<AnyOperator>,
  Stages == FISTANetSchedule<AnyOperator, LearnedProximalMap>, Output == AsEstimated<Tensor, Tensor>
{
  /// FISTA-Net before training: Xavier-normal filters, biases 0, the published six numbers.
  ///
  /// - Parameter sparsityWeight: of the mean of |soft(F(d), θ)| beside the symmetry term in what stages record.
  public init(
    _ gradient: GradientChoice, depth: Int = 7, channels: Int = 32, sparsityWeight: Double = 0.1, hasMomentum: Bool = true,
    precision: Precision = .single, seed: UInt64
  ) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    func chain() -> ConvolutionChain { ConvolutionChain((0..<4).map { _ in weights.biased(channels, channels) }) }
    let expansion = weights.biased(1, channels)
    let (analysis, synthesis) = (chain(), chain())
    let prior = LearnedProximalMap(
      expansion: expansion, analysis: analysis, synthesis: synthesis, reduction: weights.biased(channels, 1), threshold: 0,
      sparsityWeight: sparsityWeight)
    self.init(
      encoder: FixedEncoder(gradient.back), start: FixedStart(gradient.initial),
      schedule: FISTANetSchedule(gradient.normal, prior: prior, hasMomentum: hasMomentum), output: AsEstimated(), depth: depth)
  }
}

extension Unrolled
where
  Encode == FixedEncoder<AnyOperator>, Start == FixedStart<AnyOperator>, Output == AsEstimated<Tensor, Tensor>,
  Stages
    == Untied<ProximalGradient<NormalStep<AnyOperator>, OnImages<ResidualCorrection<TransformThreshold>>, NoMomentum<Tensor>>>
{
  /// ISTA-Net⁺ for tomography before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  public init(
    tomographic gradient: GradientChoice, height: Int, width: Int, depth: Int = 7, channels: Int = 32,
    precision: Precision = .single, seed: UInt64
  ) {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    let stages = (0..<depth).map { _ in
      ProximalGradient(
        data: NormalStep(gradient.normal, stepSize: initialStepSize),
        prior: OnImages(weights.correction(channels), height: height, width: width), momentum: NoMomentum<Tensor>())
    }
    self.init(
      encoder: FixedEncoder(gradient.back), start: FixedStart(gradient.initial), schedule: Untied(stages), output: AsEstimated())
  }
}
