// SPDX-License-Identifier: Apache-2.0
import WeightFiles

/// Keeps the curves of a run in an event file that TensorBoard shows: `loss/train`, `loss/validation`, `learning_rate` and the figures
/// of the model, by step.
public final class EventLog: TrainingMonitor {
  private let file: EventFile
  private var flushed = ContinuousClock.now

  /// Opens the file at `path`; TensorBoard finds it when its name holds `tfevents`.
  ///
  /// - Parameter checkpoint: what the run resumes from. The curves up to there are kept and go on; later ones, of steps that are
  ///   done again, are dropped. Without it the file begins anew.
  /// - Throws: `FileFormatError` when the file is there and not an event file, or cannot be written.
  public init(path: String, resuming checkpoint: Checkpoint? = nil) throws {
    // Opening refuses another kind of file, makes a missing one and cuts off what a kill left half written.
    try EventFile(path).flush()
    let kept = try checkpoint.map { last in try EventFile.read(path).filter { $0.step <= last.totalStep } } ?? []
    try AtomicFile.replace(path) { temporary in
      let file = try EventFile(temporary)
      for event in kept { try file.add(tag: event.tag, value: event.value, step: event.step, wallTime: event.wallTime) }
      try file.flush()
    }
    file = try EventFile(path)
  }

  public func record(_ report: TrainingReport) throws {
    let step = report.totalStep
    try file.add(tag: "loss/train", value: report.loss, step: step)
    try file.add(tag: "learning_rate", value: report.learningRate, step: step)
    if let validation = report.validation { try file.add(tag: "loss/validation", value: validation, step: step) }
    for figure in report.figures { try file.add(tag: figure.name, value: figure.value, step: step) }
    if report.validation != nil || ContinuousClock.now - flushed > .seconds(1) {
      try file.flush()
      flushed = .now
    }
  }

  /// Writes what is left. When the disk refuses now, the curves lack their end and nothing else is lost.
  public func finish() { try? file.flush() }
}
