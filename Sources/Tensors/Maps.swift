// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Every one of a stack of maps times a number of its own: y_l = factor_l x_l.
///
/// - Parameters: `x` of shape `[batch, maps, h, w]`, or `.zero`; `factors` of shape `[maps]`, of `x`'s precision.
@differentiable(reverse)
public func mapsScaled(_ x: Tensor, by factors: Tensor) -> Tensor { mapsAdded(.zero, x, by: factors) }

@derivative(of: mapsScaled) @usableFromInline
func _vjpMapsScaled(_ x: Tensor, by factors: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (mapsScaled(x, by: factors), { v in (mapsScaled(v, by: factors), mapProducts(v, x, like: factors)) })
}

/// y_l = a_l + factor_l x_l.
///
/// - Parameters: `a` and `x` of shape `[batch, maps, h, w]`, or `.zero`; `factors` of shape `[maps]`; all of one precision.
@differentiable(reverse)
public func mapsAdded(_ a: Tensor, _ x: Tensor, by factors: Tensor) -> Tensor {
  if x.isShapelessZero || factors.isShapelessZero { return a }
  precondition(
    x.shape.count == 4 && factors.shape == [x.shape[1]] && (a.isShapelessZero || a.shape == x.shape),
    "maps of shape \(x.shape) with \(factors.shape) factors, added to \(a.shape)")
  let stack = MapStack(of: x)
  func made<S: Scalar>(_ body: (UnsafeMutablePointer<S>) -> Void) -> [S] { written(stack.count, body) }
  switch (a.buffer, x.buffer, factors.buffer) {
  case (.zero, .single(let v), .single(let f)):
    return Tensor(shape: x.shape, buffer: .single(made { stack.scale(v, by: f, into: $0) }))
  case (.single(let a), .single(let v), .single(let f)):
    return Tensor(shape: x.shape, buffer: .single(made { stack.add(a, v, by: f, into: $0) }))
  case (.zero, .double(let v), .double(let f)):
    return Tensor(shape: x.shape, buffer: .double(made { stack.scale(v, by: f, into: $0) }))
  case (.double(let a), .double(let v), .double(let f)):
    return Tensor(shape: x.shape, buffer: .double(made { stack.add(a, v, by: f, into: $0) }))
  default: preconditionFailure("mapsAdded: tensors of single and of double precision")
  }
}

@derivative(of: mapsAdded) @usableFromInline
func _vjpMapsAdded(
  _ a: Tensor, _ x: Tensor, by factors: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  (mapsAdded(a, x, by: factors), { v in (v, mapsScaled(v, by: factors), mapProducts(v, x, like: factors)) })
}

/// ⟨a_l, b_l⟩ over all samples, `[maps]`.
func mapProducts(_ a: Tensor, _ b: Tensor, like factors: Tensor) -> Tensor {
  if a.isShapelessZero || b.isShapelessZero { return .zero }
  precondition(a.shape == b.shape && a.shape.count == 4, "maps of shape \(a.shape) times maps of shape \(b.shape)")
  let stack = MapStack(of: a)
  let products: [Double]
  switch (a.buffer, b.buffer) {
  case (.single(let a), .single(let b)): products = stack.products(a, b)
  case (.double(let a), .double(let b)): products = stack.products(a, b)
  default: preconditionFailure("maps of single and of double precision")
  }
  return Tensor(products, shape: [stack.maps], precision: factors.precision)
}

