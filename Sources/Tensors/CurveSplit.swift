// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// What follows D x in a stage of ADMM.
public struct SplitOutput<Split: VectorSpace>: Differentiable {
  /// z = prior(D x + β).
  public var z: Split
  /// β' = β + η (D x − z).
  public var multiplier: Split
  /// z − β', what the next image is pulled to.
  public var pull: Split
  /// What the prior records.
  public var recorded: Double
  @differentiable(reverse)
  public init(z: Split, multiplier: Split, pull: Split, recorded: Double) {
    self.z = z
    self.multiplier = multiplier
    self.pull = pull
    self.recorded = recorded
  }
}

/// A learned curve for every one of a stack of maps, a step of ADMM's multipliers with a rate for each, and what the next image is pulled
/// to, in one pass:
///
///     z_l = S_l(c_l + β_l),   β'_l = β_l + η_l (c_l − z_l),   u_l = z_l − β'_l
///
/// - Parameters: `c` and `multiplier` β of shape `[batch, maps, h, w]`, or `.zero`; `values`, `first` and `spacing` of the curves as in
///   ``piecewiseLinear(maps:values:slopes:first:spacing:)``, of slope 1 outside; `rates` η of shape `[maps]`; all of one precision.
///   Source: Yang, Sun, Li & Xu (2016), the layers Z and M of Deep ADMM-Net.
@differentiable(reverse,wrt: (c, multiplier, values, rates))
public func curveSplit(
  _ c: Tensor, multiplier: Tensor, values: Tensor, first: Double, spacing: Double, rates: Tensor
) -> SplitOutput<Tensor> {
  if c.isShapelessZero && multiplier.isShapelessZero { return SplitOutput(z: .zero, multiplier: .zero, pull: .zero, recorded: 0) }
  let shape = (c.isShapelessZero ? multiplier : c).shape
  let (stack, curve) = stackAndCurves(shape, values, rates, first, spacing)
  func run<S: Scalar>(_ c: [S], _ b: [S], _ q: [S], _ rates: [S]) -> (z: [S], next: [S], pull: [S]) {
    var (z, next): ([S], [S]) = ([], [])
    let pull = written(c.count) { pull in
      next = written(c.count) { next in
        z = written(c.count) { stack.curveSplit(c, b, values: q, rates: rates, z: $0, next: next, pull: pull, curve: curve) }
      }
    }
    return (z, next, pull)
  }
  func made(_ z: Tensor.Buffer, _ next: Tensor.Buffer, _ pull: Tensor.Buffer) -> SplitOutput<Tensor> {
    func maps(_ buffer: Tensor.Buffer) -> Tensor { Tensor(shape: shape, buffer: buffer) }
    return SplitOutput(z: maps(z), multiplier: maps(next), pull: maps(pull), recorded: 0)
  }
  let (given, multiplier) = (c.filled(shape, like: values), multiplier.filled(shape, like: values))
  switch (given.buffer, multiplier.buffer, values.buffer, rates.buffer) {
  case (.single(let c), .single(let b), .single(let q), .single(let rates)):
    let (z, next, pull) = run(c, b, q, rates)
    return made(.single(z), .single(next), .single(pull))
  case (.double(let c), .double(let b), .double(let q), .double(let rates)):
    let (z, next, pull) = run(c, b, q, rates)
    return made(.double(z), .double(next), .double(pull))
  default: preconditionFailure("curveSplit: tensors of single and of double precision")
  }
}

