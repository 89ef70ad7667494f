// SPDX-License-Identifier: Apache-2.0
import Datasets
import Foundation
import Networks
import Operators
import Problems
import Recipes
import Tensors
import TestSupport
import Testing
import Training

@Suite struct SparseSolverTests {
  private let folder: Folder
  private let A = Matrix.gaussian(rows: 10, columns: 16, seed: 3).withUnitColumns
  init() throws { folder = try Folder() }

  /// Weights of an untrained network, written under the names a trained one has.
  private func write(_ method: SparseMethod, _ problem: SparseCoding, depth: Int) throws -> String {
    func write<Network: TensorNetwork>(_ network: Network) throws {
      try Weights.save(network, operators: [NamedParameter(name: "A", value: A.entries)], to: folder.file("w.safetensors"))
    }
    try write(method.recoveryNetwork(problem, depth: depth)!)
    return folder.file("w.safetensors")
  }

  /// The networks that start at ISTA give ISTA's iterate of their depth, whichever depth is asked for.
  @Test(arguments: [SparseMethod.lista, .listaCP, .stepLISTA]) func untrainedNetworkIsISTA(method: SparseMethod) throws {
    let problem = SparseRecovery(A: A).lasso(lambda: 0.2)
    let (b, _) = SparseRecovery(A: A).samples(7, seed: 1)
    var options = SparseSolver.Options()
    options.weights = try write(method, problem, depth: 5)
    if method == .stepLISTA { options.lambda = 0.2 }
    for depth in [nil, 1, 3] as [Int?] {
      options.depth = depth
      let solver = try SparseSolver(method, for: .sparseRecovery, A: A, alpha: nil, options: options)
      let expected = SparseMethod.ista.iterates(problem, measurement: b, count: depth ?? 5).last!
      let found = solver.solve(b)
      #expect((found.codes - expected).norm <= 1e-12 * expected.norm && found.iterations == depth ?? 5 && found.converged == nil)
    }
  }

  /// Every network of sparse recovery is found by the stages its parameters name.
  @Test(arguments: SparseMethod.allCases.filter { $0.isTrained && $0.servesSparseRecovery && $0 != .hyperLISTA })
  func depthIsThatOfTheWeights(method: SparseMethod) throws {
    let problem = SparseRecovery(A: A).lasso(lambda: 0.4)
    var options = SparseSolver.Options()
    options.weights = try write(method, problem, depth: 4)
    let solver = try SparseSolver(method, for: .sparseRecovery, A: A, alpha: nil, options: options)
    #expect(solver.depth == 4 && solver.parameterCount == method.recoveryNetwork(problem, depth: 4)!.parameterCount)
    options.depth = 5
    #expect(throws: RecipeError.self) { try SparseSolver(method, for: .sparseRecovery, A: A, alpha: nil, options: options) }
  }

  @Test func anotherMatrixIsRefused() throws {
    var options = SparseSolver.Options()
    options.weights = try write(.listaCP, SparseRecovery(A: A).lasso(lambda: 0.4), depth: 2)
    let other = Matrix.gaussian(rows: 10, columns: 16, seed: 4)
    #expect(throws: RecipeError.self) { try SparseSolver(.listaCP, for: .sparseRecovery, A: other, alpha: nil, options: options) }
  }

  /// ALISTA's analytic weight does not exist for a matrix without full row rank: an error, not a trap.
  @Test func rankDeficientMatrixIsRefusedByALISTA() throws {
    var options = SparseSolver.Options()
    options.weights = try write(.alista, SparseRecovery(A: A).lasso(lambda: 0.4), depth: 2)
    let weights = try Weights(contentsOf: options.weights!)
    try Weights(parameters: weights.parameters).write(to: options.weights!)  // without A, so that only the rank is in the way
    var entries = A.entries.doubles
    for j in 0..<16 { entries[16 + j] = entries[j] }
    var hollow = A.entries.doubles
    for i in 0..<10 { hollow[i * 16] = 0 }
    for bad in [entries, hollow] {
      let matrix = Matrix(Tensor(bad, shape: [10, 16]))
      #expect(throws: RecipeError.self) { try SparseSolver(.alista, for: .sparseRecovery, A: matrix, alpha: nil, options: options) }
    }
  }

  /// A classical method ends at a certified duality gap and says so; too few iterations do not.
  @Test(arguments: [SparseMethod.ista, .fista, .cod]) func classicalMethodsStopAtTheGap(method: SparseMethod) throws {
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([5, 10], using: &generator)
    var options = SparseSolver.Options()
    options.iterations = 20_000
    let solver = try SparseSolver(method, for: .sparseCoding, A: A, alpha: 0.3, options: options)
    let found = solver.solve(x)
    let (gaps, energies) = SparseCoding(dictionary: A, alpha: 0.3).certificates(found.codes, measurement: x)
    #expect(found.converged == true && found.iterations < 20_000)
    #expect(zip(gaps, energies).allSatisfy { $0 <= 1e-6 * max(1, $1) })
    options.iterations = 1
    let short = try SparseSolver(method, for: .sparseCoding, A: A, alpha: 0.3, options: options).solve(x)
    #expect(short.converged == false && short.iterations == 1)
  }

  @Test func singlePrecisionIsCloseToDouble() throws {
    let (b, _) = SparseRecovery(A: A).samples(60, seed: 8)
    var options = SparseSolver.Options()
    options.iterations = 40
    let double = try SparseSolver(.fista, for: .sparseRecovery, A: A, alpha: nil, options: options).solve(b).codes
    options.precision = .single
    let single = try SparseSolver(.fista, for: .sparseRecovery, A: A, alpha: nil, options: options).solve(b).codes
    #expect((double - single).norm <= 1e-4 * double.norm && (double - single).norm > 0)
  }
}
