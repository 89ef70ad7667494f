// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Communication
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Tensors

/// What `--precision` may be.
enum PrecisionChoice: String, ExpressibleByArgument, CaseIterable {
  case single, double, mixed
}

/// Options all commands share.
struct CommonOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the answer as one JSON object; - for standard output.", valueName: "file"))
  var json: String?
  @Option(
    help:
      "Bits of the arithmetic: single or double (default) for methods of sparse problems in reconstruct and evaluate; mixed: products of convolutional networks in bfloat16."
  )
  var precision: PrecisionChoice?
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
  ///
  /// - Throws: where a precision is chosen, which commands of methods take up by ``withArithmetic(of:isConvolutional:hasChoice:_:)`` in
  ///   place of this.
  func apply() throws {
    if let precision {
      throw InputError("found --precision \(precision.rawValue); leave it out, it is for train, reconstruct, evaluate and bench")
    }
    try begin()
  }

  private func begin() throws {
    if let threads { Parallel.threads = threads }
    if !quiet, isatty(STDERR_FILENO) == 1 { StatusLine.shared.begin() }
    if let json, json != "-" { try AtomicFile.check(json) }
  }

  /// ``apply()`` and the work of a command, in mixed precision where that is asked for and the processor gains by it.
  ///
  /// - Parameter hasChoice: single and double may be asked for.
  /// - Throws: for mixed precision of what is no convolutional network, and for another where there is no choice.
  func withArithmetic(of name: String, isConvolutional: Bool, hasChoice: Bool = false, _ work: () throws -> Void) throws {
    try begin()
    if let precision, precision != .mixed, !hasChoice {
      throw InputError("found --precision \(precision.rawValue) for \(name); leave it out, it has a precision of its own")
    }
    guard precision == .mixed else { return try work() }
    guard isConvolutional else {
      throw InputError(
        "found --precision mixed for \(name); expected a network of 3 × 3 convolutions, such as ista-net-plus or fista-net")
    }
    guard MixedConvolution.isAccelerated else {
      note(
        "--precision mixed has nothing to gain on this processor, which has no tiles for bfloat16 (AMX): computing in single precision"
      )
      return try work()
    }
    try Arithmetic.$current.withValue(.mixed) { try work() }
  }

  /// A remark on standard error.
  func note(_ text: String) { if !quiet { say(text) } }

  /// Prints a report for people, and writes its JSON where asked.
  func answer(_ report: some Report) throws {
    try writeJSON(report.json)
    if json != "-" && !quiet { print(report.text) }
  }

  /// The answer as one JSON object, where `--json` asks for it.
  ///
  /// What readers remarked goes to standard error, and to the object's `remarks`.
  func writeJSON(_ answer: JSONValue) throws {
    guard World.isFirst else { return }
    StatusLine.shared.clear()
    for remark in Remarks.current.new() { note(remark) }
    guard let json else { return }
    let answer = answer.adding(remarks: Remarks.current.all)
    if json == "-" { print(answer.text()) } else { try writeText(answer.text(), to: json) }
  }
}

extension JSONValue {
  /// An object with these behind its own `remarks`.
  fileprivate func adding(remarks: [String]) -> JSONValue {
    guard case .object(var members) = self, !remarks.isEmpty else { return self }
    let own = members.firstIndex { $0.name == "remarks" }
    var all: [JSONValue] = []
    if let own, case .array(let known) = members[own].value { all = known }
    let list = JSONValue.array(all + remarks.map(JSONValue.string))
    if let own { members[own] = JSONMember("remarks", list) } else { members.append(JSONMember("remarks", list)) }
    return .object(members)
  }
}

/// A line of text as a whole file, atomically.
func writeText(_ text: String, to path: String) throws { try AtomicFile.write(Data((text + "\n").utf8), to: path) }
