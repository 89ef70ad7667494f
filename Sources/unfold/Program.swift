// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Recipes
import Training

/// The program: one file a command, no mathematics.
@main
struct Program {
  static func main() {
    Memory.keepFreedBlocks()
    do {
      var command = try Unfold.parseAsRoot()
      try command.run()
    } catch {
      exit(report(error))
    }
  }

  /// Says in one line what is wrong, on standard error; help goes to standard output.
  private static func report(_ error: any Error) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    if let known = statusOfKnown(error) {
      say("error: \(error)")
      return known
    }
    if Unfold.exitCode(for: error).isSuccess {
      print(Unfold.fullMessage(for: error))
      return 0
    }
    let isUsage = Unfold.exitCode(for: error) == .validationFailure
    say("error: " + Unfold.message(for: error).split(whereSeparator: \.isWhitespace).joined(separator: " "))
    return isUsage ? 2 : 1
  }

  /// 2 for an input that cannot be used, 1 for work that failed; nil for what is not ours.
  private static func statusOfKnown(_ error: any Error) -> Int32? {
    switch error {
    case let error as FileFormatError where error.isDiskFailure: 1
    case is FileFormatError, is DatasetError, is RecipeError, is EvaluationError, is InputError: 2
    case TrainingError.diverged: 1
    case is TrainingError: 2
    case is WorkFailed: 1
    default: nil
    }
  }
}

/// An option or input that cannot be used, found by a command itself.
struct InputError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The work could not be done although its inputs were right.
struct WorkFailed: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A line on standard error.
func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

struct Unfold: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unfold",
    abstract: "Turns iterative algorithms for inverse problems into trained networks.",
    version: "0.1.0",
    subcommands: [
      Demo.self, Simulate.self, Train.self, Reconstruct.self, Evaluate.self, Reproduce.self, Convert.self, Inspect.self, Bench.self,
      Check.self, Methods.self, Problems.self, Tables.self,
    ])
}
