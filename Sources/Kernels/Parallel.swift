// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Platform
import Synchronization

/// Spreads independent pieces of work over threads. Libraries below run one thread a caller; this is the only pool.
///
/// A loop within a loop takes only cores that are idle. The calling thread always works itself; further workers are counted over the
/// whole process, or over a task within ``with(threads:_:)``, ``threads`` − 1 at most, and each is given back the moment it finds no more
/// pieces. A loop that began alone takes up a worker that comes free later, before its next piece. Nobody waits for a worker that has
/// not begun: there is no deadlock however loops nest and however many threads call. While all cores are at work an inner loop of four
/// pieces costs 0.7 µs; one that wakes an idle core 4 µs. (`DispatchQueue.concurrentPerform` costs 25 µs and 31 µs, and within itself
/// leaves idle cores idle.)
public enum Parallel {
  private static let ofProcess = Quota(threads: 0)
  @TaskLocal fileprivate static var quota = ofProcess

  /// Threads in use by the calling task; every core unless set. Results never depend on it: work is cut into pieces by size alone.
  /// To set it is to set that of all tasks that do not run ``with(threads:_:)``.
  public static var threads: Int {
    get { quota.threads }
    set { ofProcess.threads = newValue }
  }

  /// Runs `body` with so many threads, whatever the rest of the process uses.
  public static func with<Result>(threads: Int, _ body: () throws -> Result) rethrows -> Result {
    precondition(threads > 0, "\(threads) threads")
    return try $quota.withValue(Quota(threads: threads), operation: body)
  }

  /// Runs `body(0) … body(count − 1)`, on up to ``threads`` threads, in no particular order; returns when all are done.
  public static func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    if count == 1 { return body(0) }
    let quota = quota
    var i = 0
    while i < count {
      let helpers = quota.claim(count - i - 1)
      if helpers > 0 {
        return withoutActuallyEscaping(body) { SharedLoop(i..<count, quota, $0).run(helpers) }
      }
      body(i)
      i += 1
    }
  }

  /// The results of `body(0) … body(count − 1)` in order.
  ///
  /// - Throws: the error of the lowest index that fails, whatever the number of threads; pieces above it may be left out.
  public static func map<Result: Sendable, Failure: Error>(
    _ count: Int, _ body: @Sendable (Int) throws(Failure) -> Result
  ) throws(Failure) -> [Result] {
    let results = Results<Result, Failure>(max(count, 0))
    forEach(count) { i in
      guard results.isWanted(i) else { return }
      do throws(Failure) { results.set(i, try body(i)) } catch { results.fail(i, error) }
    }
    return try results.take()
  }

  /// `0..<count` in ranges of one piece a thread, of so many processes: for work whose inputs and results are too large to be held all at once.
  public static func windows(_ count: Int, of processes: Int = 1) -> [Range<Int>] {
    let size = threads * processes
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }
}

/// So many threads, and how many workers beside calling threads are at work, of all loops that share it.
private final class Quota: Sendable {
  private let chosen: Atomic<Int>
  private let helpers = Atomic<Int>(0)
  private static let cores = ProcessInfo.processInfo.activeProcessorCount

  /// 0: every core.
  init(threads: Int) { chosen = Atomic(threads) }

  var threads: Int {
    get {
      let n = chosen.load(ordering: .relaxed)
      return n > 0 ? n : Self.cores
    }
    set { chosen.store(max(0, newValue), ordering: .relaxed) }
  }

  /// Takes up to `wanted` idle workers.
  func claim(_ wanted: Int) -> Int {
    guard wanted > 0 else { return 0 }
    var used = helpers.load(ordering: .relaxed)
    while true {
      let count = min(wanted, threads - 1 - used)
      if count <= 0 { return 0 }
      let (done, now) = helpers.weakCompareExchange(expected: used, desired: used + count, ordering: .relaxed)
      if done { return count }
      used = now
    }
  }

  func giveBack(_ count: Int) { if count > 0 { helpers.subtract(count, ordering: .relaxed) } }
}

/// One loop that several threads work on.
private final class SharedLoop: @unchecked Sendable {
  private let end: Int
  private let next: Atomic<Int>
  /// The calling task's, as is the arithmetic.
  private let quota: Quota
  private let arithmetic = Arithmetic.current
  /// Nil once all have left; read only by threads that have entered.
  private var body: (@Sendable (Int) -> Void)?
  private let crew = Mutex(Crew())
  private let finished = DispatchSemaphore(value: 0)

  private struct Crew {
    /// Threads in the loop, the calling one among them.
    var working = 1
    /// Workers called that have not begun.
    var expected = 0
    /// The calling thread still finds pieces.
    var isOpen = true
  }

  init(_ range: Range<Int>, _ quota: Quota, _ body: @escaping @Sendable (Int) -> Void) {
    next = Atomic(range.lowerBound)
    end = range.upperBound
    self.quota = quota
    self.body = body
  }

  /// On the calling thread, with so many workers claimed.
  func run(_ helpers: Int) {
    call(helpers)
    work()
    let (isLast, late) = crew.withLock { crew in
      crew.working -= 1
      crew.isOpen = false
      return (crew.working == 0, crew.expected)
    }
    // While this thread waits, one of those that work stands for it.
    quota.giveBack(late + (isLast ? 0 : 1))
    if !isLast { finished.wait() }
    body = nil
  }

  private func call(_ helpers: Int) {
    let isOpen = crew.withLock { crew in
      if crew.isOpen { crew.expected += helpers }
      return crew.isOpen
    }
    guard isOpen else { return quota.giveBack(helpers) }
    for _ in 0..<helpers { DispatchQueue.global().async { self.help() } }
  }

  private func help() {
    let entered = crew.withLock { crew in
      guard crew.isOpen else { return false }
      crew.expected -= 1
      crew.working += 1
      return true
    }
    guard entered else { return }
    Parallel.$quota.withValue(quota) { Arithmetic.$current.withValue(arithmetic) { work() } }
    let isLast = crew.withLock { crew in
      crew.working -= 1
      return crew.working == 0
    }
    if isLast { finished.signal() } else { quota.giveBack(1) }
  }

  private func work() {
    let body = body!
    while true {
      let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard i < end else { return }
      let more = quota.claim(end - next.load(ordering: .relaxed))
      if more > 0 { call(more) }
      body(i)
    }
  }
}

/// One place a result, and the error of the lowest index.
private final class Results<Element: Sendable, Failure: Error>: @unchecked Sendable {
  private var values: [Element?]
  private var failure: (index: Int, error: Failure)?
  private let lock = Lock()

  init(_ count: Int) { values = Array(repeating: nil, count: count) }

  /// No lower index has failed.
  func isWanted(_ i: Int) -> Bool { lock.withLock { failure.map { i < $0.index } ?? true } }
  func set(_ i: Int, _ value: Element) { lock.withLock { values[i] = value } }
  func fail(_ i: Int, _ error: Failure) { lock.withLock { if isLowest(i) { failure = (i, error) } } }
  private func isLowest(_ i: Int) -> Bool { failure.map { i < $0.index } ?? true }
  func take() throws(Failure) -> [Element] {
    if let failure { throw failure.error }
    return values.map { $0! }
  }
}
