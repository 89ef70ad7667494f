// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Networks
import Operators
import Tensors
import Training

/// The real two-axis array of a file, finite and in double precision: the one under a name of `names` or the only one there is; with
/// `allowingRow` also one of one axis, as a row.
public func readTable(_ path: String, names: [String] = [], allowingRow: Bool = false) throws -> Tensor {
  let arrays = try readArrays(path).map { array in
    guard allowingRow, array.value.shape.count == 1, let row = array.value.real else { return array }
    return NamedArray(name: array.name, value: row.reshaped([1, row.count]))
  }
  let tables = arrays.filter { $0.value.real != nil && $0.value.shape.count == 2 }
  let named = tables.filter { names.contains($0.name) }
  guard let chosen = named.count == 1 ? named.first : tables.count == 1 ? tables.first : nil, let table = chosen.value.real else {
    let found = arrays.isEmpty ? "no arrays" : arrays.prefix(4).map { "\($0.name) \($0.value.shape)" }.joined(separator: ", ")
    throw InputError(
      "\(path): found \(found); expected one real array of two axes" + (names.isEmpty ? "" : ", or one named \(names[0])"))
  }
  notePassedOver(arrays.filter { $0.name != chosen.name }, path: path)
  guard table.count > 0, table.isFinite else {
    throw InputError(
      "\(path): found \(table.count == 0 ? "an empty array" : "NaN or infinity") in \(chosen.name); expected finite numbers")
  }
  return table.converted(to: .double)
}

/// A measurement matrix from a file: the array `A`, or the only one of two axes.
public func readMatrix(_ path: String) throws -> Matrix {
  let entries = try readTable(path, names: ["A", "operator.A"])
  guard entries.maximumMagnitude > 0 else {
    throw InputError("\(path): found a matrix of zeros; expected one that measures something")
  }
  return Matrix(entries)
}

extension SparseMatrix {
  /// The operator of a sparse matrix from a file.
  public init(_ array: SparseArray) {
    self.init(columns: array.columns, rowStarts: array.rowStarts, columnIndices: array.columnIndices, values: array.values)
  }
}

/// A dictionary from a file: the array `dictionary`, or the only one of two axes.
///
/// - Throws: unless it has `patchSize` rows and columns of unit norm, which coordinate descent needs.
public func readDictionary(_ path: String, patchSize: Int) throws -> Matrix {
  let entries = try readTable(path, names: ["dictionary", "operator.dictionary"])
  let (rows, columns) = (entries.shape[0], entries.shape[1])
  guard rows == patchSize else {
    throw InputError(
      "\(path): found a dictionary of \(rows) × \(columns); expected \(patchSize) rows, one a pixel of a patch"
        + (columns == patchSize ? ": transpose it" : ", choose another"))
  }
  let values = entries.doubles
  for j in 0..<columns {
    let norm = (0..<rows).reduce(0) { $0 + values[$1 * columns + j] * values[$1 * columns + j] }.squareRoot()
    guard abs(norm - 1) < 1e-3 else {
      throw InputError("\(path): found norm \(norm) of column \(j); expected atoms of norm 1, divide each column by its norm")
    }
  }
  return Matrix(entries)
}

extension Weights {
  /// Reads weights from any file of arrays whose names are those of parameters: safetensors, a checkpoint, or what ``readArrays(_:)`` reads.
  ///
  /// Weights within a checkpoint of PyTorch (`state_dict`, `model.module`, …) are found, with a remark that says where.
  ///
  /// - Throws: when the file cannot be read, or holds complex numbers, NaN or infinity.
  public init(anyFile path: String) throws {
    let kind = try FileKind.detect(path)
    if case .safetensors = kind {
      try self.init(contentsOf: path)
    } else {
      let stored = try readArrays(path)
      let arrays = try (kind == .torch ? Self.innermost(stored, path) : stored).map { array in
        guard let value = array.value.real else {
          throw InputError("\(path): found complex numbers in \(array.name); expected real weights")
        }
        return NamedParameter(name: array.name, value: value)
      }
      // MATLAB has no dots in names.
      func fixedName(_ name: String) -> String? {
        ["operator.", "operator_"].first(where: name.hasPrefix).map { String(name.dropFirst($0.count)) }
      }
      self.init(
        parameters: arrays.filter { fixedName($0.name) == nil },
        operators: arrays.compactMap { array in fixedName(array.name).map { NamedParameter(name: $0, value: array.value) } })
    }
    if let broken = (parameters + operators).first(where: { !$0.value.isFinite }) {
      throw InputError("\(path): found NaN or infinity in \(broken.name); expected finite weights, get the file again")
    }
  }

  /// The arrays of a training's checkpoint that are the network's, without the names they lie under.
  private static func innermost(_ arrays: [NamedArray], _ path: String) -> [NamedArray] {
    func within(_ name: String, _ arrays: [NamedArray]) -> [NamedArray] {
      arrays.compactMap { array in
        array.name.hasPrefix(name + ".") ? NamedArray(name: String(array.name.dropFirst(name.count + 1)), value: array.value) : nil
      }
    }
    var (found, place) = (arrays, [String]())
    let containers = ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "generator"]
    if let name = containers.first(where: { !within($0, arrays).isEmpty }) { (found, place) = (within(name, arrays), [name]) }
    while let name = (containers + ["module"]).first(where: { !found.isEmpty && within($0, found).count == found.count }) {
      found = within(name, found)
      place.append(name)
    }
    if !place.isEmpty {
      let rest = arrays.count - found.count
      Remarks.note(
        "\(path): the weights are read from “\(place.joined(separator: "."))”"
          + (rest > 0 ? ", \(rest) arrays beside it are passed over" : ""))
    }
    return found
  }

  /// The same weights under the network's names and shapes where they differ only by what MATLAB lacks: dots in names (`_` instead),
  /// scalars and vectors (matrices instead).
  func fitted(to network: some Network) -> Weights {
    var known: [String: NamedParameter] = [:]
    for parameter in network.parametersAndBuffers {
      known[parameter.name] = parameter
      known[parameter.name.replacingOccurrences(of: ".", with: "_")] = parameter
    }
    var result = self
    for i in result.parameters.indices {
      let value = result.parameters[i].value
      guard let own = known[result.parameters[i].name], own.value.shape.filter({ $0 != 1 }) == value.shape.filter({ $0 != 1 })
      else { continue }
      result.parameters[i] = NamedParameter(name: own.name, value: value.reshaped(own.value.shape))
    }
    return result
  }
}
