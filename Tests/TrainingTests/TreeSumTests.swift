// SPDX-License-Identifier: Apache-2.0
import Communication
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

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
