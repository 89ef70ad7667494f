// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Tensors

/// MATLAB's version 7.3: an HDF5 file. Attributes say MATLAB's class; extents stand in reverse; a structure is a group, a cell array a
/// dataset of references into the group `#refs#`, an array of structures a group of such datasets.
struct MAT73Reader {
  private let path: String
  /// Bytes that may still be allocated for numbers.
  private var budget: Int
  private var visited = 0
  private var parts: [MATPart] = []

  /// - Throws: ``FileFormatError`` when the file is cut off or damaged.
  static func parts(_ path: String) throws -> [MATPart] {
    // Compression and narrow integers expand by at most 4 · 1032; more is a damaged or hostile file.
    var reader = MAT73Reader(path: path, budget: 4096 * (try fileSize(path)) + (64 << 10))
    try HDF5Library.locked {
      try HDF5Library.withFile(path: path) { file in
        try HDF5Library.using(H5Oopen(file, "/", 0), H5Oclose, "opening", path: path) { root in
          for link in try HDF5Library.links(of: root, "/", path: path) {
            if link.name == "#refs#" { continue }  // what cells hold, read by their references
            guard link.isHard, link.name != "#subsystem#" else {
              reader.parts.append(
                MATPart(link.name, passedOver: link.isHard ? "subsystem data of objects" : "a link, expected a variable"))
              continue
            }
            do {
              try HDF5Library.using(H5Oopen(root, link.name, 0), H5Oclose, "opening \(link.name)", path: path) {
                try reader.add($0, link.name, depth: 0)
              }
            } catch let error as FileFormatError {
              reader.parts.append(MATPart(link.name, damaged: error))
            }
          }
        }
      }
    }
    return reader.parts
  }

  private init(path: String, budget: Int) { (self.path, self.budget) = (path, budget) }

  private func attribute(_ object: hid_t, _ name: String) throws -> String? {
    try HDF5Library.attribute(object, name, path: path)?.trimmed
  }

  private mutating func add(_ object: hid_t, _ name: String, depth: Int) throws {
    visited += 1
    guard depth < 32 else { throw FileFormatError("\(path): \(name): found parts nested over 32 deep; the file is damaged.") }
    guard visited <= 100_000 else { throw FileFormatError("\(path): found over 100000 parts of variables; the file is damaged.") }
    let kind = try attribute(object, "MATLAB_class")
    let isObject = try attribute(object, "MATLAB_object_decode") != nil
    switch H5Iget_type(object) {
    case H5I_GROUP:
      if let rows = try attribute(object, "MATLAB_sparse") {
        try addSparse(object, name, rows: rows, isLogical: kind == "logical")
      } else if isObject || !(kind == nil || kind == "struct") {
        parts.append(MATPart(name, passedOver: kind ?? "object"))
      } else {
        try addFields(object, name, depth: depth)
      }
    case H5I_DATASET:
      let type = try HDF5Library.using(H5Dget_type(object), H5Tclose, "reading \(name)", path: path) {
        (isReference: unfold_h5_is_object_reference($0) > 0, numbers: HDF5Numbers($0), kind: HDF5Library.kind($0))
      }
      let shape = Array(try HDF5Library.shape(object, name, path: path).reversed())
      let isEmpty = try attribute(object, "MATLAB_empty").map { $0 != "0" } ?? false
      if isObject || kind == "char" || kind == "function_handle" {
        parts.append(MATPart(name, passedOver: kind ?? "object", shape: isEmpty ? [0, 0] : shape))
      } else if kind == "cell" || kind == "struct" || kind == nil && type.isReference {
        if !isEmpty { try addCells(object, name, shape, depth: depth, isReference: type.isReference) }
      } else if let numbers = type.numbers {
        try addNumbers(object, numbers, name, kind, shape: shape, isEmpty: isEmpty)
      } else {
        parts.append(MATPart(name, passedOver: kind ?? type.kind, shape: shape))
      }
    default: parts.append(MATPart(name, passedOver: kind ?? "a type"))
    }
  }

  // MARK: Structures and cells

  private mutating func addFields(_ group: hid_t, _ name: String, depth: Int) throws {
    let links = try HDF5Library.links(of: group, name, path: path)
    /// Fields of an array of structures, with the references to their elements.
    var columns: [(name: String, references: [UInt64])] = []
    for link in links {
      guard link.isHard else {
        parts.append(MATPart("\(name).\(link.name)", passedOver: "a link, expected a field"))
        continue
      }
      let field = "\(name).\(link.name)"
      try HDF5Library.using(H5Oopen(group, link.name, 0), H5Oclose, "opening \(field)", path: path) { object in
        guard H5Iget_type(object) == H5I_DATASET, try attribute(object, "MATLAB_class") == nil,
          try HDF5Library.using(
            H5Dget_type(object), H5Tclose, "reading \(field)", path: path,
            {
              unfold_h5_is_object_reference($0) > 0
            })
        else { return try add(object, field, depth: depth + 1) }
        columns.append((link.name, try references(object, field, HDF5Library.shape(object, field, path: path))))
      }
    }
    for k in 0..<(columns.map(\.references.count).max() ?? 0) {
      for column in columns where k < column.references.count {
        try follow(
          column.references[k], from: group,
          columns[0].references.count == 1 ? "\(name).\(column.name)" : "\(name).\(k).\(column.name)",
          depth: depth)
      }
    }
  }

