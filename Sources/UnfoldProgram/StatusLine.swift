// SPDX-License-Identifier: Apache-2.0
import Foundation
import Platform
import Synchronization

/// How far ``Work`` is, with the time left, on standard error: a line that is written over, after two seconds without another.
final class StatusLine: Sendable {
  static let shared = StatusLine()

  private struct State {
    var begins: [String: (date: Date, done: Int, last: Int)] = [:]
    var isOpen = false
    var drawn = Date()
    /// When something was last written, or the program began.
    var quiet = Date()
  }
  private let state = Mutex(State())

  func begin() { Work.watch { [self] in show($0) } }

  /// Takes the line away; to be called before other text.
  func clear() {
    state.withLock { state in
      if state.isOpen { write("\r\u{1B}[K") }
      (state.isOpen, state.quiet) = (false, Date())
    }
  }

  private func show(_ stages: [Work.Stage]) {
    state.withLock { state in
      let now = Date()
      for stage in stages {
        let known = state.begins[stage.name]
        if let known, stage.done >= known.last {
          state.begins[stage.name]?.last = stage.done
        } else {
          state.begins[stage.name] = (now, stage.done, stage.done)
        }
      }
      guard now.timeIntervalSince(state.quiet) > 2, now.timeIntervalSince(state.drawn) > 0.1 || !state.isOpen else { return }
      (state.isOpen, state.drawn) = (true, now)
      var isTimed = false
      let parts = stages.map { stage in
        guard stage.count > 1 else { return stage.name }
        let text = "\(stage.name) \(stage.done) of \(stage.isAtMost ? "at most " : "")\(stage.count)"
        guard !isTimed, let begin = state.begins[stage.name], stage.done > begin.done else { return text }
        isTimed = true
        let left = now.timeIntervalSince(begin.date) / Double(stage.done - begin.done) * Double(stage.count - stage.done)
        return text + ", \(stage.isAtMost ? "at most " : "")\(duration(left)) left"
      }
      write("\r\(parts.joined(separator: "; "))\u{1B}[K")
    }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
