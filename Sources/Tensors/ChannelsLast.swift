// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// The 3 × 3 convolution layer of deep learning with zeros outside, on channels-last maps, and a rectifier if asked for:
///
/// y[b, p, o] = Σ_c,t w[o, c, t] x[b, p + t, c], t over the nine taps; with `rectified`, max(y, 0).
///
/// The same numbers as ``conv2d(_:_:)`` on maps `[batch, channel, height, width]`; much faster for 32 channels.
/// - Parameters: `x` of shape `[batch, h, w, in]`, or `.zero`, for which the result is `.zero`; `weight` of shape `[out, in, 3, 3]`
///   and of `x`'s precision, or `.zero`.
/// - Returns: `[batch, h, w, out]`.
/// - Note: where the rectified result is 0, its derivative is taken as 0.
@differentiable(reverse,wrt: (x, weight))
public func convolved(_ x: Tensor, _ weight: Tensor, rectified: Bool = false) -> Tensor {
  if x.isShapelessZero || weight.isShapelessZero { return .zero }
  let layer = layer(x, weight)
  func run<S: Scalar>(_ x: [S], _ w: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: layer.outputCount) { out, filled in
      if layer.outputCount > 0 { layer.forward(x, w, rectified: rectified, into: out.baseAddress!) }
      filled = layer.outputCount
    }
  }
  let shape = Array(x.shape.dropLast()) + [layer.outputChannels]
  switch (x.buffer, weight.buffer) {
  case (.single(let x), .single(let w)): return Tensor(shape: shape, buffer: .single(run(x, w)))
  case (.double(let x), .double(let w)): return Tensor(shape: shape, buffer: .double(run(x, w)))
  default: preconditionFailure("convolved: tensors of single and of double precision")
  }
}

@derivative(of: convolved, wrt: (x, weight)) @usableFromInline
func _vjpConvolved(
  _ x: Tensor, _ weight: Tensor, rectified: Bool
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  let y = convolved(x, weight, rectified: rectified)
  let mask = rectified ? y : .zero
  return (y, { v in pullback(x, weight, mask, v) })
}

private func layer(_ x: Tensor, _ weight: Tensor) -> ChannelsLastConvolution {
  precondition(
    x.shape.count == 4 && weight.shape.count == 4 && x.shape[3] == weight.shape[1] && weight.shape[2...] == [3, 3],
    "convolved: maps of shape \(x.shape) against weights of shape \(weight.shape); expected [batch, h, w, in] and [out, in, 3, 3]")
  return ChannelsLastConvolution(
    batch: x.shape[0], height: x.shape[1], width: x.shape[2], inputChannels: x.shape[3], outputChannels: weight.shape[0])
}

/// dx and dw; `mask` is the rectified result, or `.zero` for none.
private func pullback(_ x: Tensor, _ weight: Tensor, _ mask: Tensor, _ v: Tensor) -> (Tensor, Tensor) {
  if x.isShapelessZero || v.isShapelessZero || weight.isShapelessZero { return (.zero, .zero) }
  let layer = layer(x, weight)
  precondition(v.count == layer.outputCount, "convolved: a cotangent of shape \(v.shape) for maps of shape \(x.shape)")
  func run<S: Scalar>(_ x: [S], _ w: [S], _ y: UnsafePointer<S>?, _ v: [S]) -> (dx: [S], dw: [S]) {
    var dw: [S] = []
    let dx = [S](unsafeUninitializedCapacity: layer.inputCount) { dx, filled in
      dw = [S](unsafeUninitializedCapacity: layer.weightCount) { dw, filled in
        if layer.inputCount > 0, layer.outputCount > 0 {
          layer.pullback(x, w, rectified: y, v, dx: dx.baseAddress!, dw: dw.baseAddress!)
        } else {
          dw.initialize(repeating: 0)
        }
        filled = layer.weightCount
      }
      filled = layer.inputCount
    }
    return (dx, dw)
  }
  switch (x.buffer, weight.buffer, mask.buffer, v.buffer) {
  case (.single(let x0), .single(let w), .zero, .single(let v)): return tensors(run(x0, w, nil, v))
  case (.single(let x0), .single(let w), .single(let y), .single(let v)): return tensors(run(x0, w, y, v))
  case (.double(let x0), .double(let w), .zero, .double(let v)): return tensors(run(x0, w, nil, v))
  case (.double(let x0), .double(let w), .double(let y), .double(let v)): return tensors(run(x0, w, y, v))
  default: preconditionFailure("convolved: tensors of single and of double precision")
  }
  func tensors(_ d: (dx: [Float], dw: [Float])) -> (Tensor, Tensor) {
    (Tensor(shape: x.shape, buffer: .single(d.dx)), Tensor(shape: weight.shape, buffer: .single(d.dw)))
  }
  func tensors(_ d: (dx: [Double], dw: [Double])) -> (Tensor, Tensor) {
    (Tensor(shape: x.shape, buffer: .double(d.dx)), Tensor(shape: weight.shape, buffer: .double(d.dw)))
  }
}
