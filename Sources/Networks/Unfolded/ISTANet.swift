// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// ISTA-Net, Zhang & Ghanem (CVPR 2018): ISTA with a learned step and a soft threshold under a learned transform, nothing shared between its
/// stages,
///
///     r⁽ᵏ⁾ = x⁽ᵏ⁻¹⁾ − ρ Aᴴ(A x⁽ᵏ⁻¹⁾ − y);   x⁽ᵏ⁾ = F̃(soft(F(r⁽ᵏ⁾), θ)),   x⁽⁰⁾ = Q_init y
///
/// for images of any kind: blocks of an image flattened row by row, A = Φ; images from k-space, A = P F, real ones or complex ones of one
/// coil or several; images from X-rays. ``DataGradient`` has A and Q_init, and what may take the place of Aᴴ. 19 010 parameters a stage
/// with 32 channels on real images.
public typealias ISTANet<Measurement: VectorSpace, Signal: ImageSpace> = ImageGradientNetwork<
  Measurement, Signal, TransformThreshold
>

/// ISTA-Net⁺: the threshold acts on a correction to r⁽ᵏ⁾,
///
///     x⁽ᵏ⁾ = r⁽ᵏ⁾ + G * H̃(soft(H(D * r⁽ᵏ⁾), θ))
///
/// 37 442 parameters a stage with 32 channels on real images.
public typealias ISTANetPlus<Measurement: VectorSpace, Signal: ImageSpace> = ImageGradientNetwork<
  Measurement, Signal, ResidualCorrection<TransformThreshold>
>

/// A proximal-gradient network to images whose prior is a convolutional network on their maps.
public typealias ImageGradientNetwork<Measurement: VectorSpace, Signal: ImageSpace, Prior: PriorStep> = Unrolled<
  FixedEncoder<AnyOperator<Measurement, Signal>>, FixedStart<AnyOperator<Measurement, Signal>>,
  Untied<ProximalGradient<NormalStep<AnyOperator<Signal, Signal>>, OnImages<Prior, Signal>, NoMomentum<Signal>>>,
  AsEstimated<Measurement, Signal>
> where Prior.Signal == Tensor

extension Unrolled {
  /// ISTA-Net before training: ρ = 0.5, priors near the identity (``XavierWeights/transform(_:_:)``).
  ///
  /// - Parameters: `height`, `width`, of the images; `precision`, of the numbers in `gradient` too.
  public init<Y: VectorSpace, X: ImageSpace>(
    _ gradient: DataGradient<Y, X>, height: Int, width: Int, depth: Int = 9, channels: Int = 32,
    precision: Precision = .single, seed: UInt64
  ) where Self == ISTANet<Y, X> {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    self.init(
      gradient, priors: (0..<depth).map { _ in OnImages(weights.transform(X.parts, channels), height: height, width: width) })
  }

  /// ISTA-Net⁺ before training: ρ = 0.5, θ = 0.01, Xavier-normal filters.
  ///
  /// - Parameters: `height`, `width`, of the images; `precision`, of the numbers in `gradient` too.
  public init<Y: VectorSpace, X: ImageSpace>(
    _ gradient: DataGradient<Y, X>, height: Int, width: Int, depth: Int = 9, channels: Int = 32,
    precision: Precision = .single, seed: UInt64
  ) where Self == ISTANetPlus<Y, X> {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    self.init(
      gradient, priors: (0..<depth).map { _ in OnImages(weights.correction(X.parts, channels), height: height, width: width) })
  }

  /// ISTA-Net on square blocks, Q_init given: see ``DataGradient/init(phi:initial:)``.
  public init(phi: Matrix, initial: Tensor, depth: Int = 9, channels: Int = 32, seed: UInt64)
  where Self == ISTANet<Tensor, Tensor> {
    let side = blockSide(phi)
    self.init(
      DataGradient(phi: phi, initial: initial), height: side, width: side, depth: depth, channels: channels,
      precision: phi.precision, seed: seed)
  }

  /// ISTA-Net⁺ on square blocks, Q_init given: see ``DataGradient/init(phi:initial:)``.
  public init(
    phi: Matrix, initial: Tensor, depth: Int = 9, channels: Int = 32, seed: UInt64
  ) where Self == ISTANetPlus<Tensor, Tensor> {
    let side = blockSide(phi)
    self.init(
      DataGradient(phi: phi, initial: initial), height: side, width: side, depth: depth, channels: channels,
      precision: phi.precision, seed: seed)
  }

  private init<Y: VectorSpace, X: ImageSpace, Prior: PriorStep>(_ gradient: DataGradient<Y, X>, priors: [OnImages<Prior, X>])
  where Self == ImageGradientNetwork<Y, X, Prior> {
    self.init(
      encoder: FixedEncoder(gradient.back), start: FixedStart(gradient.initial),
      schedule: Untied(
        priors.map {
          ProximalGradient(
            data: NormalStep(gradient.normal, stepSize: initialStepSize), prior: $0, momentum: NoMomentum())
        }), output: AsEstimated())
  }
}

/// The side of the blocks that Φ measures.
private func blockSide(_ phi: Matrix) -> Int {
  let side = Int(Double(phi.columns).squareRoot().rounded())
  precondition(side * side == phi.columns, "Φ of \(phi.rows) × \(phi.columns): its columns are no square block")
  return side
}
