// SPDX-License-Identifier: Apache-2.0
import _Differentiation

/// Block soft thresholding, the proximal map of `threshold · Σ_g ‖r_g‖₂` over consecutive groups of `size` components of the
/// last axis: r_g · max(1 − threshold / ‖r_g‖, 0). Where a group is set to 0 the derivative is taken as 0.
@differentiable(reverse,wrt: (r, threshold))
public func groupSoftThreshold(_ r: Tensor, threshold: Double, groupSize size: Int) -> Tensor {
  if r.isShapelessZero { return r }
  precondition(size > 0 && r.width % size == 0, "groupSoftThreshold: rows of \(r.shape) are no multiple of \(size)")
  var v = r.doubles
  for start in stride(from: 0, to: v.count, by: size) {
    let norm = groupNorm(v, start, size)
    let factor = norm > threshold && norm > 0 ? 1 - threshold / norm : 0
    for i in start..<start + size { v[i] *= factor }
  }
  return Tensor(v, shape: r.shape, precision: r.precision)
}

@derivative(of: groupSoftThreshold, wrt: (r, threshold)) @usableFromInline
func _vjpGroupSoftThreshold(
  _ r: Tensor, threshold: Double, groupSize size: Int
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  (
    groupSoftThreshold(r, threshold: threshold, groupSize: size),
    { v in
      if v.isShapelessZero || r.isShapelessZero { return (.zero, 0) }
      let (rd, vd) = (r.doubles, v.doubles)
      var dr = [Double](repeating: 0, count: rd.count)
      var dt = 0.0
      for start in stride(from: 0, to: rd.count, by: size) {
        let norm = groupNorm(rd, start, size)
        guard norm > threshold, norm > 0 else { continue }
        // x = r (1 − t/n): dx = (1 − t/n) dr + (t/n³) r ⟨r, dr⟩ − (r/n) dt.
        var along = 0.0
        for i in start..<start + size { along += rd[i] * vd[i] }
        let (keep, turn) = (1 - threshold / norm, threshold * along / (norm * norm * norm))
        for i in start..<start + size { dr[i] = keep * vd[i] + turn * rd[i] }
        dt -= along / norm
      }
      return (Tensor(dr, shape: r.shape, precision: r.precision), dt)
    }
  )
}

private func groupNorm(_ v: [Double], _ start: Int, _ size: Int) -> Double {
  var sum = 0.0
  for i in start..<start + size { sum += v[i] * v[i] }
  return sum.squareRoot()
}
