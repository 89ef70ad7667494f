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
/// from x⁽⁰⁾ = v⁽⁰⁾ = X b. P, Q and X are those of a ``DataGradient``; complex images may have any sign. 74 599 parameters with 32 channels
/// on real images, whatever the depth.
public typealias FISTANet<Measurement: VectorSpace, Signal: ImageSpace> = Unrolled<
  FixedEncoder<AnyOperator<Measurement, Signal>>, FixedStart<AnyOperator<Measurement, Signal>>,
  FISTANetSchedule<AnyOperator<Signal, Signal>, OnImages<LearnedProximalMap, Signal>>, AsEstimated<Measurement, Signal>
>

extension Unrolled {
  /// FISTA-Net before training: Xavier-normal filters, biases 0, the published six numbers.
  ///
  /// - Parameters: `height`, `width`, of the images; `sparsityWeight`, of the mean of |soft(F(d), θ)| beside the symmetry term in what
  ///   stages record.
  public init<Y: VectorSpace, X: ImageSpace>(
    _ gradient: DataGradient<Y, X>, height: Int, width: Int, depth: Int = 7, channels: Int = 32, sparsityWeight: Double = 0.1,
    hasMomentum: Bool = true, precision: Precision = .single, seed: UInt64
  ) where Self == FISTANet<Y, X> {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    func chain() -> ConvolutionChain { ConvolutionChain((0..<4).map { _ in weights.biased(channels, channels) }) }
    let expansion = weights.biased(X.parts, channels)
    let (analysis, synthesis) = (chain(), chain())
    let map = LearnedProximalMap(
      expansion: expansion, analysis: analysis, synthesis: synthesis, reduction: weights.biased(channels, X.parts), threshold: 0,
      sparsityWeight: sparsityWeight, isNonNegative: X.parts == 1)
    let prior = OnImages<LearnedProximalMap, X>(map, height: height, width: width)
    self.init(
      encoder: FixedEncoder(gradient.back), start: FixedStart(gradient.initial),
      schedule: FISTANetSchedule(gradient.normal, prior: prior, hasMomentum: hasMomentum), output: AsEstimated(), depth: depth)
  }
}
