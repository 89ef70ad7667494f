// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
  /// Parses the whole of `bytes` as file headers use it: integers exact, members in file order, a repeated member name an error; nothing but
  /// white space may follow the value.
  package init(parsing bytes: UnsafeRawBufferPointer, path: String) throws {
    var parser = Parser(bytes: bytes, path: path)
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.error("text after the end of the header") }
  }

  /// `text` quoted and escaped.
  package static func quoted(_ text: String) -> String { JSONValue.string(text).text() }
}

private struct Parser {
  let bytes: UnsafeRawBufferPointer
  let path: String
  var position = 0

  init(bytes: UnsafeRawBufferPointer, path: String) { (self.bytes, self.path) = (bytes, path) }

  func error(_ what: String) -> FileFormatError {
    FileFormatError("\(path): the JSON header is not valid at byte \(position): \(what); the file is damaged.")
  }

  mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
  }

  /// Skips white space and returns the next byte without consuming it.
  mutating func peek() throws -> UInt8 {
    skipSpace()
    guard position < bytes.count else { throw error("it ends too early") }
    return bytes[position]
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    guard try peek() == UInt8(ascii: character) else { throw error("expected '\(character)'") }
    position += 1
  }

  mutating func value(depth: Int) throws -> JSONValue {
    guard depth < 16 else { throw error("more than 16 levels") }
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
    let end = position + word.utf8.count
    guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) else { throw error("expected \(word)") }
    position = end
    return value
  }

  mutating func object(_ depth: Int) throws -> JSONValue {
    try expect("{")
    var members: [JSONMember] = []
    var names: Set<String> = []
    if try peek() == UInt8(ascii: "}") {
      position += 1
      return .object([JSONMember]())
    }
    while true {
      _ = try peek()
      let name = try string()
      guard names.insert(name).inserted else { throw error("the name \(name) occurs twice") }
      try expect(":")
      members.append(JSONMember(name, try value(depth: depth + 1)))
      if try peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect("}")
        return .object(members)
      }
    }
  }

  mutating func array(_ depth: Int) throws -> JSONValue {
    try expect("[")
    var elements: [JSONValue] = []
    if try peek() == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      elements.append(try value(depth: depth + 1))
      if try peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect("]")
        return .array(elements)
      }
    }
  }

  mutating func number() throws -> JSONValue {
    let start = position
    while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let integer = Int(text), !text.hasPrefix("+") { return .integer(integer) }
    if let unsigned = UInt64(text), !text.hasPrefix("+") { return .unsigned(unsigned) }
    guard let number = Double(text), number.isFinite, text.first?.isNumber == true || text.first == "-" else {
      throw error("expected a value")
    }
    return .number(number)
  }

  mutating func string() throws -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("expected a name in quotes") }
    position += 1
    var utf8: [UInt8] = []
    while true {
      guard position < bytes.count else { throw error("a string without an end") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: utf8, as: UTF8.self) else { throw error("text that is not UTF-8") }
        return text
      case UInt8(ascii: "\\"): try escape(into: &utf8)
      case 0..<0x20: throw error("a control character in a string")
      default: utf8.append(byte)
      }
    }
  }

  mutating func escape(into utf8: inout [UInt8]) throws {
    guard position < bytes.count else { throw error("a string without an end") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): utf8.append(byte)
    case UInt8(ascii: "b"): utf8.append(0x08)
    case UInt8(ascii: "f"): utf8.append(0x0c)
    case UInt8(ascii: "n"): utf8.append(0x0a)
    case UInt8(ascii: "r"): utf8.append(0x0d)
    case UInt8(ascii: "t"): utf8.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xd800..<0xdc00).contains(code) {
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
          throw error("half a surrogate pair")
        }
        position += 2
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
      utf8.append(contentsOf: UTF8.encode(scalar)!)
    default: throw error("an unknown escape")
    }
  }

  mutating func hexadecimal() throws -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("a string without an end") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else { throw error("an unknown escape") }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
