// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import FileFormats
import Foundation
import Kernels
import Tensors

extension Precision: ExpressibleByArgument {}

/// Options all commands share.
struct CommonOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the answer as one JSON object; - for standard output.", valueName: "file"))
  var json: String?
  @Option(help: "Bits of the arithmetic, where there is a choice.")
  var precision: Precision = .double
  @Option(help: "Threads to use; all cores by default. Results do not depend on it.")
  var threads: Int?
  @Flag(help: "No progress, no text.")
  var quiet = false
  @Option(help: "Seed of everything drawn.")
  var seed: UInt64?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads); expected 1 to 1024") }
  }

  /// Takes up what holds for the whole process; to be called first by every command.
  func apply() { if let threads { Parallel.threads = threads } }

  /// Prints a report for people, and writes its JSON where asked.
  func answer(_ report: some Report) throws {
    try writeJSON(report.json)
    if json != "-" && !quiet { print(report.text) }
  }

  /// The answer as one JSON object, where `--json` asks for it.
  func writeJSON(_ answer: JSONValue) throws {
    guard let json else { return }
    if json == "-" { print(answer.text()) } else { try writeText(answer.text(), to: json) }
  }
}

/// A line of text as a whole file, atomically.
func writeText(_ text: String, to path: String) throws { try AtomicFile.write(Data((text + "\n").utf8), to: path) }
