// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import _Differentiation

/// Mean and variance of every channel of maps, over samples and pixels.
public struct ChannelStatistics: Sendable, Equatable {
  public var mean: [Double]
  /// Σ (x − mean)² / count.
  public var variance: [Double]
  /// Numbers of a channel.
  public var count: Int

  /// Of maps `[batch, h, w, channel]`.
  public init(of x: Tensor) {
    let rows = channelRows(x)
    precondition(rows.rows > 0, "statistics of maps of shape \(x.shape); expected at least one pixel")
    let sums =
      switch x.buffer {
      case .zero: [Double]()
      case .single(let v): rows.sums(v)
      case .double(let v): rows.sums(v)
      }
    let (c, n) = (rows.channels, Double(rows.rows))
    count = rows.rows
    mean = (0..<c).map { sums[$0] / n }
    variance = (0..<c).map { [mean] in max(0, sums[c + $0] / n - mean[$0] * mean[$0]) }
  }
}

/// Collects the statistics that batch normalisations compute, in their order.
public final class StatisticsObserver: @unchecked Sendable {
  private let lock = Lock()
  private var found: [ChannelStatistics] = []

  public init() {}

  public var statistics: [ChannelStatistics] { lock.withLock { found } }
  func add(_ statistics: ChannelStatistics) { lock.withLock { found.append(statistics) } }
}

/// Batch normalisation of maps by their own statistics, and a rectifier if asked for:
///
///     y = weight_c (x − μ_c) / √(σ_c² + ε) + bias_c;   with `rectified`, max(y, 0)
///
/// μ and σ² the mean and the (biased) variance of channel c over samples and pixels; the derivative is taken through them. Samples
/// of a batch depend on each other. Source: Ioffe & Szegedy (2015), algorithm 1.
/// - Parameters: `x` of shape `[batch, h, w, channel]`, or `.zero`, for which the result is `.zero`; `weight` and `bias` of shape
///   `[channel]` and of `x`'s precision; `observer` is given the statistics.
/// - Note: where the rectified result is 0, its derivative is taken as 0. The same bytes for any number of threads.
@differentiable(reverse,wrt: (x, weight, bias))
public func batchNormalised(
  _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double = 1e-5, rectified: Bool = false, observer: StatisticsObserver? = nil
) -> Tensor {
  if x.isShapelessZero { return .zero }
  let statistics = ChannelStatistics(of: x)
  observer?.add(statistics)
  return ChannelMap(statistics, weight, bias, epsilon, rectified, of: x)(x)
}

@derivative(of: batchNormalised, wrt: (x, weight, bias)) @usableFromInline
func _vjpBatchNormalised(
  _ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, rectified: Bool, observer: StatisticsObserver?
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  if x.isShapelessZero { return (.zero, { _ in (.zero, .zero, .zero) }) }
  let statistics = ChannelStatistics(of: x)
  observer?.add(statistics)
  let map = ChannelMap(statistics, weight, bias, epsilon, rectified, of: x)
  return (map(x), { v in map.pullback(x, v, throughStatistics: true) })
}

/// The normalisation of ``batchNormalised(_:weight:bias:epsilon:rectified:observer:)`` by given statistics: that of a trained network.
///
/// - Parameters: `mean` μ and `variance` σ², `[channel]`; fixed.
@differentiable(reverse,wrt: (x, weight, bias))
public func normalised(
  _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, epsilon: Double = 1e-5, rectified: Bool = false
) -> Tensor {
  if x.isShapelessZero { return .zero }
  return ChannelMap(ChannelStatistics(mean, variance), weight, bias, epsilon, rectified, of: x)(x)
}

@derivative(of: normalised, wrt: (x, weight, bias)) @usableFromInline
func _vjpNormalised(
  _ x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, rectified: Bool
) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor, Tensor)) {
  if x.isShapelessZero { return (.zero, { _ in (.zero, .zero, .zero) }) }
  let map = ChannelMap(ChannelStatistics(mean, variance), weight, bias, epsilon, rectified, of: x)
  return (map(x), { v in map.pullback(x, v, throughStatistics: false) })
}

extension ChannelStatistics {
  fileprivate init(_ mean: Tensor, _ variance: Tensor) {
    (self.mean, self.variance, count) = (mean.doubles, variance.doubles, 0)
  }
}

