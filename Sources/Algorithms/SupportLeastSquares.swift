// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// argmin ‖A u − b‖² over the u that are 0 wherever x is, for every chosen sample; the other samples stay as they are.
///
/// By conjugate gradients on the normal equations of the support, from x, to a relative residual of 1e-14, in single precision 1e-7, or
/// twice as many iterations as the support has entries. The support is a constant for differentiation: a chosen sample has no
/// derivative in x, and in b that of (A_Sᵀ A_S)⁻¹ A_Sᵀ b.
/// - Parameters: `x`, samples `[…, n]`; `b`, `[…, m]`; `chosen`, one a sample. The columns of a support must be independent.
@differentiable(reverse,wrt: (x, b))
public func leastSquaresOnSupport(_ x: Tensor, measurement b: Tensor, of A: Matrix, chosen: [Bool]) -> Tensor {
  guard !x.isShapelessZero, chosen.contains(true) else { return x }
  let (xs, bs) = (x.reshaped([x.rowCount, x.width]), b.reshaped([b.rowCount, b.width]))
  precondition(chosen.count == xs.shape[0], "\(chosen.count) choices for the samples of \(x.shape)")
  let rows = chosen.indices.map { i in
    let start = xs.row(i)
    guard chosen[i] else { return start }
    let support = start.map { $0 == 0 ? 0 : 1 }
    return solve(A, support, support .* A.adjoint(bs.row(i)), from: start)
  }
  return Tensor.stacked(rows).reshaped(x.shape)
}

@derivative(of: leastSquaresOnSupport, wrt: (x, b)) @usableFromInline
func _vjpLeastSquaresOnSupport(
  _ x: Tensor, measurement b: Tensor, of A: Matrix, chosen: [Bool]
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  guard !x.isShapelessZero, chosen.contains(true) else { return (x, { v in (v, .zero) }) }
  return (
    leastSquaresOnSupport(x, measurement: b, of: A, chosen: chosen),
    { v in
      if v.isShapelessZero { return (.zero, .zero) }
      let (xs, vs) = (x.reshaped([x.rowCount, x.width]), v.reshaped([x.rowCount, x.width]))
      let parts = chosen.indices.map { i -> (dx: Tensor, db: Tensor) in
        let slope = vs.row(i)
        guard chosen[i] else { return (slope, .zeros([A.rows], precision: x.precision)) }
        let support = xs.row(i).map { $0 == 0 ? 0 : 1 }
        return (.zeros([x.width], precision: x.precision), A.forward(solve(A, support, support .* slope, from: .zero)))
      }
      return (Tensor.stacked(parts.map(\.dx)).reshaped(x.shape), Tensor.stacked(parts.map(\.db)).reshaped(b.shape))
    }
  )
}

/// A_Sᵀ A_S u = c, `support` being 1 on S and 0 elsewhere.
private func solve(_ A: Matrix, _ support: Tensor, _ c: Tensor, from start: Tensor) -> Tensor {
  let size = sampleSupportSizes(support).reduce(0, +)
  let found = conjugateGradient(
    { support .* A.adjoint(A.forward($0)) }, c, from: start, tolerance: c.precision == .double ? 1e-14 : 1e-7,
    maximumIterations: 2 * size
  ).x
  return found.isShapelessZero ? .zeros(c.shape, precision: c.precision) : found
}
