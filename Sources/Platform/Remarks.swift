// SPDX-License-Identifier: Apache-2.0

/// What a reader passed over, applied, scaled or took by itself: nothing of a file is passed over silently.
///
/// Readers say it by ``note(_:)``, from any thread; who runs them reads ``collected(_:)``, or the process's own list. Each text is kept once, in
/// the order of arrival.
public final class Remarks: @unchecked Sendable {
  /// Where ``note(_:)`` goes: the list of the process, unless ``collected(_:)`` runs on this thread.
  @TaskLocal public static var current = Remarks()

  private let lock = Lock()
  private var texts: [String] = []
  private var known: Set<String> = []
  private var passedOn = 0

  public init() {}

  /// One line: what was found and what was made of it.
  public static func note(_ text: String) { current.add(text) }

  public func add(_ text: String) {
    lock.withLock { if known.insert(text).inserted { texts.append(text) } }
  }

  /// All there are.
  public var all: [String] { lock.withLock { texts } }

  /// Those that came after the last call.
  public func new() -> [String] {
    lock.withLock {
      defer { passedOn = texts.count }
      return Array(texts[passedOn...])
    }
  }

  /// Runs `body`; what it notes on this thread stands beside its result.
  public static func collected<Result>(_ body: () throws -> Result) rethrows -> (result: Result, remarks: [String]) {
    let own = Remarks()
    let result = try $current.withValue(own, operation: body)
    return (result, own.all)
  }
}
