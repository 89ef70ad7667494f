// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// How far a work of many pieces is, with the time left, on standard error: a line that is written over where that is a terminal, and only
/// for works of more than two seconds.
final class WorkProgress: Sendable {
  private let name: String
  private let isShown: Bool
  private let begin = Date()
  private let isOpen = Atomic<Bool>(false)
  private let shown = Atomic<Int>(0)

  init(_ name: String, isShown: Bool) { (self.name, self.isShown) = (name, isShown) }

  /// Told whenever `done` pieces of `count` are done.
  var show: @Sendable (_ done: Int, _ count: Int) -> Void {
    { [self] done, count in
      let seconds = Date().timeIntervalSince(begin)
      guard isShown, count > 1, seconds > 2, done > shown.load(ordering: .relaxed) else { return }
      shown.store(done, ordering: .relaxed)
      isOpen.store(true, ordering: .relaxed)
      let left = seconds / Double(done) * Double(count - done)
      FileHandle.standardError.write(Data("\r\(name) \(done)/\(count), \(duration(left)) left\u{1B}[K".utf8))
    }
  }

  /// Takes the line away.
  func finish() {
    if isOpen.exchange(false, ordering: .relaxed) { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}

extension CommonOptions {
  func progress(_ name: String) -> WorkProgress { WorkProgress(name, isShown: !quiet && isatty(STDERR_FILENO) == 1) }
}
