// SPDX-License-Identifier: Apache-2.0
import Tensors

/// MATLAB's MAT files: versions 4, 5 to 7.2 and 7.3 are read, 5 and 7.3 written.
///
/// MATLAB stores columns first. Arrays are rearranged on both ways, so that element (i, j) is element `[i−1, j−1]` here, and shapes
/// are MATLAB's sizes: a scalar is `[1, 1]`, a vector `[1, n]` or `[n, 1]`.
///
/// A variable's name is its own; fields of structures and elements of cell arrays and of arrays of structures are found under
/// `NAME.FIELD` and `NAME.K`, counted from 0 in MATLAB's order (`net.layers.0.weights.1`). Double and single keep their precision;
/// 32- and 64-bit integers become double, narrower ones and logicals single. Text, function handles, objects (strings, tables, times,
/// enumerations) and the data MATLAB keeps for them are passed over, with a remark that names them.
public enum MATFile {
  public enum Version: Sendable { case v5, v73 }

  /// What a file says about a variable, or about a part of one.
  public struct Variable: Sendable, Equatable {
    public var name: String
    public var shape: [Int]
    /// MATLAB's class: `double`, `int16`, `char`, `sparse`, `string`, …
    public var kind: String
    public var isComplex: Bool
    /// Whether ``read(_:)`` gives it.
    public var isNumeric: Bool
  }

  /// The variables of a file, with the parts of structures and cell arrays. - Throws: ``FileFormatError``.
  public static func variables(_ path: String) throws -> [Variable] { try parts(path).map(\.variable) }

  /// Every numeric array of a file; sparse ones as full ones where these are small enough.
  ///
  /// - Throws: ``FileFormatError`` for a damaged file.
  public static func read(_ path: String) throws -> [NamedArray] { try matrices(path).dense(path: path) }

  /// Every numeric array of a file, the sparse ones too.
  static func matrices(_ path: String) throws -> [NamedMatrix] {
    var passedOver = PassedOver()
    var places: [String: Int] = [:]
    var found: [NamedMatrix] = []
    for part in try parts(path) {
      guard let contents = part.contents else {
        if let error = part.error {
          passedOver.add(part.variable.name, error)
          continue
        }
        passedOver.add(part.variable.name, part.reason ?? part.variable.kind)
        continue
      }
      let matrix = NamedMatrix(name: part.variable.name, contents: contents)
      if let place = places.updateValue(found.count, forKey: matrix.name) {  // as MATLAB does, which loads one after another
        Remarks.note("\(path): found \(matrix.name) twice, the last is read")
        places[matrix.name] = place
        found[place] = matrix
      } else {
        found.append(matrix)
      }
    }
    try passedOver.check(isOnly: found.isEmpty)
    passedOver.note(path)
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

  private static func parts(_ path: String) throws -> [MATPart] {
    let beginning = try readFile(path, limit: 1024)
    switch beginning.withUnsafeBytes({ FileKind(of: $0) }) {
    case .mat4: return try readFile(path).withUnsafeBytes { try MAT4Reader.parts($0, path: path) }
    case .mat5: return try readFile(path).withUnsafeBytes { try MAT5Reader.parts($0, path: path) }
    case .mat73: return try MAT73Reader.parts(path)
    case let kind:
      throw FileFormatError("\(path): found \(kind.name), expected a MATLAB file; save it again with -v7 or -v7.3.")
    }
  }
}

/// A variable of a MAT file, or a part of one, with its numbers.
struct MATPart {
  var variable: MATFile.Variable
  /// Nil for what is passed over.
  var contents: MatrixContents?
  /// Why numbers are passed over.
  var reason: String?
  /// Of a variable that cannot be read.
  var error: FileFormatError?

  /// Something that is passed over; `kind` names it.
  init(_ name: String, passedOver kind: String, shape: [Int] = [], isComplex: Bool = false, reason: String? = nil) {
    variable = MATFile.Variable(name: name, shape: shape, kind: kind, isComplex: isComplex, isNumeric: false)
    self.reason = reason
  }

  init(_ name: String, damaged error: FileFormatError) {
    self.init(name, passedOver: "damaged")
    self.error = error
  }

  init(_ name: String, _ kind: String, _ contents: MatrixContents) {
    let isComplex = if case .dense(.complex) = contents { true } else { false }
    variable = MATFile.Variable(name: name, shape: contents.shape, kind: kind, isComplex: isComplex, isNumeric: true)
    self.contents = contents
  }

  /// Numbers by columns, of `shape`.
  init(_ name: String, _ kind: String, shape: [Int], real: Tensor, imaginary: Tensor?) {
    func tensor(_ numbers: Tensor) -> Tensor {
      shape.contains(0)
        ? Tensor.zeros([0], precision: numbers.precision).reshaped(shape) : .fromColumnMajor(numbers, shape: shape)
    }
    self.init(
      name, kind,
      .dense(
        imaginary.map { .complex(ComplexTensor(real: tensor(real), imaginary: tensor($0))) } ?? .real(tensor(real))))
  }
}

/// What a reader passes over, for one remark a file.
struct PassedOver {
  private var names: [String] = []
  private var count = 0

  mutating func add(_ name: String, _ kind: String) {
    count += 1
    if count <= 12 { names.append("\(name.prefix(80)) (\(kind.prefix(80)))") }
  }

  /// Of the first that cannot be read.
  private var firstError: FileFormatError?

  /// One variable that cannot be read does not close a file.
  mutating func add(_ name: String, _ error: FileFormatError) {
    add(name, "cannot be read")
    if firstError == nil { Remarks.note("\(error)") }
    firstError = firstError ?? error
  }

  /// - Throws: the reason of the first that cannot be read, where nothing else is left.
  func check(isOnly: Bool) throws {
    if isOnly, let firstError { throw firstError }
  }

  func note(_ path: String) {
    guard count > 0 else { return }
    Remarks.note(
      "\(path): passed over: \(names.joined(separator: ", "))" + (count > names.count ? " and \(count - names.count) more" : ""))
  }
}
