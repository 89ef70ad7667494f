// SPDX-License-Identifier: Apache-2.0
import Communication
import Foundation

/// Ranks that are threads of this process, a mailbox for every pair.
final class ThreadWorld: @unchecked Sendable {
  let count: Int
  private let condition = NSCondition()
  private var mail: [[Int]: [[UInt8]]] = [:]
  private(set) var sent: [Int] = []

  init(_ count: Int) { self.count = count }

  struct Rank: Communicator {
    let world: ThreadWorld
    let rank: Int
    var count: Int { world.count }
    func send(_ bytes: UnsafeRawBufferPointer, to other: Int) { world.put(Array(bytes), [rank, other]) }
    func receive(_ bytes: UnsafeMutableRawBufferPointer, from other: Int) { bytes.copyBytes(from: world.take([other, rank])) }
    func exchange(_ bytes: UnsafeRawBufferPointer, into received: UnsafeMutableRawBufferPointer, with other: Int) {
      send(bytes, to: other)
      receive(received, from: other)
    }
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {
      if rank > 0 { return receive(bytes, from: 0) }
      for other in 1..<count { send(UnsafeRawBufferPointer(bytes), to: other) }
    }
  }

  private func put(_ bytes: [UInt8], _ pair: [Int]) {
    condition.lock()
    mail[pair, default: []].append(bytes)
    if pair[1] < pair[0] { sent.append(bytes.count) }
    condition.broadcast()
    condition.unlock()
  }

  private func take(_ pair: [Int]) -> [UInt8] {
    condition.lock()
    defer { condition.unlock() }
    while mail[pair, default: []].isEmpty { condition.wait() }
    return mail[pair]!.removeFirst()
  }

  /// What every rank makes of a body, in their order.
  func run<Result: Sendable>(_ body: @escaping @Sendable (any Communicator) -> Result) -> [Result] {
    let found = Found<Result>(count)
    for rank in 0..<count {
      let thread = Thread { [self] in found.set(rank, body(Rank(world: self, rank: rank))) }
      thread.stackSize = 8 << 20
      thread.start()
    }
    found.wait()
    return found.values
  }

  private final class Found<Result>: @unchecked Sendable {
    private let condition = NSCondition()
    private var results: [Int: Result] = [:]
    private let count: Int
    init(_ count: Int) { self.count = count }
    func set(_ rank: Int, _ value: Result) {
      condition.lock()
      results[rank] = value
      condition.broadcast()
      condition.unlock()
    }
    func wait() {
      condition.lock()
      while results.count < count { condition.wait() }
      condition.unlock()
    }
    var values: [Result] { (0..<count).map { results[$0]! } }
  }
}
