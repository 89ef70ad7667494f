// SPDX-License-Identifier: Apache-2.0

/// A sparse matrix by rows: those of row i are `starts[i]..<starts[i + 1]` of `indices`, their columns, and of `values`.
///
/// A product is a loop that gathers, row by row: no two threads write to one place, and sums are in a fixed order. The product with the
/// transpose is that of ``transposed``.
public struct SparseRows<S: Scalar>: Sendable {
  public let rows: Int
  public let columns: Int
  public let starts: [Int]
  public let indices: [Int32]
  public let values: [S]
  /// First rows of the pieces of work, and the end.
  private let pieces: [Int]

  public init(rows: Int, columns: Int, starts: [Int], indices: [Int32], values: [S]) {
    precondition(
      rows >= 0 && columns >= 0 && starts.count == rows + 1 && starts[0] == 0 && starts[rows] == indices.count
        && values.count == indices.count,
      "SparseRows: \(starts.count) row starts up to \(starts.last ?? 0), \(indices.count) columns and \(values.count) values "
        + "of \(rows) × \(columns)")
    precondition(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 }, "SparseRows: row starts that decrease")
    precondition(indices.allSatisfy { $0 >= 0 && Int($0) < columns }, "SparseRows: a column outside of 0..<\(columns)")
    (self.rows, self.columns, self.starts, self.indices, self.values) = (rows, columns, starts, indices, values)
    pieces = Self.pieces(starts)
  }

  /// Numbers that make a piece of work; a row counts as one more.
  private static var pieceSize: Int { 1 << 14 }

  private static func pieces(_ starts: [Int]) -> [Int] {
    var (pieces, first) = ([0], 0)
    for i in 1..<starts.count where starts[i] + i - first >= pieceSize || i == starts.count - 1 {
      pieces.append(i)
      first = starts[i] + i
    }
    return pieces
  }

  /// The same matrix by columns: the transpose by rows.
  public var transposed: SparseRows {
    var starts = [Int](repeating: 0, count: columns + 1)
    for j in indices { starts[Int(j) + 1] += 1 }
    for j in 0..<columns { starts[j + 1] += starts[j] }
    var next = starts
    var (turned, moved) = ([Int32](repeating: 0, count: indices.count), [S](repeating: 0, count: indices.count))
    for i in 0..<rows {
      for k in self.starts[i]..<self.starts[i + 1] {
        let j = Int(indices[k])
        turned[next[j]] = Int32(i)
        moved[next[j]] = values[k]
        next[j] += 1
      }
    }
    return SparseRows(rows: columns, columns: rows, starts: starts, indices: turned, values: moved)
  }

  /// out = A x for every x of a batch `[batch, columns]`; `out` is `[batch, rows]`.
  ///
  /// A sum is that of its four partial sums of every fourth entry, whatever the batch and the number of threads.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  public func product(_ x: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, batch: Int) {
    let count = pieces.count - 1
    let (x, out) = (Shared(x), SharedMutable(out))
    Parallel.forEach(count * ((batch + 3) / 4)) { [rows, columns] piece in
      let (first, range) = (piece / count * 4, pieces[piece % count]..<pieces[piece % count + 1])
      let (source, target) = (x.pointer + first * columns, out.pointer + first * rows)
      starts.withUnsafeBufferPointer { starts in
        indices.withUnsafeBufferPointer { indices in
          values.withUnsafeBufferPointer { values in
            for sample in 0..<min(4, batch - first) {
              let (x, out) = (source + sample * columns, target + sample * rows)
              for i in range {
                out[i] = Self.sum(starts[i]..<starts[i + 1], indices.baseAddress, values.baseAddress, x)
              }
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private static func sum(
    _ entries: Range<Int>, _ indices: UnsafePointer<Int32>?, _ values: UnsafePointer<S>?, _ x: UnsafePointer<S>
  ) -> S {
    guard let indices, let values else { return 0 }  // a matrix without entries
    var (a, b, c, d) = (S.zero, S.zero, S.zero, S.zero)
    var k = entries.lowerBound
    while k &+ 4 <= entries.upperBound {
      a += values[k] * x[Int(indices[k])]
      b += values[k &+ 1] * x[Int(indices[k &+ 1])]
      c += values[k &+ 2] * x[Int(indices[k &+ 2])]
      d += values[k &+ 3] * x[Int(indices[k &+ 3])]
      k &+= 4
    }
    while k < entries.upperBound {
      a += values[k] * x[Int(indices[k])]
      k &+= 1
    }
    return (a + b) + (c + d)
  }
}
