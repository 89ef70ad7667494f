// SPDX-License-Identifier: Apache-2.0
import CMatIO
import Tensors

/// MATLAB's MAT files: versions 5 to 7.2 and 7.3 are read (by matio) and written; version 4 is refused.
///
/// MATLAB stores columns first. Arrays are rearranged on both ways, so that element (i, j) is element `[i−1, j−1]` here, and shapes
/// are MATLAB's sizes: a scalar is `[1, 1]`, a vector `[1, n]` or `[n, 1]`.
///
/// A variable's name is its own; fields of structures and elements of cell arrays and of arrays of structures are found under
/// `NAME.FIELD` and `NAME.K`, counted from 0 in MATLAB's order (`net.layers.0.weights.1`). Double and single keep their precision;
/// 32- and 64-bit integers become double, narrower ones and logicals single.
public enum MATFile {
  public enum Version: Sendable { case v5, v73 }

  /// What a file says about a variable, or about a part of one.
  public struct Variable: Sendable, Equatable {
    public var name: String
    public var shape: [Int]
    /// MATLAB's class: `double`, `int16`, `char`, `sparse`, …
    public var kind: String
    public var isComplex: Bool
    /// Whether ``read(_:)`` gives it.
    public var isNumeric: Bool
  }

  /// The variables of a file, with the parts of structures and cell arrays. - Throws: ``FileFormatError``.
  public static func variables(_ path: String) throws -> [Variable] {
    var found: [Variable] = []
    try forEachVariable(path, readsNumbers: false) { part, _, name in
      found.append(
        Variable(
          name: name, shape: shape(part), kind: kindName(part), isComplex: part.pointee.isComplex != 0,
          isNumeric: numericSize(part) != nil))
    }
    return found
  }

  /// Every numeric array of a file; text, function handles and objects are passed over.
  ///
  /// - Throws: ``FileFormatError`` for a damaged file and for a sparse array, which is to be saved with `full`; ``MatrixFile`` reads it.
  public static func read(_ path: String) throws -> [NamedArray] {
    try matrices(path).dense(path: path) { "save full(\($0))" }
  }

  /// Every numeric array of a file, the sparse ones too.
  static func matrices(_ path: String) throws -> [NamedMatrix] {
    var found: [NamedMatrix] = []
    try forEachVariable(path, readsNumbers: true) { part, budget, name in
      if part.pointee.class_type == MAT_C_SPARSE {
        found.append(NamedMatrix(name: name, contents: .sparse(try sparse(part, name, path))))
      } else if let array = try array(part, &budget, name, path) {
        found.append(NamedMatrix(name: name, contents: .dense(array)))
      }
    }
    return found
  }

  /// The array of one name, as ``read(_:)`` names them.
  public static func read(_ path: String, name: String) throws -> NumericArray {
    let arrays = try read(path)
    guard let array = arrays.first(where: { $0.name == name }) else {
      throw FileFormatError(
        "\(path): found no numeric array \(name), expected one of \(arrays.prefix(10).map(\.name).joined(separator: ", ")).")
    }
    return array.value
  }

  // MARK: Walking

  typealias Part = UnsafeMutablePointer<matvar_t>

  private static func forEachVariable(
    _ path: String, readsNumbers: Bool, _ visit: (_ part: Part, _ budget: inout Int, _ name: String) throws -> Void
  ) throws {
    let beginning = try readFile(path, limit: 1024)
    let kind = beginning.withUnsafeBytes { FileKind(of: $0) }
    guard kind == .mat5 || kind == .mat73 else {
      throw FileFormatError(
        "\(path): found \(kind.name), expected a MATLAB file of version 5 to 7.3; save it again with -v7 or -v7.3.")
    }
    let size = try fileSize(path)
    if kind == .mat5 { try readFile(path).withUnsafeBytes { try MATStructure.check($0, path: path) } }
    try HDF5Library.locked {
      let expected = kind == .mat73 ? try HDF5Library.variableCount(path) : 0  // matio shows a file that cannot be opened as empty
      unfold_mat_quiet()
      guard let file = Mat_Open(path, Int32(MAT_ACC_RDONLY.rawValue)) else {
        throw FileFormatError("\(path): found a MATLAB file that cannot be opened, expected a whole one; get the file again.")
      }
      defer { Mat_Close(file) }
      // Compression and narrow integers expand by at most 4 · 1032; more is a damaged or hostile file.
      var budget = 4096 * size + (64 << 10)
      var count = 0
      while let variable = Mat_VarReadNextInfo(file) {
        defer { Mat_VarFree(variable) }
        count += 1
        guard count <= 100_000 else { throw FileFormatError("\(path): found over 100000 variables; the file is damaged.") }
        guard let name = variable.pointee.name.map({ String(cString: $0) }) else {
          throw FileFormatError("\(path): found a variable without a name; the file is damaged.")
        }
        try checkSizes(variable, budget, name, path, depth: 0)
        if readsNumbers, Mat_VarReadDataAll(file, variable) != 0 {
          throw FileFormatError("\(path): the numbers of \(name) cannot be read; the file is cut off or damaged.")
        }
        try descend(variable, &budget, name, path, depth: 0, visit)
      }
      guard count >= expected else {
        throw FileFormatError("\(path): found \(count) variables that can be read of \(expected); the file is cut off or damaged.")
      }
    }
  }

