// SPDX-License-Identifier: Apache-2.0

/// Processes that work together, each with the same command: ranks 0 to `count` − 1.
///
/// Messages are bytes; those between two ranks arrive in the order in which they were sent. Calls may come from any thread, one at a time.
public protocol Communicator: Sendable {
  var rank: Int { get }
  var count: Int { get }
  /// Returns when the bytes may be changed.
  func send(_ bytes: UnsafeRawBufferPointer, to rank: Int)
  /// Fills the bytes, as many as were sent.
  func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int)
  /// Sends bytes to a rank and receives as many from it, which sends to this one.
  func exchange(_ bytes: UnsafeRawBufferPointer, into received: UnsafeMutableRawBufferPointer, with rank: Int)
  /// Every rank's bytes become those of rank 0.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer)
}

/// A world of one.
public struct Alone: Communicator {
  public init() {}
  public var rank: Int { 0 }
  public var count: Int { 1 }
  public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) { preconditionFailure("a message from a process that is alone") }
  public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
    preconditionFailure("a message to a process that is alone")
  }
  public func exchange(_ bytes: UnsafeRawBufferPointer, into received: UnsafeMutableRawBufferPointer, with rank: Int) {
    preconditionFailure("an exchange with a process that is alone")
  }
  public func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {}
}

/// The processes that this one works with.
public enum World {
  /// Of the calling task; a world of one unless set.
  @TaskLocal public static var current: any Communicator = Alone()

  public static var rank: Int { current.rank }
  public static var count: Int { current.count }
  /// Whether this is the process that writes files and talks to the user.
  public static var isFirst: Bool { rank == 0 }
}

extension Communicator {
  /// Every rank's value becomes that of rank 0.
  public func broadcast<Value: BitwiseCopyable>(_ value: inout Value) {
    withUnsafeMutableBytes(of: &value) { broadcast($0) }
  }

  /// What every rank gave, in their order, at rank 0; nothing elsewhere.
  public func gather(_ bytes: [UInt8]) -> [[UInt8]] {
    guard rank == 0 else {
      withUnsafeBytes(of: Int64(bytes.count)) { send($0, to: 0) }
      if !bytes.isEmpty { bytes.withUnsafeBytes { send($0, to: 0) } }
      return []
    }
    return [bytes]
      + (1..<count).map { other in
        var length: Int64 = 0
        withUnsafeMutableBytes(of: &length) { receive($0, from: other) }
        var found = [UInt8](repeating: 0, count: Int(length))
        if length > 0 { found.withUnsafeMutableBytes { receive($0, from: other) } }
        return found
      }
  }
}
