// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Synchronization
import Testing

/// How many bodies run, and how often each piece was.
private final class Record: Sendable {
  private let running = Atomic<Int>(0)
  private let most = Atomic<Int>(0)
  private let times: Mutex<[Int]>

  init(_ count: Int) { times = Mutex(Array(repeating: 0, count: count)) }

  var mostAtOnce: Int { most.load(ordering: .relaxed) }
  var coversAllOnce: Bool { times.withLock { $0.allSatisfy { $0 == 1 } } }

  func run(_ piece: Int) {
    let now = running.add(1, ordering: .relaxed).newValue
    most.max(now, ordering: .relaxed)
    usleep(100)
    times.withLock { $0[piece] += 1 }
    running.subtract(1, ordering: .relaxed)
  }

  /// Three loops within each other, 60 pieces from `first` on.
  func runNested(from first: Int = 0) {
    Parallel.forEach(5) { i in
      Parallel.forEach(4) { j in
        Parallel.forEach(3) { k in run(first + 12 * i + 3 * j + k) }
      }
    }
  }
}

/// Threads that each run the three loops, their own 60 pieces; returns when all are done.
private func runNested(_ record: Record, callers: Int) {
  let done = DispatchSemaphore(value: 0)
  for caller in 0..<callers {
    Thread.detachNewThread {
      record.runNested(from: caller * 60)
      done.signal()
    }
  }
  for _ in 0..<callers { done.wait() }
}

private func currentThread() -> ObjectIdentifier { ObjectIdentifier(Thread.current) }

/// Waits for at most a minute.
private func wait(until holds: () -> Bool) { for _ in 0..<60_000 where !holds() { usleep(1000) } }

private struct Failure: Error, Equatable { let index: Int }

@Suite struct ParallelTests {
  @Test(arguments: 1...4) func nestedLoopsStayWithinTheThreads(threads: Int) {
    Parallel.with(threads: threads) {
      for _ in 0..<20 {
        let record = Record(60)
        record.runNested()
        #expect(record.coversAllOnce && (1...threads).contains(record.mostAtOnce), "\(record.mostAtOnce) of \(threads) threads")
      }
    }
  }

  /// Every caller works itself, beside as many more as one caller alone may have. In a process of its own, whose number this is.
  @Test func severalCallersShareTheThreads() async {
    await #expect(processExitsWith: .success) {
      Parallel.threads = 3
      let callers = 4
      let record = Record(callers * 60)
      runNested(record, callers: callers)
      #expect(record.coversAllOnce && record.mostAtOnce <= callers + 2, "\(record.mostAtOnce) at once")
      // All workers were given back.
      let again = Record(60)
      again.runNested()
      #expect(again.coversAllOnce && again.mostAtOnce <= 3)
    }
  }

  /// A task's own number, also in its workers; detached tasks and those that come later have that of the process.
  @Test func aTaskHasItsThreads() async throws {
    let before = Parallel.threads
    let detached = Parallel.with(threads: before + 3) {
      #expect(Parallel.map(40) { _ in Parallel.threads } == Array(repeating: before + 3, count: 40))
      #expect(
        Parallel.with(threads: 2) { Parallel.map(40) { _ in Parallel.windows(5) } }
          == Array(repeating: [0..<2, 2..<4, 4..<5], count: 40))
      #expect(throws: Failure(index: 1)) { try Parallel.with(threads: 1) { throw Failure(index: Parallel.threads) } }
      return Task.detached { Parallel.threads }
    }
    #expect(await detached.value == before && Parallel.threads == before)
  }

  /// Three pieces meet, though the process has two threads and both are taken.
  @Test func aTaskGetsTheThreadsThatItAskedFor() async {
    await #expect(processExitsWith: .success) {
      Parallel.threads = 2
      let met = Atomic<Int>(0)
      let isOver = Atomic<Bool>(false)
      Parallel.forEach(2) { i in
        if i == 1 { return wait { isOver.load(ordering: .relaxed) } }
        Parallel.with(threads: 3) {
          Parallel.forEach(3) { _ in
            met.add(1, ordering: .relaxed)
            wait { met.load(ordering: .relaxed) == 3 }
            #expect(met.load(ordering: .relaxed) == 3)
          }
        }
        isOver.store(true, ordering: .relaxed)
      }
    }
  }

  /// The thread that is done with its piece of the outer loop takes part in the inner loop of the other.
  @Test func anInnerLoopTakesAnIdleCore() {
    let most = Atomic<Int>(0)
    Parallel.with(threads: 2) {
      Parallel.forEach(2) { i in
        guard i == 1 else { return }
        for _ in 0..<10_000 where most.load(ordering: .relaxed) < 2 {
          let record = Record(8)
          Parallel.forEach(8) { record.run($0) }
          most.max(record.mostAtOnce, ordering: .relaxed)
        }
      }
    }
    #expect(most.load(ordering: .relaxed) == 2)
  }

  @Test func oneThreadIsTheCallers() {
    let seen = Parallel.with(threads: 1) { Parallel.map(50) { _ in currentThread() } }
    #expect(Set(seen + [currentThread()]).count == 1)
  }

  /// A later piece fails first.
  @Test(arguments: 1...4) func theErrorOfTheLowestIndexIsThrown(threads: Int) {
    Parallel.with(threads: threads) {
      for _ in 0..<20 {
        #expect(throws: Failure(index: 5)) {
          try Parallel.map(40) { i throws(Failure) in
            if i == 5 { usleep(500) }
            if i == 5 || i == 6 || i == 30 { throw Failure(index: i) }
            return i
          }
        }
      }
      #expect(Parallel.map(40) { 2 * $0 } == (0..<40).map { 2 * $0 })
    }
  }

  @Test func nothingToDo() {
    Parallel.forEach(0) { _ in Issue.record("ran a piece of none") }
    Parallel.forEach(-1) { _ in Issue.record("ran a piece of none") }
    #expect(Parallel.map(0) { $0 } == [])
  }

  @Test(arguments: [0, 1, 5, 16, 33]) func windowsCoverAll(count: Int) {
    let windows = Parallel.windows(count)
    #expect(windows.flatMap(Array.init) == Array(0..<count))
  }
}
