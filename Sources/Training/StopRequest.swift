// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization

/// Asks a training run to stop after the current step, with its checkpoint written; from any thread.
public final class StopRequest: Sendable {
  private let requested = Atomic<Bool>(false)
  private let listens: Bool

  public init() { listens = false }

  private init(listening: Void) { listens = true }

  public func stop() { requested.store(true, ordering: .relaxed) }

  public var isRequested: Bool { requested.load(ordering: .relaxed) || (listens && Self.caught.load(ordering: .relaxed) != 0) }

  /// The signal that stopped it, if one did.
  public var signal: Int32? {
    let number = Self.caught.load(ordering: .relaxed)
    return listens && number != 0 ? number : nil
  }

  /// The signals that ``onSignals(_:)`` listens to.
  public static let signals = [SIGINT, SIGTERM, SIGUSR1]

  private static let caught = Atomic<Int32>(0)

  /// Runs `body` with a request that SIGINT (Ctrl-C), SIGTERM and SIGUSR1 (a job's time is nearly over) fulfil; a second such signal ends
  /// the process as ever.
  ///
  /// The signals' former actions are restored afterwards. One call at a time in a process.
  public static func onSignals<Result>(_ body: (StopRequest) throws -> Result) rethrows -> Result {
    caught.store(0, ordering: .relaxed)
    var former: [(Int32, sigaction)] = []
    for number in signals {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { StopRequest.caught.store($0, ordering: .relaxed) }
      action.sa_flags = Int32(bitPattern: UInt32(0x8000_0000)) | SA_RESTART | SA_ONSTACK  // SA_RESETHAND; the stack of signals.c
      var old = sigaction()
      if sigaction(number, &action, &old) == 0 { former.append((number, old)) }
    }
    defer { for (number, var old) in former { sigaction(number, &old, nil) } }
    return try body(StopRequest(listening: ()))
  }
}
