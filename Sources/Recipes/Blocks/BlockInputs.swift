// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors

extension CompressiveSensing {
  /// The seed of the Φ that ship.
  public static let standardSeed: UInt64 = 2018

  /// Φ of a ratio from a seed, or from a file.
  public init(ratio: Double?, phi path: String?, seed: UInt64) throws {
    if let path {
      guard ratio == nil else { throw RecipeError("found --ratio and --phi; expected one of them, Φ has a ratio of its own") }
      self.init(phi: try readPhi(path))
    } else {
      guard let ratio else { throw RecipeError("found neither --ratio nor --phi; expected a sampling ratio such as --ratio 0.25") }
      guard ratio > 0, ratio <= 1 else { throw RecipeError("found --ratio \(ratio); expected more than 0 and at most 1") }
      self.init(ratio: ratio, seed: seed)
    }
  }
}

/// Φ from a file: the array `phi`, or the only one of two axes; its columns are the pixels of a square block.
public func readPhi(_ path: String) throws -> Matrix {
  let entries = try readTable(path, names: ["phi", "Phi", "operator.phi"])
  let (rows, columns) = (entries.shape[0], entries.shape[1])
  let side = Int(Double(columns).squareRoot().rounded())
  guard side * side == columns, rows <= columns else {
    throw RecipeError(
      "\(path): found a matrix of \(rows) × \(columns); expected as many columns as a square block has pixels, such as 1089, and no more rows"
        + (Int(Double(rows).squareRoot().rounded()) * Int(Double(rows).squareRoot().rounded()) == rows ? ": transpose it" : ""))
  }
  guard columns <= 128 * 128 else {
    throw RecipeError("\(path): found blocks of \(side) × \(side) pixels; expected at most 128 × 128")
  }
  guard entries.maximumMagnitude > 0 else {
    throw RecipeError("\(path): found a matrix of zeros; expected one that measures something")
  }
  return Matrix(entries)
}

/// Q_init from a file: the array `Qinit`, or the only one of two axes, side² × M for this Φ.
public func readInitial(_ path: String, for phi: Matrix) throws -> Tensor {
  let entries = try readTable(path, names: ["Qinit", "qinit", "initial", "operator.initial"])
  guard entries.shape == [phi.columns, phi.rows] else {
    throw RecipeError(
      "\(path): found Q_init of \(entries.shape[0]) × \(entries.shape[1]); expected \(phi.columns) × \(phi.rows) for this Φ"
        + (entries.shape == [phi.rows, phi.columns] ? ": transpose it" : ""))
  }
  return entries
}
