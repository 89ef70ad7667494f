// SPDX-License-Identifier: Apache-2.0

/// The maxima of 2 × 2 pixels, channel by channel, of maps `[batch, height, width, channels]` with even sides.
public struct MaximumPooling: Sendable {
  public let batch: Int
  public let height: Int
  public let width: Int
  public let channels: Int

  /// Stops when a side is odd.
  public init(batch: Int, height: Int, width: Int, channels: Int) {
    precondition(
      height % 2 == 0 && width % 2 == 0, "pooling: maps of \(height) × \(width); expected even sides: pad them with zeros")
    (self.batch, self.height, self.width, self.channels) = (batch, height, width, channels)
  }

  private var inputSize: Int { height * width * channels }
  private var outputSize: Int { height / 2 * (width / 2) * channels }

  public func forward<S: Scalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>) {
    let (x, y) = (Shared(x), SharedMutable(y))
    Parallel.forEach(batch) { b in
      S.maximumPool(x.pointer + b * inputSize, y.pointer + b * outputSize, height, width, channels)
    }
  }

  /// dx at a cotangent v, given y = max x: the first of equal maxima, row by row, takes it.
  public func pullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ y: UnsafePointer<S>, _ v: UnsafePointer<S>, into dx: UnsafeMutablePointer<S>
  ) {
    let (x, y, v, dx) = (Shared(x), Shared(y), Shared(v), SharedMutable(dx))
    Parallel.forEach(batch) { b in
      let (x, dx) = (x.pointer + b * inputSize, dx.pointer + b * inputSize)
      let (y, v) = (y.pointer + b * outputSize, v.pointer + b * outputSize)
      S.maximumPoolPullback(x, y, v, dx, height, width, channels)
    }
  }
}
