// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Channel 0 of maps `[batch, h, w, c]`, as `[batch, h, w]`; `.zero` of `.zero`.
@differentiable(reverse)
public func firstChannel(_ x: Tensor) -> Tensor {
  if x.isShapelessZero { return x }
  precondition(x.shape.count == 4 && x.width > 0, "firstChannel of \(x.shape); expected maps [batch, h, w, c]")
  let (rows, channels) = (x.rowCount, x.width)
  func run<S: Scalar>(_ x: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: rows) { out, filled in
      if rows > 0 { ChannelCopies.first(x, channels: channels, into: out.baseAddress!, rows: rows) }
      filled = rows
    }
  }
  let shape = Array(x.shape.dropLast())
  switch x.buffer {
  case .zero: return x
  case .single(let v): return Tensor(shape: shape, buffer: .single(run(v)))
  case .double(let v): return Tensor(shape: shape, buffer: .double(run(v)))
  }
}

@derivative(of: firstChannel) @usableFromInline
func _vjpFirstChannel(_ x: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (
    firstChannel(x),
    { v in
      if v.isShapelessZero || x.isShapelessZero { return .zero }
      return replacingFirstChannel(of: .zeros(x.shape, precision: x.precision), with: v)
    }
  )
}

/// Maps `[batch, h, w, c]` with `r`, `[batch, h, w]`, in the place of channel 0.
///
/// - Parameters: both of one precision; `x` may be `.zero` only where `r` is.
@differentiable(reverse)
public func replacingFirstChannel(of x: Tensor, with r: Tensor) -> Tensor {
  var maps = x
  maps.setFirstChannel(r)
  return maps
}

@derivative(of: replacingFirstChannel) @usableFromInline
func _vjpReplacingFirstChannel(of x: Tensor, with r: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
  (
    replacingFirstChannel(of: x, with: r),
    { v in
      if v.isShapelessZero { return (.zero, .zero) }
      return (replacingFirstChannel(of: v, with: .zeros(Array(v.shape.dropLast()), precision: v.precision)), firstChannel(v))
    }
  )
}

extension Tensor {
  /// Puts `r`, `[batch, h, w]`, in the place of channel 0 of these maps, `[batch, h, w, c]`; in place where they are shared with nobody.
  public mutating func setFirstChannel(_ r: Tensor) {
    if isShapelessZero && r.isShapelessZero { return }
    let values =
      r.isShapelessZero ? .zeros(Array(shape.dropLast()), precision: precision) : r
    precondition(
      shape.count == 4 && Array(shape.dropLast()) == values.shape, "channel 0 of maps \(shape) replaced by \(values.shape)")
    let (rows, channels) = (rowCount, width)
    func set<S: Scalar>(_ r: [S], in x: inout [S]) {
      x.withUnsafeMutableBufferPointer { x in
        if rows > 0 { ChannelCopies.setFirst(r, of: x.baseAddress!, channels: channels, rows: rows) }
      }
    }
    if case .single(let r) = values.buffer, var x = takeSingle() {
      set(r, in: &x)
      buffer = .single(x)
    } else if case .double(let r) = values.buffer, var x = takeDouble() {
      set(r, in: &x)
      buffer = .double(x)
    } else {
      preconditionFailure("channel 0 replaced: tensors of single and of double precision")
    }
  }
}

/// Maps of two channels, `[batch, h, w, 2]`: an image `[batch, h, w]` and a constant.
@differentiable(reverse,wrt: x)
public func besideConstant(_ x: Tensor, _ value: Double) -> Tensor {
  if x.isShapelessZero { return x }
  let rows = x.count
  func run<S: Scalar>(_ x: [S], _ value: S) -> [S] {
    [S](unsafeUninitializedCapacity: 2 * rows) { out, filled in
      if rows > 0 { ChannelCopies.beside(x, value, into: out.baseAddress!, rows: rows) }
      filled = 2 * rows
    }
  }
  switch x.buffer {
  case .zero: return x
  case .single(let v): return Tensor(shape: x.shape + [2], buffer: .single(run(v, Float(value))))
  case .double(let v): return Tensor(shape: x.shape + [2], buffer: .double(run(v, value)))
  }
}

@derivative(of: besideConstant, wrt: x) @usableFromInline
func _vjpBesideConstant(_ x: Tensor, _ value: Double) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (besideConstant(x, value), { v in firstChannel(v) })
}

