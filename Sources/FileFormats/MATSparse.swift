// SPDX-License-Identifier: Apache-2.0
import CMatIO
import Tensors

extension MATFile {
  /// A sparse variable, which MATLAB keeps by columns: `jc` where each begins, `ir` the rows, counted from 0. Logical ones and those of 32 bits
  /// have single precision, others double.
  static func sparse(_ part: Part, _ name: String, _ path: String) throws -> SparseArray {
    let label = "\(path): \(name)"
    let shape = shape(part)
    guard shape.count == 2 else {
      throw FileFormatError("\(label): found a sparse array of \(shape.count) axes; expected a matrix of two.")
    }
    guard part.pointee.isComplex == 0 else {
      throw FileFormatError("\(label): found a complex sparse matrix; expected a real one, save real(\(name)) and imag(\(name)).")
    }
    try SparseArray.checkSize(shape[0], shape[1], bytes: fileSize(path), name: label)
    guard let data = part.pointee.data else { throw missing(label) }
    let stored = data.assumingMemoryBound(to: mat_sparse_t.self).pointee
    guard let columnStarts = stored.jc, Int(stored.njc) == shape[1] + 1 else { throw missing(label) }
    let starts = UnsafeBufferPointer(start: columnStarts, count: shape[1] + 1).map { Int($0) }
    let count = starts[shape[1]]
    guard count <= stored.nir, count <= stored.ndata, count == 0 || stored.ir != nil && stored.data != nil else {
      throw missing(label)
    }
    let rowIndices = try (0..<count).map { k -> Int32 in
      guard stored.ir[k] < shape[0] else {
        throw FileFormatError(
          "\(label): found row \(stored.ir[k]) of entry \(k + 1); expected 0 to \(shape[0] - 1), the file is damaged.")
      }
      return Int32(stored.ir[k])
    }
    guard let element = sparseElement(part.pointee.data_type) else {
      let type = part.pointee.data_type.rawValue
      throw FileFormatError("\(label): found entries of type \(type); expected numbers, the file is damaged.")
    }
    let values =
      count == 0
      ? Tensor.zeros([0]) : element.decode(UnsafeRawBufferPointer(start: stored.data, count: count * element.size), shape: [count])
    let isSingle = part.pointee.isLogical != 0 || part.pointee.data_type == MAT_T_SINGLE
    return try SparseArray(
      rows: shape[0], columns: shape[1], columnStarts: starts, rowIndices: rowIndices,
      values: values.converted(to: isSingle ? .single : .double), name: label)
  }

  private static func missing(_ label: String) -> FileFormatError {
    FileFormatError("\(label): the entries of the sparse matrix are missing; the file is cut off or damaged.")
  }

  private static func sparseElement(_ type: matio_types) -> ElementType? {
    switch type {
    case MAT_T_DOUBLE: .float64
    case MAT_T_SINGLE: .float32
    case MAT_T_INT8: .int8
    case MAT_T_UINT8: .uint8
    case MAT_T_INT16: .int16
    case MAT_T_UINT16: .uint16
    case MAT_T_INT32: .int32
    case MAT_T_UINT32: .uint32
    case MAT_T_INT64: .int64
    case MAT_T_UINT64: .uint64
    default: nil
    }
  }
}