  private mutating func addCells(_ dataset: hid_t, _ name: String, _ shape: [Int], depth: Int, isReference: Bool) throws {
    guard isReference else {
      parts.append(MATPart(name, passedOver: "a cell array without references"))
      return
    }
    for (k, reference) in try references(dataset, name, shape).enumerated() {
      try follow(reference, from: dataset, "\(name).\(k)", depth: depth)
    }
  }

  private mutating func references(_ dataset: hid_t, _ name: String, _ shape: [Int]) throws -> [UInt64] {
    let count = try checkedCount(shape, bytesPerElement: 8, available: min(budget, 800_000), name, path: path)
    var references = [UInt64](repeating: 0, count: count)
    if count > 0 {
      let status = references.withUnsafeMutableBytes { H5Dread(dataset, unfold_h5_object_reference(), 0, 0, 0, $0.baseAddress) }
      try HDF5Library.check(status, "reading \(name)", path: path)
    }
    return references
  }

  private mutating func follow(_ reference: UInt64, from object: hid_t, _ name: String, depth: Int) throws {
    guard reference != 0 else { return }
    var reference = reference
    try HDF5Library.using(unfold_h5_dereference(object, &reference), H5Oclose, "opening \(name)", path: path) {
      try add($0, name, depth: depth + 1)
    }
  }

  // MARK: Numbers

  private mutating func read(_ dataset: hid_t, _ numbers: HDF5Numbers, _ name: String) throws -> NumericArray {
    let shape = try HDF5Library.shape(dataset, name, path: path)
    budget -= try checkedCount(shape, bytesPerElement: numbers.size, available: budget, name, path: path) * numbers.size
    return try numbers.read(dataset, name, shape: shape, path: path)
  }

  private mutating func addNumbers(
    _ dataset: hid_t, _ numbers: HDF5Numbers, _ name: String, _ kind: String?, shape: [Int], isEmpty: Bool
  ) throws {
    if let filter = try HDF5Library.missingFilter(dataset, path: path) {
      parts.append(
        MATPart(name, passedOver: kind ?? "numbers", shape: shape, reason: "compressed by \(filter), which is not known"))
      return
    }
    let value = try read(dataset, numbers, name)
    var kind = kind ?? "\(value.precision.rawValue)"
    if try kind == "uint8" && attribute(dataset, "MATLAB_int_decode") == "1" { kind = "logical" }
    if isEmpty {  // an empty array is stored as its size
      let size = try SparseArray.integers(value.real ?? .zeros([0]), "size", name: "\(path): \(name)")
      guard size.count <= 32, size.allSatisfy({ $0 >= 0 }), size.contains(0) || size.isEmpty else {
        throw FileFormatError("\(path): \(name): found the size \(size.prefix(40)) of an empty array; the file is damaged.")
      }
      let isSingle = ["single", "logical", "int8", "uint8", "int16", "uint16"].contains(kind)
      _ = try checkedCount(size, bytesPerElement: 8, available: .max, name, path: path)
      parts.append(
        MATPart(
          name, kind, shape: size.isEmpty ? [0, 0] : size, real: .zeros([0], precision: isSingle ? .single : .double),
          imaginary: nil))
      return
    }
    func flat(_ tensor: Tensor) -> Tensor { tensor.reshaped([tensor.count]) }
    switch value {
    case .real(let x):
      let values = kind == "logical" ? Tensor(x.doubles.map { $0 == 0 ? 0 : 1 as Float }) : flat(x)
      parts.append(MATPart(name, kind, shape: shape, real: values, imaginary: nil))
    case .complex(let z): parts.append(MATPart(name, kind, shape: shape, real: flat(z.real), imaginary: flat(z.imaginary)))
    }
  }

  /// A group of `data`, `ir` (rows, from 0) and `jc` (column starts); `rows` is an attribute. Without entries the first two are absent.
  private mutating func addSparse(_ group: hid_t, _ name: String, rows: String, isLogical: Bool) throws {
    var arrays: [String: NumericArray] = [:]
    for part in ["data", "ir", "jc"] where H5Lexists(group, part, 0) > 0 {
      try HDF5Library.using(H5Dopen2(group, part, 0), H5Dclose, "opening \(name)/\(part)", path: path) { dataset in
        let numbers = try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "reading \(name)", path: path) { HDF5Numbers($0) }
        if let numbers { arrays[part] = try read(dataset, numbers, "\(name)/\(part)") }
      }
    }
    func flat(_ tensor: Tensor?) -> Tensor { tensor.map { $0.reshaped([$0.count]) } ?? .zeros([0], precision: .double) }
    let starts = try SparseArray.integers(flat(arrays["jc"]?.real), "column start", name: "\(path): \(name)")
    let indices = try SparseArray.integers(flat(arrays["ir"]?.real), "row", name: "\(path): \(name)")
    guard let rows = Int(rows), rows >= 0, !starts.isEmpty else {
      throw FileFormatError("\(path): \(name): found a sparse matrix without rows or columns; the file is damaged.")
    }
    var (real, imaginary): (Tensor, Tensor?) =
      switch arrays["data"] {
      case .complex(let z): (flat(z.real), flat(z.imaginary))
      case .real(let x): (flat(x), nil)
      case nil: (flat(nil), nil)
      }
    if isLogical { (real, imaginary) = (real.converted(to: .single), nil) }
    try parts.append(
      MATFile.sparse(
        name, rows: rows, columns: starts.count - 1, starts: starts, rowIndices: indices, real: real, imaginary: imaginary,
        path: path)
    )
  }
}

extension String {
  /// Without spaces at the ends, which pad text of fixed length.
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
