// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Communication
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Platform
import Training
import Yams

extension UnfoldProgram {
  public static func main() {
    Memory.keepFreedBlocks()
    PackagedData.useFonts()
    unblockEndingSignals()
    do {
      let world = try World.joined()
      Self.run(in: world)
    } catch {
      exit(report(error))
    }
  }

  /// The command, as one of the processes of a world: the first talks to the user, the others are silent unless one of them fails alone.
  private static func run(in world: any Communicator) {
    let standardError = world.rank > 0 ? silence() : nil
    do {
      try World.$current.withValue(world.count > 1 ? MeteredCommunicator(world) : world) {
        var command = try parsed(Array(CommandLine.arguments.dropFirst()))
        if world.count > 1, !(command is any RunsOnManyProcesses) {
          throw InputError(
            "found \(world.count) processes; expected one: only train, evaluate, reconstruct, simulate, reproduce and bench run on several"
          )
        }
        try command.run()
      }
      World.leave(world)
    } catch {
      if world.count == 1 { exit(report(error)) }
      let status = world.rank == 0 ? report(error) : Self.status(of: error)
      // What all of them meet, such as a mistyped option, the first has said; what one meets ends all.
      if World.meet(world, seconds: 3) {
        World.leave(world)
        exit(status)
      }
      if let standardError {
        dup2(standardError, STDERR_FILENO)
        say("process \(world.rank) of \(world.count):")
        _ = report(error)
      }
      World.abort(world, status: status == 0 ? 1 : status)
    }
  }

  /// Takes standard output and standard error away.
  ///
  /// - Returns: the latter.
  private static func silence() -> Int32 {
    let former = dup(STDERR_FILENO)
    let nowhere = open("/dev/null", O_WRONLY)
    dup2(nowhere, STDOUT_FILENO)
    dup2(nowhere, STDERR_FILENO)
    close(nowhere)
    return former
  }

  /// The command; settings of `--config` stand before what was given, which wins.
  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    try suggest(arguments)
    guard let place = arguments.firstIndex(where: { $0 == "--config" || $0.hasPrefix("--config=") }) else {
      return try Root<Self>.parseAsRoot(arguments)
    }
    var given = arguments
    let option = given.remove(at: place)
    let path: String
    if let value = option.split(separator: "=", maxSplits: 1).dropFirst().first {
      path = String(value)
    } else {
      guard place < given.count else { throw InputError("found --config without a file; expected a YAML file of settings") }
      path = given.remove(at: place)
    }
    // Behind all words that are no options: a list would take those that follow it.
    let names = given.prefix { !$0.hasPrefix("-") }
    do { return try Root<Self>.parseAsRoot(names + settings(path, besides: given) + given.dropFirst(names.count)) } catch {
      guard (try? Root<Self>.parseAsRoot(given)) != nil, !(error is InputError) else { throw error }
      throw InputError("\(path): " + Root<Self>.message(for: error).split(whereSeparator: \.isWhitespace).joined(separator: " "))
    }
  }

  /// - Throws: ``InputError`` for a command, a problem or a method that there is not, where another is spelled nearly so.
  private static func suggest(_ arguments: [String]) throws {
    let words = Array(arguments.prefix { !$0.hasPrefix("-") })
    func check(_ word: String, _ known: [String], _ kind: String) throws {
      guard !known.contains(word), let near = nearest(word, among: known) else { return }
      throw InputError("found the \(kind) “\(word)”; expected one of \(known.joined(separator: ", ")): did you mean \(near)?")
    }
    guard let command = words.first else { return }
    try check(command, Root<Self>.configuration.subcommands.map { $0._commandName }, "command")
    guard words.count > 1, ["simulate", "train", "reconstruct", "evaluate"].contains(command) else { return }
    try check(words[1], experiments.map { $0.name }, "problem")
    guard words.count > 2, command != "simulate", let experiment = experiments.first(where: { $0.name == words[1] }) else { return }
    func names<E: CommandLineExperiment>(_: E.Type) -> [String] { E.methods.map(\.name) }
    // A measurement may stand in the method's place.
    if command != "reconstruct" || words.count > 3 { try check(words[2], names(experiment), "method of \(words[1])") }
  }

  /// The settings of a YAML file as options; lists that were given as options too are left out.
  private static func settings(_ path: String, besides given: [String]) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw InputError("\(path): cannot be read; expected a YAML file of settings")
    }
    guard let text = String(data: data, encoding: .utf8), let mapping = (try? Yams.compose(yaml: text))?.mapping else {
      throw InputError("\(path): found no YAML mapping; expected lines such as “steps: 5000”")
    }
    return try mapping.flatMap { key, value -> [String] in
      let name = "--" + (key.string ?? "")
      if let list = value.sequence {
        return given.contains(name) ? [] : list.flatMap { [name, $0.string ?? ""] }
      }
      if value.tag.rawValue == "tag:yaml.org,2002:bool" || ["true", "false"].contains(value.string ?? "") {
        return value.bool == true ? [name] : []
      }
      guard let text = value.string, key.string != nil else {
        throw InputError("\(path): found \(name) of another kind; expected a number, a word or a list")
      }
      return given.contains(name) ? [] : ["\(name)=\(text)"]
    }
  }

  /// Says in one line what is wrong, on standard error; help goes to standard output.
  private static func report(_ error: any Error) -> Int32 {
    if error is ExitCode { return status(of: error) }
    if statusOfKnown(error) != nil {
      say("error: \(error)")
    } else if Root<Self>.exitCode(for: error).isSuccess {
      print(Root<Self>.fullMessage(for: error))
    } else {
      say("error: " + Root<Self>.message(for: error).split(whereSeparator: \.isWhitespace).joined(separator: " "))
    }
    return status(of: error)
  }

  private static func status(of error: any Error) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    if let known = statusOfKnown(error) { return known }
    if Root<Self>.exitCode(for: error).isSuccess { return 0 }
    return Root<Self>.exitCode(for: error) == .validationFailure ? 2 : 1
  }

  /// 2 for an input that cannot be used, 1 for work that failed, 75 for work that was stopped and can go on; nil for what is not ours.
  private static func statusOfKnown(_ error: any Error) -> Int32? {
    switch error {
    case let error as any InputFault: error.isOfInput ? 2 : 1
    case is WorkStopped: 75  // EX_TEMPFAIL: the same command again
    default: nil
    }
  }
}