private func channelRows(_ x: Tensor) -> ChannelRows {
  precondition(x.shape.count == 4, "maps of shape \(x.shape); expected [batch, h, w, channel]")
  return ChannelRows(rows: x.rowCount, channels: x.width)
}

/// y = x · scale + shift channel by channel, scale = weight / √(σ² + ε) and shift = bias − μ scale, and max(y, 0) if `rectified`.
private struct ChannelMap {
  let rows: ChannelRows
  let mean: [Double]
  /// 1 / √(σ² + ε).
  let inverse: [Double]
  let weight: [Double]
  let scale: [Double]
  let shift: [Double]
  let isRectified: Bool

  init(
    _ statistics: ChannelStatistics, _ weight: Tensor, _ bias: Tensor, _ epsilon: Double, _ rectified: Bool, of x: Tensor
  ) {
    rows = channelRows(x)
    let c = rows.channels
    precondition(
      weight.shape == [c] && bias.shape == [c] && statistics.mean.count == c && statistics.variance.count == c,
      "normalisation: weight \(weight.shape), bias \(bias.shape) and \(statistics.mean.count) means for maps of shape \(x.shape)")
    precondition(
      weight.precision == x.precision && bias.precision == x.precision, "normalisation: tensors of single and of double precision")
    let (w, b) = (weight.doubles, bias.doubles)
    let inverse = statistics.variance.map { 1 / ($0 + epsilon).squareRoot() }
    let scale = (0..<c).map { w[$0] * inverse[$0] }
    (self.weight, self.inverse, self.scale, mean, isRectified) = (w, inverse, scale, statistics.mean, rectified)
    shift = (0..<c).map { b[$0] - statistics.mean[$0] * scale[$0] }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    func run<S: Scalar>(_ x: UnsafePointer<S>, _ y: UnsafeMutablePointer<S>) {
      rows.affine(x, scale: scale.map { S($0) }, shift: shift.map { S($0) }, rectified: isRectified, into: y)
    }
    return x.withNewResult({ x, y, _ in run(x, y) }, { x, y, _ in run(x, y) })
  }

  /// dx, dweight and dbias. With G = Σ g and P = Σ g x, n numbers a channel and r = 1 / √(σ² + ε):
  ///
  ///     dbias = G;   dweight = r (P − μ G);   dx = weight r (g − [G + (x − μ) r dweight] / n)
  ///
  /// the bracket only through the statistics.
  func pullback(_ x: Tensor, _ v: Tensor, throughStatistics: Bool) -> (Tensor, Tensor, Tensor) {
    if v.isShapelessZero { return (.zero, .zero, .zero) }
    let (c, n) = (rows.channels, Double(rows.rows))
    func products<S: Scalar>(_ x: [S], _ v: [S]) -> [Double] {
      rows.products(x, v, scale: scale.map { S($0) }, shift: shift.map { S($0) }, rectified: isRectified)
    }
    let sums =
      switch (x.buffer, v.buffer) {
      case (.single(let x), .single(let v)): products(x, v)
      case (.double(let x), .double(let v)): products(x, v)
      default: preconditionFailure("normalisation: tensors of single and of double precision")
      }
    let gain = (0..<c).map { inverse[$0] * (sums[c + $0] - mean[$0] * sums[$0]) }
    var (slopes, offsets) = ([Double](repeating: 0, count: c), [Double](repeating: 0, count: c))
    if throughStatistics {
      for j in 0..<c {
        slopes[j] = -scale[j] * inverse[j] * gain[j] / n
        offsets[j] = -scale[j] * sums[j] / n - mean[j] * slopes[j]
      }
    }
    func run<S: Scalar>(_ x: UnsafePointer<S>, _ v: UnsafePointer<S>, _ dx: UnsafeMutablePointer<S>) {
      rows.pullback(
        x, v, scale: scale.map { S($0) }, shift: shift.map { S($0) }, rectified: isRectified, factors: scale.map { S($0) },
        slopes: slopes.map { S($0) }, offsets: offsets.map { S($0) }, into: dx)
    }
    let dx = x.withNewResult("normalisation", v, { x, v, dx, _ in run(x, v, dx) }, { x, v, dx, _ in run(x, v, dx) })
    return (
      dx, Tensor(gain, shape: [c], precision: x.precision), Tensor(Array(sums[..<c]), shape: [c], precision: x.precision)
    )
  }
}
