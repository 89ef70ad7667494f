// SPDX-License-Identifier: Apache-2.0
// Expected objectives: Scripts/variational_references.py, by NumPy 2.4.6, SciPy 1.17.1, scikit-learn 1.9.1, PyProximal 0.13.0 and
// PyWavelets 1.8.0.
import Algorithms
import Datasets
import FileFormats
import Foundation
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors
import Testing
import TestSupport

/// A[i, j] = cos(1.7 (i + 1)(j + ½) + 0.3 i²), 30 × 50; y = sin(1 + 0.9 i).
private let A = Matrix(
  Tensor(
    (0..<1500).map {
      let (i, j) = (Double($0 / 50), Double($0 % 50))
      return cos(1.7 * (i + 1) * (j + 0.5) + 0.3 * i * i)
    }, shape: [30, 50]))
private let y = Tensor((0..<30).map { sin(1 + 0.9 * Double($0)) })

/// Two rectangles of 16 × 16 and an error of 0.1 sin(3 (k + 1)²).
private let phantom = Tensor(
  (0..<256).map { at in
    let (i, j) = (at / 16, at % 16)
    return (7..<14).contains(i) && (7..<15).contains(j) ? 0.5 : (3..<11).contains(i) && (4..<9).contains(j) ? 0.9 : 0.2
  }, shape: [16, 16])
private let error = 0.1 * chirp([16, 16], 3)
/// 3 × 3 binomial, circular.
private let blur = Convolution2D(
  kernels: Tensor([1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }, shape: [1, 3, 3]), height: 16, width: 16, boundary: .circular)

private func terms(_ texts: String...) throws -> [PriorTerm] { try texts.map { try PriorTerm(parsing: $0) } }

private func settings(_ tolerance: Double, _ iterations: Int? = nil) -> VariationalSettings {
  var settings = VariationalSettings()
  (settings.tolerance, settings.maximumIterations) = (tolerance, iterations)
  return settings
}

private func expectValue(_ found: Double, _ expected: Double, relative: Double, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(abs(found - expected) <= relative * abs(expected), "\(found), expected \(expected)", sourceLocation: sourceLocation)
}

@Suite struct VariationalTests {
  @Test(
    arguments: [
      (["l1:0.8"], 3.4182918908660778), (["elastic-net:0.8:0.4"], 3.5368778552807294),
      (["l1:0.8", "ridge:0.4"], 3.5368778552807294),
      (["l1:0.8", "nonnegative"], 3.963598012485911),
    ])
  func lassoAndElasticNetOfScikitLearn(priors: [String], expected: Double) throws {
    let problem = try VariationalProblem(A, priors: priors.map { try PriorTerm(parsing: $0) })
    for (method, budget) in [(VariationalMethod.ista, 200_000), (.fista, 20_000), (.admm, 20_000)] {
      let found = try problem.solve(y, by: method, settings: settings(method == .admm ? 1e-11 : 1e-10, budget))
      expectValue(found.objective, expected, relative: 1e-8)
      #expect(found.ending == (method == .admm ? .residuals : .dualityGap), "\(method): \(found.ending) after \(found.iterations)")
      #expect(try #require(found.dualityGap) < 1e-8 * expected)
    }
    let single = try VariationalProblem(A.converted(to: .single), priors: problem.priors).solve(y.converted(to: .single))
    expectValue(single.objective, expected, relative: 1e-4)
    #expect(single.estimate.precision == .single && single.ending.isConvergence)
  }

  @Test func ridgeOfSciPy() throws {
    let problem = try VariationalProblem(A, priors: terms("ridge:0.7"))
    #expect(problem.suggestedMethod == .leastSquares)
    for method in VariationalMethod.allCases {
      let found = try problem.solve(y, by: method, settings: settings(1e-10, 20_000))
      expectValue(found.objective, 0.48352218553012066, relative: 1e-8)
      #expect(found.ending.isConvergence, "\(method): \(found.ending)")
    }
    let free = try VariationalProblem(A, priors: []).solve(y, settings: settings(1e-10))
    #expect(free.residual < 1e-8 && free.ending == .residuals && free.method == .leastSquares)
  }

  @Test(
    arguments: [("tv:0.06", 1.8730065497813675), ("tv-anisotropic:0.05", 1.734375799311764)] as [(String, Double)])
  func denoisingOfPyProximal(prior: String, expected: Double) throws {
    let problem = try VariationalProblem(Identity<Tensor>(), priors: terms(prior), signalShape: [16, 16])
    let found = try problem.solve(phantom + error, settings: settings(1e-9))
    expectValue(found.objective, expected, relative: 1e-5)
    #expect(found.ending == .residuals && found.method == .admm)
  }

