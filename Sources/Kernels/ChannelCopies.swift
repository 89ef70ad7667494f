// SPDX-License-Identifier: Apache-2.0

/// Channels of channels-last maps: rows of `channels` numbers, one row a pixel.
public enum ChannelCopies {
  /// y_p = x_p,0.
  public static func first<S: Scalar>(
    _ x: UnsafePointer<S>, channels: Int, into y: UnsafeMutablePointer<S>, rows: Int
  ) {
    for p in 0..<rows { y[p] = x[p &* channels] }
  }

  /// x_p,0 = y_p.
  public static func setFirst<S: Scalar>(
    _ y: UnsafePointer<S>, of x: UnsafeMutablePointer<S>, channels: Int, rows: Int
  ) {
    for p in 0..<rows { x[p &* channels] = y[p] }
  }

  /// x_p = (y_p, value).
  public static func beside<S: Scalar>(_ y: UnsafePointer<S>, _ value: S, into x: UnsafeMutablePointer<S>, rows: Int) {
    for p in 0..<rows { (x[2 &* p], x[2 &* p &+ 1]) = (y[p], value) }
  }

  /// The first channels of `x`, or all of them and zeros, in rows of `width`.
  public static func resize<S: Scalar>(
    _ x: UnsafePointer<S>, _ channels: Int, into y: UnsafeMutablePointer<S>, _ width: Int, rows: Int
  ) {
    let kept = min(channels, width)
    if kept < width { y.update(repeating: 0, count: rows * width) }
    for p in 0..<rows {
      let (from, to) = (x + p &* channels, y + p &* width)
      for c in 0..<kept { to[c] = from[c] }
    }
  }
}
