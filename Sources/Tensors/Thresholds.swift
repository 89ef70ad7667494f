// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Soft thresholding, the proximal map of `threshold · ‖·‖₁`: `sign(r) · max(|r| − threshold, 0)`, element by element.
///
/// - Parameters: `r` of any shape; `threshold` in the units of `r`. A negative one (public ISTA-Net weights have some) expands:
///   `sign(r) (|r| + |threshold|)`, no clamp.
/// - Returns: a tensor of `r`'s shape and precision.
/// - Note: where the result is 0, the derivative is taken as 0; so it is at the kink |r| = threshold. Gregor & LeCun (2010), h_θ.
@differentiable(reverse)
public func softThreshold(_ r: Tensor, threshold: Double) -> Tensor {
  r.elementwise(
    { Float.softThreshold($0, Float(threshold), $1, $2) }, { Double.softThreshold($0, threshold, $1, $2) }
  )
}

@derivative(of: softThreshold(_:threshold:)) @usableFromInline
func _vjpSoftThreshold(_ r: Tensor, threshold: Double) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  let x = softThreshold(r, threshold: threshold)
  return (x, { v in softThresholdPullback(x, v) })
}

/// v where x ≠ 0, and −Σ sign(x) v, in one pass.
func softThresholdPullback(_ x: Tensor, _ v: Tensor) -> (Tensor, Double) {
  if x.isShapelessZero || v.isShapelessZero { return (.zero, 0) }
  var slope = 0.0
  let dr = x.withNewResult(
    "softThreshold pullback", v,
    { slope = ElementPieces.sum($0, $1, $2, $3, Float.softThresholdPullback) },
    { slope = ElementPieces.sum($0, $1, $2, $3, Double.softThresholdPullback) })
  return (dr, slope)
}

/// Soft thresholding with one threshold for each component of the last axis: h_θ with a vector θ.
///
/// - Parameters: `r` of shape `[…, m]`; `thresholds` of shape `[m]`.
@differentiable(reverse)
public func softThreshold(_ r: Tensor, thresholds: Tensor) -> Tensor {
  if r.isShapelessZero { return r }
  precondition(thresholds.shape == [r.width], "softThreshold: \(thresholds.shape) thresholds for rows of \(r.shape)")
  let (rows, width) = (r.rowCount, r.width)
  func run<S: Scalar>(_ r: [S], _ t: [S]) -> [S] {
    Tensor.write(r) { r, out, _ in
      t.withUnsafeBufferPointer { S.softThresholdColumns(r, $0.baseAddress!, out, rows, width) }
    }
  }
  switch (r.buffer, thresholds.buffer) {
  case (.single(let r0), .single(let t)): return Tensor(shape: r.shape, buffer: .single(run(r0, t)))
  case (.double(let r0), .double(let t)): return Tensor(shape: r.shape, buffer: .double(run(r0, t)))
  default: preconditionFailure("softThreshold: a tensor of single and one of double precision")
  }
}

@derivative(of: softThreshold(_:thresholds:)) @usableFromInline
func _vjpSoftThresholds(_ r: Tensor, thresholds: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  let x = softThreshold(r, thresholds: thresholds)
  return (x, { v in softThresholdsPullback(x, v) })
}

/// v where x ≠ 0, and −Σ sign(x) v of every component.
func softThresholdsPullback(_ x: Tensor, _ v: Tensor) -> (Tensor, Tensor) {
  if x.isShapelessZero || v.isShapelessZero { return (.zero, .zero) }
  precondition(x.shape == v.shape, "softThreshold pullback: shapes \(x.shape) and \(v.shape)")
  let (rows, width) = (x.rowCount, x.width)
  func run<S: Scalar>(_ x: [S], _ v: [S]) -> ([S], [S]) {
    var dt = [S](repeating: 0, count: width)
    let dr = Tensor.write(x, v) { x, v, out, _ in
      dt.withUnsafeMutableBufferPointer {
        S.softThresholdColumnsPullback(x, v, out, $0.baseAddress!, rows, width)
      }
    }
    return (dr, dt)
  }
  switch (x.buffer, v.buffer) {
  case (.single(let a), .single(let b)):
    let (dr, dt) = run(a, b)
    return (Tensor(shape: x.shape, buffer: .single(dr)), Tensor(shape: [width], buffer: .single(dt)))
  case (.double(let a), .double(let b)):
    let (dr, dt) = run(a, b)
    return (Tensor(shape: x.shape, buffer: .double(dr)), Tensor(shape: [width], buffer: .double(dt)))
  default: preconditionFailure("softThreshold pullback: a tensor of single and one of double precision")
  }
}

