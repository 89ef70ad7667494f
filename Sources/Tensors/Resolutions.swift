// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

// What changes the sides or the channels of channels-last maps: the steps between the resolutions of a U-Net.

/// The maxima of 2 × 2 pixels, channel by channel.
///
/// - Parameter x: `[batch, h, w, channel]`, h and w even, or `.zero`.
/// - Returns: `[batch, h/2, w/2, channel]`.
/// - Note: the first of equal maxima, row by row, takes the derivative.
@differentiable(reverse)
public func maximumPooled(_ x: Tensor) -> Tensor {
  if x.isShapelessZero { return .zero }
  let pooling = pooling(x)
  let (h, w, c) = (x.shape[1], x.shape[2], x.shape[3])
  return x.mapped(
    from: [h, w, c], to: [h / 2, w / 2, c], single: { x, y, _ in pooling.forward(x, into: y) },
    double: { x, y, _ in pooling.forward(x, into: y) })
}

@derivative(of: maximumPooled) @usableFromInline
func _vjpMaximumPooled(_ x: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let y = maximumPooled(x)
  return (
    y,
    { v in
      if v.isShapelessZero { return .zero }
      precondition(v.shape == y.shape, "pooling: a cotangent of shape \(v.shape); expected \(y.shape)")
      let pooling = pooling(x)
      switch (y.buffer, v.buffer) {
      case (.single(let y), .single(let v)):
        return x.withNewResult(
          { x, dx, _ in pooling.pullback(x, y, v, into: dx) }, { _, _, _ in preconditionFailure("pooling: two precisions") })
      case (.double(let y), .double(let v)):
        return x.withNewResult(
          { _, _, _ in preconditionFailure("pooling: two precisions") }, { x, dx, _ in pooling.pullback(x, y, v, into: dx) })
      default: preconditionFailure("pooling: tensors of single and of double precision")
      }
    }
  )
}

private func pooling(_ x: Tensor) -> MaximumPooling {
  precondition(x.shape.count == 4, "pooling: maps of shape \(x.shape); expected [batch, h, w, channel]")
  return MaximumPooling(batch: x.shape[0], height: x.shape[1], width: x.shape[2], channels: x.shape[3])
}

/// The transposed convolution by 2 × 2 filters with stride 2:
///
///     y[b, 2i + k, 2j + l, o] = bias[o] + Σ_c w[c, o, k, l] x[b, i, j, c]
///
/// - Parameters: `x` of shape `[batch, h, w, in]`, or `.zero`, for which the result is `.zero`; `weight` `[in, out, 2, 2]` and `bias`
///   `[out]`, of `x`'s precision.
/// - Returns: `[batch, 2h, 2w, out]`.
@differentiable(reverse,wrt: (x, weight, bias))
public func transposedConvolved(_ x: Tensor, _ weight: Tensor, adding bias: Tensor) -> Tensor {
  if x.isShapelessZero { return .zero }
  let layer = transposedConvolution(x, weight, bias)
  func run<S: Scalar>(_ x: [S], _ w: [S], _ b: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: layer.outputCount) { y, filled in
      if layer.outputCount > 0 { layer.forward(x, w, bias: b, into: y.baseAddress!) }
      filled = layer.outputCount
    }
  }
  let shape = [x.shape[0], 2 * x.shape[1], 2 * x.shape[2], weight.shape[1]]
  switch (x.buffer, weight.buffer, bias.buffer) {
  case (.single(let x), .single(let w), .single(let b)): return Tensor(shape: shape, buffer: .single(run(x, w, b)))
  case (.double(let x), .double(let w), .double(let b)): return Tensor(shape: shape, buffer: .double(run(x, w, b)))
  default: preconditionFailure("transposed convolution: tensors of single and of double precision")
  }
}

