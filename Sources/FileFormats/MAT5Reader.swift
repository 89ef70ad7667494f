// SPDX-License-Identifier: Apache-2.0
import Tensors

/// MATLAB's versions 5 to 7.2: elements of 8 bytes of type and length and their content, each inside its parent.
///
/// Fields that are to be 32-bit integers or 8-bit text are read in any type of integers, as other programs write them. MathWorks,
/// *MAT-File Format*.
struct MAT5Reader {
  private struct Element {
    var type: Int
    var content: UnsafeRawBufferPointer
  }

  private let path: String
  private let isBigEndian: Bool
  /// Bytes that compressed elements may still inflate to.
  private var budget: Int
  private var parts: [MATPart] = []

  /// - Throws: ``FileFormatError`` when the file is cut off or damaged.
  static func parts(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [MATPart] {
    guard bytes.count >= 128 else {
      throw FileFormatError("\(path): found \(bytes.count) bytes, expected a header of 128; the file is cut off.")
    }
    var reader = MAT5Reader(path: path, isBigEndian: bytes[126] == 0x4d, budget: 1032 * bytes.count)
    var (position, number) = (128, 0)
    while position < bytes.count {
      let element = try reader.element(bytes, &position, isPadded: false)
      number += 1
      do { try reader.variable(element) } catch let error as FileFormatError {
        reader.parts.append(MATPart("variable \(number)", damaged: error))
      }
    }
    return reader.parts
  }

  private mutating func variable(_ element: Element) throws {
    switch element.type {
    case Self.matrixType: try matrix(element.content, name: nil, depth: 0)
    case Self.compressedType:
      let inflated = try Inflate.zlib(element.content, limit: budget, path: path)
      budget -= inflated.count
      try inflated.withUnsafeBytes {
        var position = 0
        let element = try self.element($0, &position)
        guard element.type == Self.matrixType else { throw damaged("found a compressed element of type \(element.type)") }
        try matrix(element.content, name: nil, depth: 0)
      }
    default: throw damaged("found an element of type \(element.type) outside of a variable")
    }
  }

  private init(path: String, isBigEndian: Bool, budget: Int) {
    (self.path, self.isBigEndian, self.budget) = (path, isBigEndian, budget)
  }

  private func damaged(_ what: String) -> FileFormatError {
    FileFormatError("\(path): \(what); the file is cut off or damaged.")
  }

  // MARK: Elements

  private static let matrixType = 14
  private static let compressedType = 15
  private static let types: [Int: ElementType] = [
    1: .int8, 2: .uint8, 3: .int16, 4: .uint16, 5: .int32, 6: .uint32, 7: .float32, 9: .float64, 12: .int64, 13: .uint64,
    16: .uint8, 17: .uint16, 18: .uint32,
  ]

  private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
  }

