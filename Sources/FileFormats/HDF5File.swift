// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Tensors

/// Named real and complex arrays with text about them, in an HDF5 file: what measurements are kept in.
///
/// An array is a dataset, a name with `/` lies in groups, text is an attribute of the root. Real numbers are stored as 32- or
/// 64-bit IEEE floating point, complex ones as the compound {r, i} that h5py and others use. Read are floating-point, integer and
/// boolean datasets too: those of 32-bit integers and wider as double precision, narrower ones as single. Datasets of text,
/// references and the like are passed over; datasets in other files are refused. Equal content gives equal bytes. NaN is allowed.
public struct HDF5File: Sendable, Equatable {
  /// The arrays; after reading, in the order of their names.
  public var arrays: [NamedArray]
  /// Text attributes of the root group; after reading also single numbers, as text.
  public var attributes: [String: String]

  public init(arrays: [NamedArray], attributes: [String: String] = [:]) { (self.arrays, self.attributes) = (arrays, attributes) }

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
        for (key, text) in attributes.sorted(by: { $0.key < $1.key }) { try Self.writeAttribute(file, key, text, path) }
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
      guard !key.isEmpty, key.utf8.count < 1000, text.utf8.count <= 60_000, !key.utf8.contains(0), !text.utf8.contains(0) else {
        throw FileFormatError(
          "\(path): the attribute \"\(key.prefix(40))\" has no name, a zero byte, or over 60000 bytes; shorten it.")
      }
    }
  }

  private static func write(_ array: NamedArray, _ file: hid_t, _ path: String) throws {
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

  private static func writeAttribute(_ file: hid_t, _ key: String, _ text: String, _ path: String) throws {
    let what = "writing the attribute \(key)"
    try HDF5Library.using(H5Tcopy(unfold_h5_c_string()), H5Tclose, what, path: path) { type in
      try HDF5Library.check(H5Tset_size(type, unfold_h5_variable()), what, path: path)
      try HDF5Library.check(H5Tset_cset(type, H5T_CSET_UTF8), what, path: path)
      try HDF5Library.using(H5Screate(H5S_SCALAR), H5Sclose, what, path: path) { space in
        try HDF5Library.using(H5Acreate2(file, key, type, space, 0, 0), H5Aclose, what, path: path) { attribute in
          try text.withCString { pointer in
            var pointer: UnsafePointer<CChar>? = pointer
            try HDF5Library.check(H5Awrite(attribute, type, &pointer), what, path: path)
          }
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
          return HDF5File(arrays: reader.arrays, attributes: try reader.attributes(root))
        }
      }
    }
  }
}

/// A walk over a file's groups.
private struct HDF5Reader {
  let path: String
  /// Bytes that may still be allocated for numbers.
  var budget: Int
  var arrays: [NamedArray] = []
  private var visited = 0

  init(path: String, budget: Int) { (self.path, self.budget) = (path, budget) }

  mutating func visit(_ group: hid_t, prefix: String, depth: Int) throws {
    guard depth < 32 else {
      throw FileFormatError("\(path): found groups nested over 32 deep at \(prefix.prefix(60)); the file is damaged.")
    }
    var info = H5G_info_t()
    try HDF5Library.check(H5Gget_info(group, &info), "reading the group /\(prefix)", path: path)
    for k in 0..<info.nlinks {
      visited += 1
      guard visited <= 100_000 else {
        throw FileFormatError("\(path): found over 100000 objects; the file is damaged, or not for arrays.")
      }
      var isHard: Int32 = 0
      let name = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { text -> String? in
        unfold_h5_link(group, k, text.baseAddress, &isHard) >= 0 ? String(cString: text.baseAddress!) : nil
      }
      guard let name else { throw HDF5Library.failure("reading the group /\(prefix)", path: path) }
      if isHard == 0 { continue }  // a soft link is another name, an external one another file
      try HDF5Library.using(H5Oopen(group, name, 0), H5Oclose, "opening \(prefix)\(name)", path: path) { object in
        switch H5Iget_type(object) {
        case H5I_GROUP: try visit(object, prefix: "\(prefix)\(name)/", depth: depth + 1)
        case H5I_DATASET:
          if let value = try read(object, prefix + name) { arrays.append(NamedArray(name: prefix + name, value: value)) }
        default: break
        }
      }
    }
  }

  /// The precision a numeric type is read in; nil for another type.
  private func precision(_ type: hid_t) -> Precision? {
    switch H5Tget_class(type) {
    case H5T_INTEGER, H5T_ENUM: H5Tget_size(type) >= 4 ? .double : .single
    case H5T_FLOAT: H5Tget_size(type) > 4 ? .double : .single
    default: nil
    }
  }

