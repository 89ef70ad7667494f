// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Checks
import Evaluation
import Experiments
import FileFormats

struct Check: ParsableCommand {
  enum Subject: String, CaseIterable, ExpressibleByArgument {
    case operators
    case gradients
    case theory
    case `operator`
  }
  static let configuration = CommandConfiguration(
    abstract: "Measure adjoint errors, gradient errors or convergence rates; one line an item.",
    usage: "unfold check <subject> [<file>] [<options>]",
    discussion:
      "Exit status 1 when an item exceeds its tolerance. `check operator FILE` says what an operator of one's own is: shapes, norm, adjoint error, memory, time."
  )
  @Argument(help: "What to check: operators, gradients, theory, or operator for a file.") var subject: Subject
  @Argument(help: ArgumentHelp("Of `operator`: a matrix, or a description of steps in YAML.", valueName: "file")) var file: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Extents of one signal: N, H W or C H W (default: as the operator says).", valueName: "extents"))
  var shape: [Int] = []
  @Option(help: ArgumentHelp("The matrix, in a file of several.", valueName: "name")) var variable: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    if subject == .operator { return try describe() }
    if let given = file ?? shape.first.map({ "--shape \($0)" }) ?? variable {
      throw InputError("found \(given) for check \(subject.rawValue), which needs none; leave it out, or check operator")
    }
    let items =
      switch subject {
      case .operators: operatorChecks()
      case .gradients: gradientChecks()
      case .theory: theoryChecks()
      case .operator: [CheckItem]()
      }
    let report = CheckReport(items: items.map { CheckReport.Item(name: $0.name, error: $0.error, tolerance: $0.tolerance) })
    try common.answer(report)
    if !report.ok { throw ExitCode(1) }
  }

  private func describe() throws {
    guard let file else {
      throw InputError("found no file for check operator; expected a matrix, or a description of steps in YAML")
    }
    let report = try OperatorReport(file: file, shape: shape.isEmpty ? nil : shape, variable: variable)
    try common.answer(report)
    if !report.ok { throw ExitCode(1) }
  }
}
