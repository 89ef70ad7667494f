// SPDX-License-Identifier: Apache-2.0
import Platform

/// What stands in a description at a place, read with errors that name the file and the line.
package struct DescriptionReader {
  package let path: String
  package let node: DescriptionNode
  /// What it is a description of, such as `blur`.
  package let name: String
  /// What the description names.
  package let source: any DescriptionSource
  private let values: [String: DescriptionNode]

  /// - Parameter main: the key that a value without one has.
  package init(path: String, node: DescriptionNode, name: String, main: String?, source: any DescriptionSource) throws {
    (self.path, self.node, self.name, self.source) = (path, node, name, source)
    if let mapping = node.mapping {
      var found: [String: DescriptionNode] = [:]
      for (key, value) in mapping {
        guard let key, found.updateValue(value, forKey: key) == nil else {
          throw Self.error(path, value, "found a key twice, or no word as a key, in \(name); expected every key once")
        }
      }
      values = found
    } else if node.scalar?.isNull == true {
      values = [:]
    } else if let main {
      values = [main: node]
    } else {
      throw Self.error(path, node, "found a value for \(name), which takes none; expected its name alone")
    }
  }

  private static func error(_ path: String, _ node: DescriptionNode?, _ text: String) -> InputError {
    InputError("\(path)\(node?.line.map { ":\($0)" } ?? ""): \(text)")
  }

  /// `FILE:LINE: text`, the line of a key's value, or of the whole.
  package func error(_ text: String, at key: String? = nil) -> InputError {
    Self.error(path, key.flatMap { values[$0] } ?? node, text)
  }

  /// `FILE:LINE`.
  package var place: String { path + (node.line.map { ":\($0)" } ?? "") }

  package func has(_ key: String) -> Bool { values[key] != nil }
  package func value(_ key: String) -> DescriptionNode? { values[key] }

  /// - Throws: for a key that is none of these.
  package func expect(_ keys: String...) throws { try expect(keys) }

  package func expect(_ keys: [String]) throws {
    guard let wrong = values.keys.sorted().first(where: { !keys.contains($0) }) else { return }
    let known = keys.isEmpty ? "none" : keys.joined(separator: ", ")
    throw error(
      "found “\(wrong)” for \(name); expected \(known)\(nearest(wrong, among: keys).map { ": did you mean \($0)?" } ?? "")",
      at: wrong)
  }

  package func number(_ key: String, _ range: ClosedRange<Double> = -1e300...1e300) throws -> Double? {
    try values[key].map { node in
      guard let value = node.scalar?.number, range.contains(value) else {
        let limits =
          range.upperBound >= 1e300
          ? "a number\(range.lowerBound > -1e300 ? " from \(range.lowerBound)" : "")" : "\(range.lowerBound) to \(range.upperBound)"
        throw error("found \(key) “\(node.scalar?.text ?? "…")” for \(name); expected \(limits)", at: key)
      }
      return value
    }
  }

  package func integer(_ key: String, _ range: ClosedRange<Int>) throws -> Int? {
    try values[key].map { node in
      guard let value = node.scalar?.integer, range.contains(value) else {
        throw error(
          "found \(key) “\(node.scalar?.text ?? "…")” for \(name); expected a whole number from \(range.lowerBound) to \(range.upperBound)",
          at: key)
      }
      return value
    }
  }

  package func text(_ key: String) throws -> String? {
    try values[key].map { node in
      guard let value = node.scalar?.text else { throw error("found no word as \(key) of \(name); expected one", at: key) }
      return value
    }
  }

  /// A list of words; one alone stands without a list.
  package func texts(_ key: String) throws -> [String]? {
    try values[key].map { node in
      let words = (node.sequence ?? [node]).map(\.scalar?.text)
      guard let found = words as? [String] else {
        throw error("found no words as \(key) of \(name); expected a list of them", at: key)
      }
      return found
    }
  }

  package func flag(_ key: String) throws -> Bool {
    try values[key].map { node in
      guard let value = node.scalar?.flag else {
        throw error("found \(key) “\(node.scalar?.text ?? "…")” for \(name); expected true or false", at: key)
      }
      return value
    } ?? false
  }

  package func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type = Choice.self) throws -> Choice?
  where Choice.RawValue == String {
    try text(key).map { text in
      guard let value = Choice(rawValue: text) else {
        throw error(
          "found \(key) “\(text)” for \(name); expected \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", at: key)
      }
      return value
    }
  }

  package func integers(_ key: String, count: ClosedRange<Int>, _ range: ClosedRange<Int>) throws -> [Int]? {
    try values[key].map { node in
      let found = node.sequence.map { $0.compactMap(\.scalar?.integer) } ?? []
      guard count.contains(found.count), found.count == node.sequence?.count, found.allSatisfy(range.contains) else {
        throw error(
          "found no list of \(count.lowerBound) to \(count.upperBound) whole numbers from \(range.lowerBound) to \(range.upperBound) as "
            + "\(key); expected one such as [256, 256]", at: key)
      }
      return found
    }
  }

  /// What ``source`` finds a file by.
  package func file(_ key: String) throws -> String? { try text(key).map(source.path(of:)) }

  /// Runs what reads a file named here: its error with this line before it.
  package func located<Value>(_ key: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw self.error("\(name): \(error)", at: key) }
  }
}
