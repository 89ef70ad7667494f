// SPDX-License-Identifier: Apache-2.0

/// Rows of `channels` numbers, one row a pixel: channels-last maps to what treats every channel by itself.
///
/// Rows are cut into pieces by size alone, spread over the threads; sums of the pieces are added in order.
public struct ChannelRows: Sendable {
  public let rows: Int
  public let channels: Int

  public init(rows: Int, channels: Int) { (self.rows, self.channels) = (rows, channels) }

  private var pieces: RowPieces { RowPieces(rows: rows, width: channels) }

  /// Σ x and then Σ x² of every channel, in double precision.
  public func sums<S: Scalar>(_ x: UnsafePointer<S>) -> [Double] {
    let x = Shared(x)
    return total { rows, sums in
      S.channelSums(x.pointer + rows.lowerBound * channels, sums, rows.count, channels)
    }
  }

  /// x · scale + shift, channel by channel; with `rectified`, at least 0.
  public func affine<S: Scalar>(_ x: UnsafePointer<S>, scale: [S], shift: [S], rectified: Bool, into y: UnsafeMutablePointer<S>) {
    let (x, y, relu) = (Shared(x), SharedMutable(y), Int32(rectified ? 1 : 0))
    pieces.forEach { rows in
      let (x, y) = (x.pointer + rows.lowerBound * channels, y.pointer + rows.lowerBound * channels)
      S.channelAffine(x, scale, shift, y, rows.count, channels, relu)
    }
  }

  /// Σ g and then Σ g x of every channel; g is v, with `rectified` only where x · scale + shift is positive.
  public func products<S: Scalar>(
    _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, scale: [S], shift: [S], rectified: Bool
  ) -> [Double] {
    let (x, v, relu) = (Shared(x), Shared(v), Int32(rectified ? 1 : 0))
    return total { rows, sums in
      let (x, v) = (x.pointer + rows.lowerBound * channels, v.pointer + rows.lowerBound * channels)
      S.channelProducts(x, v, scale, shift, sums, rows.count, channels, relu)
    }
  }

  /// dx = factors · g + slopes · x + offsets, g as in ``products(_:_:scale:shift:rectified:)``.
  public func pullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, scale: [S], shift: [S], rectified: Bool, factors: [S], slopes: [S], offsets: [S],
    into dx: UnsafeMutablePointer<S>
  ) {
    let (x, v, dx, relu) = (Shared(x), Shared(v), SharedMutable(dx), Int32(rectified ? 1 : 0))
    pieces.forEach { rows in
      let at = rows.lowerBound * channels
      S.channelPullback(
        x.pointer + at, v.pointer + at, scale, shift, factors, slopes, offsets, dx.pointer + at, rows.count, channels, relu)
    }
  }

  /// Two sums a channel, the pieces' added in order.
  private func total(_ body: @Sendable (Range<Int>, UnsafeMutablePointer<Double>) -> Void) -> [Double] {
    let parts = pieces.map { rows in
      var sums = [Double](repeating: 0, count: 2 * channels)
      sums.withUnsafeMutableBufferPointer { if let sums = $0.baseAddress { body(rows, sums) } }
      return sums
    }
    return parts.reduce(into: [Double](repeating: 0, count: 2 * channels)) { total, part in
      for j in part.indices { total[j] += part[j] }
    }
  }
}

/// Rows, elements, tiles or samples cut into pieces of one size, the last of which may be smaller, spread over the threads.
public struct RowPieces: Sendable {
  private let rows: Int
  private let size: Int

  /// Pieces of `size` rows.
  public init(rows: Int, size: Int) { (self.rows, self.size) = (rows, size) }
  /// Pieces of about 65 536 numbers.
  init(rows: Int, width: Int) { self.init(rows: rows, size: max(1, 65_536 / max(width, 1))) }

  private func range(_ i: Int) -> Range<Int> { i * size..<min((i + 1) * size, rows) }
  private var count: Int { (rows + size - 1) / size }

  public func forEach(_ body: @Sendable (Range<Int>) -> Void) { Parallel.forEach(count) { body(range($0)) } }
  public func map<Result: Sendable>(_ body: @Sendable (Range<Int>) -> Result) -> [Result] {
    Parallel.map(count) { body(range($0)) }
  }
}

/// Runs of numbers copied from rows of one length to rows of another: what joins, parts, pads and crops.
public enum StridedRows {
  /// Copies `count` numbers of each of `rows` rows; rows begin `fromStride` and `toStride` numbers apart.
  public static func copy<S: Scalar>(
    rows: Int, count: Int, from: UnsafePointer<S>, _ fromStride: Int, to: UnsafeMutablePointer<S>, _ toStride: Int
  ) {
    let (from, to, bytes) = (Shared(from), SharedMutable(to), count * MemoryLayout<S>.stride)
    if bytes == 0 { return }
    RowPieces(rows: rows, width: max(fromStride, toStride)).forEach { rows in
      for i in rows {
        UnsafeMutableRawPointer(to.pointer + i * toStride).copyMemory(from: from.pointer + i * fromStride, byteCount: bytes)
      }
    }
  }
}
