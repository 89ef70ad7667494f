// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Operators
import Problems
import ProximalMaps
import Tensors
import TestSupport
import Testing

/// A = cos(0.7 i + 1.3 j + 0.2 i j), 8 × 12 with unit columns; y = sin(1 + 0.9 i).
private let A: Matrix = {
  let values: [Double] = (0..<96).map { at in
    let (i, j) = (Double(at / 12), Double(at % 12))
    let angle: Double = 0.7 * i + 1.3 * j + 0.2 * i * j
    return cos(angle)
  }
  return Matrix(Tensor(values, shape: [8, 12])).withUnitColumns
}()
private let y: Tensor = {
  let values: [Double] = (0..<8).map { i in sin(1 + 0.9 * Double(i)) }
  return Tensor(values)
}()
private let lasso = SparseCoding(dictionary: A, alpha: 0.1)

// scikit-learn 1.x, Lasso(alpha=0.1/8, fit_intercept=False, tol=1e-16).fit(A, y).coef_
private let lassoReference = Tensor([
  1.1917286261410902, 0, -0.6773485528561836, 0.5610757866977464, 0, 0.1598165549571985, -0.022686757814906523, 0, 0, 0,
  0.0052574462378536515, -0.02050969679516716,
])
// scikit-learn, ElasticNet(alpha=0.3/8, l1_ratio=1/3, fit_intercept=False, tol=1e-16).fit(A, y).coef_
private let elasticReference = Tensor([
  0.9916676934293482, -0.043748766313570255, -0.6768381491318163, 0.4925218570216448, 0, 0.13021146052556823,
  -0.0337011020044459, 0, 0, 0, 0.03432637006535832, -0.03580263209953106,
])

@Suite struct SolverTests {
  @Test func everySolverFindsTheLassoOfScikitLearn() {
    let tight = StoppingRule<Tensor, Tensor>.change(below: 1e-15)
    let few = StoppingRule<Tensor, Tensor>.iterations(100_000)
    expectClose(solve(ISTA(lasso), measurement: y, until: tight, few).estimate, lassoReference, relative: 1e-7)
    expectClose(
      solve(FISTA(lasso, restart: .whenUphill), measurement: y, until: tight, few).estimate, lassoReference, relative: 1e-7)
    expectClose(solve(MonotoneFISTA(lasso), measurement: y, until: .iterations(20_000)).estimate, lassoReference, relative: 1e-7)
    expectClose(
      solve(CoordinateDescent(lasso), measurement: A.adjoint(y), until: .iterations(20_000)).estimate, lassoReference,
      relative: 1e-7)
    expectClose(
      solve(ADMM(lasso, penalty: 0.5), measurement: y, until: .iterations(20_000)).estimate, lassoReference, relative: 1e-7)
    #expect(lasso.dualityGap(lassoReference, measurement: y) < 1e-12)
  }

  @Test func elasticNetByItsProximalMap() {
    let step = 1 / A.lipschitz
    let iteration = ProximalGradient(
      data: GradientStep(A, stepSize: step), prior: Proximal(ElasticNet(l1: 0.1, l2: 0.2), stepSize: step),
      momentum: NoMomentum<Tensor>())
    expectClose(
      solve(iteration, measurement: y, until: .iterations(50_000), .change(below: 1e-15)).estimate, elasticReference, relative: 1e-7
    )
  }

  @Test func largestSingularValue() {
    // numpy.linalg.norm(A, 2)**2
    #expect(abs(A.lipschitz - 2.1745715801906504) < 1e-12)
  }

  @Test func conjugateGradientsAgainstNumPy() {
    // numpy.linalg.solve(A.T @ A + 0.5 I, A.T @ y)
    let reference = Tensor([
      0.7951834790509779, -0.17252652090878118, -0.6834086006247573, 0.46432410801045726, 0.005147776604774547,
      0.08526633018695667, -0.10014374430160547, -0.12618424684408938, 0.08322713548605433, -0.026457801019118172,
      0.16324150181097868, -0.134813787366165,
    ])
    let found = conjugateGradient({ A.gram.forward($0) + 0.5 * $0 }, A.adjoint(y), tolerance: 1e-14)
    expectClose(found.x, reference, relative: 1e-11)
    // Eight distinct eigenvalues and one more: nine steps in exact arithmetic.
    #expect(found.iterations <= 12)
    let byCholesky = RegularisedLeastSquares(A, Identity<Tensor>(), solver: CholeskySolver(A), penalty: 0.5)
    expectClose(byCholesky(y, pulledTo: Tensor.zero), reference, relative: 1e-12)
    expectClose(byCholesky(Tensor.stacked([y, 2 * y]), pulledTo: Tensor.zero).row(1), 2 * reference, relative: 1e-12)
    #expect(conjugateGradient({ $0 }, Tensor.zeros([3])).iterations == 0)
    #expect(conjugateGradient({ -1 * $0 }, Tensor([1, 2, 3])).x == Tensor.zeros([3]), "no descent along b")
  }

