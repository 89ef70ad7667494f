// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// The 3 × 3 convolution layer of deep learning with zeros outside, on channels-last maps, and a rectifier if asked for:
///
/// y[b, p, o] = Σ_c,t w[o, c, t] x[b, p + t, c], t over the nine taps; with `rectified`, max(y, 0).
///
/// The same numbers as ``conv2d(_:_:)`` on maps `[batch, channel, height, width]`; much faster for 32 channels.
/// - Parameters: `x` of shape `[batch, h, w, in]`, or `.zero`, for which the result is `.zero`; `weight` of shape `[out, in, 3, 3]`
///   and of `x`'s precision, or `.zero`; `pieces` the batch is cut into, spread over the threads (part of the result: it decides the
///   order in which the weights' gradient is summed).
/// - Returns: `[batch, h, w, out]`.
/// - Note: where the rectified result is 0, its derivative is taken as 0. In the task's ``Kernels/Arithmetic/current`` arithmetic.
@differentiable(reverse,wrt: (x, weight))
public func convolved(_ x: Tensor, _ weight: Tensor, rectified: Bool = false, pieces: Int = 1) -> Tensor {
  output(x, weight, .zero, rectified: rectified, pieces: pieces)
}

/// The same with a number b[o] added for every channel of y before it is rectified.
///
/// - Parameter bias: `[out]`, of `x`'s precision, or `.zero`.
@differentiable(reverse,wrt: (x, weight, bias))
public func convolved(_ x: Tensor, _ weight: Tensor, adding bias: Tensor, rectified: Bool = false) -> Tensor {
  output(x, weight, bias, rectified: rectified, pieces: 1)
}

/// Two layers with a rectifier between, second * max(first * x, 0): the same bytes as ``convolved(_:_:rectified:pieces:)`` twice, in less
/// time where the arithmetic is mixed.
@differentiable(reverse,wrt: (x, first, second))
public func convolved(_ x: Tensor, _ first: Tensor, rectifiedAnd second: Tensor) -> Tensor {
  guard let pair = TensorPair(x, first, second) else { return convolved(convolved(x, first, rectified: true), second) }
  return pair.forward(x, keepingLines: false).y
}

@derivative(of: convolved(_:_:rectifiedAnd:), wrt: (x, first, second)) @usableFromInline
func _vjpConvolvedPair(
  _ x: Tensor, _ first: Tensor, rectifiedAnd second: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  pairAndPullback(x, first, second, threshold: nil)
}

/// The same under a soft threshold, sign(y) max(|y| − θ, 0) for y = second * max(first * x, 0): the same bytes as ``softThreshold(_:threshold:)``
/// of it, in one pass less over the maps.
@differentiable(reverse,wrt: (x, first, second, threshold))
public func convolved(_ x: Tensor, _ first: Tensor, rectifiedAnd second: Tensor, softThreshold threshold: Double) -> Tensor {
  if let pair = TensorPair(x, first, second) {
    return softThreshold(pair.forward(x, keepingLines: false).y, threshold: threshold)
  }
  return output(convolved(x, first, rectified: true), second, .zero, rectified: false, pieces: 1, threshold: threshold)
}

@derivative(of: convolved(_:_:rectifiedAnd:softThreshold:), wrt: (x, first, second, threshold)) @usableFromInline
func _vjpConvolvedPairThresholded(
  _ x: Tensor, _ first: Tensor, rectifiedAnd second: Tensor, softThreshold threshold: Double
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor, Double)) {
  let (y, pullback) = pairAndPullback(x, first, second, threshold: threshold)
  return (
    y,
    { v in
      let (inner, slope) = softThresholdPullback(y, v)
      let d = pullback(inner)
      return (d.0, d.1, d.2, slope)
    }
  )
}

/// A pair of layers, under a soft threshold if one is given, and the pullback of the layers alone.
private func pairAndPullback(
  _ x: Tensor, _ first: Tensor, _ second: Tensor, threshold: Double?
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  if let pair = TensorPair(x, first, second) {
    let (y, lines) = pair.forward(x, keepingLines: true)
    return (threshold.map { softThreshold(y, threshold: $0) } ?? y, { pair.pullback($0, lines: lines) })
  }
  let arithmetic = Arithmetic.current
  let middle = convolved(x, first, rectified: true)
  return (
    output(middle, second, .zero, rectified: false, pieces: 1, threshold: threshold),
    { v in
      let after = pullback(middle, second, .zero, v, bias: false, pieces: 1, arithmetic)
      let before = pullback(x, first, middle, after.0, bias: false, pieces: 1, arithmetic)
      return (before.0, before.1, after.1)
    }
  )
}

/// A pair of layers on tensors, where pairs have kernels of their own.
private struct TensorPair {
  private let kernels: MixedConvolutionPair
  private let shapes: (x: [Int], first: [Int], second: [Int])
  private let (first, second): ([Float], [Float])

