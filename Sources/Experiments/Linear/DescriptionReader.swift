// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Yams

/// What stands in a YAML file at a place, read with errors that name the file and the line.
struct DescriptionReader {
  let path: String
  let node: Node
  /// What it is a description of, such as `blur`.
  let name: String
  private let values: [String: Node]

  /// A file.
  ///
  /// - Throws: ``InputError`` for a file that cannot be read, or is no YAML mapping.
  init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw InputError("\(path): cannot be read; expected a YAML description of an operator")
    }
    guard data.count <= 1 << 20, let text = String(data: data, encoding: .utf8) else {
      throw InputError("\(path): found no text of at most 1 MiB; expected a YAML description of an operator")
    }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
      throw InputError("\(path): found \(Self.words(error)); expected YAML, mend the line")
    }
    guard let node, node.mapping != nil else {
      throw InputError("\(path): found no YAML mapping; expected lines such as “operator: [blur: {sigma: 1.6}]”")
    }
    try self.init(path: path, node: node, name: "the description", main: nil)
  }

  /// - Parameter main: the key that a value without one has.
  init(path: String, node: Node, name: String, main: String?) throws {
    (self.path, self.node, self.name) = (path, node, name)
    if let mapping = node.mapping {
      var found: [String: Node] = [:]
      for (key, value) in mapping {
        guard let key = key.string, found.updateValue(value, forKey: key) == nil else {
          throw Self.error(path, key, "found a key twice, or no word as a key, in \(name); expected every key once")
        }
      }
      values = found
    } else if node.null != nil {
      values = [:]
    } else if let main {
      values = [main: node]
    } else {
      throw Self.error(path, node, "found a value for \(name), which takes none; expected its name alone")
    }
  }

  private static func words(_ error: YamlError) -> String {
    "\(error)".split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func error(_ path: String, _ node: Node?, _ text: String) -> InputError {
    InputError("\(path)\(node?.mark.map { ":\($0.line)" } ?? ""): \(text)")
  }

  /// `FILE:LINE: text`, the line of a key's value, or of the whole.
  func error(_ text: String, at key: String? = nil) -> InputError { Self.error(path, key.flatMap { values[$0] } ?? node, text) }

  /// `FILE:LINE`.
  var place: String { path + (node.mark.map { ":\($0.line)" } ?? "") }

  func has(_ key: String) -> Bool { values[key] != nil }
  func value(_ key: String) -> Node? { values[key] }

  /// - Throws: for a key that is none of these.
  func expect(_ keys: String...) throws {
    guard let wrong = values.keys.sorted().first(where: { !keys.contains($0) }) else { return }
    let known = keys.isEmpty ? "none" : keys.joined(separator: ", ")
    throw error(
      "found “\(wrong)” for \(name); expected \(known)\(nearest(wrong, among: keys).map { ": did you mean \($0)?" } ?? "")",
      at: wrong)
  }

  func number(_ key: String, _ range: ClosedRange<Double> = -1e300...1e300) throws -> Double? {
    try values[key].map { node in
      guard let value = node.float, range.contains(value) else {
        let limits =
          range.upperBound >= 1e300
          ? "a number\(range.lowerBound > -1e300 ? " from \(range.lowerBound)" : "")" : "\(range.lowerBound) to \(range.upperBound)"
        throw error("found \(key) “\(node.string ?? "…")” for \(name); expected \(limits)", at: key)
      }
      return value
    }
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws -> Int? {
    try values[key].map { node in
      guard let value = node.int, range.contains(value) else {
        throw error(
          "found \(key) “\(node.string ?? "…")” for \(name); expected a whole number from \(range.lowerBound) to \(range.upperBound)",
          at: key)
      }
      return value
    }
  }

  func text(_ key: String) throws -> String? {
    try values[key].map { node in
      guard let value = node.string else { throw error("found no word as \(key) of \(name); expected one", at: key) }
      return value
    }
  }

  func flag(_ key: String) throws -> Bool {
    try values[key].map { node in
      guard let value = node.bool else {
        throw error("found \(key) “\(node.string ?? "…")” for \(name); expected true or false", at: key)
      }
      return value
    } ?? false
  }

  func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type = Choice.self) throws -> Choice?
  where Choice.RawValue == String {
    try text(key).map { text in
      guard let value = Choice(rawValue: text) else {
        throw error(
          "found \(key) “\(text)” for \(name); expected \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", at: key)
      }
      return value
    }
  }

  func integers(_ key: String, count: ClosedRange<Int>, _ range: ClosedRange<Int>) throws -> [Int]? {
    try values[key].map { node in
      let found = node.sequence.map { $0.compactMap(\.int) } ?? []
      guard count.contains(found.count), found.count == node.sequence?.count, found.allSatisfy(range.contains) else {
        throw error(
          "found no list of \(count.lowerBound) to \(count.upperBound) whole numbers from \(range.lowerBound) to \(range.upperBound) as "
            + "\(key); expected one such as [256, 256]", at: key)
      }
      return found
    }
  }

  /// A file's path, as it is from the folder of the description.
  func file(_ key: String) throws -> String? {
    try text(key).map { text in
      if text.hasPrefix("/") { return text }
      let folder = (path as NSString).deletingLastPathComponent
      return folder.isEmpty ? text : (folder as NSString).appendingPathComponent(text)
    }
  }

  /// Runs what reads a file named here: its error with this line before it.
  func located<Value>(_ key: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw self.error("\(name): \(error)", at: key) }
  }
}
