// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Tensors

/// How the numbers of a dataset are read.
struct HDF5Numbers {
  var precision: Precision
  /// The names of the two parts of a complex number.
  var complexNames: (String, String)?
  var isComplex: Bool { complexNames != nil }

  /// Bytes of an element in the file.
  private let storedSize: Int
  /// The most bytes that an element takes while it is read, in memory or as in the file.
  var size: Int { max((precision == .double ? 8 : 4) * (isComplex ? 2 : 1), storedSize) }

  /// How programs name the parts of a complex number: h5py and MRI files; MATLAB, Octave and Julia's MAT; others.
  private static let names: Set<[String]> = [
    ["r", "i"], ["real", "imag"], ["re", "im"], ["real", "imaginary"], ["re", "imag"],
  ]

  /// Nil for a dataset of something else than numbers; complex ones are compounds of two real numbers, such as {r, i}.
  init?(_ type: hid_t) {
    storedSize = Int(clamping: H5Tget_size(type))
    guard H5Tget_class(type) == H5T_COMPOUND else {
      guard let precision = Self.precision(type) else { return nil }
      self.precision = precision
      return
    }
    guard H5Tget_nmembers(type) == 2, let real = Self.memberName(type, 0), let imaginary = Self.memberName(type, 1),
      Self.names.contains([real.lowercased(), imaginary.lowercased()])
    else { return nil }
    let parts = [H5Tget_member_type(type, 0), H5Tget_member_type(type, 1)]
    defer { for part in parts where part >= 0 { H5Tclose(part) } }
    guard parts.allSatisfy({ $0 >= 0 && (H5Tget_class($0) == H5T_FLOAT || H5Tget_class($0) == H5T_INTEGER) }),
      let first = Self.precision(parts[0]), let second = Self.precision(parts[1]),
      // HDF5 believes the places of a type's members.
      H5Tget_member_offset(type, 0) + H5Tget_size(parts[0]) <= H5Tget_member_offset(type, 1),
      H5Tget_member_offset(type, 1) <= H5Tget_size(type), H5Tget_size(parts[1]) <= H5Tget_size(type) - H5Tget_member_offset(type, 1)
    else { return nil }
    (precision, complexNames) = (first == .double ? first : second, (real, imaginary))
  }

  private static func precision(_ type: hid_t) -> Precision? {
    switch H5Tget_class(type) {
    case H5T_INTEGER, H5T_ENUM: H5Tget_size(type) >= 4 ? .double : .single
    case H5T_FLOAT: H5Tget_size(type) > 4 ? .double : .single
    default: nil
    }
  }

  static func memberName(_ type: hid_t, _ index: UInt32) -> String? {
    guard let text = H5Tget_member_name(type, index) else { return nil }
    defer { H5free_memory(text) }
    return String(cString: text)
  }

  /// The numbers of a dataset whose shape has been checked, of `shape`, or of one entry of its first axis, without that axis.
  func read(_ dataset: hid_t, _ name: String, shape: [Int], entry: Int? = nil, path: String) throws -> NumericArray {
    let what = "reading \(name)"
    let part = entry == nil ? shape : Array(shape.dropFirst())
    let count = part.reduce(1, *) * (isComplex ? 2 : 1)
    func array(_ numbers: Tensor) -> NumericArray {
      isComplex ? .complex(ComplexTensor(pairs: numbers.reshaped(part + [2]))) : .real(numbers.reshaped(part))
    }
    if count == 0 { return array(.zeros([0], precision: precision)) }
    let native = precision == .double ? unfold_h5_native_double() : unfold_h5_native_float()
    return try HDF5Library.withType(
      native, size: precision == .double ? 8 : 4, complexNames: complexNames, path: path
    ) { type in
      try Self.withSpaces(dataset, shape, entry, what, path) { memory, file in
        var status: herr_t = 0
        func read<T: FloatingPoint>(_ zero: T) -> [T] {
          var values = [T](repeating: zero, count: count)
          values.withUnsafeMutableBytes { status = H5Dread(dataset, type, memory, file, 0, $0.baseAddress) }
          return values
        }
        let numbers = precision == .double ? Tensor(read(0 as Double)) : Tensor(read(0 as Float))
        try HDF5Library.check(status, what, path: path)
        return array(numbers)
      }
    }
  }

