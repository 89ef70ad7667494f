// SPDX-License-Identifier: Apache-2.0
import Operators
import ProximalMaps
import Tensors

/// FISTA with total variation: min ½‖A x − b‖² + λ Σ ‖(∇x)ᵢ‖₂ over images x ≥ lower. Beck & Teboulle (2009).
public typealias FISTATV<Op: LinearOperator> = ProximalGradient<
  GradientStep<Op>, Proximal<TotalVariationPenalty>, NesterovMomentum<Tensor>
>
where Op.Domain == Tensor

extension ProximalGradient where Prior == Proximal<TotalVariationPenalty>, Extrapolate == NesterovMomentum<Tensor> {
  /// - Parameters: `weight` λ; `stepSize`, 1/L by default, L = ``LinearOperator/lipschitz``; `iterations` of the proximal map.
  public init<Op: LinearOperator>(
    totalVariation weight: Double, _ A: Op, height: Int, width: Int, lower: Double = -.infinity, stepSize: Double? = nil,
    iterations: Int = 20
  ) where Op.Domain == Tensor, Data == GradientStep<Op> {
    let step = stepSize ?? 1 / A.lipschitz
    self.init(
      data: GradientStep(A, stepSize: step),
      prior: Proximal(
        TotalVariationPenalty(weight: weight, height: height, width: width, lower: lower, iterations: iterations), stepSize: step),
      momentum: NesterovMomentum())
  }
}