  /// The element at `position`, which moves behind it and its padding to 8 bytes.
  private func element(_ bytes: UnsafeRawBufferPointer, _ position: inout Int, isPadded: Bool = true) throws -> Element {
    guard position + 8 <= bytes.count else {
      throw damaged("found \(max(bytes.count - position, 0)) bytes where an element should begin")
    }
    var (type, length, start) = (Int(word(bytes, position)), Int(word(bytes, position + 4)), position + 8)
    let isSmall = type >> 16 != 0  // length and type in one word, the content in the other
    if isSmall {
      (type, length, start) = (type & 0xffff, type >> 16, position + 4)
      guard length <= 4 else { throw damaged("found a small element of \(length) bytes, expected at most 4") }
    }
    guard length <= bytes.count - start else {
      throw damaged("found an element of \(length) bytes, expected at most \(bytes.count - start)")
    }
    position = isSmall ? position + 8 : isPadded ? min((start + length + 7) / 8 * 8, bytes.count) : start + length
    return Element(type: type, content: UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
  }

  private func integers(_ element: Element, _ what: String) throws -> [Int] {
    guard let type = Self.types[element.type], type.precision == .double || type.size < 4, element.type != 9,
      element.content.count % type.size == 0
    else { throw damaged("found \(what) of type \(element.type)") }
    return try SparseArray.integers(
      type.decode(element.content, shape: [element.content.count / type.size], bigEndian: isBigEndian), what, name: path)
  }

  private func text(_ element: Element, _ what: String) throws -> String {
    guard [1, 2, 16].contains(element.type) else { throw damaged("found \(what) of type \(element.type)") }
    return String(decoding: element.content.prefix { $0 != 0 }, as: UTF8.self)
  }

  // MARK: Variables

  private static let classes = [
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16",
    11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64", 16: "function_handle", 17: "opaque",
  ]

  /// Adds the parts of a variable: flags, size, name and what the class holds. A part's name is `name`, a variable's its own.
  private mutating func matrix(_ bytes: UnsafeRawBufferPointer, name: String?, depth: Int) throws {
    guard depth < 32 else { throw damaged("\(name ?? "a variable"): found parts nested over 32 deep") }
    guard parts.count <= 1_000_000 else { throw damaged("found over 1000000 parts of variables") }
    if bytes.isEmpty, let name {  // MATLAB's []
      parts.append(MATPart(name, "double", shape: [0, 0], real: .zeros([0], precision: .double), imaginary: nil))
      return
    }
    var position = 0
    let flags = try element(bytes, &position)
    guard flags.content.count >= 8, flags.type == 6 || flags.type == 5 else { throw damaged("found a variable without flags") }
    let flag = word(flags.content, 0)
    let code = Int(flag & 0xff)
    guard let kind = Self.classes[code] else { throw damaged("found a variable of class \(code)") }
    if kind == "opaque" {  // an object of a newer class: name, system (MCOS), class, and a place in the subsystem data
      let own = try text(element(bytes, &position), "a name")
      _ = try element(bytes, &position)
      let type = try text(element(bytes, &position), "a class")
      parts.append(MATPart(name ?? own, passedOver: type.isEmpty ? kind : type))
      return
    }
    let shape = try integers(element(bytes, &position), "a size")
    guard 1...32 ~= shape.count, shape.allSatisfy({ $0 >= 0 }) else { throw damaged("found the size \(shape.prefix(40))") }
    let own = try text(element(bytes, &position), "a name")
    guard let name = name ?? (own.isEmpty ? nil : own) else {
      parts.append(MATPart("(without a name)", passedOver: "subsystem data of objects and function handles", shape: shape))
      return
    }
    switch kind {
    case "cell":
      let count = try checkedCount(shape, bytesPerElement: 8, available: bytes.count - position, name, path: path)
      for k in 0..<count { try part(bytes, &position, "\(name).\(k)", depth) }
    case "struct": try structure(bytes, &position, shape, name, depth)
    case "sparse": try parts.append(sparse(bytes, &position, shape, flag, name))
    case "object", "char", "function_handle": parts.append(MATPart(name, passedOver: kind, shape: shape))
    default: try parts.append(numbers(bytes, &position, shape, flag, kind, name))
    }
  }

  private mutating func part(_ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ name: String, _ depth: Int) throws {
    let element = try element(bytes, &position)
    guard element.type == Self.matrixType else { throw damaged("\(name): found an element of type \(element.type)") }
    try matrix(element.content, name: name, depth: depth + 1)
  }

  private mutating func structure(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ shape: [Int], _ name: String, _ depth: Int
  ) throws {
    let size = try integers(element(bytes, &position), "a length of names").first ?? 0
    let stored = try element(bytes, &position).content
    guard size > 0 || stored.isEmpty else { throw damaged("\(name): found names of \(size) bytes") }
    var times: [String: Int] = [:]
    let fields = (0..<(size > 0 ? stored.count / size : 0)).map { k in
      let field = String(decoding: stored[k * size..<(k + 1) * size].prefix { $0 != 0 }, as: UTF8.self)
      times[field, default: -1] += 1
      return times[field] == 0 ? field : "_\(times[field] ?? 0)_\(field)"  // as SciPy names those that occur twice
    }
    if fields.isEmpty { return }
    let count =
      try checkedCount(
        shape + [fields.count], bytesPerElement: 8, available: bytes.count - position, name, path: path) / fields.count
    for k in 0..<count {
      for field in fields { try part(bytes, &position, count == 1 ? "\(name).\(field)" : "\(name).\(k).\(field)", depth) }
    }
  }

  // MARK: Numbers

  private static func isComplex(_ flag: UInt32) -> Bool { flag & 0x800 != 0 }
  private static func isLogical(_ flag: UInt32) -> Bool { flag & 0x200 != 0 }

  /// As many numbers as are stored, whatever their type.
  private func numbers(_ element: Element, _ name: String) throws -> Tensor {
    guard let type = Self.types[element.type], element.content.count % type.size == 0 else {
      throw damaged("\(name): found numbers of type \(element.type)")
    }
    return type.decode(element.content, shape: [element.content.count / type.size], bigEndian: isBigEndian)
  }

  private func numbers(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ shape: [Int], _ flag: UInt32, _ kind: String, _ name: String
  ) throws -> MATPart {
    let isLogical = Self.isLogical(flag)
    let isDouble = ["double", "int32", "uint32", "int64", "uint64"].contains(kind) && !isLogical
    let count = try checkedCount(shape, bytesPerElement: 1, available: bytes.count, name, path: path)
    func values() throws -> Tensor {
      if count == 0 { return .zeros([0], precision: isDouble ? .double : .single) }
      let stored = try numbers(element(bytes, &position), name)
      guard stored.count == count else { throw damaged("\(name): found \(stored.count) numbers, expected \(count)") }
      return isLogical
        ? Tensor(stored.doubles.map { $0 == 0 ? 0 : 1 as Float }) : stored.converted(to: isDouble ? .double : .single)
    }
    let real = try values()
    let imaginary = Self.isComplex(flag) ? try values() : nil
    return MATPart(name, isLogical ? "logical" : kind, shape: shape, real: real, imaginary: imaginary)
  }

  private func sparse(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ shape: [Int], _ flag: UInt32, _ name: String
  ) throws -> MATPart {
    guard shape.count == 2 else { throw damaged("\(name): found a sparse array of \(shape.count) axes") }
    let rows = try integers(element(bytes, &position), "rows")
    let starts = try integers(element(bytes, &position), "column starts")
    // Logical entries and those stored in single precision have single precision.
    func values() throws -> Tensor {
      guard position < bytes.count else { return .zeros([0], precision: .double) }
      var stored = try element(bytes, &position)
      let isSingle = Self.isLogical(flag) || stored.type == 7
      // MATLAB calls the bytes of logical entries doubles.
      if Self.isLogical(flag), stored.content.count == (starts.last ?? 0) { stored.type = 2 }
      return try numbers(stored, name).converted(to: isSingle ? .single : .double)
    }
    let real = try values()
    let imaginary = Self.isComplex(flag) ? try values() : nil
    return try MATFile.sparse(
      name, rows: shape[0], columns: shape[1], starts: starts, rowIndices: rows, real: real, imaginary: imaginary, path: path)
  }
}
