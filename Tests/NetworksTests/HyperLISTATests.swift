// SPDX-License-Identifier: Apache-2.0
import Algorithms
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct HyperLISTATests {
  private func offDiagonal(_ W: Matrix, _ A: Matrix) -> Double {
    let product = linear(W.entries.transposed, A.entries.transposed)
    return (0..<A.columns).reduce(squaredNorm(product)) {
      $0 - product[flat: $1 * A.columns + $1] * product[flat: $1 * A.columns + $1]
    }
  }

  @Test func threeNumbers() {
    let problem = SparseRecovery.benchmark(rows: 10, columns: 20, seed: 1).lasso(lambda: 0.1)
    let network = HyperLISTA(unfolding: problem, depth: 16)
    #expect(network.parameterCount == 3 && network.depth == 16)
    #expect(network.parameters.map(\.name) == ["momentum", "threshold", "support"])
  }

  /// The network is the classical iteration stopped after its depth.
  @Test func networkIsTheAlgorithm() {
    let recovery = SparseRecovery.benchmark(rows: 20, columns: 40, seed: 2)
    let network = HyperLISTA(unfolding: recovery.lasso(lambda: 0.1), depth: 12)
    let (b, _) = recovery.samples(9, seed: 3)
    var iterates: [Tensor] = []
    _ = solve(network.schedule, measurement: b, until: .iterations(12)) { iterates.append($1.x) }
    for (found, expected) in zip(network.trace(b), iterates) { expectClose(found, expected, relative: 1e-15) }
    expectClose(network(b), iterates[11], relative: 1e-15)
    expectClose(network.predict(b, samplesAtATime: 4), iterates[11], relative: 1e-12)
  }

  /// W is M A with a symmetric M ⪰ 0 and w_jᵀ a_j = 1, and no feasible M beside it is better.
  @Test func symmetricWeightIsTheMinimum() throws {
    let A = Matrix.gaussian(rows: 6, columns: 11, seed: 4)
    let W = try #require(symmetricWeight(of: A))
    let product = linear(W.entries.transposed, A.entries.transposed)
    for j in 0..<11 { #expect(abs(product[flat: j * 11 + j] - 1) < 1e-12) }
    expectClose(product.transposed, product, relative: 1e-12)
    let M = linear(W.entries, A.pseudoInverse.entries.transposed)
    expectClose(M.transposed, M, relative: 1e-11)
    let least = squaredNorm(product)
    #expect(least >= squaredNorm(linear(analyticWeight(of: A).entries.transposed, A.entries.transposed)))
    // Directions H with a_jᵀ H a_j = 0: a random symmetric one, its feasible part taken with the weights of the closed form.
    var generator = RandomGenerator(seed: 5)
    for _ in 0..<50 {
      let R = Tensor.normal([6, 6], using: &generator)
      let H = feasible(R + R.transposed, A)
      let moved = Matrix(W.entries + linear(0.01 * H, A.entries.transposed))
      let other = linear(moved.entries.transposed, A.entries.transposed)
      for j in 0..<11 { #expect(abs(other[flat: j * 11 + j] - 1) < 1e-10) }
      #expect(squaredNorm(other) >= least)
    }
  }

  /// H minus the combination of a_j a_jᵀ that takes a_jᵀ H a_j away, by the inverse of their Gram matrix.
  private func feasible(_ H: Tensor, _ A: Matrix) -> Tensor {
    let columns = (0..<A.columns).map { A.column($0) }
    let values = columns.map { linear($0, H).inner($0) }
    let inner = A.gramEntries
    let multipliers = Matrix(inner .* inner).pseudoInverse.forward(Tensor(values))
    var result = H
    for (j, a) in columns.enumerated() {
      let outer = Tensor(a.doubles.flatMap { x in a.doubles.map { x * $0 } }, shape: H.shape)
      result = result - multipliers[flat: j] * outer
    }
    return result
  }

  /// Chen et al.'s matrix and their weights, found by gradient steps, whose columns have norm 1 to 3e-7: the closed form is no worse
  /// beyond that, and is nearly their weight.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func weightsOfThePublicMatrix() throws {
    let A = Matrix(try real("/sparse-coding/hyperlista/A_sc.mat"))
    let G = try real("/sparse-coding/hyperlista/G_sc.mat")
    let theirs = Matrix(linear(linear(G.transposed, G.transposed), A.entries.transposed))
    let ours = try #require(symmetricWeight(of: A))
    #expect(offDiagonal(ours, A) <= offDiagonal(theirs, A) + 1e-4 && abs(offDiagonal(ours, A) - 504.13534) < 1e-4)
    #expect(relativeError(ours.entries, theirs.entries) < 1e-4)
    let GA = Matrix(try real("/sparse-coding/hyperlista/W_gram_sc.mat"))
    #expect(relativeError(linear(G, A.entries.transposed), GA.entries) < 1e-6)
    let plain = Matrix(try real("/sparse-coding/hyperlista/W_sc.mat"))
    #expect(relativeError(analyticWeight(of: A).entries, plain.entries) < 1e-4)
  }

  /// NMSE after 1, 2, 4, 8, 12 and 16 stages on Liu et al.'s matrix and codes for c = (0.0034, 0.015, 0.18), as a NumPy program written from
  /// the equations gives it in double precision.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func figuresOfNumPy() throws {
    let A = Matrix(try real("/sparse-coding/dictionary.npy"))
    let codes = try real("/sparse-coding/test_codes.npy").transposed
    var network = HyperLISTA(unfolding: SparseRecovery(A: A).lasso(lambda: 0.1), depth: 16)
    network.schedule.iteration.momentum = 0.0034
    network.schedule.iteration.threshold = 0.015
    network.schedule.iteration.support = 0.18
    let b = A.forward(codes)
    for (stages, expected) in [(1, -2.1794), (2, -6.3383), (4, -15.9087), (8, -40.6453), (12, -66.8792), (16, -90.0812)] {
      let found = 10 * log10(squaredNorm(network.predict(b, stages: stages) - codes) / squaredNorm(codes))
      #expect(abs(found - expected) < (stages < 16 ? 0.005 : 0.1), "\(found) after \(stages) stages")
    }
  }

  private func real(_ path: String) throws -> Tensor {
    guard case .real(let value) = try readArrays(dataFolder + path)[0].value else { throw FileFormatError("\(path): not real") }
    return value.converted(to: .double)
  }
}
