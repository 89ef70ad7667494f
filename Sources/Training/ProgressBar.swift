// SPDX-License-Identifier: Apache-2.0
import Platform

/// Shows on standard error how training goes: as a bar where that is a terminal, otherwise one line a validation.
public final class ProgressBar: TrainingMonitor {
  private let isTerminal: Bool
  private let write: (String) -> Void
  private let started = ContinuousClock.now
  private var firstStep: Int?
  private var shown: ContinuousClock.Instant?
  private var validation: Double?
  private var isLineOpen = false

  public init(
    isTerminal: Bool = isatty(STDERR_FILENO) == 1,
    write: @escaping (String) -> Void = { text in _ = text.withCString { Platform.write(STDERR_FILENO, $0, strlen($0)) } }
  ) {
    self.isTerminal = isTerminal
    self.write = write
  }

  public func record(_ report: TrainingReport) {
    if firstStep == nil { firstStep = report.totalStep - 1 }
    if let error = report.validation { validation = error }
    let isLine = report.isLastOfPhase || (report.recipe.validationInterval == nil ? isTwentieth(report) : report.validation != nil)
    if isTerminal {
      let now = ContinuousClock.now
      guard isLine || shown.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
      shown = now
      write("\r\(bar(report)) \(text(report))\u{1B}[K")
      isLineOpen = true
    }
    if isLine, !isTerminal { write(text(report) + "\n") }
    if report.isLastOfPhase {
      finish()
      validation = nil
    }
  }

  /// Ends the bar's line.
  public func finish() {
    if isLineOpen { write("\n") }
    isLineOpen = false
  }

  private func isTwentieth(_ report: TrainingReport) -> Bool { report.step % max(1, phase(report).steps / 20) == 0 }

  private func phase(_ report: TrainingReport) -> Recipe.Phase { report.recipe.phases[report.phase] }

  private func bar(_ report: TrainingReport) -> String {
    let filled = 20 * report.step / phase(report).steps
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled) + "]"
  }

  private func text(_ report: TrainingReport) -> String {
    var parts = ["\(phase(report).name) \(report.step)/\(phase(report).steps)", formatted("loss %.4g", report.loss)]
    if let validation { parts.append(formatted("validation %.4g", validation)) }
    let elapsed = ContinuousClock.now - started
    let perStep = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    let left = perStep / Double(report.totalStep - (firstStep ?? 0)) * Double(report.totalSteps - report.totalStep)
    let seconds = Int(left.rounded())
    parts.append(formatted("%d:%02d:%02d left", seconds / 3600, seconds / 60 % 60, seconds % 60))
    return parts.joined(separator: "  ")
  }
}
