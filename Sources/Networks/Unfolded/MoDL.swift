// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// MoDL, Aggarwal, Mani & Jacob (IEEE Trans. Med. Imaging 38, 2019): half-quadratic splitting with a network of convolutions F in the place
/// of a proximal map, exact in the data, and all its stages the same,
///
///     z⁽ᵏ⁾ = x⁽ᵏ⁾ + F(x⁽ᵏ⁾);   x⁽ᵏ⁺¹⁾ = (AᴴA + λ)⁻¹(Aᴴ y + λ z⁽ᵏ⁾),   x⁽⁰⁾ = (AᴴA + λ₀)⁻¹ Aᴴ y
///
/// for images of any kind. Of operators without a closed form, such as several coils, the solves are conjugate gradients, which begin at
/// x⁽ᵏ⁾: in single precision ten iterations at most, to a residual of 1e-4, as published; exact in double. F is of five layers, without the
/// batch normalisation of the authors' and from a regularised x⁽⁰⁾ in the place of their Aᴴ y. 113 156
/// parameters with 64 channels on complex images, whatever the depth.
public typealias MoDL<Op: LinearOperator> = Unrolled<
  AsMeasured<Op.Codomain>, RegularisedStart<Op, Identity<Op.Domain>, OperatorSolver<Op>>,
  Repeated<HalfQuadraticSplitting<PositivelyRegularised<Op>, OnImages<ResidualChain, Op.Domain>>>,
  AsEstimated<Op.Codomain, Op.Domain>
> where Op.Domain: ImageSpace

extension Unrolled {
  /// Before training: λ = λ₀ = 0.05, Xavier-normal filters, those of the last layer times 0.1.
  ///
  /// - Parameters: `A`, ‖A‖ = 1; `height`, `width`, of the images; `precision`, of the numbers in A too.
  public init<Op: LinearOperator>(
    modl A: Op, height: Int, width: Int, depth: Int = 10, channels: Int = 64, layers: Int = 5, penalty: Double = 0.05,
    precision: Precision = .single, seed: UInt64
  ) where Self == MoDL<Op> {
    var weights = XavierWeights(generator: RandomGenerator(seed: seed, stream: 7), precision: precision)
    let few = ConjugateGradientSolver(A, Identity<Op.Domain>(), tolerance: 1e-4, maximumIterations: 10)
    let solver = OperatorSolver(A, iterative: precision == .single ? few : nil)
    let first = RegularisedLeastSquares(A, Identity<Op.Domain>(), solver: solver, penalty: penalty)
    let prior = weights.residualChain(Op.Domain.parts, channels, layers: layers)
    self.init(
      encoder: AsMeasured(), start: RegularisedStart(solve: first),
      schedule: Repeated(
        HalfQuadraticSplitting(
          solve: PositivelyRegularised(A, solver: solver, penalty: penalty),
          prior: OnImages(prior, height: height, width: width))), output: AsEstimated(), depth: depth)
  }
}
