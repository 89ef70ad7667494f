// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// What a step of ADMM's multipliers returns.
public struct MultiplierOutput<Split: VectorSpace>: Differentiable {
  /// β' = β + η (c − z).
  public var multiplier: Split
  /// z − β', what the next image is pulled to.
  public var pull: Split
  @differentiable(reverse)
  public init(multiplier: Split, pull: Split) {
    self.multiplier = multiplier
    self.pull = pull
  }
}

/// A step of ADMM's multipliers on a stack of maps with a rate for each, and what the next image is pulled to, in one pass:
///
///     β'_l = β_l + η_l (c_l − z_l),   u_l = z_l − β'_l
///
/// - Parameters: `multiplier` β, `c` and `z` of shape `[batch, maps, h, w]`, or `.zero`; `rates` η of shape `[maps]`; all of one precision.
///   Source: Yang, Sun, Li & Xu (2016), the layer M of Deep ADMM-Net.
@differentiable(reverse)
public func multiplierStep(_ multiplier: Tensor, _ c: Tensor, _ z: Tensor, by rates: Tensor) -> MultiplierOutput<Tensor> {
  guard let stack = commonStack(multiplier, c, z), !rates.isShapelessZero else {
    let next = mapsAdded(multiplier, c - z, by: rates)
    return MultiplierOutput(multiplier: next, pull: z - next)
  }
  precondition(rates.shape == [stack.maps], "multiplierStep: \(rates.shape) rates of maps of shape \(c.shape)")
  func run<S: Scalar>(_ b: [S], _ c: [S], _ z: [S], _ rates: [S]) -> (next: [S], pull: [S]) {
    var pull: [S] = []
    let next = written(stack.count) { next in
      pull = written(stack.count) { stack.multiplierStep(b, c, z, rates: rates, next: next, pull: $0) }
    }
    return (next, pull)
  }
  func made(_ next: Tensor.Buffer, _ pull: Tensor.Buffer) -> MultiplierOutput<Tensor> {
    MultiplierOutput(multiplier: Tensor(shape: c.shape, buffer: next), pull: Tensor(shape: c.shape, buffer: pull))
  }
  switch (multiplier.buffer, c.buffer, z.buffer, rates.buffer) {
  case (.single(let b), .single(let c), .single(let z), .single(let rates)):
    let (next, pull) = run(b, c, z, rates)
    return made(.single(next), .single(pull))
  case (.double(let b), .double(let c), .double(let z), .double(let rates)):
    let (next, pull) = run(b, c, z, rates)
    return made(.double(next), .double(pull))
  default: preconditionFailure("multiplierStep: tensors of single and of double precision")
  }
}

/// With t = dβ' − du: dβ = t, dc = η t, dz = du − η t, dη_l = ⟨t_l, c_l − z_l⟩.
@derivative(of: multiplierStep) @usableFromInline
func _vjpMultiplierStep(
  _ multiplier: Tensor, _ c: Tensor, _ z: Tensor, by rates: Tensor
) -> (value: MultiplierOutput<Tensor>, pullback: (MultiplierOutput<Tensor>.TangentVector) -> (Tensor, Tensor, Tensor, Tensor)) {
  (
    multiplierStep(multiplier, c, z, by: rates),
    { v in
      guard let stack = commonStack(v.multiplier, v.pull, c, z), !rates.isShapelessZero else {
        let t = v.multiplier - v.pull
        let scaled = mapsScaled(t, by: rates)
        return (t, scaled, v.pull - scaled, mapProducts(t, c - z, like: rates))
      }
      func run<S: Scalar>(_ v: [S], _ u: [S], _ c: [S], _ z: [S], _ rates: [S]) -> (b: [S], c: [S], z: [S], rates: [Double]) {
        var (dc, dz, sums): ([S], [S], [Double]) = ([], [], [])
        let db = written(stack.count) { db in
          dc = written(stack.count) { dc in
            dz = written(stack.count) { sums = stack.multiplierStepPullback(v, u, c, z, rates: rates, db: db, dc: dc, dz: $0) }
          }
        }
        return (db, dc, dz, sums)
      }
      func made(
        _ b: Tensor.Buffer, _ dc: Tensor.Buffer, _ dz: Tensor.Buffer, _ sums: [Double]
      ) -> (Tensor, Tensor, Tensor, Tensor) {
        func maps(_ buffer: Tensor.Buffer) -> Tensor { Tensor(shape: c.shape, buffer: buffer) }
        return (maps(b), maps(dc), maps(dz), Tensor(sums, shape: rates.shape, precision: rates.precision))
      }
      switch (v.multiplier.buffer, v.pull.buffer, c.buffer, z.buffer, rates.buffer) {
      case (.single(let v), .single(let u), .single(let c), .single(let z), .single(let rates)):
        let found = run(v, u, c, z, rates)
        return made(.single(found.b), .single(found.c), .single(found.z), found.rates)
      case (.double(let v), .double(let u), .double(let c), .double(let z), .double(let rates)):
        let found = run(v, u, c, z, rates)
        return made(.double(found.b), .double(found.c), .double(found.z), found.rates)
      default: preconditionFailure("multiplierStep: tensors of single and of double precision")
      }
    }
  )
}

/// That of stacks of maps of one shape; nil where one of them is `.zero`.
private func commonStack(_ maps: Tensor...) -> MapStack? {
  if maps.contains(where: \.isShapelessZero) { return nil }
  precondition(
    maps[0].shape.count == 4 && maps.allSatisfy { $0.shape == maps[0].shape }, "multiplierStep: maps of shapes \(maps.map(\.shape))"
  )
  return MapStack(of: maps[0])
}
