// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A matrix as a file holds it.
public enum MatrixContents: Sendable, Equatable {
  case dense(NumericArray)
  case sparse(SparseArray)

  public var shape: [Int] {
    switch self {
    case .dense(let array): array.shape
    case .sparse(let array): [array.rows, array.columns]
    }
  }
  public var precision: Precision {
    switch self {
    case .dense(let array): array.precision
    case .sparse(let array): array.precision
    }
  }
}

/// An array with its name in the file, dense or sparse.
public struct NamedMatrix: Sendable, Equatable {
  public var name: String
  public var contents: MatrixContents

  public init(name: String, contents: MatrixContents) { (self.name, self.contents) = (name, contents) }
}

/// A matrix from a file, dense or sparse; which format, the content says.
///
/// | format | dense | sparse |
/// |---|---|---|
/// | NPY, HDF5 and what else ``readArrays(_:)`` reads | yes | |
/// | NPZ | yes | `scipy.sparse.save_npz` of csr, csc or coo |
/// | MATLAB 4, 5 and 7.3 | yes | real ones, others as full arrays |
/// | Matrix Market (`.mtx`, `.mtx.gz`) | `array` | `coordinate` |
public enum MatrixFile {
  /// The matrix `variable` of a file; without a name the only array there is. Of two axes, neither empty, and finite.
  ///
  /// - Throws: ``FileFormatError``.
  public static func read(_ path: String, variable: String? = nil) throws -> MatrixContents {
    let found = try contents(path)
    let chosen = variable == nil ? found : found.filter { $0.name == variable }
    guard chosen.count == 1 else {
      let names = found.prefix(10).map(\.summary).joined(separator: ", ") + (found.count > 10 ? ", …" : "")
      throw FileFormatError(
        "\(path): found \(found.isEmpty ? "no numeric arrays" : names); expected "
          + (variable.map { "one named \($0), choose another name." } ?? "exactly one, name the one that is meant."))
    }
    let name = "\(path): \(chosen[0].name)"
    guard chosen[0].contents.shape.count == 2, !chosen[0].contents.shape.contains(0) else {
      throw FileFormatError(
        "\(name): found the shape \(chosen[0].contents.shape); expected a matrix of at least one row and one column.")
    }
    if case .dense(let array) = chosen[0].contents { try checkFinite(array, name) }
    return chosen[0].contents
  }

  /// Every numeric array of a file, whatever its shape. - Throws: ``FileFormatError``.
  public static func contents(_ path: String) throws -> [NamedMatrix] {
    switch try FileKind.detect(path) {
    case .npz: try readFile(path).withUnsafeBytes { try NPZ.matrices($0, path: path) }
    case .mat4, .mat5, .mat73: try MATFile.matrices(path)
    case .matrixMarket: [NamedMatrix(name: fileTitle(path), contents: try MatrixMarket.read(path))]
    default: try readArrays(path).map { NamedMatrix(name: $0.name, contents: .dense($0.value)) }
    }
  }

  private static func checkFinite(_ array: NumericArray, _ name: String) throws {
    guard !array.stored.isFinite else { return }
    let numbers = array.stored.doubles
    let (k, rowSize) = (numbers.firstIndex { !$0.isFinite }!, numbers.count / array.shape[0])
    let column = k % rowSize * array.shape[1] / rowSize
    throw FileFormatError(
      "\(name): found \(numbers[k]) in row \(k / rowSize + 1), column \(column + 1), counted from 1; expected finite numbers.")
  }
}

extension NamedMatrix {
  /// `A (3 × 4, sparse)`.
  fileprivate var summary: String {
    let isSparse = if case .sparse = contents { true } else { false }
    let size = contents.shape.isEmpty ? "a number" : contents.shape.map(String.init).joined(separator: " × ")
    return "\(name) (\(size)\(isSparse ? ", sparse" : ""))"
  }
}

extension [NamedMatrix] {
  /// The arrays of a file as full ones; a sparse one that would be too large is passed over, and refused where it is the only one.
  func dense(path: String) throws -> [NamedArray] {
    var (room, found, tooLarge) = (SparseArray.denseLimit, [NamedArray](), [String]())
    for matrix in self {
      switch matrix.contents {
      case .dense(let array): found.append(NamedArray(name: matrix.name, value: array))
      case .sparse(let array):
        let (count, overflow) = array.rows.multipliedReportingOverflow(by: array.columns)
        let size = "\(matrix.name) is sparse, \(array.rows) × \(array.columns)"
        guard !overflow, count <= room else {
          tooLarge.append("\(size), too large for a full array of at most \(SparseArray.denseLimit) numbers")
          continue
        }
        room -= count
        Remarks.note("\(path): \(size), and is read as a full array")
        found.append(NamedArray(name: matrix.name, value: array.dense))
      }
    }
    if let reason = tooLarge.first, found.isEmpty {
      throw FileFormatError("\(path): \(reason); give it where a sparse matrix is read.")
    }
    for reason in tooLarge { Remarks.note("\(path): passed over: \(reason)") }
    return found
  }
}
