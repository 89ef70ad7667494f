// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import _Differentiation

/// tanh, element by element.
@differentiable(reverse)
public func tanh(_ a: Tensor) -> Tensor {
  switch a.buffer {
  case .zero: a
  case .single(let v): Tensor(shape: a.shape, buffer: .single(v.map { Platform.tanh($0) }))
  case .double(let v): Tensor(shape: a.shape, buffer: .double(v.map { Platform.tanh($0) }))
  }
}

@derivative(of: tanh) @usableFromInline
func _vjpTanh(_ a: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let t = tanh(a)
  return (t, { v in v - v .* (t .* t) })
}

/// Every element limited to [lower, upper]; the derivative is 1 strictly inside and 0 elsewhere.
@differentiable(reverse,wrt: a)
public func clamped(_ a: Tensor, lower: Double, upper: Double) -> Tensor {
  a.elementwise(
    { writeClamped($0, Float(lower), Float(upper), $1, $2) }, { writeClamped($0, lower, upper, $1, $2) })
}

@derivative(of: clamped, wrt: a) @usableFromInline
func _vjpClamped(_ a: Tensor, lower: Double, upper: Double) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (
    clamped(a, lower: lower, upper: upper),
    { v in
      if v.isShapelessZero || a.isShapelessZero { return .zero }
      return a.elementwise(
        "clamped", v, { writeInside($0, Float(lower), Float(upper), $1, $2, $3) }, { writeInside($0, lower, upper, $1, $2, $3) })
    }
  )
}

// The compiler makes vector selects of these: a branch would be mispredicted at every other element.

/// out = a limited to [lower, upper]; NaN stays NaN.
@inline(__always)
private func writeClamped<S: Scalar>(_ a: UnsafePointer<S>, _ lower: S, _ upper: S, _ out: UnsafeMutablePointer<S>, _ count: Int) {
  for i in 0..<count {
    let raised = a[i] < lower ? lower : a[i]
    out[i] = raised > upper ? upper : raised
  }
}

/// out = v where lower < a < upper, else 0.
@inline(__always)
private func writeInside<S: Scalar>(
  _ a: UnsafePointer<S>, _ lower: S, _ upper: S, _ v: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int
) {
  for i in 0..<count {
    let (x, w) = (a[i], v[i])
    let inside: S = (x > lower ? 1 : 0) * (x < upper ? 1 : 0)
    out[i] = w * inside
  }
}

/// max(a, 0) of a scalar parameter; the derivative at 0 is taken as 0.
@differentiable(reverse)
public func nonNegative(_ a: Double) -> Double { a > 0 ? a : 0 }

@derivative(of: nonNegative) @usableFromInline
func _vjpNonNegative(_ a: Double) -> (value: Double, pullback: (Double) -> Double) { (nonNegative(a), { a > 0 ? $0 : 0 }) }

/// Every row of `a` multiplied element by element with the vector `d`: rows(a) · diag(d).
///
/// - Parameters: `a` of shape `[…, m]`, `d` of shape `[m]`.
@differentiable(reverse)
public func scaledColumns(_ a: Tensor, _ d: Tensor) -> Tensor { a .* repeated(d, rowsOf: a) }

@derivative(of: scaledColumns) @usableFromInline
func _vjpScaledColumns(_ a: Tensor, _ d: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (scaledColumns(a, d), { v in (v .* repeated(d, rowsOf: a), columnSums(v .* a)) })
}

/// Every row of `a` plus the vector `d`. `[…, m]` and `[m]`.
@differentiable(reverse)
public func addedColumns(_ a: Tensor, _ d: Tensor) -> Tensor { a + repeated(d, rowsOf: a) }

@derivative(of: addedColumns) @usableFromInline
func _vjpAddedColumns(_ a: Tensor, _ d: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (addedColumns(a, d), { v in (v, columnSums(v)) })
}

/// The vector `d` once for every row of `a`.
private func repeated(_ d: Tensor, rowsOf a: Tensor) -> Tensor {
  if a.isShapelessZero || d.isShapelessZero { return .zero }
  precondition(d.shape == [a.width], "a vector of shape \(d.shape) beside rows of \(a.shape)")
  switch d.buffer {
  case .zero: return d
  case .single(let v): return Tensor(shape: a.shape, buffer: .single(Array(repeatElement(v, count: a.rowCount).joined())))
  case .double(let v): return Tensor(shape: a.shape, buffer: .double(Array(repeatElement(v, count: a.rowCount).joined())))
  }
}

/// Σ over rows, `[m]`.
private func columnSums(_ v: Tensor) -> Tensor {
  if v.isShapelessZero { return .zero }
  let (rows, width) = (v.rowCount, v.width)
  func run<S: Scalar>(_ v: [S]) -> [S] {
    var total = [S](repeating: 0, count: width)
    if !v.isEmpty {
      v.withUnsafeBufferPointer { v in
        total.withUnsafeMutableBufferPointer { S.sumRows(v.baseAddress!, $0.baseAddress!, rows, width) }
      }
    }
    return total
  }
  switch v.buffer {
  case .zero: return v
  case .single(let a): return Tensor(shape: [width], buffer: .single(run(a)))
  case .double(let a): return Tensor(shape: [width], buffer: .double(run(a)))
  }
}
