// SPDX-License-Identifier: Apache-2.0

/// Element-wise work on large arrays, spread over idle threads in pieces of one size; small arrays are done at once. What is summed is
/// summed by pieces, in order: results do not depend on the threads.
public enum ElementPieces {
  /// Elements of a piece: some ten microseconds of work, enough to outweigh handing it to a thread.
  private static let size = 1 << 15

  /// out from a.
  public static func write<S>(
    _ a: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int,
    _ kernel: @Sendable (UnsafePointer<S>, UnsafeMutablePointer<S>, Int) -> Void
  ) {
    guard count >= 2 * size else { return kernel(a, out, count) }
    let (a, out) = (Shared(a), SharedMutable(out))
    pieces(count).forEach { kernel(a.pointer + $0.lowerBound, out.pointer + $0.lowerBound, $0.count) }
  }

  /// out from a and b.
  public static func write<S>(
    _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int,
    _ kernel: @Sendable (UnsafePointer<S>, UnsafePointer<S>, UnsafeMutablePointer<S>, Int) -> Void
  ) {
    guard count >= 2 * size else { return kernel(a, b, out, count) }
    let (a, b, out) = (Shared(a), Shared(b), SharedMutable(out))
    pieces(count).forEach { kernel(a.pointer + $0.lowerBound, b.pointer + $0.lowerBound, out.pointer + $0.lowerBound, $0.count) }
  }

  /// out from a and b, and the sum of what the pieces return.
  public static func sum<S>(
    _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int,
    _ kernel: @Sendable (UnsafePointer<S>, UnsafePointer<S>, UnsafeMutablePointer<S>, Int) -> Double
  ) -> Double {
    guard count >= 2 * size else { return kernel(a, b, out, count) }
    let (a, b, out) = (Shared(a), Shared(b), SharedMutable(out))
    return pieces(count).map { kernel(a.pointer + $0.lowerBound, b.pointer + $0.lowerBound, out.pointer + $0.lowerBound, $0.count) }
      .reduce(0, +)
  }

  /// The sum of what the pieces of a and b return.
  public static func sum<S>(
    _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, _ count: Int,
    _ kernel: @Sendable (UnsafePointer<S>, UnsafePointer<S>, Int) -> Double
  ) -> Double {
    guard count >= 2 * size else { return kernel(a, b, count) }
    let (a, b) = (Shared(a), Shared(b))
    return pieces(count).map { kernel(a.pointer + $0.lowerBound, b.pointer + $0.lowerBound, $0.count) }.reduce(0, +)
  }

  private static func pieces(_ count: Int) -> RowPieces { RowPieces(rows: count, size: size) }
}
