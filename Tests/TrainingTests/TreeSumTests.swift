// SPDX-License-Identifier: Apache-2.0
import Communication
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

/// Ranks that are threads of this process, a mailbox for every pair.
private final class ThreadWorld: @unchecked Sendable {
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

@Suite struct TreeSumTests {
  private static let model = StagedNetwork(depth: 2)

  /// Numbers of very different sizes, whose sum depends on the order.
  @Sendable private static func contribution(_ chunk: Int) -> LossGradient<StagedNetwork> {
    var generator = RandomGenerator(seed: 5, stream: UInt64(chunk))
    var (copy, gradient) = (model, StagedNetwork.TangentVector.zero)
    copy.forEachParameter(&gradient) { _, value, gradient in
      gradient = Tensor.normal(value.shape, precision: value.precision, using: &generator).map { $0 * $0 * $0 * $0 * $0 }
    }
    return LossGradient(loss: pow(generator.uniform(), 20), gradient: gradient)
  }

  private static func flat(_ sum: LossGradient<StagedNetwork>) -> [UInt64] {
    [sum.loss.bitPattern] + model.flat(sum.gradient).flatMap { $0.doubles.map(\.bitPattern) }
  }

  /// The tree by hand: halves of the largest power of two below the size.
  private static func byHand(_ chunks: Range<Int>) -> LossGradient<StagedNetwork> {
    if chunks.count == 1 { return contribution(chunks.lowerBound) }
    var left = 1
    while 2 * left < chunks.count { left *= 2 }
    let middle = chunks.lowerBound + left
    return byHand(chunks.lowerBound..<middle) + byHand(middle..<chunks.upperBound)
  }

  /// The bytes of the tree for any number of ranks, more than chunks too; a stop that one rank wants is wanted by all.
  @Test(arguments: [1, 2, 3, 5, 8, 13, 20]) func sameBytesForAnyNumberOfRanks(count: Int) {
    let expected = Self.flat(Self.byHand(0..<count))
    for ranks in 1...6 {
      let world = ThreadWorld(ranks)
      let found = world.run { rank -> (sum: [UInt64], stops: Bool) in
        var isStopping = rank.rank == ranks - 1
        let sum = parallelSum(
          of: Self.model, over: Chunks(sampleCount: count, size: 1), world: rank, isStopping: &isStopping,
          contribution: Self.contribution)
        return (Self.flat(sum), isStopping)
      }
      for rank in found { #expect(rank.sum == expected && rank.stops, "\(count) chunks, \(ranks) ranks") }
      // Sums of branches, not chunks: at most the depth of the tree for every border between two ranks; a rank without a chunk sends its wish.
      let depth = Int.bitWidth - (count - 1).leadingZeroBitCount
      #expect(world.sent.filter { $0 > 1 }.count <= (min(ranks, count) - 1) * max(depth, 1))
      #expect(world.sent.filter { $0 == 1 }.count == max(0, ranks - count))
    }
  }

  /// Three phases with every kind of optimiser, over one to four ranks; only the first is told of steps.
  @Test func trainingHasTheSameBytes() throws {
    @Sendable func trained(_ world: any Communicator, _ steps: @escaping @Sendable () -> Void) -> [[UInt64]]? {
      World.$current.withValue(world) {
        let trainer = StagedNetwork.trainer(.varied, count: 64)
        let result = try? trainer.train(StagedNetwork(depth: 3), monitors: [StepObserver { _ in steps() }])
        return result?.model.parameters.map { $0.value.doubles.map(\.bitPattern) }
      }
    }
    let alone = try #require(trained(Alone()) {})
    for ranks in 2...4 {
      let found = ThreadWorld(ranks).run { rank -> [[UInt64]]? in
        trained(rank) { #expect(rank.rank == 0) }
      }
      for parameters in found { #expect(parameters == alone, "\(ranks) ranks") }
    }
  }
}