  @Test(
    arguments: [
      (["tv:0.06"], 0.0, 1.8154238505874711), (["tv-anisotropic:0.05"], 0, 1.7079607628037978),
      (["tv:0.05"], 0, 1.6225915694315298),
      (["tv:0.05", "nonnegative"], 0.25, 1.7934904027468594),
      (["tv:0.03", "wavelet:db2:0.02:2", "nonnegative"], 0.25, 1.8741529539808763),
    ] as [([String], Double, Double)])
  func deblurring(priors: [String], darker: Double, expected: Double) throws {
    let problem = try VariationalProblem(blur, priors: priors.map { try PriorTerm(parsing: $0) })
    let image = phantom - Tensor.filled(darker, shape: [16, 16])
    let measurement = blur.forward(image) + error.reshaped([1, 16, 16])
    let found = try problem.solve(measurement, settings: settings(1e-8, 5_000))
    expectValue(found.objective, expected, relative: 1e-5)
    #expect(found.ending == .residuals, "\(found.ending) after \(found.iterations)")
    if priors.contains("nonnegative") { #expect(found.estimate.doubles.min()! >= 0) }
    // With the default tolerance the objective is as good as one sees.
    expectValue(try problem.solve(measurement).objective, expected, relative: 1e-4)
    if priors.count < 3 && priors[0].hasPrefix("tv:") {
      var inner = settings(1e-9, 3_000)
      inner.innerIterations = 300
      expectValue(try problem.solve(measurement, by: .fista, settings: inner).objective, expected, relative: 1e-5)
    }
  }

  @Test func complexTotalVariation() throws {
    var sampled = [Bool]()
    for i in 0..<16 { for j in 0..<16 { sampled.append((i + j) % 2 == 0 || min(i, 16 - i) < 3) } }
    let F = MaskedFourier(SamplingMask(height: 16, width: 16, isSampled: sampled))
    let phase = (0..<256).map { 0.1 * Double($0 / 16) }
    let image = ComplexTensor(
      real: phantom .* Tensor(phase.map(cos), shape: [16, 16]), imaginary: phantom .* Tensor(phase.map(sin), shape: [16, 16]))
    let k = F.forward(image + ComplexTensor(real: error, imaginary: -0.5 * error))
    let problem = try VariationalProblem(F, priors: terms("tv:0.04"))
    expectValue(try problem.solve(k, settings: settings(1e-8)).objective, 1.4175001843112187, relative: 1e-5)
    let single = try problem.solve(k.converted(to: .single), settings: settings(1e-5))
    expectValue(single.objective, 1.4175001843112187, relative: 1e-3)
  }

  /// Methods agree, on batches and on channels, and reports say what happened.
  @Test func methodsAgree() throws {
    let images = Tensor.stacked([phantom + error, 0.5 * phantom - error])
    let stack = try VariationalProblem(Identity<Tensor>(), priors: terms("wavelet:db2:0.05", "ridge:0.1"), signalShape: [16, 16])
    let byWavelets = try VariationalMethod.allCases.dropLast().map { try stack.solve(images, by: $0, settings: settings(1e-10)) }
    for found in byWavelets.dropFirst() { expectClose(found.estimate, byWavelets[0].estimate, relative: 1e-5) }
    let channels = try VariationalProblem(Identity<Tensor>(), priors: terms("tv:0.05"), signalShape: [2, 16, 16])
    let each = try VariationalProblem(Identity<Tensor>(), priors: terms("tv:0.05"), signalShape: [16, 16])
    let tight = settings(1e-9)
    expectValue(
      try channels.solve(images, settings: tight).objective,
      try each.solve(images.row(0), settings: tight).objective + each.solve(images.row(1), settings: tight).objective,
      relative: 1e-7)

    var traced = settings(1e-7)
    traced.isTraced = true
    let found = try each.solve(phantom + error, settings: traced)
    #expect(found.trace.count == found.iterations && found.trace.last!.primal! < 1e-4)
    expectValue(found.trace.last!.objective, found.objective, relative: 1e-9)
    let again = try each.solve(phantom + error, from: found, settings: traced)
    #expect(again.iterations < found.iterations)
    let few = try each.solve(phantom + error, settings: settings(1e-7, 3))
    #expect(few.ending == .budget && few.ending.rawValue == "budget of iterations ended" && few.iterations == 3)
  }

  /// The solver's iteration, unfolded, is a network of the same numbers with a derivative.
  @Test func theSolverIsTheNetwork() throws {
    let problem = try VariationalProblem(A, priors: terms("l1:0.8", "nonnegative"))
    let step = 1 / A.lipschitz
    let prior = try #require(ComposedProximal<Tensor>(problem.blocks, on: problem.layout, stepSize: step))
    let stage = ProximalGradient(
      data: GradientStep(A, stepSize: step), prior: prior, momentum: NesterovMomentum<Tensor>(restart: .whenUphill))
    let found = try problem.solve(y, by: .fista, settings: settings(0, 7))
    let start = Tensor.zeros([50])
    expectClose(solve(stage, measurement: y, from: start, until: .iterations(7)).estimate, found.estimate, relative: 1e-12)
    let v = wave([50], 0.7, 0.1)
    expectGradient(at: wave([50], 0.3, 0.2)) { x in
      innerProduct(stage.estimate(stage.step(stage.initialState(x), measurement: y, recording: false)), v)
    }
    let tv = try VariationalProblem(Identity<Tensor>(), priors: terms("tv:0.1"), signalShape: [6, 7])
    let map = try #require(ComposedProximal<Tensor>(tv.blocks, on: tv.layout, stepSize: 1, innerIterations: 5))
    let weights = wave([6, 7], 0.9, 0.4)
    expectGradient(at: wave([6, 7], 0.31, 0.2), tolerance: 1e-5) { innerProduct(map($0, recording: false).value, weights) }
    var split = ADMM(tv, penalty: 0.5)
    split.relaxation = 1.6
    let stages = split
    expectGradient(at: wave([6, 7], 0.31, 0.2)) { x in
      let first = stages.step(stages.initialState(x), measurement: 0.8 * weights, recording: false)
      return innerProduct(stages.estimate(stages.step(first, measurement: weights, recording: false)), weights)
    }
  }

  @Test func refusals() throws {
    let tv = try VariationalProblem(blur, priors: terms("tv-anisotropic:0.1"))
    let image = blur.forward(phantom)
    func line(_ body: () throws -> some Any) -> String { refusal(InputError.self, body) }
    #expect(
      line { try tv.solve(image, by: .fista) }.contains("fista: the sum of tv-anisotropic:0.1 has no proximal map of its own"))
    #expect(line { try tv.solve(image, by: .leastSquares) }.contains("is not quadratic"))
    #expect(
      line { try tv.solve(Tensor.zeros([3, 3])) }.contains("a measurement of shape [3, 3], expected it to end in [1, 16, 16]"))
    #expect(line { try tv.solve(.zero) }.contains("a measurement of shape []"))
    #expect(line { try tv.solve(image + Tensor.filled(.nan, shape: image.shape)) }.contains("not finite"))
    #expect(line { try tv.solve(image, settings: settings(2)) }.contains("the tolerance is 2.0"))
    var wrong = VariationalSettings()
    wrong.stepSize = 1e300
    let lasso = try VariationalProblem(A, priors: terms("l1:0.1"))
    #expect(try lasso.solve(y, by: .ista, settings: wrong).ending == .notFinite)
    #expect(
      line { try VariationalProblem(Matrix(.zeros([3, 4])), priors: terms("l1:1")).solve(.zeros([3])) }.contains(
        "expected a positive"))
    #expect(try lasso.solve(.zeros([30])).objective == 0)
  }

  /// Liu et al.'s matrix and codes: the default method meets its certificate, sparse codes are found again.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func publicMatrixAndCodes() throws {
    func array(_ name: String) throws -> Tensor {
      guard case .real(let value) = try readArrays(dataFolder + "/sparse-coding/" + name)[0].value else {
        throw FileFormatError(name)
      }
      return value.converted(to: .double)
    }
    let dictionary = Matrix(try array("dictionary.npy"))
    let codes = try array("test_codes.npy").transposed.rows(0..<8)
    let problem = try VariationalProblem(dictionary, priors: terms("l1:0.01"))
    let measured = dictionary.forward(codes)
    let found = try problem.solve(measured)
    #expect(found.ending == .dualityGap && found.method == .fista, "\(found.ending)")
    #expect(relativeError(found.estimate, codes) < 0.05, "\(relativeError(found.estimate, codes))")
    let split = try problem.solve(measured, by: .admm)
    expectValue(split.objective, found.objective, relative: 1e-4)
  }
}
