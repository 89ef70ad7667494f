// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization

/// What a process has sent and received, and how long it was in calls that did so: waiting for others included.
public struct Traffic: Sendable, Equatable {
  public var messages = 0
  public var sentBytes = 0
  public var receivedBytes = 0
  public var seconds = 0.0

  public init() {}
}

/// The processes of another communicator, with a count of what passes.
public final class MeteredCommunicator: Communicator {
  private let inner: any Communicator
  private let counted = Mutex(Traffic())

  public init(_ inner: any Communicator) { self.inner = inner }

  public var rank: Int { inner.rank }
  public var count: Int { inner.count }
  public var traffic: Traffic { counted.withLock { $0 } }

  public func send(_ bytes: UnsafeRawBufferPointer, to rank: Int) {
    counting(sent: bytes.count) { inner.send(bytes, to: rank) }
  }
  public func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
    counting(received: bytes.count) { inner.receive(bytes, from: rank) }
  }
  public func exchange(_ bytes: UnsafeRawBufferPointer, into received: UnsafeMutableRawBufferPointer, with rank: Int) {
    counting(sent: bytes.count, received: received.count) { inner.exchange(bytes, into: received, with: rank) }
  }
  public func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {
    counting(sent: rank == 0 ? bytes.count : 0, received: rank == 0 ? 0 : bytes.count) { inner.broadcast(bytes) }
  }

  private func counting(sent: Int = 0, received: Int = 0, _ body: () -> Void) {
    let begin = ContinuousClock.now
    body()
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    counted.withLock {
      $0.messages += 1
      $0.sentBytes += sent
      $0.receivedBytes += received
      $0.seconds += seconds
    }
  }
}

extension Traffic: Message {
  public init(bytes: [UInt8]) throws {
    guard bytes.count == 32 else { throw InputError("found \(bytes.count) bytes of traffic; expected 32") }
    self = bytes.withUnsafeBytes { bytes in
      func number(_ k: Int) -> Int { bytes.loadUnaligned(fromByteOffset: 8 * k, as: Int.self) }
      var found = Traffic()
      (found.messages, found.sentBytes, found.receivedBytes) = (number(0), number(1), number(2))
      found.seconds = bytes.loadUnaligned(fromByteOffset: 24, as: Double.self)
      return found
    }
  }

  public func bytes() -> [UInt8] {
    [messages, sentBytes, receivedBytes].flatMap { withUnsafeBytes(of: $0, Array.init) } + withUnsafeBytes(of: seconds, Array.init)
  }
}
