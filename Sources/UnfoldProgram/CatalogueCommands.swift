// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Experiments
import FileFormats
import Foundation

/// An answer of a few lines.
struct Answer: Report {
  let json: JSONValue
  let text: String
}

/// A list of what there is, in lines that fit the terminal: a name and what it is, below it the rest.
private func catalogue(_ name: String, _ columns: [String], _ rows: [[String]]) -> Answer {
  let objects = rows.map { row in JSONValue.object(zip(columns, row).map { JSONMember($0, .string($1)) }) }
  let (place, most) = (columns.firstIndex(of: "title") ?? 1, terminalWidth())
  let width = rows.map(\.[0].count).max() ?? 0
  let lines = rows.flatMap { row in
    let rest = row.indices.filter { $0 != 0 && $0 != place }.map { row[$0] }.joined(separator: " · ")
    let text = wrapped(row[place], to: most - width - 2) + wrapped(rest, to: most - width - 2)
    return text.enumerated().map { i, line in
      (i == 0 ? row[0] : "").padding(toLength: width + 2, withPad: " ", startingAt: 0) + line
    }
  }
  return Answer(json: .object([JSONMember(name, .array(objects))]), text: lines.joined(separator: "\n"))
}

/// Columns of the terminal, as it says or the environment; 100 where neither does.
func terminalWidth() -> Int {
  var size = winsize()
  if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return max(40, Int(size.ws_col)) }
  return max(40, ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 100)
}

/// A text in lines of at most so many characters, broken between words.
func wrapped(_ text: String, to width: Int) -> [String] {
  var lines = [""]
  for word in text.split(separator: " ") {
    if lines[lines.count - 1].isEmpty {
      lines[lines.count - 1] = String(word)
    } else if lines[lines.count - 1].count + 1 + word.count <= width {
      lines[lines.count - 1] += " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
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
