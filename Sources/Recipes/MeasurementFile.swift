// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors

/// A measurement that `unfold simulate` wrote, read once, before it is known what it measures.
public struct MeasurementFile: Sendable {
  static let format = "unfold measurement 1"

  public let path: String
  public let problem: ProblemKind
  let file: HDF5File

  /// - Throws: the reader's error; ``RecipeError`` when the file is no measurement.
  public init(_ path: String) throws {
    guard case .hdf5 = try FileKind.detect(path) else {
      throw RecipeError("\(path): found \(try FileKind.detect(path).name); expected a measurement, make one with unfold simulate")
    }
    let file = try HDF5File(contentsOf: path)
    guard file.attributes["format"] == Self.format, let kind = file.attributes["problem"].flatMap(ProblemKind.init(rawValue:))
    else {
      throw RecipeError("\(path): found an HDF5 file that is no measurement; make one with unfold simulate")
    }
    self.path = path
    self.file = file
    problem = kind
  }

  func damaged(_ what: String) -> RecipeError { RecipeError("\(path): \(what); the file is damaged, simulate it again") }

  /// An array of real, finite numbers, not empty, in double precision.
  func array(_ name: String, rank: Int) throws -> Tensor {
    guard let value = file[name]?.real, value.shape.count == rank, value.count > 0 else {
      throw damaged("found \(name) of shape \(file[name]?.shape.description ?? "none"); expected \(rank) axes of real numbers")
    }
    guard value.isFinite else {
      throw RecipeError("\(path): found NaN or infinity in \(name); expected finite numbers, simulate it again")
    }
    return value.converted(to: .double)
  }

  /// The same, or nil when there is none of this name.
  func array(ifPresent name: String, rank: Int) throws -> Tensor? { file[name] == nil ? nil : try array(name, rank: rank) }

  /// A finite number among the attributes, or nil.
  func number(_ name: String) throws -> Double? {
    guard let text = file.attributes[name] else { return nil }
    guard let value = Double(text), value.isFinite else { throw damaged("found \(name) “\(text)”; expected a number") }
    return value
  }

  var seed: UInt64? { file.attributes["seed"].flatMap { UInt64($0) } }
}