/// Ctrl-C, SIGTERM and SIGUSR1 end the program, whatever its parent had blocked: a child begins with its parent's mask.
private func unblockEndingSignals() {
  var signals = sigset_t()
  sigemptyset(&signals)
  for number in StopRequest.signals { sigaddset(&signals, number) }
  pthread_sigmask(SIG_UNBLOCK, &signals, nil)
}

/// A command that several processes share.
protocol RunsOnManyProcesses: ParsableCommand {}

/// A line on standard error.
func say(_ line: String) {
  StatusLine.shared.clear()
  FileHandle.standardError.write(Data((line + "\n").utf8))
}

struct Root<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "unfold", abstract: "Turns iterative algorithms for inverse problems into trained networks.",
      discussion:
        "Options of any command may stand in a YAML file, --config FILE, under their names; what is given on the command line wins.",
      version: "0.1.0",
      subcommands: [
        Demo.self, SimulateGroup<P>.self, TrainGroup<P>.self, ReconstructGroup<P>.self, EvaluateGroup<P>.self, Reproduce<P>.self,
        Convert.self, Inspect.self, Gather.self, Bench.self, Check.self, Methods<P>.self, Problems<P>.self, Tables<P>.self,
      ])
  }
}

extension UnfoldProgram {
  /// One command for every experiment.
  fileprivate static func group(
    _ name: String, _ abstract: String, _ command: (any CommandLineExperiment.Type) -> any ParsableCommand.Type
  ) -> CommandConfiguration {
    CommandConfiguration(commandName: name, abstract: abstract, subcommands: experiments.map(command))
  }
}

struct SimulateGroup<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    func command<E: CommandLineExperiment>(_: E.Type) -> any ParsableCommand.Type { Simulate<E>.self }
    return P.group("simulate", "Make measurements from images or codes.") { command($0) }
  }
}
struct TrainGroup<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    func command<E: CommandLineExperiment>(_: E.Type) -> any ParsableCommand.Type { Train<E>.self }
    return P.group("train", "Train a network.") { command($0) }
  }
}
struct ReconstructGroup<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    func command<E: CommandLineExperiment>(_: E.Type) -> any ParsableCommand.Type { Reconstruct<E>.self }
    return P.group("reconstruct", "Reconstruct images or codes from a measurement.") { command($0) }
  }
}
struct EvaluateGroup<P: UnfoldProgram>: ParsableCommand {
  static var configuration: CommandConfiguration {
    func command<E: CommandLineExperiment>(_: E.Type) -> any ParsableCommand.Type { Evaluate<E>.self }
    return P.group("evaluate", "Simulate, reconstruct and score.") { command($0) }
  }
}
