// SPDX-License-Identifier: Apache-2.0
import _Differentiation

/// The piecewise-linear function through (pᵢ, qᵢ) at uniformly spaced knots pᵢ = first + i · spacing, with slope 1 outside:
/// a + q₁ − p₁ left of p₁, a + q_N − p_N right of p_N. Source: Yang, Sun, Li & Xu (2016), the shrinkage S_PLF of Deep ADMM-Net.
///
/// - Parameters: `a` of shape `[…, m]`; `values` q of shape `[N]` (one function for all) or `[m, N]` (one a component).
/// - Note: at a knot the slope is that of the piece to its right.
@differentiable(reverse,wrt: (a, values))
public func piecewiseLinear(_ a: Tensor, values: Tensor, first: Double, spacing: Double) -> Tensor {
  if a.isShapelessZero { return a }
  let q = values.doubles
  let pieces = Pieces(a: a, values: values, first: first, spacing: spacing)
  return Tensor(
    a.doubles.enumerated().map { i, v in
      let (left, w, outside) = pieces.locate(i, v)
      return outside + (1 - w) * q[left] + w * q[left + 1]
    }, shape: a.shape, precision: a.precision)
}

@derivative(of: piecewiseLinear, wrt: (a, values)) @usableFromInline
func _vjpPiecewiseLinear(
  _ a: Tensor, values: Tensor, first: Double, spacing: Double
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (
    piecewiseLinear(a, values: values, first: first, spacing: spacing),
    { v in
      if v.isShapelessZero || a.isShapelessZero { return (.zero, .zero) }
      let q = values.doubles
      let pieces = Pieces(a: a, values: values, first: first, spacing: spacing)
      var da = [Double](repeating: 0, count: a.count)
      var dq = [Double](repeating: 0, count: q.count)
      let vd = v.doubles
      for (i, x) in a.doubles.enumerated() {
        let (left, w, _) = pieces.locate(i, x)
        let inside = pieces.inside(x)
        da[i] = vd[i] * (inside * (q[left + 1] - q[left]) / spacing + 1 - inside)
        dq[left] += (1 - w) * vd[i]
        dq[left + 1] += w * vd[i]
      }
      return (Tensor(da, shape: a.shape, precision: a.precision), Tensor(dq, shape: values.shape, precision: values.precision))
    }
  )
}

/// Where each input falls among the knots.
private struct Pieces {
  let first: Double
  let spacing: Double
  let knots: Int
  let width: Int
  let shared: Bool

  init(a: Tensor, values: Tensor, first: Double, spacing: Double) {
    self.first = first
    self.spacing = spacing
    knots = values.width
    width = a.width
    shared = values.shape.count == 1
    precondition(knots >= 2, "piecewiseLinear: \(knots) knots; at least 2 are needed")
    precondition(shared || values.shape == [a.width, knots], "piecewiseLinear: values \(values.shape) for rows of \(a.shape)")
  }

  var last: Double { first + spacing * Double(knots - 1) }
  /// 1 between the first and the last knot, else 0. No branches here: they would be mispredicted on every other element.
  func inside(_ v: Double) -> Double { (v >= first ? 1 : 0) * (v < last ? 1 : 0) }

  /// Position of the left knot in the flat values, weight of the right one, and what is added outside the knots. NaN stays NaN.
  func locate(_ i: Int, _ v: Double) -> (left: Int, weight: Double, outside: Double) {
    let base = shared ? 0 : (i % width) * knots
    let position = Double.minimum(Double.maximum((v - first) / spacing, 0), Double(knots - 1))
    let k = min(Int(position), knots - 2)
    return (base + k, position - Double(k), v - Double.minimum(Double.maximum(v, first), last))
  }
}
