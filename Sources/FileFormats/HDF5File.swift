// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Tensors

/// Named real and complex arrays with text about them, in an HDF5 file: what measurements are kept in.
///
/// An array is a dataset, a name with `/` lies in groups, text is an attribute of the root. Real numbers are stored as 32- or
/// 64-bit IEEE floating point, complex ones as the compound {r, i} that h5py and others use; {real, imag} and {re, im} are read too, as
/// are integer and boolean datasets: those of 32-bit integers and wider as double precision, narrower ones as single. Datasets of text,
/// references and the like, links, and the attributes of datasets and groups are passed over, with a remark that names them; datasets in other files are refused. Equal content gives equal bytes. NaN is allowed.
public struct HDF5File: Sendable, Equatable {
  /// The arrays; after reading, in the order of their names.
  public var arrays: [NamedArray]
  /// Text attributes of the root group; after reading also single numbers, as text.
  public var attributes: [String: String]

  public init(arrays: [NamedArray], attributes: [String: String] = [:]) { (self.arrays, self.attributes) = (arrays, attributes) }

  /// The most bytes a text may have to be written.
  public static let attributeLimit = 60_000

  /// The array named `name`, if there is one.
  public subscript(name: String) -> NumericArray? { arrays.first { $0.name == name }?.value }

  // MARK: Writing

  /// Writes the file atomically.
  ///
  /// - Throws: ``FileFormatError`` for names that are empty, repeated or both an array's and a group's, text over 60 000 bytes or
  ///   with a zero byte, and a disk that refuses.
  public func write(to path: String) throws {
    try check(path)
    let bytes = try HDF5Library.locked {
      try HDF5Library.fileImage(path: path) { file in
        for array in arrays.sorted(by: { $0.name < $1.name }) { try Self.write(array, file, path) }
        for (key, text) in attributes.sorted(by: { $0.key < $1.key }) {
          try HDF5Library.writeAttribute(file, key, text, path: path)
        }
      }
    }
    try AtomicFile.write(bytes, to: path)
  }