@derivative(of: transposedConvolved, wrt: (x, weight, bias)) @usableFromInline
func _vjpTransposedConvolved(
  _ x: Tensor, _ weight: Tensor, adding bias: Tensor
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  let y = transposedConvolved(x, weight, adding: bias)
  return (
    y,
    { v in
      if x.isShapelessZero || v.isShapelessZero { return (.zero, .zero, .zero) }
      precondition(v.shape == y.shape, "transposed convolution: a cotangent of shape \(v.shape); expected \(y.shape)")
      let layer = transposedConvolution(x, weight, bias)
      func run<S: Scalar>(_ x: [S], _ w: [S], _ v: [S]) -> ([S], [S], [S]) {
        var (dw, db) = ([S](repeating: 0, count: layer.weightCount), [S](repeating: 0, count: layer.outputChannels))
        let dx = [S](unsafeUninitializedCapacity: layer.inputCount) { dx, filled in
          if layer.inputCount > 0 { layer.pullback(x, w, v, dx: dx.baseAddress!, dw: &dw, db: &db) }
          filled = layer.inputCount
        }
        return (dx, dw, db)
      }
      switch (x.buffer, weight.buffer, v.buffer) {
      case (.single(let x0), .single(let w), .single(let v)):
        let (dx, dw, db) = run(x0, w, v)
        return (Tensor(dx, shape: x.shape), Tensor(dw, shape: weight.shape), Tensor(db, shape: bias.shape))
      case (.double(let x0), .double(let w), .double(let v)):
        let (dx, dw, db) = run(x0, w, v)
        return (Tensor(dx, shape: x.shape), Tensor(dw, shape: weight.shape), Tensor(db, shape: bias.shape))
      default: preconditionFailure("transposed convolution: tensors of single and of double precision")
      }
    }
  )
}

private func transposedConvolution(_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> TransposedConvolution {
  precondition(
    x.shape.count == 4 && weight.shape.count == 4 && x.shape[3] == weight.shape[0] && weight.shape[2...] == [2, 2]
      && bias.shape == [weight.shape[1]],
    "transposed convolution: maps \(x.shape), weights \(weight.shape), bias \(bias.shape); expected [batch, h, w, in], [in, out, 2, 2], [out]"
  )
  return TransposedConvolution(
    batch: x.shape[0], height: x.shape[1], width: x.shape[2], inputChannels: x.shape[3], outputChannels: weight.shape[1])
}

/// The channels of `a` and then those of `b`, pixel by pixel.
///
/// - Parameters: `a` of shape `[…, m]`, `b` of shape `[…, n]`, of one precision; neither is `.zero`.
/// - Returns: `[…, m + n]`.
@differentiable(reverse)
public func joinedChannels(_ a: Tensor, _ b: Tensor) -> Tensor {
  precondition(
    !a.shape.isEmpty && a.shape.dropLast() == b.shape.dropLast(), "joined channels: maps of shape \(a.shape) beside \(b.shape)")
  let (m, n, rows) = (a.width, b.width, a.shape.dropLast().reduce(1, *))
  func run<S: Scalar>(_ a: [S], _ b: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: rows * (m + n)) { y, filled in
      if let y = y.baseAddress {
        StridedRows.copy(rows: rows, count: m, from: a, m, to: y, m + n)
        StridedRows.copy(rows: rows, count: n, from: b, n, to: y + m, m + n)
      }
      filled = rows * (m + n)
    }
  }
  let shape = Array(a.shape.dropLast() + [m + n])
  switch (a.buffer, b.buffer) {
  case (.single(let a), .single(let b)): return Tensor(shape: shape, buffer: .single(run(a, b)))
  case (.double(let a), .double(let b)): return Tensor(shape: shape, buffer: .double(run(a, b)))
  default: preconditionFailure("joined channels: tensors of single and of double precision")
  }
}

@derivative(of: joinedChannels) @usableFromInline
func _vjpJoinedChannels(_ a: Tensor, _ b: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  let (m, n) = (a.width, b.width)
  return (joinedChannels(a, b), { v in (v.channels(0..<m), v.channels(m..<m + n)) })
}

