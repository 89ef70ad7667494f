// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import _Differentiation

/// g(x) = weight · Σ ‖(∇x)ᵢ‖₂ over images x ≥ lower `[…, height, width]`: isotropic total variation, forward differences that are 0 across
/// the edges, optionally with a bound.
///
/// The proximal map is computed by ``TotalVariationMap``, to the accuracy of its iterations.
public struct TotalVariationPenalty: Penalty {
  public var weight: Double
  @noDerivative public let map: TotalVariationMap

  /// - Parameters: `lower`, −∞ for no bound; `iterations` on the dual.
  public init(weight: Double = 1, height: Int, width: Int, lower: Double = -.infinity, iterations: Int = 20) {
    self.weight = weight
    map = TotalVariationMap(height: height, width: width, lower: lower, iterations: iterations)
  }

  public func value(_ x: Tensor) -> Double {
    let v = x.doubles
    if v.contains(where: { $0 < map.lower }) { return .infinity }
    let (h, w) = (map.height, map.width)
    var sum = 0.0
    for start in stride(from: 0, to: v.count, by: h * w) {
      for i in 0..<h {
        for j in 0..<w {
          let k = start + i * w + j
          let (dx, dy) = (j + 1 < w ? v[k + 1] - v[k] : 0, i + 1 < h ? v[k + w] - v[k] : 0)
          sum += (dx * dx + dy * dy).squareRoot()
        }
      }
    }
    return weight * sum
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse)
  public func prox(_ r: Tensor, step t: Double) -> Tensor { totalVariationMap(r, map, lambda: t * weight) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
  }
}

/// By the kernel; its derivative is that of the same iteration written out.
@differentiable(reverse,wrt: (r, lambda))
func totalVariationMap(_ r: Tensor, _ map: TotalVariationMap, lambda: Double) -> Tensor {
  let shape = [map.height, map.width]
  return r.mapped(from: shape, to: shape) {
    map.apply($0, lambda: lambda, into: $1, batch: $2)
  } double: {
    map.apply($0, lambda: lambda, into: $1, batch: $2)
  }
}

@derivative(of: totalVariationMap, wrt: (r, lambda))
func _vjpTotalVariationMap(
  _ r: Tensor, _ map: TotalVariationMap, lambda: Double
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  (
    totalVariationMap(r, map, lambda: lambda),
    { v in
      if v.isShapelessZero || r.isShapelessZero { return (.zero, 0) }
      return valueWithPullback(at: r, lambda, of: { writtenOut($0, map, lambda: $1) }).pullback(v)
    }
  )
}

/// The plain twin: ``TotalVariationMap`` operation by operation.
@differentiable(reverse,wrt: (r, lambda))
func writtenOut(_ r: Tensor, _ map: TotalVariationMap, lambda: Double) -> Tensor {
  let D = Gradient2D(height: map.height, width: map.width)
  let (lower, upper) = (withoutDerivative(at: map.lower), Double.infinity)
  if withoutDerivative(at: lambda) <= 0 { return clamped(r, lower: lower, upper: upper) }
  var p = withoutDerivative(at: D.forward(Tensor.zeros(r.shape, precision: r.precision)))
  var q = p
  var t = 1.0
  for _ in 0..<map.iterations {
    let x = clamped(r - lambda * D.H(q), lower: lower, upper: upper)
    let y = q + (1 / (8 * lambda)) * D(x)
    let next = y - groupSoftThreshold(y, threshold: 1, groupSize: 2)
    let following = withoutDerivative(at: (1 + (1 + 4 * t * t).squareRoot()) / 2)
    q = next + withoutDerivative(at: (t - 1) / following) * (next - p)
    p = next
    t = following
  }
  return clamped(r - lambda * D.H(p), lower: lower, upper: upper)
}
