// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Recipes

/// A list of what there is.
private func catalogue(_ name: String, _ columns: [String], _ rows: [[String]]) -> Answer {
  var cells = TextTable(header: columns.map(\.capitalized), alignments: columns.map { _ in .left })
  for row in rows { cells.append(row) }
  let objects = rows.map { row in JSONValue.object(zip(columns, row).map { JSONMember($0, .string($1)) }) }
  return Answer(json: .object([JSONMember(name, .array(objects))]), text: cells.text)
}

struct Methods: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the methods, with the published source of each.")
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let rows = Method.allCases.map { method in
      [
        method.rawValue, method.isTrained ? "trained" : "classical",
        ProblemKind.allCases.filter(method.serves).map(\.rawValue).joined(separator: ", "), method.title, method.source,
      ]
    }
    try common.answer(catalogue("methods", ["method", "kind", "problems", "title", "source"], rows))
  }
}

struct Problems: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the problems, with the published source of each.")
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let rows = ProblemKind.allCases.map { [$0.rawValue, $0.title, $0.source] }
    try common.answer(catalogue("problems", ["problem", "title", "source"], rows))
  }
}

struct Tables: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the published tables that are reproduced, with their source.")
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let rows = PublishedTable.allCases.map { [$0.rawValue, $0.title, $0.source] }
    try common.answer(catalogue("tables", ["table", "title", "source"], rows))
  }
}
