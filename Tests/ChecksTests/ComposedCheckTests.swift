// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Checks
import Operators
import Problems
import ProximalMaps
import Tensors
import TestSupport
import Testing

@Suite struct ComposedCheckTests {
  private let A = Matrix.gaussian(rows: 20, columns: 40, seed: 3)
  private let y = wave([20], 0.9, 0.3)

  @Test(arguments: [["l1:0.5"], ["l1:0.5", "nonnegative"], ["ridge:1"], ["tv:0.3"], ["tv:0.3", "nonnegative", "ridge:0.1"]])
  func theoryHolds(priors: [String]) throws {
    let problem = try VariationalProblem(A, priors: priors.map { try PriorTerm(parsing: $0) }, signalShape: [5, 8])
    let items = try theoryChecks(of: problem, measurement: y)
    for item in items { #expect(item.ok, "\(priors) \(item.name): \(item.error), at most \(item.tolerance)") }
    #expect(items.count == (priors[0].hasPrefix("tv") ? 5 : 8))
  }

  /// An operator that says too little of its norm, and a step that is too long, are found.
  @Test func whatIsWrongIsFound() throws {
    let wrong = Matrix(A.entries, lipschitz: 0.3 * A.lipschitz)
    let problem = try VariationalProblem(wrong, priors: [PriorTerm(.l1, weight: 0.5)])
    let items = try theoryChecks(of: problem, measurement: y)
    #expect(!items[1].ok && !items[2].ok && items[0].ok)
  }
}
