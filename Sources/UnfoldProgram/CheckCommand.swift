// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Checks
import Evaluation

struct Check: ParsableCommand {
  enum Subject: String, CaseIterable, ExpressibleByArgument {
    case operators
    case gradients
    case theory
  }
  static let configuration = CommandConfiguration(
    abstract: "Measure adjoint errors, gradient errors or convergence rates; one line an item.",
    discussion: "Exit status 1 when an item exceeds its tolerance.")
  @Argument(help: "What to check: operators, gradients or theory.") var subject: Subject
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let items =
      switch subject {
      case .operators: operatorChecks()
      case .gradients: gradientChecks()
      case .theory: theoryChecks()
      }
    let report = CheckReport(items: items.map { CheckReport.Item(name: $0.name, error: $0.error, tolerance: $0.tolerance) })
    try common.answer(report)
    if !report.ok { throw ExitCode(1) }
  }
}