/// Soft thresholding of maps `[batch, h, w, c]` by a multiple of every channel's mean:
///
/// θ_b,c = t · mean over h, w of f_b,h,w,c;   y = sign(f) max(|f| − θ_b,c, 0)
///
/// - Parameter scale: t. A θ may be negative, as the mean is: then y = sign(f) (|f| + |θ|), no clamp.
/// - Note: means are taken in double precision. Where y is 0, the derivative of the threshold is taken as 0. Source: Song & Chen,
///   SODAS-Net.
@differentiable(reverse)
public func meanSoftThreshold(_ f: Tensor, scale: Double) -> Tensor {
  if f.isShapelessZero { return f }
  return samples(of: f) { f in softThreshold(f, thresholds: scale * channelMeans(f)) }
}

@derivative(of: meanSoftThreshold) @usableFromInline
func _vjpMeanSoftThreshold(_ f: Tensor, scale: Double) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Double)) {
  let y = meanSoftThreshold(f, scale: scale)
  return (
    y,
    { v in
      if v.isShapelessZero || f.isShapelessZero { return (.zero, 0) }
      var slope = 0.0
      var parts: [Tensor] = []
      for b in 0..<f.shape[0] {
        let (f, y, v) = f.shape[0] == 1 ? (f, y, v) : (f.rows(b..<b + 1), y.rows(b..<b + 1), v.rows(b..<b + 1))
        let (df, thresholds) = softThresholdsPullback(y, v)
        slope += thresholds.inner(channelMeans(f))
        parts.append(addingRow((scale / Double(f.rowCount)) * thresholds, to: df))
      }
      return (parts.count == 1 ? parts[0] : .concatenated(parts), slope)
    }
  )
}

private func samples(of f: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
  precondition(f.shape.count == 4, "maps of shape \(f.shape); expected [batch, h, w, c]")
  return f.shape[0] == 1 ? body(f) : .concatenated((0..<f.shape[0]).map { body(f.rows($0..<$0 + 1)) })
}

/// The mean of every channel over all rows, `[c]`.
private func channelMeans(_ f: Tensor) -> Tensor {
  let channels = ChannelRows(rows: f.rowCount, channels: f.width)
  let sums: [Double]
  switch f.buffer {
  case .zero: return .zero
  case .single(let v): sums = channels.sums(v)
  case .double(let v): sums = channels.sums(v)
  }
  return Tensor(sums.prefix(f.width).map { $0 / Double(max(f.rowCount, 1)) }, precision: f.precision)
}

/// `row`, `[c]`, added to every row of `f`.
private func addingRow(_ row: Tensor, to f: Tensor) -> Tensor {
  let channels = ChannelRows(rows: f.rowCount, channels: f.width)
  func run<S: Scalar>(_ f: [S], _ row: [S]) -> [S] {
    Tensor.write(f) { f, out, _ in
      channels.affine(f, scale: Array(repeating: 1, count: row.count), shift: row, rectified: false, into: out)
    }
  }
  switch (f.buffer, row.buffer) {
  case (.single(let v), .single(let r)): return Tensor(shape: f.shape, buffer: .single(run(v, r)))
  case (.double(let v), .double(let r)): return Tensor(shape: f.shape, buffer: .double(run(v, r)))
  default: return f
  }
}

/// Filters `[c + 1, 1, 3, 3]` of which the first lets its input through and the others are `K`, `[c, 1, 3, 3]`.
@differentiable(reverse)
public func filtersAfterIdentity(_ K: Tensor) -> Tensor {
  precondition(K.shape.dropFirst() == [1, 3, 3], "filters of shape \(K.shape); expected [c, 1, 3, 3]")
  return .concatenated([Tensor([0, 0, 0, 0, 1, 0, 0, 0, 0], shape: [1, 1, 3, 3], precision: K.precision), K])
}

@derivative(of: filtersAfterIdentity) @usableFromInline
func _vjpFiltersAfterIdentity(_ K: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (filtersAfterIdentity(K), { v in v.isShapelessZero ? .zero : v.rows(1..<v.shape[0]) })
}

/// (0, b_1, …, b_c): a bias that begins with none.
@differentiable(reverse)
public func afterZero(_ b: Tensor) -> Tensor { .concatenated([.zeros([1], precision: b.precision), b]) }

@derivative(of: afterZero) @usableFromInline
func _vjpAfterZero(_ b: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) {
  (afterZero(b), { v in v.isShapelessZero ? .zero : v.rows(1..<v.shape[0]) })
}