/// Support-selecting soft threshold of LISTA-SS: in every row, the entries that are both among the `fraction` largest in
/// magnitude and larger than `threshold` pass unchanged; all others are soft-thresholded.
///
/// The selection is a constant for differentiation. The number that may pass is ⌈fraction · m⌉ (nearest rank).
/// Source: Chen, Liu, Wang & Yin (2018), §3.2.
/// - Parameters: `r` of shape `[…, m]`; `fraction` in [0, 1].
@differentiable(reverse,wrt: (r, threshold))
public func supportSelectingThreshold(_ r: Tensor, threshold: Double, fraction: Double) -> Tensor {
  supportSelection(r, threshold, fraction).value
}

@derivative(of: supportSelectingThreshold, wrt: (r, threshold)) @usableFromInline
func _vjpSupportSelectingThreshold(
  _ r: Tensor, threshold: Double, fraction: Double
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  let (x, selected) = supportSelection(r, threshold, fraction)
  return (
    x,
    { v in
      if v.isShapelessZero || x.isShapelessZero { return (.zero, 0) }
      let (dr, slope) = softThresholdPullback(x, v)
      // A selected entry passed unchanged: it does not depend on the threshold. It is non-zero, so its v is already in dr.
      return (dr, selected.reduce(slope) { $0 + (x[flat: $1] > 0 ? v[flat: $1] : -v[flat: $1]) })
    }
  )
}

private func supportSelection(_ r: Tensor, _ threshold: Double, _ fraction: Double) -> (value: Tensor, selected: [Int]) {
  if r.isShapelessZero { return (r, []) }
  let (rows, width) = (r.rowCount, r.width)
  let allowed = min(width, max(0, Int((fraction * Double(width)).rounded(.up))))
  var selected: [Int] = []
  func run<S: Scalar>(_ r: [S]) -> [S] {
    var magnitudes = [S](repeating: 0, count: width)
    return Tensor.write(r) { r, out, count in
      S.softThreshold(r, S(threshold), out, count)
      guard allowed > 0 else { return }
      for row in 0..<rows {
        let at = row * width
        for j in 0..<width { magnitudes[j] = r[at + j].magnitude }
        let least = magnitudes.withUnsafeMutableBufferPointer { largest($0, rank: allowed) }
        for j in 0..<width where r[at + j].magnitude >= least && r[at + j].magnitude > S(threshold) {
          out[at + j] = r[at + j]
          selected.append(at + j)
        }
      }
    }
  }
  switch r.buffer {
  case .zero: return (r, [])
  case .single(let v): return (Tensor(shape: r.shape, buffer: .single(run(v))), selected)
  case .double(let v): return (Tensor(shape: r.shape, buffer: .double(run(v))), selected)
  }
}

/// The `rank`-th largest value (1: the maximum), by quickselect; reorders `v`. Linear on average.
func largest<S: Scalar>(_ v: UnsafeMutableBufferPointer<S>, rank: Int) -> S {
  var (low, high) = (0, v.count - 1)
  let target = rank - 1
  while low < high {
    // Median of three, so that sorted rows stay linear.
    let middle = (low + high) / 2
    let (a, b, c) = (v[low], v[middle], v[high])
    let pivot = max(min(a, b), min(max(a, b), c))
    var (i, j) = (low, high)
    while i <= j {
      while v[i] > pivot { i += 1 }
      while v[j] < pivot { j -= 1 }
      if i <= j {
        v.swapAt(i, j)
        i += 1
        j -= 1
      }
    }
    if target <= j { high = j } else if target >= i { low = i } else { break }
  }
  return v[target]
}

/// Hard thresholding, the proximal map of `½ threshold² ‖·‖₀`: keeps r where |r| > threshold, else 0.
///
/// Its derivative with respect to r is 1 where r is kept and 0 elsewhere; the jump has none, so the threshold gets no gradient.
@differentiable(reverse,wrt: r)
public func hardThreshold(_ r: Tensor, threshold: Double) -> Tensor { r.map { abs($0) > threshold ? $0 : 0 } }

@derivative(of: hardThreshold, wrt: r) @usableFromInline
func _vjpHardThreshold(_ r: Tensor, threshold: Double) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let x = hardThreshold(r, threshold: threshold)
  return (x, { v in softThresholdPullback(x, v).0 })
}