/// A learned curve for every one of a stack of maps: piecewise linear through values q at the knots first + i · spacing, with slopes of
/// its own left and right of them.
///
/// - Parameters: `a` of shape `[batch, maps, h, w]`, or `.zero`, for which the result is `.zero`; `values` q, `[maps, knots]`, at most
///   1024 knots; `slopes`, `[maps, 2]`, or `.zero` for 1 on both sides; all of `a`'s precision.
/// - Note: at a knot the slope is that of the piece to its right. A NaN stays one. Source: Yang, Sun, Li & Xu (2016), the layer Z of
///   Deep ADMM-Net, with slopes 1.
@differentiable(reverse,wrt: (a, values, slopes))
public func piecewiseLinear(maps a: Tensor, values: Tensor, slopes: Tensor, first: Double, spacing: Double) -> Tensor {
  if a.isShapelessZero { return a }
  let (stack, curve) = curves(a.shape, values, slopes: slopes, first, spacing)
  func run<S: Scalar>(_ a: [S], _ q: [S]) -> [S] {
    written(stack.count) { stack.apply(a, values: q, into: $0, curve: curve) }
  }
  switch (a.buffer, values.buffer) {
  case (.single(let v), .single(let q)): return Tensor(shape: a.shape, buffer: .single(run(v, q)))
  case (.double(let v), .double(let q)): return Tensor(shape: a.shape, buffer: .double(run(v, q)))
  default: preconditionFailure("piecewiseLinear: tensors of single and of double precision")
  }
}

@derivative(of: piecewiseLinear(maps:values:slopes:first:spacing:), wrt: (a, values, slopes)) @usableFromInline
func _vjpPiecewiseLinearMaps(
  maps a: Tensor, values: Tensor, slopes: Tensor, first: Double, spacing: Double
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  (
    piecewiseLinear(maps: a, values: values, slopes: slopes, first: first, spacing: spacing),
    { v in
      if v.isShapelessZero || a.isShapelessZero { return (.zero, .zero, .zero) }
      precondition(v.shape == a.shape, "piecewiseLinear: a cotangent of shape \(v.shape) for maps of shape \(a.shape)")
      let (stack, curve) = curves(a.shape, values, slopes: slopes, first, spacing)
      func run<S: Scalar>(_ a: [S], _ q: [S], _ v: [S]) -> (da: [S], sums: (values: [Double], slopes: [Double])) {
        var sums: (values: [Double], slopes: [Double]) = ([], [])
        let da = written(stack.count) { sums = stack.pullback(a, values: q, v, into: $0, curve: curve) }
        return (da, sums)
      }
      let da: Tensor
      let sums: (values: [Double], slopes: [Double])
      switch (a.buffer, values.buffer, v.buffer) {
      case (.single(let x), .single(let q), .single(let v)):
        let found = run(x, q, v)
        (da, sums) = (Tensor(shape: a.shape, buffer: .single(found.da)), found.sums)
      case (.double(let x), .double(let q), .double(let v)):
        let found = run(x, q, v)
        (da, sums) = (Tensor(shape: a.shape, buffer: .double(found.da)), found.sums)
      default: preconditionFailure("piecewiseLinear: tensors of single and of double precision")
      }
      if sums.values.isEmpty { return (da, .zero, .zero) }
      return (
        da, Tensor(sums.values, shape: values.shape, precision: values.precision),
        slopes.isShapelessZero ? .zero : Tensor(sums.slopes, shape: slopes.shape, precision: slopes.precision)
      )
    }
  )
}

/// Of maps `[batch, maps, h, w]`, the stack and its curves.
func curves(
  _ maps: [Int], _ values: Tensor, slopes: Tensor, _ first: Double, _ spacing: Double
) -> (MapStack, @Sendable (Int) -> PiecewiseCurve) {
  precondition(
    maps.count == 4 && values.shape.count == 2 && values.shape[0] == maps[1]
      && (slopes.isShapelessZero || slopes.shape == [maps[1], 2]),
    "piecewiseLinear: values \(values.shape) and slopes \(slopes.shape) for maps of shape \(maps)")
  let (knots, outer) = (values.shape[1], slopes.doubles)
  return (
    MapStack(batch: maps[0], maps: maps[1], size: maps[2] * maps[3]),
    { l in
      PiecewiseCurve(knots: knots, first: first, spacing: spacing, outer: outer.isEmpty ? (1, 1) : (outer[2 * l], outer[2 * l + 1]))
    }
  )
}

extension MapStack {
  /// Maps `[batch, maps, h, w]`.
  init(of x: Tensor) { self.init(batch: x.shape[0], maps: x.shape[1], size: x.shape[2] * x.shape[3]) }
}
