// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Problems
import Tensors

/// An operator that a file describes: a matrix, or a YAML file of steps that follow one another.
///
///     shape: [256, 256]          # of the signals; without it, images of any extent
///     noise: 0.008               # standard deviation, or {snr: 30}
///     operator:
///       - blur: {sigma: 1.6}
///       - downsample: 2
///
/// Shapes are checked when the operator is made, before anything runs.
public struct OperatorDescription: Sendable {
  /// The file.
  public let path: String
  /// Of one signal: `[n]`, `[h, w]` or `[channels, h, w]`; nil: images of any extent.
  public private(set) var shape: [Int]?
  /// Signals are complex.
  public private(set) var isComplex = false
  public private(set) var noise = Noise.none
  private var steps: [OperatorStep]
  /// The numbers of a dense matrix that is the whole operator on vectors, for networks that need one.
  public private(set) var matrix: Matrix?

  /// A matrix on vectors, or on signals of as many numbers.
  public init(_ matrix: OperatorMatrix, path: String, shape: [Int]? = nil) throws {
    self.path = path
    steps = [OperatorStep(name: "matrix", place: path, kind: .other(matrix.making(place: path)))]
    self.shape = shape ?? [matrix.columns]
    self.matrix = shape.map { $0.count < 2 } ?? true ? matrix.dense : nil
    try check(shape: self.shape)
  }

  /// - Parameters: `path`, what errors call the description; `shape`, of the signals, in the place of what it says.
  /// - Throws: ``InputError`` with file and line, for what cannot be read or does not go together.
  public init(_ node: DescriptionNode, path: String, shape: [Int]? = nil, source: any DescriptionSource) throws {
    self.path = path
    let reader = try DescriptionReader(path: path, node: node, name: "the description", main: nil, source: source)
    try reader.expect("shape", "complex", "noise", "operator")
    self.shape = try shape ?? reader.integers("shape", count: 1...3, 1...1_000_000_000)
    isComplex = try reader.flag("complex")
    noise = try Self.noise(reader)
    guard let list = reader.value("operator") else {
      throw InputError("\(path): found no operator; expected a list of steps such as “operator: [blur: {sigma: 1.6}]”")
    }
    steps = try OperatorStep.chain(list, path: path, source: source)
    if self.shape == nil, let columns = steps.first?.columns { self.shape = [columns] }
    try check(shape: self.shape)
  }

  private func check(shape: [Int]?) throws {
    guard let shape else { return }
    guard (1...3).contains(shape.count), shape.allSatisfy({ $0 >= 1 }), shape.reduce(1.0, { $0 * Double($1) }) <= 4e8 else {
      throw InputError("\(path): found signals of shape \(shape); expected [n], [height, width] or [channels, height, width]")
    }
    _ = try made(shape: shape, precision: .single)
  }

  package static func noise(_ reader: DescriptionReader) throws -> Noise {
    guard let node = reader.value("noise") else { return .none }
    let own = try DescriptionReader(path: reader.path, node: node, name: "noise", main: "deviation", source: reader.source)
    try own.expect("deviation", "snr", "photons", "electronic")
    if let sigma = try own.number("deviation", 0...1e300) { return sigma == 0 ? .none : .deviation(sigma) }
    if let photons = try own.number("photons", 1e-3...1e15) {
      return .photons(photons, electronic: try own.number("electronic", 0...1e15) ?? 0)
    }
    guard let decibel = try own.number("snr", -300...300) else {
      throw own.error("found no deviation, snr or photons; expected a standard deviation, {snr: dB}, or {photons: N₀}")
    }
    return .decibel(decibel)
  }

  /// Images of any extent can be measured.
  public var isOfAnyExtent: Bool { shape == nil }

  /// The operator for signals of a shape.
  ///
  /// - Throws: ``InputError`` with the line of the step that does not fit.
  public func made(shape: [Int], precision: Precision) throws -> ArrayOperator {
    if let own = self.shape, own != shape {
      throw InputError("\(path): found signals of shape \(shape); expected \(own)")
    }
    return try OperatorStep.made(steps, on: ArraySpace(shape, isComplex: isComplex), precision)
  }

  /// Every file that the operator is made of, this one first.
  public var files: [String] { [path] + steps.flatMap(\.files) }
}

/// A matrix measures something, and its squares are numbers.
///
/// - Parameter path: what errors call it.
package func checkMagnitude(of entries: Tensor, _ path: String) throws {
  let largest = entries.maximumMagnitude
  guard largest > 0 else { throw InputError("\(path): found a matrix of zeros; expected one that measures something") }
  guard (1e-140...1e140).contains(largest) else {
    throw InputError("\(path): found numbers up to \(largest); expected a largest one from 1e-140 to 1e140, scale the matrix")
  }
}

/// A matrix as an operator, dense or sparse.
public struct OperatorMatrix: Sendable {
  public let rows: Int
  public let columns: Int
  /// Nil of a sparse one.
  public let dense: Matrix?
  private let make: @Sendable (Precision) -> ArrayOperator

  public init(sparse: SparseMatrix) {
    let matrix = sparse.converted(to: .double)
    (rows, columns, dense) = (matrix.rows, matrix.columns, nil)
    make = { precision in
      ArrayOperator(matrix.converted(to: precision), from: [matrix.columns], to: [matrix.rows])
    }
  }

  /// - Parameters: `entries`, `[m, n]`; `path`, what errors call it.
  public init(dense entries: Tensor, path: String) throws {
    let entries = entries.converted(to: .double)
    try checkMagnitude(of: entries, path)
    // Of large ones by power iteration.
    let matrix =
      entries.shape.min() ?? 0 <= 2048
      ? Matrix(entries)
      : Matrix(
        entries,
        lipschitz: ArrayOperator(Matrix(entries, lipschitz: 1), from: [entries.shape[1]], to: [entries.shape[0]]).squaredNorm())
    (rows, columns, dense) = (matrix.rows, matrix.columns, matrix)
    make = { precision in
      let A = matrix.converted(to: precision)
      var solve: (@Sendable (Tensor, Double) -> Tensor)?
      if min(A.rows, A.columns) <= 4096 {
        let solver = MatrixSolver(A)  // its factor serves as long as ρ stays
        solve = { b, penalty in solver.solve(b, penalty: penalty) }
      }
      return ArrayOperator(
        from: ArraySpace([A.columns]), to: ArraySpace([A.rows]), bound: A.lipschitz, solve: solve,
        forward: { x in A.forward(x) }, adjoint: { y in A.adjoint(y) })
    }
  }

  /// On signals of as many numbers as there are columns, whatever their shape.
  func making(place: String) -> OperatorStep.Making {
    { [rows, columns, make] space, precision in
      guard !space.isComplex else { throw InputError("\(place): found complex numbers before a matrix; expected real ones") }
      guard space.count == columns else {
        throw InputError(
          "\(place): found signals of shape \(space) for a matrix of \(rows) × \(columns); expected \(columns) numbers")
      }
      return make(precision).reshaped(from: space.shape)
    }
  }
}
