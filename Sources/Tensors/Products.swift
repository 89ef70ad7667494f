// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// x Wᵀ: every row of `x` multiplied by the matrix `W`, y = W x in the papers' column notation.
///
/// - Parameters: `x` of shape `[…, n]` (or `.zero`); `W` of shape `[m, n]`.
/// - Returns: `[…, m]`.
@differentiable(reverse)
public func linear(_ x: Tensor, _ W: Tensor) -> Tensor { product(x, W, transposingB: true) }

@derivative(of: linear) @usableFromInline
func _vjpLinear(_ x: Tensor, _ W: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (linear(x, W), { v in (product(v, W, transposingB: false), outer(v, x)) })
}

/// x Wᵀ + b in one matrix product.
///
/// - Parameters: `x` of shape `[…, n]`, or `.zero`, for which the result is `b` and nothing is computed; `W` of shape `[m, n]`;
///   `b` of shape `[…, m]`, or `.zero`.
@differentiable(reverse)
public func linear(_ x: Tensor, _ W: Tensor, adding b: Tensor) -> Tensor { product(x, W, transposingB: true, adding: b) }

@derivative(of: linear(_:_:adding:)) @usableFromInline
func _vjpLinearAdding(
  _ x: Tensor, _ W: Tensor, adding b: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  (linear(x, W, adding: b), { v in (product(v, W, transposingB: false), outer(v, x), v) })
}

/// x W: the transposed matrix applied to every row, y = Wᵀ x in column notation.
///
/// - Parameters: `x` of shape `[…, m]` (or `.zero`); `W` of shape `[m, n]`.
/// - Returns: `[…, n]`.
@differentiable(reverse)
public func linearTransposed(_ x: Tensor, _ W: Tensor) -> Tensor { product(x, W, transposingB: false) }

@derivative(of: linearTransposed) @usableFromInline
func _vjpLinearTransposed(_ x: Tensor, _ W: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (linearTransposed(x, W), { v in (product(v, W, transposingB: true), outer(x, v)) })
}

/// rows(x) · op(B) + b, the work behind both.
private func product(_ x: Tensor, _ B: Tensor, transposingB: Bool, adding b: Tensor = .zero) -> Tensor {
  if x.isShapelessZero || B.isShapelessZero { return b }
  precondition(B.shape.count == 2, "linear: the matrix has shape \(B.shape)")
  let (inner, outer) = transposingB ? (B.shape[1], B.shape[0]) : (B.shape[0], B.shape[1])
  precondition(x.width == inner, "linear: rows of \(x.shape) against the matrix \(B.shape)\(transposingB ? "" : ", transposed")")
  let shape = x.shape.dropLast() + [outer]
  precondition(b.isShapelessZero || b.shape == Array(shape), "linear: adding \(b.shape) to a result of shape \(Array(shape))")
  func run<S: Scalar>(_ x: [S], _ B: [S], _ b: [S]?, rows: Int) -> [S] {
    [S](unsafeUninitializedCapacity: rows * outer) { out, filled in
      if let b { _ = out.initialize(from: b) }
      x.withUnsafeBufferPointer { x in
        B.withUnsafeBufferPointer { B in
          guard rows * outer > 0 else { return }
          S.product(
            transposeB: transposingB, m: rows, n: outer, k: inner, x.baseAddress!, B.baseAddress!, adding: b != nil,
            out.baseAddress!)
        }
      }
      filled = rows * outer
    }
  }
  switch (x.buffer, B.buffer, b.buffer) {
  case (.single(let x0), .single(let B0), .zero):
    return Tensor(shape: Array(shape), buffer: .single(run(x0, B0, nil, rows: x.rowCount)))
  case (.single(let x0), .single(let B0), .single(let b0)):
    return Tensor(shape: Array(shape), buffer: .single(run(x0, B0, b0, rows: x.rowCount)))
  case (.double(let x0), .double(let B0), .zero):
    return Tensor(shape: Array(shape), buffer: .double(run(x0, B0, nil, rows: x.rowCount)))
  case (.double(let x0), .double(let B0), .double(let b0)):
    return Tensor(shape: Array(shape), buffer: .double(run(x0, B0, b0, rows: x.rowCount)))
  default: preconditionFailure("linear: tensors of single and of double precision")
  }
}

/// Σ over rows of aᵢ bᵢᵀ, `[width of a, width of b]`: the gradient of a matrix.
func outer(_ a: Tensor, _ b: Tensor) -> Tensor {
  if a.isShapelessZero || b.isShapelessZero { return .zero }
  precondition(a.rowCount == b.rowCount, "outer: \(a.shape) and \(b.shape)")
  let (rows, m, n) = (a.rowCount, a.width, b.width)
  func run<S: Scalar>(_ a: [S], _ b: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: m * n) { out, filled in
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          S.outerProduct(m: m, n: n, k: rows, a.baseAddress!, b.baseAddress!, out.baseAddress!)
        }
      }
      filled = m * n
    }
  }
  switch (a.buffer, b.buffer) {
  case (.single(let x), .single(let y)): return Tensor(shape: [m, n], buffer: .single(run(x, y)))
  case (.double(let x), .double(let y)): return Tensor(shape: [m, n], buffer: .double(run(x, y)))
  default: preconditionFailure("outer: a tensor of single and one of double precision")
  }
}
