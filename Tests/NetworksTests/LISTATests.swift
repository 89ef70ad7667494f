// SPDX-License-Identifier: Apache-2.0
// That untrained networks are their algorithms and that gradients are right is held in ChecksTests.
import Algorithms
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct LISTATests {
  private let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 5, columns: 8, seed: 1).withUnitColumns, alpha: 0.2)

  @Test func parameterCountsInClosedForm() {
    let (n, m, K) = (5, 8, 4)
    #expect(LISTA(unfolding: problem, iterations: 3).parameterCount == m * n + m * m + m)
    #expect(UntiedLISTA(unfolding: problem, depth: K).parameterCount == m * n + K * (m * m + 1))
    #expect(LISTACP(unfolding: problem, depth: K).parameterCount == K * (m * n + 1))
    #expect(LISTACPSS(unfolding: problem, depth: K).parameterCount == K * (m * n + 1))
    #expect(TiLISTA(unfolding: problem, depth: K).parameterCount == m * n + 2 * K)
    #expect(ALISTA(unfolding: problem, depth: K).parameterCount == 2 * K)
    #expect(StepLISTA(unfolding: problem, depth: K).parameterCount == K)
    #expect(TanhEncoder(problem).parameterCount == m * n + m)
    #expect(DoubleTanhEncoder(problem).parameterCount == m * n + 2 * m)
    #expect(ShrinkageEncoder(problem).parameterCount == m * n + m)
  }

  @Test func parameterNamesAreThoseOfTheFiles() {
    #expect(LISTA(unfolding: problem, iterations: 1).parameters.map(\.name) == ["encoder.weight", "recurrence", "thresholds"])
    #expect(
      ALISTA(unfolding: problem, depth: 2).parameters.map(\.name) == [
        "stages.0.stepSize", "stages.0.threshold", "stages.1.stepSize", "stages.1.threshold",
      ])
  }

  @Test func zeroIterationsAreTheShrinkageEncoder() {
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([3, 5], using: &generator)
    let lista = LISTA(unfolding: problem, iterations: 0)
    #expect(lista.depth == 1)
    expectClose(lista(x), ShrinkageEncoder(problem)(x), relative: 1e-15)
  }

  @Test func onePatchAndABatchAgree() {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor.normal([7, 5], using: &generator)
    let network = LISTA(unfolding: problem, iterations: 3)
    for i in 0..<7 { expectClose(network(x.row(i)), network(x).row(i), relative: 1e-13) }
    expectClose(network.predict(x, samplesAtATime: 2), network(x), relative: 1e-13)
  }

  @Test func stagesOfATrace() {
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.normal([5], using: &generator)
    let network = LISTACP(unfolding: problem, depth: 5)
    let trace = network.trace(x)
    for k in 1...5 {
      expectClose(trace[k - 1], network(x, stages: k), relative: 1e-15)
      expectClose(network.truncated(to: k)(x), network(x, stages: k), relative: 1e-15)
    }
  }

  @Test func depthDependsOnTheSample() {
    let network = StepLISTA(unfolding: problem, depth: 200)
    let zero = network.adaptive(Tensor.zeros([5]), tolerance: 1e-6)
    #expect(zero.depth == 1)
    var generator = RandomGenerator(seed: 5)
    let some = network.adaptive(.normal([5], using: &generator), tolerance: 1e-6)
    #expect(some.depth > 1 && some.depth < 200)
  }

  /// Liu et al.'s matrix, with figures an independent program measured on it.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func analyticWeightOfThePublicMatrix() throws {
    let A = Matrix(try real(dataFolder + "/sparse-coding/dictionary.npy"))
    let stored = try real(dataFolder + "/sparse-coding/alista_weight.npy")
    let W = analyticWeight(of: A).entries
    func square(_ a: Tensor, _ b: Tensor) -> Double { squaredNorm(linear(a.transposed, b.transposed)) }
    #expect(abs(square(W, A.entries) - 1002.3) < 0.05)
    #expect(abs(square(A.entries, A.entries) - 1501.4) < 0.05)
    // The stored weight solves the same problem by projected gradient and has a diagonal of 0.998 instead of 1.
    let aligned = (W.inner(stored) / W.inner(W)) * W
    #expect(relativeError(stored, aligned) < 1e-3)
  }

  /// Untrained networks on the public matrix and codes: LISTA at λ = 0.4 is ISTA, −5.76 dB after 16 stages; ALISTA with the
  /// closed-form weight −1.39, −2.56, −5.53, −8.13, −10.36 dB after 1, 4, 8, 12, 16.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func untrainedNetworksOnPublicCodes() throws {
    let A = Matrix(try real(dataFolder + "/sparse-coding/dictionary.npy"))
    let codes = try real(dataFolder + "/sparse-coding/test_codes.npy").converted(to: .double).transposed
    let b = A.forward(codes)
    let lasso = SparseRecovery(A: A).lasso(lambda: 0.4)
    func decibel(_ x: Tensor) -> Double { 10 * log10(squaredNorm(x - codes) / squaredNorm(codes)) }
    #expect(abs(decibel(LISTACP(unfolding: lasso, depth: 16).predict(b)) + 5.76) < 0.01)
    let network = ALISTA(unfolding: lasso, depth: 16)
    for (stages, expected) in [(1, -1.39), (4, -2.56), (8, -5.53), (12, -8.13), (16, -10.36)] {
      #expect(abs(decibel(network.predict(b, stages: stages)) - expected) < 0.01, "after \(stages) stages")
    }
  }

  private func real(_ path: String) throws -> Tensor {
    guard case .real(let value) = try readArrays(path)[0].value else { throw FileFormatError("\(path): not real") }
    return value
  }
}