  /// The dataspaces of one entry in memory and in the file; 0, which means all, without `entry`.
  private static func withSpaces<R>(
    _ dataset: hid_t, _ shape: [Int], _ entry: Int?, _ what: String, _ path: String, _ body: (hid_t, hid_t) throws -> R
  ) throws -> R {
    guard let entry else { return try body(0, 0) }
    let start = [hsize_t(entry)] + [hsize_t](repeating: 0, count: shape.count - 1)
    let extent = [1] + shape.dropFirst().map { hsize_t($0) }
    return try HDF5Library.using(H5Dget_space(dataset), H5Sclose, what, path: path) { file in
      try HDF5Library.check(H5Sselect_hyperslab(file, H5S_SELECT_SET, start, nil, extent, nil), what, path: path)
      return try HDF5Library.using(H5Screate_simple(Int32(extent.count), extent, nil), H5Sclose, what, path: path) {
        try body($0, file)
      }
    }
  }
}

extension HDF5Library {
  /// What a type is, for those that are passed over.
  static func kind(_ type: hid_t) -> String {
    switch H5Tget_class(type) {
    case H5T_STRING: "text"
    case H5T_REFERENCE: "references"
    case H5T_OPAQUE: "opaque"
    case H5T_VLEN: "of variable length"
    case H5T_ARRAY: "arrays as elements"
    case H5T_BITFIELD: "bits"
    case H5T_TIME: "time"
    case H5T_COMPOUND:
      "compound of "
        + (0..<UInt32(clamping: min(H5Tget_nmembers(type), 4))).compactMap { HDF5Numbers.memberName(type, $0) }
        .joined(separator: ", ")
    default: "of an unknown type"
    }
  }