  /// Refuses sizes before the library allocates for them.
  private static func checkSizes(_ part: Part, _ budget: Int, _ name: String, _ path: String, depth: Int) throws {
    guard depth < 32 else { throw FileFormatError("\(path): \(name): found parts nested over 32 deep; the file is damaged.") }
    guard part.pointee.rank >= 0, part.pointee.rank == 0 || part.pointee.dims != nil else {
      throw FileFormatError("\(path): \(name): found no size; the file is damaged.")
    }
    if part.pointee.class_type != MAT_C_SPARSE {  // of those the entries count, not the size
      _ = try checkedCount(shape(part), bytesPerElement: numericSize(part) ?? 1, available: budget, name, path: path)
    }
    for child in children(part) { try checkSizes(child.part, budget, child.name, path, depth: depth + 1) }
  }

  private static func descend(
    _ part: Part, _ budget: inout Int, _ name: String, _ path: String, depth: Int,
    _ visit: (_ part: Part, _ budget: inout Int, _ name: String) throws -> Void
  ) throws {
    guard depth < 32 else { throw FileFormatError("\(path): \(name): found parts nested over 32 deep; the file is damaged.") }
    guard part.pointee.class_type == MAT_C_CELL || part.pointee.class_type == MAT_C_STRUCT else {
      return try visit(part, &budget, name)
    }
    for child in children(part) { try descend(child.part, &budget, "\(name).\(child.name)", path, depth: depth + 1, visit) }
  }

  /// The elements of a cell array or the fields of a structure, named by number, by field, or by both.
  private static func children(_ part: Part) -> [(name: String, part: Part)] {
    guard part.pointee.data != nil, part.pointee.nbytes > 0 else { return [] }
    let pointers = part.pointee.data.assumingMemoryBound(to: Part?.self)
    let elements = min(
      shape(part).reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }, part.pointee.nbytes / MemoryLayout<Part>.size)
    switch part.pointee.class_type {
    case MAT_C_CELL: return (0..<max(elements, 0)).compactMap { k in pointers[k].map { ("\(k)", $0) } }
    case MAT_C_STRUCT:
      let fields = Int(Mat_VarGetNumberOfFields(part))
      guard fields > 0, let names = Mat_VarGetStructFieldnames(part) else { return [] }
      let count = part.pointee.nbytes / MemoryLayout<Part>.size / fields
      return (0..<count).flatMap { k in
        (0..<fields).compactMap { field in
          guard let child = pointers[k * fields + field], let name = names[field] else { return nil }
          return (count == 1 ? String(cString: name) : "\(k).\(String(cString: name))", child)
        }
      }
    default: return []
    }
  }

  // MARK: One array

  static func shape(_ part: Part) -> [Int] {
    (0..<Int(max(part.pointee.rank, 0))).map { part.pointee.dims == nil ? 0 : Int(clamping: part.pointee.dims[$0]) }
  }

  private static func element(_ part: Part) -> ElementType? {
    switch part.pointee.class_type {
    case MAT_C_DOUBLE: .float64
    case MAT_C_SINGLE: .float32
    case MAT_C_INT8: .int8
    case MAT_C_UINT8: .uint8
    case MAT_C_INT16: .int16
    case MAT_C_UINT16: .uint16
    case MAT_C_INT32: .int32
    case MAT_C_UINT32: .uint32
    case MAT_C_INT64: .int64
    case MAT_C_UINT64: .uint64
    default: nil
    }
  }

  private static func numericSize(_ part: Part) -> Int? { element(part).map { $0.size * (part.pointee.isComplex != 0 ? 2 : 1) } }

  private static func kindName(_ part: Part) -> String {
    if part.pointee.isLogical != 0 { return "logical" }
    return switch part.pointee.class_type {
    case MAT_C_CHAR: "char"
    case MAT_C_SPARSE: "sparse"
    case MAT_C_CELL: "cell"
    case MAT_C_STRUCT: "struct"
    case MAT_C_OBJECT: "object"
    case MAT_C_FUNCTION: "function_handle"
    case MAT_C_DOUBLE: "double"
    case MAT_C_SINGLE: "single"
    case MAT_C_EMPTY: "empty"
    case MAT_C_OPAQUE: "opaque"
    default: element(part).map { "\($0)" } ?? "unknown"
    }
  }

  private static func array(_ part: Part, _ budget: inout Int, _ name: String, _ path: String) throws -> NumericArray? {
    guard let element = element(part) else { return nil }
    let shape = shape(part)
    let isComplex = part.pointee.isComplex != 0
    let count = try checkedCount(shape, bytesPerElement: 8 * (isComplex ? 2 : 1), available: budget, name, path: path)
    budget -= count * 8 * (isComplex ? 2 : 1)
    let empty = Tensor.zeros([0], precision: element.precision).reshaped(shape.isEmpty ? [0] : shape.contains(0) ? shape : [0])
    if count == 0 || shape.isEmpty { return isComplex ? .complex(ComplexTensor(real: empty, imaginary: empty)) : .real(empty) }
    let bytes = count * element.size
    guard let data = part.pointee.data, part.pointee.nbytes >= bytes, Int(part.pointee.data_size) == element.size else {
      throw FileFormatError("\(path): the numbers of \(name) are missing; the file is cut off or damaged.")
    }
    func tensor(_ start: UnsafeRawPointer) -> Tensor {
      .fromColumnMajor(element.decode(UnsafeRawBufferPointer(start: start, count: bytes), shape: shape), shape: shape)
    }
    guard isComplex else { return .real(tensor(data)) }
    let parts = data.assumingMemoryBound(to: mat_complex_split_t.self).pointee
    guard let real = parts.Re, let imaginary = parts.Im else {
      throw FileFormatError("\(path): a part of the complex numbers of \(name) is missing; the file is cut off or damaged.")
    }
    return .complex(ComplexTensor(real: tensor(real), imaginary: tensor(imaginary)))
  }
}
