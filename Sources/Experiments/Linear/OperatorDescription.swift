// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Yams

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

  /// - Parameters: `shape`, of the signals, in the place of what the file says, such as that of images for a matrix; `variable`, the matrix's name
  ///   where a file holds several.
  /// - Throws: ``InputError`` with file and line, for what cannot be read or does not go together.
  public init(file path: String, shape: [Int]? = nil, variable: String? = nil) throws {
    self.path = path
    guard ["yaml", "yml"].contains(fileExtension(path)) else {
      let matrix = try OperatorMatrix(file: path, variable: variable)
      steps = [OperatorStep(name: "matrix", place: path, kind: .other(matrix.making(place: path)))]
      self.shape = shape ?? [matrix.columns]
      self.matrix = shape.map { $0.count < 2 } ?? true ? matrix.dense : nil
      try check(shape: self.shape)
      return
    }
    if variable != nil { throw InputError("\(path): found --variable for a description; expected it for a file of matrices alone") }
    let reader = try DescriptionReader(file: path)
    try reader.expect("shape", "complex", "noise", "operator")
    self.shape = try shape ?? reader.integers("shape", count: 1...3, 1...1_000_000_000)
    isComplex = try reader.flag("complex")
    noise = try Self.noise(reader)
    guard let list = reader.value("operator") else {
      throw InputError("\(path): found no operator; expected a list of steps such as “operator: [blur: {sigma: 1.6}]”")
    }
    steps = try OperatorStep.chain(list, path: path)
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

  private static func noise(_ reader: DescriptionReader) throws -> Noise {
    guard let node = reader.value("noise") else { return .none }
    let own = try DescriptionReader(path: reader.path, node: node, name: "noise", main: "deviation")
    try own.expect("deviation", "snr")
    if let sigma = try own.number("deviation", 0...1e300) { return sigma == 0 ? .none : .deviation(sigma) }
    guard let decibel = try own.number("snr", -300...300) else {
      throw own.error("found neither deviation nor snr; expected a standard deviation, or {snr: dB}")
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

/// The matrix of a file, dense or sparse.
struct OperatorMatrix: Sendable {
  let rows: Int
  let columns: Int
  let dense: Matrix?
  private let make: @Sendable (Precision) -> ArrayOperator

  init(file path: String, variable: String?) throws {
    switch try MatrixFile.read(path, variable: variable) {
    case .sparse(let found):
      guard found.values.maximumMagnitude > 0 else { throw Self.measuresNothing(path) }
      let matrix = SparseMatrix(found).converted(to: .double)
      (rows, columns, dense) = (found.rows, found.columns, nil)
      make = { precision in
        ArrayOperator(matrix.converted(to: precision), from: [matrix.columns], to: [matrix.rows])
      }
    case .dense(let found):
      guard let entries = found.real?.converted(to: .double) else {
        throw InputError("\(path): found a matrix of complex numbers; expected real ones, stack real and imaginary parts")
      }
      guard entries.maximumMagnitude > 0 else { throw Self.measuresNothing(path) }
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
  }

  private static func measuresNothing(_ path: String) -> InputError {
    InputError("\(path): found a matrix of zeros; expected one that measures something")
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
