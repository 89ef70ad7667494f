// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import FileFormats

/// An answer of a few lines.
struct Answer: Report {
  let json: JSONValue
  let text: String
}

/// A list of what there is.
private func catalogue(_ name: String, _ columns: [String], _ rows: [[String]]) -> Answer {
  var cells = TextTable(header: columns.map(\.capitalized), alignments: columns.map { _ in .left })
  for row in rows { cells.append(row) }
  let objects = rows.map { row in JSONValue.object(zip(columns, row).map { JSONMember($0, .string($1)) }) }
  return Answer(json: .object([JSONMember(name, .array(objects))]), text: cells.text)
}

struct Methods<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "methods", abstract: "List the methods, with the published source of each.")
  }
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    // A method that serves several experiments is listed once.
    var rows: [[String]] = []
    func add<E: CommandLineExperiment>(_: E.Type) {
      for method in E.methods {
        if let known = rows.firstIndex(where: { $0[0] == method.name }) {
          rows[known][2] += ", \(E.name)"
        } else {
          rows.append([method.name, method.isTrained ? "trained" : "classical", E.name, method.title, method.source])
        }
      }
    }
    for experiment in P.experiments { add(experiment) }
    try common.answer(catalogue("methods", ["method", "kind", "problems", "title", "source"], rows))
  }
}

struct Problems<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "problems", abstract: "List the problems, with the published source of each.")
  }
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try common.answer(catalogue("problems", ["problem", "title", "source"], P.experiments.map { [$0.name, $0.title, $0.source] }))
  }
}

struct Tables<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: "tables", abstract: "List the published tables that are reproduced, with their source.")
  }
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let rows = P.experiments.flatMap { $0.tables.map { [$0.name, $0.title, $0.source] } }
    try common.answer(catalogue("tables", ["table", "title", "source"], rows))
  }
}
