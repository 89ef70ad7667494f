// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Synchronization

/// Spreads independent pieces of work over threads. Libraries below run one thread a caller; this is the only pool.
public enum Parallel {
  private static let chosen = Atomic<Int>(0)

  /// Threads in use; every core unless set. Results never depend on it: work is cut into pieces by size alone.
  public static var threads: Int {
    get {
      let n = chosen.load(ordering: .relaxed)
      return n > 0 ? n : ProcessInfo.processInfo.activeProcessorCount
    }
    set { chosen.store(max(0, newValue), ordering: .relaxed) }
  }

  /// Runs `body(0) … body(count − 1)`, on up to ``threads`` threads, in no particular order; returns when all are done.
  public static func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    let workers = min(count, threads)
    if workers <= 1 {
      for i in 0..<max(count, 0) { body(i) }
      return
    }
    let next = SharedCounter()
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while true {
        let i = next.take()
        if i >= count { return }
        body(i)
      }
    }
  }

  /// The results of `body(0) … body(count − 1)` in order.
  public static func map<Result: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
    let slots = Slots<Result>(count)
    forEach(count) { slots.set($0, body($0)) }
    return slots.take()
  }
}

/// Hands out 0, 1, 2, … to whoever asks, on any thread.
private final class SharedCounter: Sendable {
  private let value = Atomic<Int>(0)
  func take() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// One place per result; each is written once by the thread that made it.
private final class Slots<Element: Sendable>: @unchecked Sendable {
  private var values: [Element?]
  private let lock = NSLock()
  init(_ count: Int) { values = Array(repeating: nil, count: count) }
  func set(_ i: Int, _ value: Element) {
    lock.lock()
    values[i] = value
    lock.unlock()
  }
  func take() -> [Element] { values.map { $0! } }
}
