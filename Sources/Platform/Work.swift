// SPDX-License-Identifier: Apache-2.0

/// How far long work is, told from inside it to whoever shows it; where nobody does, nothing happens.
public enum Work {
  /// Pieces done of so many, or of at most so many where the work may end before.
  public struct Stage: Sendable {
    public let name: String
    public let done: Int
    public let count: Int
    public let isAtMost: Bool

    public init(_ name: String, _ done: Int, of count: Int, isAtMost: Bool = false) {
      (self.name, self.done, self.count, self.isAtMost) = (name, done, count, isAtMost)
    }
  }

  public typealias Watcher = @Sendable (_ stages: [Stage]) -> Void

  /// The stages that the work on this thread is part of, the outermost first.
  @TaskLocal public static var stages: [Stage] = []

  private final class Box: @unchecked Sendable {
    let lock = Lock()
    var watcher: Watcher?
  }
  private static let box = Box()

  /// Who is told of every report, from any thread.
  public static func watch(_ watcher: Watcher?) { box.lock.withLock { box.watcher = watcher } }

  /// - Parameter stages: what the work is part of, where it runs on other threads than it was begun on.
  public static func report(
    _ name: String, _ done: Int, of count: Int, isAtMost: Bool = false, within stages: [Stage] = Work.stages
  ) {
    guard let watcher = box.lock.withLock({ box.watcher }) else { return }
    watcher(stages + [Stage(name, done, of: count, isAtMost: isAtMost)])
  }

  /// Runs `body` as the piece that follows `done` others; what it reports on this thread is a part of it.
  public static func within<Result>(_ name: String, _ done: Int, of count: Int, _ body: () throws -> Result) rethrows -> Result {
    let stages = stages + [Stage(name, done, of: count)]
    box.lock.withLock({ box.watcher })?(stages)
    return try $stages.withValue(stages, operation: body)
  }
}