  init?(_ x: Tensor, _ first: Tensor, _ second: Tensor) {
    guard Arithmetic.current == .mixed, case .single = x.buffer, case .single(let w1) = first.buffer,
      case .single(let w2) = second.buffer
    else { return nil }
    let one = layer(x.shape, first, 1, .mixed)
    let other = layer(x.shape.dropLast() + [one.outputChannels], second, 1, .mixed)
    guard let kernels = MixedConvolutionPair(one, other) else { return nil }
    self.kernels = kernels
    shapes = (x.shape, first.shape, second.shape)
    (self.first, self.second) = (w1, w2)
  }

  private var outputShape: [Int] { shapes.x.dropLast() + [shapes.second[0]] }

  /// y and, if they are to be kept, the rounded lines that the pullback needs.
  func forward(_ x: Tensor, keepingLines: Bool) -> (y: Tensor, lines: [UInt16]) {
    guard case .single(let x) = x.buffer else { preconditionFailure("convolved: maps that are not in single precision") }
    var lines: [UInt16] = []
    let count = outputShape.reduce(1, *)
    let y = [Float](unsafeUninitializedCapacity: count) { y, filled in
      let y = y.baseAddress!  // there are pixels, else there are no kernels
      if keepingLines {
        lines = [UInt16](unsafeUninitializedCapacity: kernels.keptCount) { lines, filled in
          kernels.forward(x, first, second, kept: lines.baseAddress!, into: y)
          filled = kernels.keptCount
        }
      } else {
        kernels.forward(x, first, second, kept: nil, into: y)
      }
      filled = count
    }
    return (Tensor(shape: outputShape, buffer: .single(y)), lines)
  }

  func pullback(_ v: Tensor, lines: [UInt16]) -> (Tensor, Tensor, Tensor) {
    if v.isShapelessZero { return (.zero, .zero, .zero) }
    precondition(v.shape == outputShape, "convolved: a cotangent of shape \(v.shape) for a result of shape \(outputShape)")
    guard case .single(let v) = v.buffer else { preconditionFailure("convolved: a cotangent of another precision than its maps") }
    var (dw1, dw2): ([Float], [Float]) = ([], [])
    let count = shapes.x.reduce(1, *)
    let dx = [Float](unsafeUninitializedCapacity: count) { dx, filled in
      dw1 = [Float](unsafeUninitializedCapacity: first.count) { dw1, filled in
        dw2 = [Float](unsafeUninitializedCapacity: second.count) { dw2, filled in
          kernels.pullback(
            first, second, kept: lines, v, dx: dx.baseAddress!, dw1: dw1.baseAddress!, dw2: dw2.baseAddress!)
          filled = second.count
        }
        filled = first.count
      }
      filled = count
    }
    return (
      Tensor(shape: shapes.x, buffer: .single(dx)), Tensor(shape: shapes.first, buffer: .single(dw1)),
      Tensor(shape: shapes.second, buffer: .single(dw2))
    )
  }
}

private func output(
  _ x: Tensor, _ weight: Tensor, _ bias: Tensor, rectified: Bool, pieces: Int, threshold: Double? = nil
) -> Tensor {
  if x.isShapelessZero || weight.isShapelessZero { return .zero }
  let layer = layer(x, weight, pieces, .current)
  precondition(
    bias.isShapelessZero || bias.shape == [layer.outputChannels],
    "convolved: a bias \(bias.shape) for \(layer.outputChannels) channels")
  func run<S: Scalar>(_ x: [S], _ w: [S], _ b: [S]?) -> [S] {
    [S](unsafeUninitializedCapacity: layer.outputCount) { out, filled in
      if layer.outputCount > 0 {
        if let b {
          layer.forward(x, w, bias: b, rectified: rectified, into: out.baseAddress!)
        } else if let threshold {
          layer.forward(x, w, softThreshold: S(threshold), into: out.baseAddress!)
        } else {
          layer.forward(x, w, rectified: rectified, into: out.baseAddress!)
        }
      }
      filled = layer.outputCount
    }
  }
  let shape = Array(x.shape.dropLast()) + [layer.outputChannels]
  switch (x.buffer, weight.buffer, bias.buffer) {
  case (.single(let x), .single(let w), .zero): return Tensor(shape: shape, buffer: .single(run(x, w, nil)))
  case (.single(let x), .single(let w), .single(let b)): return Tensor(shape: shape, buffer: .single(run(x, w, b)))
  case (.double(let x), .double(let w), .zero): return Tensor(shape: shape, buffer: .double(run(x, w, nil)))
  case (.double(let x), .double(let w), .double(let b)): return Tensor(shape: shape, buffer: .double(run(x, w, b)))
  default: preconditionFailure("convolved: tensors of single and of double precision")
  }
}

