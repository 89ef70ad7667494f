// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A sparse matrix from a file, by rows: the entries of row i are `rowStarts[i]..<rowStarts[i + 1]`. In a row the columns rise, and no place
/// occurs twice.
public struct SparseArray: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  /// One more than there are rows.
  public let rowStarts: [Int]
  /// Counted from 0.
  public let columnIndices: [Int32]
  /// `[entries]`, finite.
  public let values: Tensor

  /// The most numbers that a sparse matrix is written out to where full arrays are read.
  static let denseLimit = 1 << 24

  /// Numbers kept; the others are 0.
  public var entryCount: Int { columnIndices.count }
  public var precision: Precision { values.precision }

  /// All numbers, `[rows, columns]`.
  public var dense: Tensor {
    func filled<S: BinaryFloatingPoint>(_ values: [S]) -> [S] {
      var numbers = [S](repeating: 0, count: rows * columns)
      for i in 0..<rows { for k in rowStarts[i]..<rowStarts[i + 1] { numbers[i * columns + Int(columnIndices[k])] = values[k] } }
      return numbers
    }
    return precision == .single
      ? Tensor(filled(values.floats), shape: [rows, columns]) : Tensor(filled(values.doubles), shape: [rows, columns])
  }

  private init(_ rows: Int, _ columns: Int, _ rowStarts: [Int], _ columnIndices: [Int32], _ values: Tensor) {
    (self.rows, self.columns, self.rowStarts, self.columnIndices, self.values) = (rows, columns, rowStarts, columnIndices, values)
  }

  /// From entries by rows, in any order within a row; those of one place are added. More indices than the last start says are left out.
  ///
  /// - Throws: ``FileFormatError`` where starts, indices and values do not fit, or a number is NaN or infinite; `name` begins the message.
  init(rows: Int, columns: Int, starts: [Int], indices: [Int32], values: Tensor, name: String) throws {
    try Self.check(starts, count: rows, entries: min(indices.count, values.count), "row", name)
    func made<S: BinaryFloatingPoint>(_ values: [S]) throws -> (starts: [Int], indices: [Int32], values: [S]) {
      let merged = Self.merged(starts, indices, values)
      for i in 0..<rows {
        for k in merged.starts[i]..<merged.starts[i + 1] where !merged.values[k].isFinite {
          throw FileFormatError(
            "\(name): found \(merged.values[k]) in row \(i + 1), column \(merged.indices[k] + 1), counted from 1; "
              + "expected finite numbers.")
        }
      }
      return merged
    }
    switch values.precision {
    case .single:
      let made = try made(values.floats)
      self.init(rows, columns, made.starts, made.indices, Tensor(made.values))
    case .double:
      let made = try made(values.doubles)
      self.init(rows, columns, made.starts, made.indices, Tensor(made.values))
    }
  }

  /// From entries by columns.
  init(rows: Int, columns: Int, columnStarts: [Int], rowIndices: [Int32], values: Tensor, name: String) throws {
    try Self.check(columnStarts, count: columns, entries: min(rowIndices.count, values.count), "column", name)
    var columnIndices: [Int32] = []
    columnIndices.reserveCapacity(columnStarts[columns])
    for j in 0..<columns { columnIndices += repeatElement(Int32(j), count: columnStarts[j + 1] - columnStarts[j]) }
    let rowIndices = Array(rowIndices.prefix(columnIndices.count))
    let values = values.rows(0..<columnIndices.count)
    try self.init(rows: rows, columns: columns, rowIndices: rowIndices, columnIndices: columnIndices, values: values, name: name)
  }

  /// From as many rows, columns and values as there are entries, in any order.
  init(rows: Int, columns: Int, rowIndices: [Int32], columnIndices: [Int32], values: Tensor, name: String) throws {
    guard rowIndices.count == columnIndices.count, values.count == rowIndices.count else {
      throw FileFormatError(
        "\(name): found \(rowIndices.count) rows, \(columnIndices.count) columns and \(values.count) values; expected as many of "
          + "each, the file is damaged.")
    }
    var starts = [Int](repeating: 0, count: rows + 1)
    for i in rowIndices { starts[Int(i) + 1] += 1 }
    for i in 0..<rows { starts[i + 1] += starts[i] }
    var next = starts
    var places = [Int](repeating: 0, count: rowIndices.count)
    for (k, i) in rowIndices.enumerated() {
      places[k] = next[Int(i)]
      next[Int(i)] += 1
    }
    func moved<T>(_ values: [T]) -> [T] {
      var moved = values
      for (k, place) in places.enumerated() { moved[place] = values[k] }
      return moved
    }
    let sorted = values.precision == .single ? Tensor(moved(values.floats)) : Tensor(moved(values.doubles))
    try self.init(rows: rows, columns: columns, starts: starts, indices: moved(columnIndices), values: sorted, name: name)
  }

  /// Refuses starts that are not those of `count` rows or columns of `entries` entries.
  static func check(_ starts: [Int], count: Int, entries: Int, _ what: String, _ name: String) throws {
    guard starts.count == count + 1, starts[0] == 0 else {
      throw FileFormatError(
        "\(name): found \(starts.count) \(what) starts from \(starts.first ?? 0) on; expected \(count + 1) from 0 on, the file is "
          + "damaged.")
    }
    for i in 0..<count where starts[i] > starts[i + 1] {
      throw FileFormatError(
        "\(name): found \(what) starts that fall from \(starts[i]) to \(starts[i + 1]) at \(what) \(i + 1); expected that they "
          + "rise, the file is damaged.")
    }
    guard starts[count] <= entries else {
      throw FileFormatError(
        "\(name): found \(entries) entries; expected \(starts[count]) as the \(what) starts say, the file is cut off or damaged.")
    }
  }

  /// The same entries with columns that rise, those of one place added.
  private static func merged<S: BinaryFloatingPoint>(
    _ starts: [Int], _ indices: [Int32], _ values: [S]
  ) -> (starts: [Int], indices: [Int32], values: [S]) {
    var (newStarts, newIndices, newValues) = ([0], [Int32](), [S]())
    newStarts.reserveCapacity(starts.count)
    newIndices.reserveCapacity(starts.last ?? 0)
    newValues.reserveCapacity(starts.last ?? 0)
    for i in 0..<starts.count - 1 {
      let row = starts[i]..<starts[i + 1]
      let rises = row.dropFirst().allSatisfy { indices[$0 - 1] < indices[$0] }
      if rises {
        newIndices += indices[row]
        newValues += values[row]
      }
      for k in rises ? [] : row.sorted(by: { (indices[$0], $0) < (indices[$1], $1) }) {
        if newIndices.count > newStarts[i], newIndices.last == indices[k] {
          newValues[newValues.count - 1] += values[k]
        } else {
          newIndices.append(indices[k])
          newValues.append(values[k])
        }
      }
      newStarts.append(newIndices.count)
    }
    return (newStarts, newIndices, newValues)
  }

  // MARK: What a file says

  /// Refuses a size that no matrix in a file of `bytes` bytes has: a row or column takes 8 bytes here, and 4096 for every one of the file are
  /// more than any compression and any matrix with a few entries a row need.
  static func checkSize(_ rows: Int, _ columns: Int, bytes: Int, name: String) throws {
    guard rows > 0, columns > 0 else {
      throw FileFormatError("\(name): found a matrix of \(rows) × \(columns); expected at least one row and one column.")
    }
    guard rows <= Int32.max, columns <= Int32.max, 8 * (rows + columns) <= 4096 * bytes + (64 << 10) else {
      throw FileFormatError(
        "\(name): found a matrix of \(rows) × \(columns) in \(bytes) bytes, which is not possible; the file is damaged.")
    }
  }

  /// Whole numbers of a file as indices below `count`.
  static func indices(_ numbers: Tensor, below count: Int, _ what: String, name: String) throws -> [Int32] {
    try numbers.doubles.enumerated().map { k, number in
      guard let index = Int32(exactly: number), index >= 0, index < count else {
        throw FileFormatError(
          "\(name): found \(what) \(number.formatted) of entry \(k + 1); expected 0 to \(count - 1), the file is damaged.")
      }
      return index
    }
  }

  /// Whole numbers of a file, such as starts.
  static func integers(_ numbers: Tensor, _ what: String, name: String) throws -> [Int] {
    try numbers.doubles.map { number in
      guard let integer = Int(exactly: number) else {
        throw FileFormatError("\(name): found the \(what) \(number); expected a whole number, the file is damaged.")
      }
      return integer
    }
  }
}

extension Double {
  /// A whole number without its ".0".
  fileprivate var formatted: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
