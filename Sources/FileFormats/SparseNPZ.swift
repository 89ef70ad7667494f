// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Sparse matrices as `scipy.sparse.save_npz` writes them: an archive of `format` (a text without axes), `shape`, `data` and, by format,
/// `indices` and `indptr` (csr, csc) or `row` and `col` (coo).
extension NPZ {
  /// Every array of an archive, or its one sparse matrix, under the file's name.
  static func matrices(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedMatrix] {
    let members = try Zip.members(bytes, path: path)
    if let format = try sparseFormat(members, bytes, path: path) {
      return [NamedMatrix(name: fileTitle(path), contents: .sparse(try sparse(format, members, bytes, path: path)))]
    }
    return try arrays(members, bytes, path: path)
  }

  /// The format of the sparse matrix that an archive holds; nil for one of other arrays.
  static func sparseFormat(_ members: [Zip.Member], _ bytes: UnsafeRawBufferPointer, path: String) throws -> String? {
    guard Set(members.map(\.name)).isSuperset(of: ["format.npy", "shape.npy"]) else { return nil }
    return try content("format", members, bytes, path).withUnsafeBytes { try NPY.text($0, path: "\(path): format") }
  }

  private static func content(
    _ name: String, _ members: [Zip.Member], _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws -> [UInt8] {
    let found = members.filter { $0.name == name + ".npy" }
    guard found.count == 1 else {
      throw FileFormatError("\(path): found \(found.count) arrays \(name); expected one of a sparse matrix, save it with save_npz.")
    }
    return try found[0].content(of: bytes, path: path)
  }

  private static func sparse(
    _ format: String, _ members: [Zip.Member], _ bytes: UnsafeRawBufferPointer, path: String
  ) throws -> SparseArray {
    func numbers(_ name: String) throws -> Tensor {
      let array = try content(name, members, bytes, path).withUnsafeBytes { try NPY.decode($0, path: "\(path): \(name)") }
      guard let real = array.real, real.shape.count == 1 else {
        throw FileFormatError(
          "\(path): \(name): found \(array.real == nil ? "complex numbers" : "the shape \(array.shape)"); expected real numbers "
            + "along one axis of a sparse matrix.")
      }
      return real
    }
    guard ["csr", "csc", "coo"].contains(format) else {
      throw FileFormatError(
        "\(path): found a sparse matrix of the format \(format.prefix(20)); expected csr, csc or coo, convert it with tocsr().")
    }
    let shape = try SparseArray.integers(numbers("shape"), "size", name: path)
    guard shape.count == 2 else {
      throw FileFormatError("\(path): found a sparse array of \(shape.count) axes; expected a matrix of two.")
    }
    let (rows, columns) = (shape[0], shape[1])
    try SparseArray.checkSize(rows, columns, bytes: bytes.count, name: path)
    let values = try numbers("data")
    if format == "coo" {
      return try SparseArray(
        rows: rows, columns: columns, rowIndices: SparseArray.indices(numbers("row"), below: rows, "row", name: path),
        columnIndices: SparseArray.indices(numbers("col"), below: columns, "column", name: path), values: values, name: path)
    }
    let (isByRows, stored) = (format == "csr", try numbers("indices"))
    let starts = try SparseArray.integers(numbers("indptr"), isByRows ? "row start" : "column start", name: path)
    return isByRows
      ? try SparseArray(
        rows: rows, columns: columns, starts: starts,
        indices: SparseArray.indices(stored, below: columns, "column", name: path), values: values, name: path)
      : try SparseArray(
        rows: rows, columns: columns, columnStarts: starts,
        rowIndices: SparseArray.indices(stored, below: rows, "row", name: path), values: values, name: path)
  }
}
