// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Images through a bank of small filters, going around at the edges: true convolutions with their centre at the origin,
///
/// y_l[i, j] = Σ_a,b k_l[a, b] x[i − a + ⌊kh/2⌋, j − b + ⌊kw/2⌋].
///
/// - Parameters: `x` of shape `[batch, h, w]`, or `.zero`, for which the result is `.zero`; `filters` of shape `[maps, kh, kw]`, kh
///   and kw odd and at most 31, of `x`'s precision.
/// - Returns: `[batch, maps, h, w]`.
@differentiable(reverse)
public func circularConvolution(_ x: Tensor, _ filters: Tensor) -> Tensor {
  if x.isShapelessZero || filters.isShapelessZero { return .zero }
  let bank = bank(x.shape, filters)
  func run<S: Scalar>(_ x: [S], _ k: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: bank.mapCount) { y, filled in
      if bank.mapCount > 0 { bank.forward(x, k, into: y.baseAddress!) }
      filled = bank.mapCount
    }
  }
  let shape = [bank.batch, bank.maps, bank.height, bank.width]
  switch (x.buffer, filters.buffer) {
  case (.single(let x), .single(let k)): return Tensor(shape: shape, buffer: .single(run(x, k)))
  case (.double(let x), .double(let k)): return Tensor(shape: shape, buffer: .double(run(x, k)))
  default: preconditionFailure("circularConvolution: tensors of single and of double precision")
  }
}

@derivative(of: circularConvolution) @usableFromInline
func _vjpCircularConvolution(_ x: Tensor, _ filters: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (circularConvolution(x, filters), { v in (circularCorrelation(v, filters), circularFilterGradient(x, v, like: filters)) })
}

/// The adjoint of ``circularConvolution(_:_:)`` in the image: x = Σ_l k_lᵀ y_l, every map correlated with its filter.
///
/// - Parameters: `y` of shape `[batch, maps, h, w]`, or `.zero`; `filters` as there.
/// - Returns: `[batch, h, w]`.
@differentiable(reverse)
public func circularCorrelation(_ y: Tensor, _ filters: Tensor) -> Tensor {
  if y.isShapelessZero || filters.isShapelessZero { return .zero }
  precondition(
    y.shape.count == 4 && y.shape[1] == filters.shape[0],
    "circularCorrelation: maps of shape \(y.shape) for filters of shape \(filters.shape)")
  let bank = bank([y.shape[0], y.shape[2], y.shape[3]], filters)
  func run<S: Scalar>(_ y: [S], _ k: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: bank.imageCount) { x, filled in
      if bank.imageCount > 0 { bank.adjoint(y, k, into: x.baseAddress!) }
      filled = bank.imageCount
    }
  }
  let shape = [bank.batch, bank.height, bank.width]
  switch (y.buffer, filters.buffer) {
  case (.single(let y), .single(let k)): return Tensor(shape: shape, buffer: .single(run(y, k)))
  case (.double(let y), .double(let k)): return Tensor(shape: shape, buffer: .double(run(y, k)))
  default: preconditionFailure("circularCorrelation: tensors of single and of double precision")
  }
}

@derivative(of: circularCorrelation) @usableFromInline
func _vjpCircularCorrelation(_ y: Tensor, _ filters: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (circularCorrelation(y, filters), { v in (circularConvolution(v, filters), circularFilterGradient(v, y, like: filters)) })
}

/// The derivative of Σ_l ⟨k_l * x, y_l⟩ with respect to the filters.
func circularFilterGradient(_ x: Tensor, _ y: Tensor, like filters: Tensor) -> Tensor {
  if x.isShapelessZero || y.isShapelessZero { return .zero }
  let bank = bank(x.shape, filters)
  precondition(y.count == bank.mapCount, "circularConvolution: maps of shape \(y.shape) for images of shape \(x.shape)")
  let gradient: [Double]
  switch (x.buffer, y.buffer) {
  case (.single(let x), .single(let y)): gradient = bank.filterGradient(x, y)
  case (.double(let x), .double(let y)): gradient = bank.filterGradient(x, y)
  default: preconditionFailure("circularConvolution: tensors of single and of double precision")
  }
  return Tensor(gradient, shape: filters.shape, precision: filters.precision)
}

/// ``Kernels/CircularFilters/solvePullback(_:_:_:_:penalties:into:)``; u may be `.zero`.
func circularSolvePullback(
  _ w: Tensor, _ x: Tensor, _ u: Tensor, _ filters: Tensor, _ penalties: Tensor
) -> (u: Tensor, filters: Tensor, penalties: Tensor) {
  let bank = bank(x.shape, filters)
  let shape = [bank.batch, bank.maps, bank.height, bank.width]
  let u = u.isShapelessZero ? .zeros(shape, precision: x.precision) : u
  precondition(
    u.shape == shape && w.shape == x.shape && penalties.shape == [bank.maps],
    "kSpaceSolve: maps of shape \(u.shape) and penalties \(penalties.shape) for images of shape \(x.shape)")
  func run<S: Scalar>(
    _ w: [S], _ x: [S], _ u: [S], _ k: [S], _ rho: [S]
  ) -> (du: [S], sums: (filters: [Double], penalties: [Double])) {
    var sums: (filters: [Double], penalties: [Double]) = ([], [])
    let du = written(bank.mapCount) { sums = bank.solvePullback(w, x, u, k, penalties: rho, into: $0) }
    return (du, sums)
  }
  func made(_ du: Tensor.Buffer, _ sums: (filters: [Double], penalties: [Double])) -> (Tensor, Tensor, Tensor) {
    if sums.penalties.isEmpty { return (.zero, .zero, .zero) }
    return (
      Tensor(shape: shape, buffer: du), Tensor(sums.filters, shape: filters.shape, precision: filters.precision),
      Tensor(sums.penalties, shape: penalties.shape, precision: penalties.precision)
    )
  }
  switch (w.buffer, x.buffer, u.buffer, filters.buffer, penalties.buffer) {
  case (.single(let w), .single(let x), .single(let u), .single(let k), .single(let rho)):
    let found = run(w, x, u, k, rho)
    return made(.single(found.du), found.sums)
  case (.double(let w), .double(let x), .double(let u), .double(let k), .double(let rho)):
    let found = run(w, x, u, k, rho)
    return made(.double(found.du), found.sums)
  default: preconditionFailure("kSpaceSolve: tensors of single and of double precision")
  }
}

private func bank(_ image: [Int], _ filters: Tensor) -> CircularFilters {
  precondition(
    image.count == 3 && filters.shape.count == 3,
    "circularConvolution: images of shape \(image) and filters of shape \(filters.shape); expected [batch, h, w] and [maps, kh, kw]"
  )
  return CircularFilters(
    batch: image[0], maps: filters.shape[0], height: image[1], width: image[2], filterHeight: filters.shape[1],
    filterWidth: filters.shape[2])
}
