// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Synchronization

/// What one process tells another as bytes.
public protocol Message: Sendable {
  /// - Throws: where the bytes are not those of ``bytes()``.
  init(bytes: [UInt8]) throws
  func bytes() -> [UInt8]
}

/// An error of another process, in its words.
public struct RemoteError: InputFault, CustomStringConvertible, Sendable {
  public let description: String
  public let isOfInput: Bool

  public init(_ description: String, isOfInput: Bool) { (self.description, self.isOfInput) = (description, isOfInput) }

  fileprivate init(_ error: any Error) {
    self.init("\(error)", isOfInput: (error as? any InputFault)?.isOfInput == true)
  }
}

extension World {
  /// Whether a piece of work is this process's: piece i is that of process i mod ``count``.
  public static func isOwn(_ piece: Int) -> Bool { piece % count == rank }

  /// `body(0)` … `body(count − 1)`, shared out among the processes, and there among the threads.
  ///
  /// Every process comes to this with the same count. What a `body` throws stands in its place in the results; a process leaves out what comes
  /// after that.
  ///
  /// - Parameter everywhere: every process has the results; else the first alone.
  /// - Returns: the results in order; nil on a process that has none.
  public static func map<Result: Message>(
    _ count: Int, everywhere: Bool = false, _ body: @Sendable (Int) throws -> Result
  ) -> [Swift.Result<Result, any Error>]? {
    let world = current
    let firstFailure = Atomic<Int>(.max)
    @Sendable func result(_ i: Int) -> Swift.Result<Result, any Error> {
      guard i < firstFailure.load(ordering: .relaxed) else { return .failure(RemoteError("left out", isOfInput: false)) }
      let result = Swift.Result { try body(i) }
      if case .failure = result { firstFailure.min(i, ordering: .relaxed) }
      return result
    }
    guard world.count > 1 else { return Parallel.map(count, result) }
    let own = Array(stride(from: world.rank, to: count, by: world.count))
    let found = Parallel.map(own.count) { k in encoded(result(own[k])) }
    var all = world.gather(joined(found))
    if everywhere { all = pieces(of: world.broadcast(joined(all))) }
    guard everywhere || world.rank == 0 else { return nil }
    let shares = all.map(pieces)
    return (0..<count).map { i in decoded(shares[i % world.count][i / world.count]) }
  }

  /// `body` on the first process, while the others wait for its end: all throw where it throws.
  public static func onFirst(_ body: () throws -> Void) throws {
    let world = current
    guard world.count > 1 else { return try body() }
    let done = world.rank == 0 ? Result { try body() } : .success(())
    var end: UInt8 = 0
    if case .failure(let error) = done { end = RemoteError(error).isOfInput ? 2 : 1 }
    world.broadcast(&end)
    try done.get()
    if end > 0 { throw RemoteError("the first process ended", isOfInput: end == 2) }
  }

  /// A byte, 0 for a result and 1 or 2 for an error, and what it says.
  private static func encoded<Value: Message>(_ result: Result<Value, any Error>) -> [UInt8] {
    switch result {
    case .success(let value): return [0] + value.bytes()
    case .failure(let error):
      let error = RemoteError(error)
      return [error.isOfInput ? 2 : 1] + error.description.utf8
    }
  }

  private static func decoded<Value: Message>(_ bytes: [UInt8]) -> Result<Value, any Error> {
    let rest = Array(bytes.dropFirst())
    return bytes[0] == 0
      ? Result { try Value(bytes: rest) }
      : .failure(RemoteError(String(decoding: rest, as: UTF8.self), isOfInput: bytes[0] == 2))
  }

  /// Each with its length in 8 bytes before it.
  private static func joined(_ pieces: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(pieces.reduce(0) { $0 + $1.count + 8 })
    for piece in pieces {
      withUnsafeBytes(of: UInt64(piece.count)) { bytes += $0 }
      bytes += piece
    }
    return bytes
  }

  private static func pieces(of bytes: [UInt8]) -> [[UInt8]] {
    var (pieces, place): ([[UInt8]], Int) = ([], 0)
    while place < bytes.count {
      let length = Int(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt64.self) })
      pieces.append(Array(bytes[(place + 8)..<(place + 8 + length)]))
      place += 8 + length
    }
    return pieces
  }
}

extension Communicator {
  /// Every process has the bytes of the first.
  public func broadcast(_ bytes: [UInt8]) -> [UInt8] {
    guard count > 1 else { return bytes }
    var length = Int64(bytes.count)
    broadcast(&length)
    var found = rank == 0 ? bytes : [UInt8](repeating: 0, count: Int(length))
    if length > 0 { found.withUnsafeMutableBytes { broadcast($0) } }
    return found
  }
}