  private mutating func read(_ dataset: hid_t, _ name: String) throws -> NumericArray? {
    let what = "reading \(name)"
    return try HDF5Library.using(H5Dget_type(dataset), H5Tclose, what, path: path) { type in
      if H5Tget_class(type) == H5T_COMPOUND {
        guard H5Tget_nmembers(type) == 2, memberName(type, 0) == "r", memberName(type, 1) == "i" else { return nil }
        let precision = try HDF5Library.using(H5Tget_member_type(type, 0), H5Tclose, what, path: path) { self.precision($0) }
        guard let precision else { return nil }
        let (pairs, shape) = try numbers(dataset, name, precision, complex: true)
        return .complex(ComplexTensor(pairs: pairs.reshaped(shape + [2])))
      }
      guard let precision = precision(type) else { return nil }
      let (values, shape) = try numbers(dataset, name, precision, complex: false)
      return .real(values.reshaped(shape))
    }
  }

  private func memberName(_ type: hid_t, _ index: UInt32) -> String? {
    guard let text = H5Tget_member_name(type, index) else { return nil }
    defer { H5free_memory(text) }
    return String(cString: text)
  }

  private mutating func numbers(_ dataset: hid_t, _ name: String, _ precision: Precision, complex: Bool) throws -> (
    Tensor, shape: [Int]
  ) {
    let what = "reading \(name)"
    let (path, budget) = (self.path, self.budget)
    try HDF5Library.using(H5Dget_create_plist(dataset), H5Pclose, what, path: path) { creation in
      guard H5Pget_external_count(creation) <= 0, H5Pget_layout(creation) != H5D_VIRTUAL else {
        throw FileFormatError("\(path): \(name) lies in another file, expected one file; copy it with h5repack.")
      }
    }
    let shape = try HDF5Library.using(H5Dget_space(dataset), H5Sclose, what, path: path) { space -> [Int] in
      if H5Sget_simple_extent_type(space) == H5S_NULL { return [0] }
      let rank = H5Sget_simple_extent_ndims(space)
      guard (0...32).contains(rank) else { throw HDF5Library.failure(what, path: path) }
      var extents = [hsize_t](repeating: 0, count: Int(rank))
      guard H5Sget_simple_extent_dims(space, &extents, nil) == rank else { throw HDF5Library.failure(what, path: path) }
      return extents.map { Int(clamping: $0) }
    }
    let size = (precision == .double ? 8 : 4)
    let count =
      try checkedCount(shape, bytesPerElement: complex ? 2 * size : size, available: budget, name, path: path) * (complex ? 2 : 1)
    self.budget -= count * size
    if count == 0 { return (Tensor.zeros([0], precision: precision), shape) }
    let native = precision == .double ? unfold_h5_native_double() : unfold_h5_native_float()
    return try HDF5Library.withType(native, size: size, complexNames: complex ? ("r", "i") : nil, path: path) { type in
      var status: herr_t = 0
      func read<T: FloatingPoint>(_ zero: T) -> [T] {
        var values = [T](repeating: zero, count: count)
        values.withUnsafeMutableBytes { status = H5Dread(dataset, type, 0, 0, 0, $0.baseAddress) }
        return values
      }
      let tensor = precision == .double ? Tensor(read(0 as Double)) : Tensor(read(0 as Float))
      try HDF5Library.check(status, what, path: path)
      return (tensor, shape)
    }
  }

  // MARK: Attributes

  func attributes(_ root: hid_t) throws -> [String: String] {
    var attributes: [String: String] = [:]
    let count = unfold_h5_attribute_count(root)
    guard count >= 0 else { throw HDF5Library.failure("reading the attributes", path: path) }
    for k in 0..<count {
      try HDF5Library.using(
        H5Aopen_by_idx(root, ".", H5_INDEX_NAME, H5_ITER_INC, hsize_t(k), 0, 0), H5Aclose, "reading the attributes", path: path
      ) { attribute in
        let key = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { text in
          H5Aget_name(attribute, 1024, text.baseAddress) >= 0 ? String(cString: text.baseAddress!) : ""
        }
        if let text = try text(attribute, key) { attributes[key] = text }
      }
    }
    return attributes
  }

  /// A single text or number as text; nil for anything else.
  private func text(_ attribute: hid_t, _ key: String) throws -> String? {
    let what = "reading the attribute \(key)"
    return try HDF5Library.using(H5Aget_type(attribute), H5Tclose, what, path: path) { type in
      let points = try HDF5Library.using(H5Aget_space(attribute), H5Sclose, what, path: path) { H5Sget_simple_extent_npoints($0) }
      guard points == 1 else { return nil }
      switch H5Tget_class(type) {
      case H5T_INTEGER:
        var value: Int64 = 0
        try HDF5Library.check(H5Aread(attribute, unfold_h5_native_int64(), &value), what, path: path)
        return String(value)
      case H5T_FLOAT:
        var value = 0.0
        try HDF5Library.check(H5Aread(attribute, unfold_h5_native_double(), &value), what, path: path)
        return String(value)
      case H5T_STRING where H5Tis_variable_str(type) > 0:
        var pointer: UnsafeMutablePointer<CChar>?
        try HDF5Library.check(H5Aread(attribute, type, &pointer), what, path: path)
        guard let pointer else { return "" }
        defer { H5free_memory(pointer) }
        return String(cString: pointer)
      case H5T_STRING:
        let size = H5Tget_size(type)
        guard size > 0, size <= 1 << 20 else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        try HDF5Library.check(H5Aread(attribute, type, &bytes), what, path: path)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      default: return nil
      }
    }
  }
}
