// SPDX-License-Identifier: Apache-2.0
import _Differentiation

// Operations on one chosen coordinate of every row: what coordinate descent is made of. The chosen indices are data-dependent
// constants for differentiation; values flow through them. Rows are samples: `[rows, m]`, or `[m]` for one sample.

/// In every row, the index of the entry largest in magnitude (the first of equals).
public func indicesOfLargestMagnitude(_ a: Tensor) -> [Int] {
  let (v, width) = (a.doubles, a.width)
  return (0..<a.rowCount).map { row in
    var best = 0
    for j in 1..<max(width, 1) where abs(v[row * width + j]) > abs(v[row * width + best]) { best = j }
    return best
  }
}

/// `[rows]`: a[i, indices[i]].
@differentiable(reverse,wrt: a)
public func selected(_ a: Tensor, at indices: [Int]) -> Tensor {
  checkIndices(a, indices)
  return Tensor(indices.enumerated().map { a[flat: $0 * a.width + $1] }, shape: [indices.count], precision: a.precision)
}

@derivative(of: selected, wrt: a) @usableFromInline
func _vjpSelected(_ a: Tensor, at indices: [Int]) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (
    selected(a, at: indices),
    { v in
      if v.isShapelessZero { return .zero }
      var d = [Double](repeating: 0, count: a.count)
      for (i, j) in indices.enumerated() { d[i * a.width + j] = v[flat: i] }
      return Tensor(d, shape: a.shape, precision: a.precision)
    }
  )
}

/// `a` with a[i, indices[i]] replaced by values[i].
@differentiable(reverse,wrt: (a, values))
public func replacing(_ a: Tensor, at indices: [Int], with values: Tensor) -> Tensor {
  checkIndices(a, indices)
  var d = a.doubles
  for (i, j) in indices.enumerated() { d[i * a.width + j] = values[flat: i] }
  return Tensor(d, shape: a.shape, precision: a.precision)
}

@derivative(of: replacing, wrt: (a, values)) @usableFromInline
func _vjpReplacing(
  _ a: Tensor, at indices: [Int], with values: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (
    replacing(a, at: indices, with: values),
    { v in
      if v.isShapelessZero { return (.zero, .zero) }
      let zeros = Tensor.zeros([indices.count], precision: v.precision)
      return (replacing(v, at: indices, with: zeros), selected(v, at: indices))
    }
  )
}

/// a[i, :] + scales[i] · S[indices[i], :]: each row moved along one row of `S`.
@differentiable(reverse,wrt: (a, S, scales))
public func addingRows(_ a: Tensor, of S: Tensor, at indices: [Int], scaledBy scales: Tensor) -> Tensor {
  checkIndices(a, indices)
  precondition(S.shape == [a.width, a.width], "addingRows: a matrix \(S.shape) for rows of \(a.shape)")
  var d = a.doubles
  let width = a.width
  for (i, k) in indices.enumerated() {
    let s = scales[flat: i]
    if s != 0 { for j in 0..<width { d[i * width + j] += s * S[flat: k * width + j] } }
  }
  return Tensor(d, shape: a.shape, precision: a.precision)
}

@derivative(of: addingRows, wrt: (a, S, scales)) @usableFromInline
func _vjpAddingRows(
  _ a: Tensor, of S: Tensor, at indices: [Int], scaledBy scales: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  (
    addingRows(a, of: S, at: indices, scaledBy: scales),
    { v in
      if v.isShapelessZero { return (.zero, .zero, .zero) }
      let width = a.width
      let vd = v.doubles
      var dS = [Double](repeating: 0, count: S.count)
      var ds = [Double](repeating: 0, count: indices.count)
      for (i, k) in indices.enumerated() {
        let s = scales[flat: i]
        var total = 0.0
        for j in 0..<width {
          dS[k * width + j] += s * vd[i * width + j]
          total += S[flat: k * width + j] * vd[i * width + j]
        }
        ds[i] = total
      }
      return (
        v, Tensor(dS, shape: S.shape, precision: S.precision), Tensor(ds, shape: [indices.count], precision: a.precision)
      )
    }
  )
}

private func checkIndices(_ a: Tensor, _ indices: [Int]) {
  precondition(
    indices.count == a.rowCount && indices.allSatisfy { $0 >= 0 && $0 < a.width },
    "\(indices.count) chosen coordinates for a tensor of shape \(a.shape)")
}
