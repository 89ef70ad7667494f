// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// The convolution of deep learning (a cross-correlation), stride 1, zeros outside, same size:
///
/// y[b, o, i, j] = Σ_c,k,l w[o, c, k, l] x[b, c, i + k − (kh − 1)/2, j + l − (kw − 1)/2].
///
/// - Parameters: `x` of shape `[batch, in, h, w]`, or `.zero`, for which the result is `.zero`; `weight` of shape
///   `[out, in, kh, kw]`, kh and kw odd, of `x`'s precision, or `.zero`.
/// - Returns: `[batch, out, h, w]`.
@differentiable(reverse)
public func conv2d(_ x: Tensor, _ weight: Tensor) -> Tensor { conv2d(x, weight, bias: .zero) }

@derivative(of: conv2d(_:_:)) @usableFromInline
func _vjpConv2d(_ x: Tensor, _ weight: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (conv2d(x, weight), { v in (backwardData(x, weight, v), backwardWeights(x, weight, v)) })
}

/// ``conv2d(_:_:)`` plus bias[o] on every map o.
///
/// - Parameter bias: `[out]`, or `.zero` for none. Only `.zero` goes with an `x` or a `weight` of `.zero`, which has no size to add
///   a bias to.
@differentiable(reverse)
public func conv2d(_ x: Tensor, _ weight: Tensor, bias: Tensor) -> Tensor {
  if x.isShapelessZero || weight.isShapelessZero {
    precondition(bias.isShapelessZero, "conv2d: a bias of shape \(bias.shape) and a shapeless zero have no common size")
    return .zero
  }
  let shape = convolutionShape(x, weight)
  precondition(
    bias.isShapelessZero || bias.shape == [shape.outputChannels],
    "conv2d: a bias of shape \(bias.shape) for the weights \(weight.shape); expected [\(shape.outputChannels)]")
  let batch = x.shape[0]
  func run<S: Scalar>(_ x: [S], _ w: [S], _ b: UnsafePointer<S>?) -> [S] {
    [S](unsafeUninitializedCapacity: batch * shape.outputCount) { out, filled in
      if !out.isEmpty { Convolution.forward(shape, batch: batch, x, w, bias: b, into: out.baseAddress!) }
      filled = batch * shape.outputCount
    }
  }
  let result = [batch, shape.outputChannels, shape.outputHeight, shape.outputWidth]
  switch (x.buffer, weight.buffer, bias.buffer) {
  case (.single(let x), .single(let w), .zero): return Tensor(shape: result, buffer: .single(run(x, w, nil)))
  case (.single(let x), .single(let w), .single(let b)): return Tensor(shape: result, buffer: .single(run(x, w, b)))
  case (.double(let x), .double(let w), .zero): return Tensor(shape: result, buffer: .double(run(x, w, nil)))
  case (.double(let x), .double(let w), .double(let b)): return Tensor(shape: result, buffer: .double(run(x, w, b)))
  default: preconditionFailure("conv2d: tensors of single and of double precision")
  }
}

@derivative(of: conv2d(_:_:bias:)) @usableFromInline
func _vjpConv2dBias(
  _ x: Tensor, _ weight: Tensor, bias: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  (
    conv2d(x, weight, bias: bias),
    { v in (backwardData(x, weight, v), backwardWeights(x, weight, v), backwardBias(x, weight, v)) }
  )
}

/// max(x, 0), element by element; at 0 the derivative is taken as 0.
@differentiable(reverse)
public func relu(_ x: Tensor) -> Tensor {
  x.elementwise(Float.relu, Double.relu)
}

@derivative(of: relu) @usableFromInline
func _vjpRelu(_ x: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let y = relu(x)
  return (
    y,
    { v in
      if v.isShapelessZero || y.isShapelessZero { return .zero }
      return y.elementwise(
        "relu", v, Float.reluPullback, Double.reluPullback)
    }
  )
}

// MARK: The adjoints

private func convolutionShape(_ x: Tensor, _ weight: Tensor) -> ConvolutionShape {
  precondition(
    x.shape.count == 4 && weight.shape.count == 4 && x.shape[1] == weight.shape[1],
    "conv2d: maps of shape \(x.shape) against weights of shape \(weight.shape); expected [batch, in, h, w] and [out, in, kh, kw]")
  return ConvolutionShape(
    inputChannels: x.shape[1], outputChannels: weight.shape[0], height: x.shape[2], width: x.shape[3],
    kernelHeight: weight.shape[2],
    kernelWidth: weight.shape[3])
}

private func expectResultShape(_ v: Tensor, _ x: Tensor, _ shape: ConvolutionShape) {
  let expected = [x.shape[0], shape.outputChannels, shape.outputHeight, shape.outputWidth]
  precondition(v.shape == expected, "conv2d: a cotangent of shape \(v.shape); expected \(expected)")
}

private func backwardData(_ x: Tensor, _ weight: Tensor, _ v: Tensor) -> Tensor {
  if x.isShapelessZero || v.isShapelessZero || weight.isShapelessZero { return .zero }
  let shape = convolutionShape(x, weight)
  expectResultShape(v, x, shape)
  func run<S: Scalar>(_ v: [S], _ w: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: x.count) { out, filled in
      if !out.isEmpty { Convolution.backwardData(shape, batch: x.shape[0], v, w, into: out.baseAddress!) }
      filled = x.count
    }
  }
  switch (v.buffer, weight.buffer) {
  case (.single(let v), .single(let w)): return Tensor(shape: x.shape, buffer: .single(run(v, w)))
  case (.double(let v), .double(let w)): return Tensor(shape: x.shape, buffer: .double(run(v, w)))
  default: preconditionFailure("conv2d: tensors of single and of double precision")
  }
}

private func backwardWeights(_ x: Tensor, _ weight: Tensor, _ v: Tensor) -> Tensor {
  if x.isShapelessZero || v.isShapelessZero || weight.isShapelessZero { return .zero }
  let shape = convolutionShape(x, weight)
  expectResultShape(v, x, shape)
  func run<S: Scalar>(_ x0: [S], _ v: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: weight.count) { out, filled in
      if !out.isEmpty { Convolution.backwardWeights(shape, batch: x.shape[0], x0, v, into: out.baseAddress!) }
      filled = weight.count
    }
  }
  switch (x.buffer, v.buffer) {
  case (.single(let x), .single(let v)): return Tensor(shape: weight.shape, buffer: .single(run(x, v)))
  case (.double(let x), .double(let v)): return Tensor(shape: weight.shape, buffer: .double(run(x, v)))
  default: preconditionFailure("conv2d: tensors of single and of double precision")
  }
}

private func backwardBias(_ x: Tensor, _ weight: Tensor, _ v: Tensor) -> Tensor {
  if x.isShapelessZero || v.isShapelessZero || weight.isShapelessZero { return .zero }
  let shape = convolutionShape(x, weight)
  expectResultShape(v, x, shape)
  func run<S: Scalar>(_ v: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: shape.outputChannels) { out, filled in
      if !out.isEmpty { Convolution.backwardBias(shape, batch: x.shape[0], v, into: out.baseAddress!) }
      filled = shape.outputChannels
    }
  }
  switch v.buffer {
  case .zero: return .zero
  case .single(let v): return Tensor(shape: [shape.outputChannels], buffer: .single(run(v)))
  case .double(let v): return Tensor(shape: [shape.outputChannels], buffer: .double(run(v)))
  }
}
