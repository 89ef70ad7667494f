// SPDX-License-Identifier: Apache-2.0

/// A JSON document whose members keep the order they were given in. JSON has no infinite numbers: they are written as the texts `"Infinity"`
/// and `"-Infinity"`, one that is not defined (NaN) as `null`.
public enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// Members whose value is nil are left out.
  public static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(members.compactMap { name, value in value.map { JSONMember(name, $0) } })
  }

  /// A number, or `null` for nil.
  public static func optional(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }

  /// The member of a name, where this is an object that has it.
  public subscript(name: String) -> JSONValue? {
    if case .object(let members) = self { members.first { $0.name == name }?.value } else { nil }
  }

  /// The text, where this is one.
  public var stringValue: String? { if case .string(let text) = self { text } else { nil } }
  /// The elements, where this is an array.
  public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  /// The number, where this is one.
  public var doubleValue: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    default: nil
    }
  }
  /// The whole number, where this is one.
  public var integerValue: Int? { if case .integer(let value) = self { value } else { nil } }

  /// The document as text, without a line break at the end.
  ///
  /// - Parameter indented: one member or element a line, indented by two spaces; lists of plain values stay on one line.
  public func text(indented: Bool = true) -> String {
    var out = ""
    write(to: &out, indented ? 0 : nil)
    return out
  }

  private var isPlain: Bool {
    switch self {
    case .array(let items): items.isEmpty
    case .object(let members): members.isEmpty
    default: true
    }
  }

  private func write(to out: inout String, _ depth: Int?) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .unsigned(let value): out += String(value)
    case .number(let value):
      out += value.isNaN ? "null" : value.isFinite ? value.description : value > 0 ? "\"Infinity\"" : "\"-Infinity\""
    case .string(let value): Self.quote(value, &out)
    case .array(let items):
      let inner = items.allSatisfy(\.isPlain) ? nil : depth
      Self.list(items, "[", "]", &out, inner) { item, out in item.write(to: &out, inner.map { $0 + 1 }) }
    case .object(let members):
      Self.list(members, "{", "}", &out, depth) { member, out in
        Self.quote(member.name, &out)
        out += ": "
        member.value.write(to: &out, depth.map { $0 + 1 })
      }
    }
  }

  private static func list<Item>(
    _ items: [Item], _ open: String, _ close: String, _ out: inout String, _ depth: Int?, _ write: (Item, inout String) -> Void
  ) {
    out += open
    for (i, item) in items.enumerated() {
      if i > 0 { out += depth == nil ? ", " : "," }
      if let depth { out += "\n" + String(repeating: "  ", count: depth + 1) }
      write(item, &out)
    }
    if let depth, !items.isEmpty { out += "\n" + String(repeating: "  ", count: depth) }
    out += close
  }

  private static func quote(_ text: String, _ out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      default:
        if scalar.value < 0x20 {
          let hex = String(scalar.value, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
    out += "\""
  }
}

/// One member of a JSON object.
public struct JSONMember: Equatable, Sendable {
  public var name: String
  public var value: JSONValue

  public init(_ name: String, _ value: JSONValue) {
    self.name = name
    self.value = value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { JSONMember($0.0, $0.1) }) }
}