extension Tensor {
  /// Channels `range` of the last axis.
  fileprivate func channels(_ range: Range<Int>) -> Tensor {
    if isShapelessZero { return self }
    let (c, rows) = (width, rowCount)
    func run<S: Scalar>(_ v: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: rows * range.count) { y, filled in
        v.withUnsafeBufferPointer { v in
          guard let v = v.baseAddress, let y = y.baseAddress else { return }
          StridedRows.copy(rows: rows, count: range.count, from: v + range.lowerBound, c, to: y, range.count)
        }
        filled = rows * range.count
      }
    }
    let shape = Array(shape.dropLast() + [range.count])
    return precision == .single ? Tensor(run(floats), shape: shape) : Tensor(run(doubles), shape: shape)
  }
}

/// Images with zeros below and to the right.
///
/// - Parameters: `x` of shape `[…, h, w]`, or `.zero`; `height` ≥ h and `width` ≥ w.
/// - Returns: `[…, height, width]`.
@differentiable(reverse,wrt: x)
public func padded(_ x: Tensor, height: Int, width: Int) -> Tensor { x.resized(height, width, growing: true) }

@derivative(of: padded, wrt: x) @usableFromInline
func _vjpPadded(_ x: Tensor, height: Int, width: Int) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let shape = x.shape
  return (
    padded(x, height: height, width: width),
    { v in v.isShapelessZero || shape.isEmpty ? .zero : cropped(v, height: shape[shape.count - 2], width: shape[shape.count - 1]) }
  )
}

/// The upper left part of images.
///
/// - Parameters: `x` of shape `[…, h, w]`, or `.zero`; `height` ≤ h and `width` ≤ w.
/// - Returns: `[…, height, width]`.
@differentiable(reverse,wrt: x)
public func cropped(_ x: Tensor, height: Int, width: Int) -> Tensor { x.resized(height, width, growing: false) }

@derivative(of: cropped, wrt: x) @usableFromInline
func _vjpCropped(_ x: Tensor, height: Int, width: Int) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let shape = x.shape
  return (
    cropped(x, height: height, width: width),
    { v in v.isShapelessZero || shape.isEmpty ? .zero : padded(v, height: shape[shape.count - 2], width: shape[shape.count - 1]) }
  )
}

extension Tensor {
  fileprivate func resized(_ height: Int, _ width: Int, growing: Bool) -> Tensor {
    if isShapelessZero { return self }
    precondition(shape.count >= 2, "a tensor of shape \(shape) holds no images")
    let (h, w) = (shape[shape.count - 2], shape[shape.count - 1])
    precondition(
      growing ? height >= h && width >= w : 0...h ~= height && 0...w ~= width,
      "images of \(h) × \(w) \(growing ? "padded" : "cropped") to \(height) × \(width)")
    if (h, w) == (height, width) { return self }
    func run<S: Scalar>(_ x: UnsafePointer<S>, _ y: UnsafeMutablePointer<S>, _ count: Int) {
      if growing { y.initialize(repeating: 0, count: count * height * width) }
      for i in 0..<count {
        StridedRows.copy(
          rows: min(h, height), count: min(w, width), from: x + i * h * w, w, to: y + i * height * width, width)
      }
    }
    return mapped(
      from: [h, w], to: [height, width], single: { x, y, count in run(x, y, count) },
      double: { x, y, count in run(x, y, count) })
  }
}

/// Some of the channels: `[…, m]` to `[…, range.count]`.
@differentiable(reverse,wrt: x)
public func channels(_ x: Tensor, _ range: Range<Int>) -> Tensor {
  precondition(!x.shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= x.width, "channels \(range) of \(x.shape)")
  return x.channels(range)
}

@derivative(of: channels, wrt: x) @usableFromInline
func _vjpChannels(_ x: Tensor, _ range: Range<Int>) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  let (shape, precision) = (x.shape, x.precision)
  return (
    channels(x, range),
    { v in
      func zeros(_ count: Int) -> Tensor { .zeros(shape.dropLast() + [count], precision: precision) }
      if v.isShapelessZero { return v }
      let after = range.upperBound < x.width ? joinedChannels(v, zeros(x.width - range.upperBound)) : v
      return range.lowerBound > 0 ? joinedChannels(zeros(range.lowerBound), after) : after
    }
  )
}
