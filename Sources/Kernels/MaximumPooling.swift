// SPDX-License-Identifier: Apache-2.0
import CKernels

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
      let (x, y) = (x.pointer + b * inputSize, y.pointer + b * outputSize)
      if let x = single(x), let y = single(y) {
        ck_maximum_pool_f32(x, y, Int64(height), Int64(width), Int64(channels))
      } else {
        ck_maximum_pool_f64(double(x), double(y), Int64(height), Int64(width), Int64(channels))
      }
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
      if let x = single(x), let y = single(y), let v = single(v), let dx = single(dx) {
        ck_maximum_pool_pullback_f32(x, y, v, dx, Int64(height), Int64(width), Int64(channels))
      } else {
        ck_maximum_pool_pullback_f64(
          double(x), double(y), double(v), double(dx), Int64(height), Int64(width), Int64(channels))
      }
    }
  }
}