  private func check(_ path: String) throws {
    try checkStorable(arrays, path: path)
    let names = Set(arrays.map(\.name))
    for array in arrays {
      let parts = array.name.split(separator: "/", omittingEmptySubsequences: false)
      guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }), !array.name.utf8.contains(0) else {
        throw FileFormatError(
          "\(path): the name \"\(array.name)\" cannot be a dataset's; expected words separated by single slashes.")
      }
      guard array.value.shape.count <= 32 else {
        throw FileFormatError("\(path): \(array.name) has \(array.value.shape.count) axes, expected at most 32; reshape it.")
      }
      for end in 1..<max(parts.count, 1) where names.contains(parts[..<end].joined(separator: "/")) {
        throw FileFormatError(
          "\(path): \(parts[..<end].joined(separator: "/")) is an array and a group of \(array.name); rename one.")
      }
    }
    for (key, text) in attributes {
      guard !key.isEmpty, key.utf8.count < 1000, text.utf8.count <= Self.attributeLimit, !key.utf8.contains(0),
        !text.utf8.contains(0)
      else {
        throw FileFormatError(
          "\(path): the attribute \"\(key.prefix(40))\" has no name, a zero byte, or over 60000 bytes; shorten it.")
      }
    }
  }

  static func write(_ array: NamedArray, _ file: hid_t, _ path: String) throws {
    let isDouble = array.value.precision == .double
    let names: (String, String)? = if case .complex = array.value { ("r", "i") } else { nil }
    let size = isDouble ? 8 : 4
    let native = isDouble ? unfold_h5_native_double() : unfold_h5_native_float()
    let stored = isDouble ? unfold_h5_file_double() : unfold_h5_file_float()
    try HDF5Library.withType(native, size: size, complexNames: names, path: path) { memoryType in
      try HDF5Library.withType(stored, size: size, complexNames: names, path: path) { fileType in
        try array.value.stored.withStoredBytes {
          try HDF5Library.writeDataset(
            file, array.name, array.value.shape, fileType: fileType, memoryType: memoryType, $0, path: path)
        }
      }
    }
  }

  // MARK: Reading

  /// Reads a file. - Throws: ``FileFormatError``.
  public init(contentsOf path: String) throws {
    self = try readFile(path).withUnsafeBytes { try Self.decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public init(decoding data: Data, path: String) throws {
    self = try data.withUnsafeBytes { try Self.decode($0, path: path) }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> HDF5File {
    guard case .hdf5 = FileKind(of: bytes) else {
      throw FileFormatError("\(path): the first bytes are not those of an HDF5 file; check the file.")
    }
    return try HDF5Library.locked {
      try HDF5Library.withFile(bytes, path: path) { file in
        // Compression and narrow integers expand by at most 4 · 1032; more is a damaged or hostile file.
        var reader = HDF5Reader(path: path, budget: 4096 * bytes.count + (64 << 10))
        return try HDF5Library.using(H5Oopen(file, "/", 0), H5Oclose, "opening", path: path) { root in
          try reader.visit(root, prefix: "", depth: 0)
          try reader.passedOver.check(isOnly: reader.arrays.isEmpty)
          let attributes = try reader.attributes(root)
          reader.passedOver.note(path)
          return HDF5File(arrays: reader.arrays, attributes: attributes)
        }
      }
    }
  }
}

/// A walk over a file's groups.
struct HDF5Reader {
  let path: String
  /// Bytes that may still be allocated for numbers.
  var budget: Int
  var arrays: [NamedArray] = []
  var passedOver = PassedOver()
  private var visited = 0

  init(path: String, budget: Int) { (self.path, self.budget) = (path, budget) }

  mutating func visit(_ group: hid_t, prefix: String, depth: Int) throws {
    guard depth < 32 else {
      throw FileFormatError("\(path): found groups nested over 32 deep at \(prefix.prefix(60)); the file is damaged.")
    }
    for link in try HDF5Library.links(of: group, "/\(prefix)", path: path) {
      let name = link.name
      visited += 1
      guard visited <= 100_000 else {
        throw FileFormatError("\(path): found over 100000 objects; the file is damaged, or not for arrays.")
      }
      guard link.isHard else {
        passedOver.add(prefix + name, link.kind)
        continue
      }
      let object = H5Oopen(group, name, 0)
      guard object >= 0 else {
        passedOver.add(prefix + name, HDF5Library.failure("opening \(prefix)\(name)", path: path))
        continue
      }
      defer { _ = H5Oclose(object) }
      switch H5Iget_type(object) {
      case H5I_GROUP:
        if let words = try attributeNames(object) { passedOver.add(prefix + name, words) }
        try visit(object, prefix: "\(prefix)\(name)/", depth: depth + 1)
      case H5I_DATASET:
        do {
          if let words = try attributeNames(object) { passedOver.add(prefix + name, words) }
          if let value = try read(object, prefix + name) { arrays.append(NamedArray(name: prefix + name, value: value)) }
        } catch let error as FileFormatError {
          passedOver.add(prefix + name, error)
        }
      default: passedOver.add(prefix + name, "a type")
      }
    }
  }

  private mutating func read(_ dataset: hid_t, _ name: String) throws -> NumericArray? {
    let (path, budget) = (self.path, self.budget)
    let (numbers, kind) = try HDF5Library.using(H5Dget_type(dataset), H5Tclose, "reading \(name)", path: path) {
      (HDF5Numbers($0), HDF5Library.kind($0))
    }
    guard let numbers else {
      passedOver.add(name, kind)
      return nil
    }
    if let filter = try HDF5Library.missingFilter(dataset, path: path) {
      passedOver.add(name, "compressed by \(filter), which is not known; write it with gzip")
      return nil
    }
    let shape = try HDF5Library.shape(dataset, name, path: path)
    self.budget -= try checkedCount(shape, bytesPerElement: numbers.size, available: budget, name, path: path) * numbers.size
    return try numbers.read(dataset, name, shape: shape, path: path)
  }

  // MARK: Attributes

  /// Those of the root that are a single text or number; others are passed over.
  mutating func attributes(_ root: hid_t) throws -> [String: String] {
    let path = path
    var (attributes, others) = ([String: String](), [String]())
    try eachAttribute(of: root) { attribute, key in
      let text = try HDF5Library.text(attribute, "reading the attribute \(key)", path: path)
      attributes[key] = text
      if text == nil { others.append(key) }
    }
    for key in others { passedOver.add(key, "an attribute that is no single text or number") }
    return attributes
  }

  /// The attributes of a group or dataset below the root, which are passed over, in words; nil without any.
  private func attributeNames(_ object: hid_t) throws -> String? {
    var names: [String] = []
    try eachAttribute(of: object) { _, key in names.append(key) }
    return names.isEmpty ? nil : "attributes " + names.joined(separator: ", ")
  }

  private func eachAttribute(of object: hid_t, _ body: (hid_t, String) throws -> Void) throws {
    let count = unfold_h5_attribute_count(object)
    guard count >= 0 else { throw HDF5Library.failure("reading the attributes", path: path) }
    for k in 0..<count {
      try HDF5Library.using(
        H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, hsize_t(k), 0, 0), H5Aclose, "reading the attributes", path: path
      ) { attribute in
        let key = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { text in
          H5Aget_name(attribute, 1024, text.baseAddress) >= 0 ? String(cString: text.baseAddress!) : ""
        }
        try body(attribute, key)
      }
    }
  }
}
