// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

@Suite struct SparseSolverTests {
  private let folder: Folder
  private let A = Matrix.gaussian(rows: 10, columns: 16, seed: 3).withUnitColumns
  init() throws { folder = try Folder() }

  private var system: LassoSystem { LassoSystem(A: A) }

  /// Options with the weights of an untrained network, written under the names a trained one has.
  private func untrained(_ method: String, lambda: Double = 0.4, depth: Int) throws -> SolverOptions<Recovery.Knobs> {
    func write<N: Network>(_ network: N) throws {
      try Weights.save(network, operators: [NamedParameter(name: "A", value: A.entries)], to: folder.file("w.safetensors"))
    }
    try write(Recovery.network(method, LassoSystem(A: A, lambda: lambda), depth: depth))
    return .set { $0.weights = folder.file("w.safetensors") }
  }

  /// The networks that start at ISTA give ISTA's iterate of their depth, whichever depth is asked for.
  @Test(arguments: ["lista", "lista-cp", "step-lista"]) func untrainedNetworkIsISTA(method: String) throws {
    let problem = SparseRecovery(A: A).lasso(lambda: 0.2)
    let (b, _) = SparseRecovery(A: A).samples(7, seed: 1)
    var options = try untrained(method, lambda: 0.2, depth: 5)
    if method == "step-lista" { options.knobs.lambda = 0.2 }
    for depth in [nil, 1, 3] as [Int?] {
      options.depth = depth
      let solver = try Solver(Recovery.named(method), system, options: options)
      let expected = LassoIteration.ista.iterates(problem, measurement: b, count: depth ?? 5).last!
      let found = try solver.solve(b)
      #expect((found.display - expected).norm <= 1e-12 * expected.norm && solver.depth == depth ?? 5 && found.converged == nil)
    }
  }

  /// Every network of sparse recovery is found by the stages its parameters name.
  @Test(arguments: Recovery.methods.filter { $0.isTrained && $0.name != "hyperlista" }.map(\.name))
  func depthIsThatOfTheWeights(method: String) throws {
    var options = try untrained(method, depth: 4)
    let solver = try Solver(Recovery.named(method), system, options: options)
    #expect(try solver.depth == 4 && solver.parameterCount == Recovery.network(method, system, depth: 4).parameterCount)
    options.depth = 5
    #expect(throws: InputError.self) { try Solver(Recovery.named(method), system, options: options) }
  }

  @Test func anotherMatrixIsRefused() throws {
    let options = try untrained("lista-cp", depth: 2)
    let other = LassoSystem(A: Matrix.gaussian(rows: 10, columns: 16, seed: 4))
    #expect(throws: InputError.self) { try Solver(Recovery.named("lista-cp"), other, options: options) }
  }

  /// ALISTA's analytic weight does not exist for a matrix without full row rank: an error, not a trap.
  @Test func rankDeficientMatrixIsRefusedByALISTA() throws {
    let options = try untrained("alista", depth: 2)
    let weights = try Weights(contentsOf: options.weights!)
    try Weights(parameters: weights.parameters).write(to: options.weights!)  // without A, so that only the rank is in the way
    var entries = A.entries.doubles
    for j in 0..<16 { entries[16 + j] = entries[j] }
    var hollow = A.entries.doubles
    for i in 0..<10 { hollow[i * 16] = 0 }
    for bad in [entries, hollow] {
      let system = LassoSystem(A: Matrix(Tensor(bad, shape: [10, 16])))
      #expect(throws: InputError.self) { try Solver(Recovery.named("alista"), system, options: options) }
    }
  }

  /// A classical method ends at a certified duality gap and says so; too few iterations do not.
  @Test(arguments: ["ista", "fista", "cod"]) func classicalMethodsStopAtTheGap(method: String) throws {
    let dictionary = Matrix.gaussian(rows: 9, columns: 16, seed: 3).withUnitColumns
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([5, 9], using: &generator)
    let grid = try PatchGrid(
      patches: x, means: .init(repeating: 0, count: 5), deviations: .init(repeating: 1, count: 5), height: 3, width: 15, side: 3)
    let system = LassoSystem(dictionary: dictionary, alpha: 0.3)
    func solved(iterations: Int) throws -> Reconstruction {
      try Solver(PatchCoding.named(method), system, options: .set { $0.knobs.iterations = iterations }).solve(.init(grid: grid))
    }
    let found = try solved(iterations: 20_000)
    let codes = try #require(found.extras.first { $0.name == "codes" }?.value.real)
    let (gaps, energies) = SparseCoding(dictionary: dictionary, alpha: 0.3).certificates(codes, measurement: x)
    #expect(try found.converged == true && #require(found.iterations) < 20_000)
    #expect(zip(gaps, energies).allSatisfy { $0 <= 1e-6 * max(1, $1) })
    let short = try solved(iterations: 1)
    #expect(short.converged == false && short.iterations == 1)
  }

  @Test func singlePrecisionIsCloseToDouble() throws {
    let (b, _) = SparseRecovery(A: A).samples(60, seed: 8)
    func codes(_ precision: Precision?) throws -> Tensor {
      let options = SolverOptions<Recovery.Knobs>.set { ($0.knobs.iterations, $0.knobs.precision) = (40, precision) }
      return try Solver(Recovery.named("fista"), system, options: options).solve(b).display
    }
    let (double, single) = (try codes(nil), try codes(.single))
    #expect((double - single).norm <= 1e-4 * double.norm && (double - single).norm > 0)
  }
}
