// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

// Operations with a number of its own for every sample, samples being the rows of `[…, m]`; the numbers are `[rows]`.

/// ‖aᵢ‖₁ of every row, `[rows]`; at 0 the derivative is taken as 0.
@differentiable(reverse)
public func sampleL1Norms(_ a: Tensor) -> Tensor {
  func run<S: Scalar>(_ v: [S]) -> [S] {
    v.withUnsafeBufferPointer { v in
      (0..<a.rowCount).map { row in (row * a.width..<(row + 1) * a.width).reduce(0) { $0 + v[$1].magnitude } }
    }
  }
  switch a.buffer {
  case .zero: return a
  case .single(let v): return Tensor(shape: [a.rowCount], buffer: .single(run(v)))
  case .double(let v): return Tensor(shape: [a.rowCount], buffer: .double(run(v)))
  }
}

@derivative(of: sampleL1Norms) @usableFromInline
func _vjpSampleL1Norms(_ a: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  func signs<S: Scalar>(_ a: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int) {
    for i in 0..<count { out[i] = a[i] > 0 ? 1 : a[i] < 0 ? -1 : 0 }
  }
  return (sampleL1Norms(a), { v in scaledSamples(a.withNewResult(signs, signs), by: v) })
}

/// sᵢ aᵢ: every row of `a` times its own number.
@differentiable(reverse)
public func scaledSamples(_ a: Tensor, by s: Tensor) -> Tensor {
  if a.isShapelessZero || s.isShapelessZero { return .zero }
  precondition(s.shape == [a.rowCount], "scaledSamples: \(s.shape) numbers for the rows of \(a.shape)")
  let width = a.width
  func run<S: Scalar>(_ a: [S], _ s: [S]) -> [S] {
    Tensor.write(a) { a, out, _ in
      for row in 0..<s.count { for i in row * width..<(row + 1) * width { out[i] = s[row] * a[i] } }
    }
  }
  switch (a.buffer, s.buffer) {
  case (.single(let v), .single(let f)): return Tensor(shape: a.shape, buffer: .single(run(v, f)))
  case (.double(let v), .double(let f)): return Tensor(shape: a.shape, buffer: .double(run(v, f)))
  default: preconditionFailure("scaledSamples: a tensor of single and one of double precision")
  }
}

@derivative(of: scaledSamples) @usableFromInline
func _vjpScaledSamples(_ a: Tensor, by s: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (scaledSamples(a, by: s), { v in (scaledSamples(v, by: s), sampleInnerProducts(v, a)) })
}

/// ⟨aᵢ, bᵢ⟩ of every pair of rows, `[rows]`.
private func sampleInnerProducts(_ a: Tensor, _ b: Tensor) -> Tensor {
  if a.isShapelessZero || b.isShapelessZero { return .zero }
  precondition(a.shape == b.shape, "samples of \(a.shape) beside those of \(b.shape)")
  let (rows, width) = (a.rowCount, a.width)
  func run<S: Scalar>(_ a: [S], _ b: [S]) -> [S] {
    (0..<rows).map { row in (row * width..<(row + 1) * width).reduce(0) { $0 + a[$1] * b[$1] } }
  }
  switch (a.buffer, b.buffer) {
  case (.single(let v), .single(let w)): return Tensor(shape: [rows], buffer: .single(run(v, w)))
  case (.double(let v), .double(let w)): return Tensor(shape: [rows], buffer: .double(run(v, w)))
  default: preconditionFailure("samples of single and of double precision")
  }
}

/// ‖aᵢ‖₀ of every row: its number of entries that are not 0. Not differentiable: it is a decision.
public func sampleSupportSizes(_ a: Tensor) -> [Int] {
  func run<S: Scalar>(_ v: [S]) -> [Int] {
    v.withUnsafeBufferPointer { v in
      (0..<a.rowCount).map { row in (row * a.width..<(row + 1) * a.width).reduce(0) { v[$1] != 0 ? $0 + 1 : $0 } }
    }
  }
  switch a.buffer {
  case .zero: return []
  case .single(let v): return run(v)
  case .double(let v): return run(v)
  }
}