  /// A filter that a dataset was compressed by and the library does not have.
  static func missingFilter(_ dataset: hid_t, path: String) throws -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      let number = unfold_h5_missing_filter(dataset, text.baseAddress!)
      if number == 0 { return nil }
      let name = String(cString: text.baseAddress!)
      return "filter \(number)" + (name.isEmpty ? "" : " (\(name))")
    }
  }

  /// A name in a group. A soft link is another name of what lies in the file, an external one of what lies in another.
  struct Link {
    let name: String
    let isHard: Bool
    let isExternal: Bool
    /// For those that are passed over.
    var kind: String { isHard ? "of another kind" : isExternal ? "a link to another file" : "a link, another name" }
  }

  /// Names in a remark what a group holds besides `known`.
  static func noteOthers(in file: hid_t, _ group: String, besides known: Set<String>, path: String) throws {
    var others = PassedOver()
    try using(H5Oopen(file, group, 0), H5Oclose, "opening \(group)", path: path) {
      for link in try links(of: $0, group, path: path) where !known.contains(link.name) { others.add(link.name, link.kind) }
    }
    others.note(path)
  }

  /// The links of a group, in the order of their names.
  static func links(of group: hid_t, _ name: String, path: String) throws -> [Link] {
    var info = H5G_info_t()
    try check(H5Gget_info(group, &info), "reading the group \(name)", path: path)
    guard info.nlinks <= 100_000 else {
      throw FileFormatError("\(path): found over 100000 objects; the file is damaged, or not for arrays.")
    }
    return try (0..<info.nlinks).map { k in
      var (isHard, isExternal): (Int32, Int32) = (0, 0)
      let link = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { text -> String? in
        unfold_h5_link(group, k, text.baseAddress, &isHard, &isExternal) >= 0 ? String(cString: text.baseAddress!) : nil
      }
      guard let link else { throw failure("reading the group \(name)", path: path) }
      return Link(name: link, isHard: isHard != 0, isExternal: isExternal != 0)
    }
  }

  /// An attribute's single text or number, as text; nil where there is none or it holds anything else.
  static func attribute(_ object: hid_t, _ name: String, path: String) throws -> String? {
    guard H5Aexists(object, name) > 0 else { return nil }
    let what = "reading the attribute \(name)"
    return try using(H5Aopen(object, name, 0), H5Aclose, what, path: path) { try text($0, what, path: path) }
  }

  /// A single text or number as text; nil for anything else.
  static func text(_ attribute: hid_t, _ what: String, path: String) throws -> String? {
    try using(H5Aget_type(attribute), H5Tclose, what, path: path) { type in
      let points = try using(H5Aget_space(attribute), H5Sclose, what, path: path) { H5Sget_simple_extent_npoints($0) }
      guard points == 1 else { return nil }
      switch H5Tget_class(type) {
      case H5T_INTEGER:
        var value: Int64 = 0
        try check(H5Aread(attribute, unfold_h5_native_int64(), &value), what, path: path)
        return String(value)
      case H5T_FLOAT:
        var value = 0.0
        try check(H5Aread(attribute, unfold_h5_native_double(), &value), what, path: path)
        return String(value)
      case H5T_STRING: return try text(type, what, path: path) { H5Aread(attribute, type, $0) }
      default: return nil
      }
    }
  }

  /// Opens a file for reading where it lies: memory does not grow with its size. `body` runs twice, in an ``HDF5Trial`` first.
  static func withFile<R>(path: String, _ body: (hid_t) throws -> R) throws -> R {
    try checkHeaps(path: path)
    return try withKnownFile(path: path, body)
  }

  /// ``withFile(path:_:)`` again.
  static func withKnownFile<R>(path: String, _ body: (hid_t) throws -> R) throws -> R {
    try tried(size: fileSize(path), path: path) {
      try using(H5Fopen(path, unfold_h5_read_only(), 0), H5Fclose, "opening", path: path, body)
    }
  }

  /// Whether `name`, groups and a dataset or group, is there as hard or soft links.
  static func exists(_ name: String, in file: hid_t) -> Bool {
    let parts = name.split(separator: "/")
    return parts.indices.allSatisfy { H5Lexists(file, parts[...$0].joined(separator: "/"), 0) > 0 }
  }

  /// The extents of a dataset, none for a scalar, `[0]` for an empty one. Refuses a dataset that lies in another file.
  static func shape(_ dataset: hid_t, _ name: String, path: String) throws -> [Int] {
    let what = "reading \(name)"
    try using(H5Dget_create_plist(dataset), H5Pclose, what, path: path) { creation in
      guard H5Pget_external_count(creation) <= 0, H5Pget_layout(creation) != H5D_VIRTUAL else {
        throw FileFormatError("\(path): \(name) lies in another file, expected one file; copy it with h5repack.")
      }
    }
    return try using(H5Dget_space(dataset), H5Sclose, what, path: path) { space in
      if H5Sget_simple_extent_type(space) == H5S_NULL { return [0] }
      let rank = H5Sget_simple_extent_ndims(space)
      guard (0...32).contains(rank) else { throw failure(what, path: path) }
      var extents = [hsize_t](repeating: 0, count: Int(rank))
      guard H5Sget_simple_extent_dims(space, &extents, nil) == rank else { throw failure(what, path: path) }
      return extents.map { Int(clamping: $0) }
    }
  }

  /// The text of a dataset that holds one, of fixed or variable length; nil for anything else.
  static func text(of name: String, in file: hid_t, path: String) throws -> String? {
    let what = "reading \(name)"
    return try using(H5Dopen2(file, name, 0), H5Dclose, what, path: path) { dataset in
      guard try shape(dataset, name, path: path).reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) == 1 else {
        return nil
      }
      return try using(H5Dget_type(dataset), H5Tclose, what, path: path) { type in
        try text(type, what, path: path) { H5Dread(dataset, type, 0, 0, 0, $0) }
      }
    }
  }

  /// One text of `type`, which `read` fetches.
  static func text(_ type: hid_t, _ what: String, path: String, _ read: (UnsafeMutableRawPointer) -> herr_t) throws -> String? {
    guard H5Tget_class(type) == H5T_STRING else { return nil }
    if H5Tis_variable_str(type) > 0 {
      var pointer: UnsafeMutablePointer<CChar>?
      try check(read(&pointer), what, path: path)
      guard let pointer else { return "" }
      defer { H5free_memory(pointer) }
      return String(cString: pointer)
    }
    let size = H5Tget_size(type)
    guard size > 0, size <= 1 << 20 else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    try check(bytes.withUnsafeMutableBytes { read($0.baseAddress!) }, what, path: path)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Gives `body` the type of text of variable length in UTF-8.
  static func withTextType<R>(_ what: String, path: String, _ body: (hid_t) throws -> R) throws -> R {
    try using(H5Tcopy(unfold_h5_c_string()), H5Tclose, what, path: path) { type in
      try check(H5Tset_size(type, unfold_h5_variable()), what, path: path)
      try check(H5Tset_cset(type, H5T_CSET_UTF8), what, path: path)
      return try body(type)
    }
  }

  /// Writes a text, or a number of double precision, as an attribute of `file`'s root.
  static func writeAttribute(_ file: hid_t, _ key: String, _ text: String, path: String) throws {
    let what = "writing the attribute \(key)"
    try withTextType(what, path: path) { type in
      try text.withCString { pointer in
        var pointer: UnsafePointer<CChar>? = pointer
        try writeAttribute(file, key, type, type, &pointer, what, path)
      }
    }
  }
  static func writeAttribute(_ file: hid_t, _ key: String, _ number: Double, path: String) throws {
    var number = number
    try writeAttribute(
      file, key, unfold_h5_file_double(), unfold_h5_native_double(), &number, "writing the attribute \(key)", path)
  }

  private static func writeAttribute(
    _ file: hid_t, _ key: String, _ fileType: hid_t, _ memoryType: hid_t, _ value: UnsafeRawPointer, _ what: String, _ path: String
  ) throws {
    try using(H5Screate(H5S_SCALAR), H5Sclose, what, path: path) { space in
      try using(H5Acreate2(file, key, fileType, space, 0, 0), H5Aclose, what, path: path) {
        try check(H5Awrite($0, memoryType, value), what, path: path)
      }
    }
  }

  // MARK: Heaps of a file on disk

  /// As ``checkHeaps(_:path:)``, a megabyte at a time.
  static func checkHeaps(path: String) throws {
    let size = try fileSize(path)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError(path, "cannot be read") }
    defer { close(descriptor) }
    func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws {
      var filled = 0
      while filled < buffer.count {
        let count = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
        if count > 0 {
          filled += count
        } else if count == 0 {
          throw FileFormatError("\(path): ended after \(offset + filled) of \(size) bytes while it was read; try again.")
        } else if errno != EINTR {
          throw systemError(path, "cannot be read")
        }
      }
    }
    var window = [UInt8](repeating: 0, count: min(size, 1 << 20))
    var start = 0
    while size - start >= heapHeaderSize {
      let count = min(window.count, size - start)
      try window.withUnsafeMutableBytes { window in
        try fill(UnsafeMutableRawBufferPointer(rebasing: window[..<count]), from: start)
        for found in heaps(UnsafeRawBufferPointer(rebasing: window[..<count])) {
          try checkHeap(at: start + found.offset, size: found.size, fileSize: size, path: path) { position in
            var header: (UInt64, UInt64) = (0, 0)
            try withUnsafeMutableBytes(of: &header) { try fill($0, from: position) }
            return header
          }
        }
      }
      if count < window.count || start + count == size { break }
      start += count - (heapHeaderSize - 1)
    }
  }
}
