// SPDX-License-Identifier: Apache-2.0
import Tensors

extension MATFile {
  /// A sparse variable from its entries by columns, as versions 5 and 7.3 keep it: `starts` where each column begins, `rowIndices` from 0.
  static func sparse(
    _ name: String, rows: Int, columns: Int, starts: [Int], rowIndices: [Int], real: Tensor, imaginary: Tensor?, path: String
  ) throws -> MATPart {
    let label = "\(path): \(name)"
    try SparseArray.check(starts, count: columns, entries: min(rowIndices.count, real.count), "column", label)
    let count = starts[columns]
    guard imaginary.map({ $0.count >= count }) ?? true else {
      throw FileFormatError("\(label): the imaginary parts of the sparse matrix are missing; the file is cut off or damaged.")
    }
    var columnIndices: [Int] = []
    columnIndices.reserveCapacity(count)
    for j in 0..<columns { columnIndices += repeatElement(j, count: starts[j + 1] - starts[j]) }
    return try sparse(
      name, rows: rows, columns: columns, rowIndices: Array(rowIndices.prefix(count)), columnIndices: columnIndices,
      real: real.rows(0..<count), imaginary: imaginary?.rows(0..<count), path: path)
  }

  /// A sparse variable from its entries. Complex ones, those with NaN or infinity and empty ones become full arrays, where these are small
  /// enough: ``SparseArray`` has none of them.
  static func sparse(
    _ name: String, rows: Int, columns: Int, rowIndices: [Int], columnIndices: [Int], real: Tensor, imaginary: Tensor?, path: String
  ) throws -> MATPart {
    let label = "\(path): \(name)"
    if rows != 0, columns != 0 { try SparseArray.checkSize(rows, columns, bytes: fileSize(path), name: label) }
    for (indices, bound, what) in [(rowIndices, rows, "row"), (columnIndices, columns, "column")] {
      if let k = indices.firstIndex(where: { !(0..<bound ~= $0) }) {
        throw FileFormatError(
          "\(label): found \(what) \(indices[k]) of entry \(k + 1); expected 0 to \(bound - 1), the file is damaged.")
      }
    }
    if imaginary == nil, rows > 0, columns > 0, real.isFinite {
      return MATPart(
        name, "sparse",
        .sparse(
          try SparseArray(
            rows: rows, columns: columns, rowIndices: rowIndices.map { Int32($0) }, columnIndices: columnIndices.map { Int32($0) },
            values: real, name: label)))
    }
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, !overflow, count <= SparseArray.denseLimit else {
      return MATPart(
        name, passedOver: "sparse", shape: [rows, columns], isComplex: imaginary != nil,
        reason: "sparse, \(rows) × \(columns), \(imaginary == nil ? "with NaN or infinity" : "complex"), too large for a full array"
      )
    }
    func full(_ values: Tensor) -> Tensor {
      var numbers = [Double](repeating: 0, count: count)
      for (k, value) in values.doubles.enumerated() { numbers[columnIndices[k] * rows + rowIndices[k]] += value }
      return Tensor(numbers).converted(to: values.precision)
    }
    return MATPart(name, "sparse", shape: [rows, columns], real: full(real), imaginary: imaginary.map(full))
  }
}