@derivative(of: convolved(_:_:rectified:pieces:), wrt: (x, weight)) @usableFromInline
func _vjpConvolved(
  _ x: Tensor, _ weight: Tensor, rectified: Bool, pieces: Int
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  let y = convolved(x, weight, rectified: rectified, pieces: pieces)
  let mask = rectified ? y : .zero
  let arithmetic = Arithmetic.current
  return (
    y,
    { v in
      let d = pullback(x, weight, mask, v, bias: false, pieces: pieces, arithmetic)
      return (d.0, d.1)
    }
  )
}

@derivative(of: convolved(_:_:adding:rectified:), wrt: (x, weight, bias)) @usableFromInline
func _vjpConvolvedBiased(
  _ x: Tensor, _ weight: Tensor, adding bias: Tensor, rectified: Bool
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  let y = convolved(x, weight, adding: bias, rectified: rectified)
  let mask = rectified ? y : .zero
  let arithmetic = Arithmetic.current
  return (y, { v in pullback(x, weight, mask, v, bias: !bias.isShapelessZero, pieces: 1, arithmetic) })
}

private func layer(_ x: Tensor, _ weight: Tensor, _ pieces: Int, _ arithmetic: Arithmetic) -> ChannelsLastConvolution {
  layer(x.shape, weight, pieces, arithmetic)
}

private func layer(_ x: [Int], _ weight: Tensor, _ pieces: Int, _ arithmetic: Arithmetic) -> ChannelsLastConvolution {
  precondition(
    x.count == 4 && weight.shape.count == 4 && x[3] == weight.shape[1] && weight.shape[2...] == [3, 3],
    "convolved: maps of shape \(x) against weights of shape \(weight.shape); expected [batch, h, w, in] and [out, in, 3, 3]")
  var layer = ChannelsLastConvolution(
    batch: x[0], height: x[1], width: x[2], inputChannels: x[3], outputChannels: weight.shape[0], pieces: pieces)
  layer.arithmetic = arithmetic
  return layer
}

/// dx, dw and, if asked for, db; `mask` is the rectified result, or `.zero` for none.
private func pullback(
  _ x: Tensor, _ weight: Tensor, _ mask: Tensor, _ v: Tensor, bias: Bool, pieces: Int, _ arithmetic: Arithmetic
) -> (Tensor, Tensor, Tensor) {
  if x.isShapelessZero || v.isShapelessZero || weight.isShapelessZero { return (.zero, .zero, .zero) }
  let layer = layer(x, weight, pieces, arithmetic)
  precondition(v.count == layer.outputCount, "convolved: a cotangent of shape \(v.shape) for maps of shape \(x.shape)")
  func run<S: Scalar>(_ x: [S], _ w: [S], _ y: UnsafePointer<S>?, _ v: [S]) -> (dx: [S], dw: [S], db: [S]) {
    var (dw, db): ([S], [S]) = ([], Array(repeating: 0, count: bias ? layer.outputChannels : 0))
    let dx = [S](unsafeUninitializedCapacity: layer.inputCount) { dx, filled in
      dw = [S](unsafeUninitializedCapacity: layer.weightCount) { dw, filled in
        if layer.inputCount > 0, layer.outputCount > 0 {
          if bias {
            layer.pullback(x, w, rectified: y, v, dx: dx.baseAddress!, dw: dw.baseAddress!, db: &db)
          } else {
            layer.pullback(x, w, rectified: y, v, dx: dx.baseAddress!, dw: dw.baseAddress!)
          }
        } else {
          dw.initialize(repeating: 0)
        }
        filled = layer.weightCount
      }
      filled = layer.inputCount
    }
    return (dx, dw, db)
  }
  switch (x.buffer, weight.buffer, mask.buffer, v.buffer) {
  case (.single(let x0), .single(let w), .zero, .single(let v)): return tensors(run(x0, w, nil, v))
  case (.single(let x0), .single(let w), .single(let y), .single(let v)): return tensors(run(x0, w, y, v))
  case (.double(let x0), .double(let w), .zero, .double(let v)): return tensors(run(x0, w, nil, v))
  case (.double(let x0), .double(let w), .double(let y), .double(let v)): return tensors(run(x0, w, y, v))
  default: preconditionFailure("convolved: tensors of single and of double precision")
  }
  func tensors(_ d: (dx: [Float], dw: [Float], db: [Float])) -> (Tensor, Tensor, Tensor) {
    (
      Tensor(shape: x.shape, buffer: .single(d.dx)), Tensor(shape: weight.shape, buffer: .single(d.dw)),
      bias ? Tensor(shape: [d.db.count], buffer: .single(d.db)) : .zero
    )
  }
  func tensors(_ d: (dx: [Double], dw: [Double], db: [Double])) -> (Tensor, Tensor, Tensor) {
    (
      Tensor(shape: x.shape, buffer: .double(d.dx)), Tensor(shape: weight.shape, buffer: .double(d.dw)),
      bias ? Tensor(shape: [d.db.count], buffer: .double(d.db)) : .zero
    )
  }
}
