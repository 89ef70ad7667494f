// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Platform
import Problems
import ProximalMaps
import Synchronization
import Tensors
import Testing

/// Long work says how far it is.
@Suite(.serialized) struct WorkTests {
  private func reports(of first: String, _ body: () throws -> Void) rethrows -> [[Work.Stage]] {
    final class Seen: Sendable { let all = Mutex<[[Work.Stage]]>([]) }
    let seen = Seen()
    Work.watch { stages in if stages.first?.name == first { seen.all.withLock { $0.append(stages) } } }
    defer { Work.watch(nil) }
    try body()
    return seen.all.withLock { $0 }
  }

  @Test func dictionariesAndTheirCodes() {
    var generator = RandomGenerator(seed: 1)
    let patches = Tensor.normal([70, 9], using: &generator)
    var learning = DictionaryLearning(atoms: 12, alpha: 0.5)
    (learning.steps, learning.batchSize) = (3, 60)
    let found = reports(of: "dictionary") { _ = learning.learn(from: patches) }
    #expect(found.contains { $0.count == 1 && $0[0].done == 2 && $0[0].count == 3 })
    #expect(found.contains { $0.count == 2 && $0[1].name == "optimal codes" && $0[1].done == 60 && $0[1].count == 60 })
  }

  @Test func weightsAndTheirIterations() throws {
    var generator = RandomGenerator(seed: 1)
    let A = Matrix.gaussian(rows: 20, columns: 16, variance: 1.0 / 20, seed: 2)
    let y = A.forward(Tensor.normal([1, 16], using: &generator))
    let search = try WeightSearch(A, priors: [PriorTerm(parsing: "l1:auto")])
    let found = try reports(of: "weight") { _ = try search.choose(y, by: .predictedRisk(noise: 0.1)) }
    #expect(found.contains { $0.last?.name == "iteration" && $0.last?.isAtMost == true && $0[0].done > 2 })
  }

  @Test func powerIterations() {
    var generator = RandomGenerator(seed: 1)
    let found = reports(of: "‖A‖, power iteration") {
      _ = powerIteration(Matrix.gaussian(rows: 20, columns: 16, variance: 1, seed: 2), startingAt: .normal([16], using: &generator))
    }
    #expect(found.count > 3)
  }
}