  @Test func stoppingRules() {
    let ista: ISTA<Matrix> = ISTA(lasso)
    let budget = solve(ista, measurement: y, until: .iterations(7))
    #expect(budget.iterations == 7 && !budget.converged)
    let change = solve(ista, measurement: y, until: .change(below: 1e-4), .iterations(10_000))
    #expect(change.converged && change.iterations < 10_000)
    let before = solve(ista, measurement: y, until: .iterations(change.iterations - 1)).estimate
    #expect((change.estimate - before).maximumMagnitude < 1e-4)
    let relative = solve(ista, measurement: y, until: .relativeChange(below: 1e-6), .iterations(10_000))
    #expect(relative.converged && relative.iterations > change.iterations)
    let gap = solve(
      ista, measurement: y,
      until: .dualityGap(
        below: 1e-8, every: 5, gap: { lasso.dualityGap($0, measurement: $1) }, objective: { lasso.value($0, measurement: $1) }),
      .iterations(100_000))
    #expect(gap.converged && gap.iterations % 5 == 0 && lasso.dualityGap(gap.estimate, measurement: y) <= 1e-8)
    var seen: [Int] = []
    _ = solve(ista, measurement: y, until: .iterations(3)) { k, _ in seen.append(k) }
    #expect(seen == [1, 2, 3])
    let two = Untied<ISTA<Matrix>>([ista, ista])
    let short = solve(two, measurement: y, until: .iterations(100))
    #expect(short.iterations == 2)
  }

  @Test func theFirstFISTAIterationIsISTAs() {
    let one = solve(FISTA(lasso), measurement: y, until: .iterations(1)).estimate
    #expect(one == solve(ISTA(lasso), measurement: y, until: .iterations(1)).estimate)
  }

  @Test func aStartOtherThanZero() {
    let there = solve(ISTA(lasso), measurement: y, from: lassoReference, until: .iterations(1)).estimate
    expectClose(there, lassoReference, relative: 1e-7)
  }
}

@Suite struct OptimalCodeTests {
  @Test func certifiedAndIndependentOfThreads() {
    var generator = RandomGenerator(seed: 5)
    let patches = Tensor.normal([120, 8], using: &generator)
    let found = OptimalCodes(lasso, patches: patches, tolerance: 1e-9)
    #expect(zip(found.gaps, found.energies).allSatisfy { $0 <= 1e-9 * max(1, $1) })
    for i in [0, 60, 119] { #expect(lasso.optimalityViolation(found.codes.row(i), measurement: patches.row(i)) < 1e-3) }
    let single = OptimalCodes(lasso, patches: patches.rows(100..<120), tolerance: 1e-9)
    #expect(relativeError(single.codes, found.codes.rows(100..<120)) < 1e-3)
  }

  @Test(arguments: [100, 400]) func featureSignSearchEndsAtTheMinimiser(atoms: Int) throws {
    // The certificate is the measure: a duality gap of round-off, from zero and from a start with every sign wrong.
    let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 100, columns: atoms, seed: 8).withUnitColumns, alpha: 0.5)
    var generator = RandomGenerator(seed: 9)
    let patches = Tensor.normal([10, 100], using: &generator)
    let search = FeatureSignSearch(problem)
    for i in 0..<10 {
      let x = patches.row(i)
      let correlation = problem.dictionary.adjoint(x).doubles
      let zero = [Double](repeating: 0, count: atoms)
      let fromZero = Tensor(try #require(search.minimiser(correlation: correlation, from: zero)))
      let wrong = correlation.map { abs($0) > 2 ? -$0 : 0 }
      let fromWrong = Tensor(try #require(search.minimiser(correlation: correlation, from: wrong)))
      #expect(problem.dualityGap(fromZero, measurement: x) <= 1e-10)
      #expect(problem.optimalityViolation(fromZero, measurement: x) <= 1e-9)
      expectClose(fromWrong, fromZero, relative: 1e-8)
    }
  }

  @Test func featureSignSearchEqualsScikitLearns() throws {
    let found = try #require(
      FeatureSignSearch(lasso).minimiser(
        correlation: lasso.dictionary.adjoint(y).doubles, from: [Double](repeating: 0, count: lasso.codeSize)))
    expectClose(Tensor(found), lassoReference, relative: 1e-7)
  }

  @Test func linearlyDependentAtomsAreReported() {
    let twice = SparseCoding(dictionary: Matrix(Tensor([1, 1, 0, 0], shape: [2, 2])), alpha: 0.1)
    #expect(FeatureSignSearch(twice).minimiser(correlation: [1, 1], from: [0.5, 0.5]) == nil)
    let codes = OptimalCodes(twice, patches: Tensor([1, 0], shape: [1, 2]))
    #expect(codes.gaps[0] <= 1e-6)
  }

  @Test(arguments: [DictionaryLearning.Update.gradient(rate: 0.5), .blockCoordinateDescent])
  func aPlantedDictionaryIsFound(update: DictionaryLearning.Update) {
    // Patches are sparse combinations of the columns of a random orthonormal matrix: each column must come back up to its sign.
    var generator = RandomGenerator(seed: 6)
    let planted = Matrix.gaussian(rows: 12, columns: 12, seed: 7).withUnitColumns
    let codes = Tensor.uniform([8000, 12], using: &generator).map { $0 < 0.08 ? 3 : ($0 > 0.92 ? -3 : 0) }
    let patches = planted.forward(codes)
    // The energy is not convex in the dictionary: the best of a few starts counts.
    let trials = (UInt64(1)...4).map { seed in
      var learning = DictionaryLearning(atoms: 12, alpha: 0.5, update: update)
      learning.steps = 200
      learning.batchSize = 100
      learning.seed = seed
      var energies: [Double] = []
      let learned = learning.learn(from: patches) { energies.append($1) }
      return (learned, energy: energies.suffix(50).reduce(0, +))
    }
    let learned = trials.min { $0.energy < $1.energy }!.0
    let products = linear(planted.entries.transposed, learned.entries.transposed)
    for j in 0..<12 {
      let best = (0..<12).map { abs(products[flat: j * 12 + $0]) }.max()!
      #expect(best > 0.97, "atom \(j): \(best)")
    }
  }
}
