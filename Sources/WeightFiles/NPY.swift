// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// NumPy's array file, versions 1, 2 and 3.
///
/// Read: bool, integers, float16/32/64 and complex64/128, in C or Fortran order, little- or big-endian; 32- and 64-bit integers
/// become double precision (64-bit ones beyond 2⁵³ are rounded), everything narrower single. Structured, text and object arrays are
/// refused: objects would run code. NaN and infinity are allowed. Written: version 1, C order, the bytes `numpy.save` writes.
public enum NPY {
  /// Reads a file. - Throws: ``FileFormatError``.
  public static func read(_ path: String) throws -> NumericArray {
    try readFile(path).withUnsafeBytes { try decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public static func read(decoding data: Data, path: String) throws -> NumericArray {
    try data.withUnsafeBytes { try decode($0, path: path) }
  }

  /// Writes a file atomically.
  public static func write(_ array: NumericArray, to path: String) throws {
    try array.checkStorable("the array", path: path)
    try AtomicFile.write(encode(array), to: path)
  }
  public static func write(_ tensor: Tensor, to path: String) throws { try write(.real(tensor), to: path) }
  public static func write(_ tensor: ComplexTensor, to path: String) throws { try write(.complex(tensor), to: path) }

  package static let signature: [UInt8] = [0x93] + Array("NUMPY".utf8)

  // MARK: Encoding

  package static func encode(_ array: NumericArray) -> [UInt8] {
    let isComplex = if case .complex = array { true } else { false }
    let size = (array.precision == .double ? 8 : 4) * (isComplex ? 2 : 1)
    let extents = array.shape.map(String.init).joined(separator: ", ") + (array.shape.count == 1 ? "," : "")
    var header = "{'descr': '<\(isComplex ? "c" : "f")\(size)', 'fortran_order': False, 'shape': (\(extents)), }"
    // NumPy leaves room for the first extent to grow to 20 digits, then fills up to a multiple of 64 bytes.
    if let first = array.shape.first { header += String(repeating: " ", count: 21 - String(first).count) }
    header += String(repeating: " ", count: 64 - (10 + header.utf8.count + 1) % 64) + "\n"
    var bytes = signature + [1, 0]
    bytes.append(littleEndian: UInt16(header.utf8.count))
    bytes += Array(header.utf8)
    array.stored.withStoredBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  // MARK: Decoding

  package static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> NumericArray {
    var reader = ByteReader(bytes, path: path)
    var header = try header(&reader, path)
    try header.setType(path)
    let size = header.type.size * (header.isComplex ? 2 : 1)
    let count = try checkedCount(header.shape, bytesPerElement: size, available: reader.remaining, "array", path: path)
    let numbers = try reader.take(count * size, "array")
    if reader.remaining > 0 {
      let another = bytes[reader.offset...].starts(with: signature) ? ", which begin another array" : ""
      Remarks.note("\(path): found \(reader.remaining) bytes behind the array\(another), they are passed over")
    }
    if header.isComplex {
      let pairs = header.type.decode(numbers, shape: header.shape + [2], bigEndian: header.isBigEndian)
      return .complex(ComplexTensor(pairs: header.isFortran ? .fromColumnMajorPairs(pairs, shape: header.shape) : pairs))
    }
    let tensor = header.type.decode(numbers, shape: header.shape, bigEndian: header.isBigEndian)
    return .real(header.isFortran ? .fromColumnMajor(tensor, shape: header.shape) : tensor)
  }

  /// What the elements are when they are no numbers: text, objects, structures, times; nil for numbers.
  package static func otherType(_ bytes: UnsafeRawBufferPointer, path: String) throws -> String? {
    var reader = ByteReader(bytes, path: path)
    var header = try header(&reader, path)
    if (try? header.setType(path)) != nil { return nil }
    switch header.code.dropFirst().first {
    case "U", "S": return "text"
    case "O": return "objects"
    case "V", "(", "'": return "structures"
    case "M", "m": return "times"
    default: return "of type \(header.code.prefix(20))"
    }
  }

  /// The one text of an array without axes, of bytes (`|S3`) or of characters (`<U3`); nil for an array of anything else.
  package static func text(_ bytes: UnsafeRawBufferPointer, path: String) throws -> String? {
    var reader = ByteReader(bytes, path: path)
    let header = try header(&reader, path)
    let isBytes = header.code.hasPrefix("|S")
    guard header.shape.isEmpty, let size = Int(header.code.dropFirst(2)), (0...1000).contains(size),
      isBytes || header.code.hasPrefix("<U") || header.code.hasPrefix(">U")
    else { return nil }
    if isBytes { return String(decoding: try reader.take(size, "text").prefix { $0 != 0 }, as: UTF8.self) }
    var text = String.UnicodeScalarView()
    for _ in 0..<size {
      let stored = try reader.integer(UInt32.self, "text")
      let value = header.code.hasPrefix(">") ? stored.byteSwapped : stored
      if value == 0 { break }
      text.append(Unicode.Scalar(value) ?? "?")
    }
    return String(text)
  }

  private static func header(_ reader: inout ByteReader, _ path: String) throws -> Header {
    guard try reader.take(6, "signature").elementsEqual(signature) else {
      throw FileFormatError("\(path): the first bytes are not those of an NPY file; check the file.")
    }
    let (major, minor) = (try reader.integer(UInt8.self, "version"), try reader.integer(UInt8.self, "version"))
    guard (1...3).contains(major), minor == 0 else {
      throw FileFormatError(
        "\(path): found NPY version \(major).\(minor), expected 1.0, 2.0 or 3.0; save it again with numpy.save.")
    }
    let length =
      major == 1 ? Int(try reader.integer(UInt16.self, "header length")) : Int(try reader.integer(UInt32.self, "header length"))
    return try Header(parsing: reader.take(length, "header"), path: path)
  }

  /// The header: a Python dictionary with exactly the keys `descr`, `fortran_order` and `shape`.
  private struct Header {
    /// NumPy's name of the type; ``setType(_:)`` says what it means.
    var code = ""
    var type: ElementType = .float64
    var isComplex = false
    var isBigEndian = false
    var isFortran = false
    var shape: [Int] = []

    init(parsing bytes: UnsafeRawBufferPointer, path: String) throws {
      var text = PythonLiteral(bytes: bytes, path: path)
      var seen: Set<String> = []
      try text.expect("{")
      while try !text.accept("}") {
        let key = try text.string()
        guard seen.insert(key).inserted else { throw text.error("the key \(key) occurs twice") }
        try text.expect(":")
        switch key {
        case "descr": code = try text.type()
        case "fortran_order": isFortran = try text.boolean()
        case "shape": shape = try text.tuple()
        default: throw text.error("an unknown key \(key)")
        }
        if try !text.accept(",") {
          try text.expect("}")
          break
        }
      }
      guard seen.count == 3 else { throw text.error("expected the keys descr, fortran_order and shape") }
    }

    mutating func setType(_ path: String) throws {
      let types: [String: (ElementType, Bool)] = [
        "b1": (.bool, false), "i1": (.int8, false), "u1": (.uint8, false), "i2": (.int16, false), "u2": (.uint16, false),
        "i4": (.int32, false), "u4": (.uint32, false), "i8": (.int64, false), "u8": (.uint64, false), "f2": (.float16, false),
        "f4": (.float32, false), "f8": (.float64, false), "c8": (.float32, true), "c16": (.float64, true),
      ]
      guard let order = code.first, "<>|=".contains(order), let (type, isComplex) = types[String(code.dropFirst())],
        order != "|" || type.size == 1
      else {
        throw FileFormatError(
          "\(path): found elements of type \(code), expected bool, integers, float16/32/64 or complex64/128; convert with astype.")
      }
      (self.type, self.isComplex, isBigEndian) = (type, isComplex, order == ">")
    }
  }
}

/// The part of Python's syntax that NPY headers use.
private struct PythonLiteral {
  let bytes: UnsafeRawBufferPointer
  let path: String
  var position = 0

  init(bytes: UnsafeRawBufferPointer, path: String) { (self.bytes, self.path) = (bytes, path) }

  func error(_ what: String) -> FileFormatError {
    FileFormatError(
      "\(path): the NPY header is not valid at character \(position): \(what); the file is damaged, or not a plain array.")
  }

  mutating func peek() throws -> UInt8 {
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0a || bytes[position] == 0x09 { position += 1 }
    guard position < bytes.count else { throw error("it ends too early") }
    return bytes[position]
  }

  mutating func accept(_ character: Unicode.Scalar) throws -> Bool {
    guard try peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    guard try accept(character) else { throw error("expected \(character)") }
  }

  mutating func string() throws -> String {
    let quote = try peek()
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { throw error("expected text in quotes") }
    let start = position + 1
    guard let end = bytes[start...].firstIndex(of: quote) else { throw error("text without an end") }
    position = end + 1
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// A name of a type, or the list that describes a structure, as it stands.
  mutating func type() throws -> String {
    guard try peek() == UInt8(ascii: "[") else { return try string() }
    let start = position
    var depth = 0
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "["), UInt8(ascii: "("): depth += 1
      case UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        _ = try string()
        continue
      default: break
      }
      position += 1
      if depth == 0 { return String(decoding: bytes[start..<position].prefix(200), as: UTF8.self) }
    }
    throw error("a list without an end")
  }

  mutating func boolean() throws -> Bool {
    _ = try peek()
    for (word, value) in [("True", true), ("False", false)] {
      let end = position + word.utf8.count
      if end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) {
        position = end
        return value
      }
    }
    throw error("expected True or False")
  }

  mutating func tuple() throws -> [Int] {
    try expect("(")
    var elements: [Int] = []
    while try !accept(")") {
      _ = try peek()
      let start = position
      while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
      guard let value = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else { throw error("expected a size") }
      elements.append(value)
      if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }  // Python 2's long integers
      if try !accept(",") {
        try expect(")")
        break
      }
    }
    return elements
  }
}
