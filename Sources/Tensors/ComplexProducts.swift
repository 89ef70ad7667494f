// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

// Gradients are those of the real inner product Re⟨a, b⟩: the pullback of a complex linear map is its adjoint.

extension ComplexTensor {
  /// a ∘ b: the element-wise product of complex numbers.
  @differentiable(reverse)
  public static func .* (a: ComplexTensor, b: ComplexTensor) -> ComplexTensor { hadamard(a, b, conjugatingFirst: false) }
  @derivative(of: .*) @usableFromInline
  static func _vjpHadamard(
    a: ComplexTensor, b: ComplexTensor
  ) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (ComplexTensor, ComplexTensor)) {
    (a .* b, { v in (hadamard(b, v, conjugatingFirst: true), hadamard(a, v, conjugatingFirst: true)) })
  }

  private static func hadamard(_ a: ComplexTensor, _ b: ComplexTensor, conjugatingFirst: Bool) -> ComplexTensor {
    if a.isShapelessZero || b.isShapelessZero { return .zero }
    return ComplexTensor(
      pairs: a.pairs.elementwise(
        ".*", b.pairs, { (conjugatingFirst ? Float.complexMultiplyConjugated : Float.complexMultiply)($0, $1, $2, $3 / 2) },
        { (conjugatingFirst ? Double.complexMultiplyConjugated : Double.complexMultiply)($0, $1, $2, $3 / 2) }))
  }
}

/// The complex conjugate, element by element. It is its own pullback.
@differentiable(reverse)
public func conjugate(_ z: ComplexTensor) -> ComplexTensor {
  ComplexTensor(
    pairs: z.pairs.elementwise(
      { Float.complexConjugate($0, $1, $2 / 2) }, { Double.complexConjugate($0, $1, $2 / 2) }))
}

@derivative(of: conjugate) @usableFromInline
func _vjpConjugate(_ z: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
  (conjugate(z), { conjugate($0) })
}

/// x Wᵀ: every row of `x` multiplied by the complex matrix `W`, y = W x in column notation.
///
/// - Parameters: `x` of shape `[…, n]`; `W` of shape `[m, n]`; either may be `.zero`, and then the result is.
/// - Returns: `[…, m]`.
@differentiable(reverse)
public func linear(_ x: ComplexTensor, _ W: ComplexTensor) -> ComplexTensor {
  complexProduct(x, W, .transposed, resultWidth: W.shape.first ?? 0)
}

@derivative(of: linear) @usableFromInline
func _vjpComplexLinear(
  _ x: ComplexTensor, _ W: ComplexTensor
) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (ComplexTensor, ComplexTensor)) {
  (
    linear(x, W),
    // dx = v conj(W) and dW = vᵀ conj(x) = conj(vᴴ x)
    { v in (linearAdjoint(v, W), conjugate(complexOuter(v, x))) }
  )
}

/// x conj(W): the adjoint of the complex matrix `W` applied to every row, y = Wᴴ x in column notation.
///
/// - Parameters: `x` of shape `[…, m]`; `W` of shape `[m, n]`; either may be `.zero`, and then the result is.
/// - Returns: `[…, n]`.
@differentiable(reverse)
public func linearAdjoint(_ x: ComplexTensor, _ W: ComplexTensor) -> ComplexTensor {
  complexProduct(x, conjugate(W), .plain, resultWidth: W.shape.last ?? 0)
}

@derivative(of: linearAdjoint) @usableFromInline
func _vjpComplexLinearAdjoint(
  _ x: ComplexTensor, _ W: ComplexTensor
) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (ComplexTensor, ComplexTensor)) {
  // y = x conj(W): dx = v Wᵀ; d conj(W) = xᴴ v, so dW = conj(xᴴ v)
  (linearAdjoint(x, W), { v in (linear(v, W), conjugate(complexOuter(x, v))) })
}

/// rows(x) · op(B).
private func complexProduct(_ x: ComplexTensor, _ B: ComplexTensor, _ form: MatrixForm, resultWidth: Int) -> ComplexTensor {
  if x.isShapelessZero || B.isShapelessZero { return .zero }
  precondition(B.shape.count == 2, "linear: the complex matrix has shape \(B.shape)")
  let inner = form == .plain ? B.shape[0] : B.shape[1]
  precondition(
    x.shape.last == inner,
    "linear: rows of \(x.shape) against the complex matrix \(B.shape)\(form == .plain ? ", its adjoint" : "")")
  let shape = x.shape.dropLast() + [resultWidth]
  let rows = x.shape.dropLast().reduce(1, *)
  func run<S: Scalar>(_ x: [S], _ B: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: 2 * rows * resultWidth) { out, filled in
      if !out.isEmpty { ComplexKernels.gemm(.plain, form, m: rows, n: resultWidth, k: inner, x, B, out.baseAddress!) }
      filled = 2 * rows * resultWidth
    }
  }
  switch (x.pairs.buffer, B.pairs.buffer) {
  case (.single(let x), .single(let B)): return ComplexTensor(pairs: Tensor(shape: shape + [2], buffer: .single(run(x, B))))
  case (.double(let x), .double(let B)): return ComplexTensor(pairs: Tensor(shape: shape + [2], buffer: .double(run(x, B))))
  default: preconditionFailure("linear: complex tensors of single and of double precision")
  }
}

/// aᴴ b over rows, `[width of a, width of b]`.
private func complexOuter(_ a: ComplexTensor, _ b: ComplexTensor) -> ComplexTensor {
  if a.isShapelessZero || b.isShapelessZero { return .zero }
  let rows = a.shape.dropLast().reduce(1, *)
  precondition(a.shape.dropLast() == b.shape.dropLast(), "complex outer product: \(a.shape) and \(b.shape)")
  let (m, n) = (a.shape.last ?? 1, b.shape.last ?? 1)
  func run<S: Scalar>(_ a: [S], _ b: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: 2 * m * n) { out, filled in
      if !out.isEmpty { ComplexKernels.gemm(.adjoint, .plain, m: m, n: n, k: rows, a, b, out.baseAddress!) }
      filled = 2 * m * n
    }
  }
  switch (a.pairs.buffer, b.pairs.buffer) {
  case (.single(let a), .single(let b)): return ComplexTensor(pairs: Tensor(shape: [m, n, 2], buffer: .single(run(a, b))))
  case (.double(let a), .double(let b)): return ComplexTensor(pairs: Tensor(shape: [m, n, 2], buffer: .double(run(a, b))))
  default: preconditionFailure("complex outer product: tensors of single and of double precision")
  }
}