/// Support-selecting soft threshold with a threshold and a count for every sample: of row i, the entries that are both among the
/// `counts[i]` largest in magnitude and larger than `thresholds[i]` pass unchanged; all others are soft-thresholded.
///
/// With one threshold and one count for all it is ``supportSelectingThreshold(_:threshold:fraction:)``. The selection is a constant for
/// differentiation. Source: Chen, Liu, Wang & Yin (2021).
/// - Parameters: `r` of shape `[…, m]`; `thresholds` of shape `[rows]`; `counts`, one a row, in 0 … m.
@differentiable(reverse,wrt: (r, thresholds))
public func supportSelectingThreshold(_ r: Tensor, thresholds: Tensor, counts: [Int]) -> Tensor {
  sampleSelection(r, thresholds, counts).value
}

@derivative(of: supportSelectingThreshold(_:thresholds:counts:), wrt: (r, thresholds)) @usableFromInline
func _vjpSampleSelection(
  _ r: Tensor, thresholds: Tensor, counts: [Int]
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  let (x, selected) = sampleSelection(r, thresholds, counts)
  return (
    x,
    { v in
      if v.isShapelessZero || x.isShapelessZero { return (.zero, .zero) }
      // v where x ≠ 0; −Σ sign(x) v over the entries of a row that did not pass unchanged.
      let (passed, width) = (x.doubles, x.width)
      var dr = v.doubles
      var slopes = [Double](repeating: 0, count: x.rowCount)
      var next = 0
      for i in passed.indices {
        let isSelected = next < selected.count && selected[next] == i
        if isSelected { next += 1 }
        if passed[i] == 0 { dr[i] = 0 } else if !isSelected { slopes[i / width] -= passed[i] > 0 ? dr[i] : -dr[i] }
      }
      return (
        Tensor(dr, shape: x.shape, precision: x.precision), Tensor(slopes, shape: [x.rowCount], precision: x.precision)
      )
    }
  )
}

/// The result, and the positions that passed unchanged, ascending.
private func sampleSelection(_ r: Tensor, _ thresholds: Tensor, _ counts: [Int]) -> (value: Tensor, selected: [Int]) {
  if r.isShapelessZero { return (r, []) }
  let (rows, width) = (r.rowCount, r.width)
  precondition(
    thresholds.shape == [rows] && counts.count == rows && counts.allSatisfy { (0...width).contains($0) },
    "supportSelectingThreshold: \(thresholds.shape) thresholds and \(counts.count) counts for the rows of \(r.shape)")
  var selected: [Int] = []
  func run<S: Scalar>(_ r: [S], _ thresholds: [S]) -> [S] {
    var magnitudes = [S](repeating: 0, count: width)
    return Tensor.write(r) { r, out, _ in
      for row in 0..<rows {
        let (at, threshold) = (row * width, thresholds[row])
        S.softThreshold(r + at, threshold, out + at, width)
        guard counts[row] > 0 else { continue }
        for j in 0..<width { magnitudes[j] = r[at + j].magnitude }
        let least = counts[row] == width ? 0 : magnitudes.withUnsafeMutableBufferPointer { largest($0, rank: counts[row]) }
        for j in at..<at + width where r[j].magnitude >= least && r[j].magnitude > threshold {
          out[j] = r[j]
          selected.append(j)
        }
      }
    }
  }
  switch (r.buffer, thresholds.buffer) {
  case (.single(let v), .single(let t)): return (Tensor(shape: r.shape, buffer: .single(run(v, t))), selected)
  case (.double(let v), .double(let t)): return (Tensor(shape: r.shape, buffer: .double(run(v, t))), selected)
  default: preconditionFailure("supportSelectingThreshold: a tensor of single and one of double precision")
  }
}