@derivative(of: curveSplit, wrt: (c, multiplier, values, rates)) @usableFromInline
func _vjpCurveSplit(
  _ c: Tensor, multiplier: Tensor, values: Tensor, first: Double, spacing: Double, rates: Tensor
) -> (value: SplitOutput<Tensor>, pullback: (SplitOutput<Tensor>.TangentVector) -> (Tensor, Tensor, Tensor, Tensor)) {
  let value = curveSplit(c, multiplier: multiplier, values: values, first: first, spacing: spacing, rates: rates)
  let z = value.z
  return (
    value,
    { v in
      let isZero = v.z.isShapelessZero && v.multiplier.isShapelessZero && v.pull.isShapelessZero
      if isZero || z.isShapelessZero { return (.zero, .zero, .zero, .zero) }
      let shape = z.shape
      let (stack, curve) = stackAndCurves(shape, values, rates, first, spacing)
      func run<S: Scalar>(
        _ c: [S], _ b: [S], _ z: [S], _ q: [S], _ rates: [S], dz: [S]?, dnext: [S], dpull: [S]
      ) -> (dc: [S], db: [S], sums: (values: [Double], rates: [Double])) {
        var (dc, sums): ([S], (values: [Double], rates: [Double])) = ([], ([], []))
        func pulled(_ dz: UnsafePointer<S>?) -> [S] {
          written(c.count) { db in
            dc = written(c.count) {
              sums = stack.curveSplitPullback(
                c, b, z, values: q, rates: rates, dz: dz, dnext: dnext, dpull: dpull, dc: $0, db: db, curve: curve)
            }
          }
        }
        let db = dz.map { $0.withUnsafeBufferPointer { pulled($0.baseAddress) } } ?? pulled(nil)
        return (dc, db, sums)
      }
      func made(
        _ dc: Tensor.Buffer, _ db: Tensor.Buffer, _ sums: (values: [Double], rates: [Double])
      ) -> (Tensor, Tensor, Tensor, Tensor) {
        if sums.rates.isEmpty { return (.zero, .zero, .zero, .zero) }
        return (
          Tensor(shape: shape, buffer: dc), Tensor(shape: shape, buffer: db),
          Tensor(sums.values, shape: values.shape, precision: values.precision),
          Tensor(sums.rates, shape: rates.shape, precision: rates.precision)
        )
      }
      func filled(_ maps: Tensor) -> Tensor { maps.filled(shape, like: values) }
      let (c, b, dnext, dpull) = (filled(c), filled(multiplier), filled(v.multiplier), filled(v.pull))
      switch (c.buffer, b.buffer, z.buffer, values.buffer, rates.buffer, dnext.buffer, dpull.buffer) {
      case (
        .single(let c), .single(let b), .single(let z), .single(let q), .single(let rates), .single(let dnext), .single(let dpull)
      ):
        let found = run(c, b, z, q, rates, dz: v.z.isShapelessZero ? nil : v.z.floats, dnext: dnext, dpull: dpull)
        return made(.single(found.dc), .single(found.db), found.sums)
      case (
        .double(let c), .double(let b), .double(let z), .double(let q), .double(let rates), .double(let dnext), .double(let dpull)
      ):
        let found = run(c, b, z, q, rates, dz: v.z.isShapelessZero ? nil : v.z.doubles, dnext: dnext, dpull: dpull)
        return made(.double(found.dc), .double(found.db), found.sums)
      default: preconditionFailure("curveSplit: tensors of single and of double precision")
      }
    }
  )
}

private func stackAndCurves(
  _ shape: [Int], _ values: Tensor, _ rates: Tensor, _ first: Double, _ spacing: Double
) -> (MapStack, @Sendable (Int) -> PiecewiseCurve) {
  precondition(shape.count == 4 && rates.shape == [shape[1]], "curveSplit: \(rates.shape) rates of maps of shape \(shape)")
  return curves(shape, values, slopes: .zero, first, spacing)
}

extension Tensor {
  /// `self`, of this shape, or in the place of `.zero` as many zeros of the precision of `other`.
  fileprivate func filled(_ shape: [Int], like other: Tensor) -> Tensor {
    if isShapelessZero { return .filled(0, shape: shape, precision: other.precision) }
    precondition(self.shape == shape, "curveSplit: maps of shape \(self.shape) beside \(shape)")
    return self
  }
}
