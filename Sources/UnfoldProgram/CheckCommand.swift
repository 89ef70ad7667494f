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
      "Exit status 1 when an item exceeds its tolerance. `check operator FILE` says what an operator of one's own is: shapes, norm, adjoint error, memory, time; `check theory --operator FILE` holds ISTA, FISTA and ADMM to their theory on it."
  )
  @Argument(help: "What to check: operators, gradients, theory, or operator for a file.") var subject: Subject
  @Argument(help: ArgumentHelp("Of `operator`: a matrix, or a description of steps in YAML.", valueName: "file")) var file: String?
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Extents of one signal: N, H W or C H W (default: as the operator says).", valueName: "extents"))
  var shape: [Int] = []
  @Option(help: ArgumentHelp("The matrix, in a file of several.", valueName: "name")) var variable: String?
  @Option(name: .customLong("operator"), help: ArgumentHelp("Of `theory`: an operator of one's own.", valueName: "file"))
  var own: String?
  @Option(
    help: ArgumentHelp("Of `theory` with --operator: the measurement; one of random sparse signals without.", valueName: "file"))
  var measurement: String?
  @Option(
    help: ArgumentHelp(
      "Of `theory` with --operator: a term of the objective, as often as wanted (default: l1 of a tenth of max |Aᴴ y|).",
      valueName: "prior"))
  var prior: [String] = []
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    if subject == .operator { return try describe() }
    if subject != .theory || own == nil, let given = ofTheory ?? file ?? ofOperator {
      throw InputError("found \(given) for check \(subject.rawValue); leave it out, or check operator, or theory with --operator")
    }
    let items =
      switch subject {
      case .operators: operatorChecks()
      case .gradients: gradientChecks()
      case .theory, .operator:
        try own.map {
          try Linear.theory(
            of: $0, shape: shape, variable: variable, measurement: measurement, priors: prior, seed: common.seed ?? 1)
        } ?? theoryChecks()
      }
    let report = CheckReport(items: items.map { CheckReport.Item(name: $0.name, error: $0.error, tolerance: $0.tolerance) })
    try common.answer(report)
    if !report.ok { throw ExitCode(1) }
  }

  private func describe() throws {
    if let given = ofTheory { throw InputError("found \(given) for check operator; leave it out, or check theory") }
    guard let file else {
      throw InputError("found no file for check operator; expected a matrix, or a description of steps in YAML")
    }
    let report = try OperatorReport(file: file, shape: shape.isEmpty ? nil : shape, variable: variable)
    try common.answer(report)
    if !report.ok { throw ExitCode(1) }
  }

  private var ofTheory: String? {
    own.map { "--operator \($0)" } ?? measurement.map { "--measurement \($0)" } ?? prior.first.map { "--prior \($0)" }
  }
  private var ofOperator: String? { shape.first.map { "--shape \($0)" } ?? variable.map { "--variable \($0)" } }
}
