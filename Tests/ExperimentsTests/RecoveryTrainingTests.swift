// SPDX-License-Identifier: Apache-2.0
import Experiments
import Foundation
import LinearSystems
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

/// Networks of sparse recovery begin at geometric thresholds and learn by the logarithm of their error.
@Suite struct RecoveryTrainingTests {
  /// 30 × 60, 6 % non-zeros.
  private let problem = SparseRecovery(A: SparseRecovery.benchmark(rows: 30, columns: 60, seed: 11).A, density: 0.06)

  /// No pair of a grid over the box has a tenth less error on the samples that the search had.
  @Test func thresholdsAreTheBestOfTheirKind() throws {
    let samples = problem.samples(60, seed: 12)
    let system = LassoSystem(A: problem.A)
    let W = try system.analyticWeight()
    func error(_ thresholds: GeometricThresholds) -> Double {
      let network = ALISTA(unfolding: system.problem, depth: 10, weight: W, thresholds: thresholds.values(10))
      return squaredNorm(network.predict(samples.measurement) - samples.groundTruth)
    }
    let found = GeometricThresholds(
      bestFor: system, weight: W, samples.measurement, samples.groundTruth, depth: 10, selects: true, seed: 13)
    let largest = linearTransposed(samples.measurement, W.entries).maximumMagnitude
    let grid = [0.03, 0.06, 0.12, 0.25, 0.5].flatMap { first in
      [0.45, 0.55, 0.65, 0.75, 0.85, 0.95].map { error(GeometricThresholds(first: first * largest, ratio: $0)) }
    }
    #expect(error(found) <= 1.1 * grid.min()!, "\(error(found)) beside \(grid.min()!)")
  }

  /// The derivative of log Σ‖x̂ − x‖² is 2 (x̂ − x) / Σ‖x̂ − x‖².
  @Test func logarithmicError() {
    var generator = RandomGenerator(seed: 14)
    let (x, y) = (Tensor.normal([4, 6], using: &generator), Tensor.normal([4, 6], using: &generator))
    let batch = SamplePairs(measurement: y, groundTruth: y)
    let (value, pullback) = valueWithPullback(at: x) { PairLoss(.logarithmicError).value($0, batch) }
    #expect(abs(value - log(squaredNorm(x - y) / squaredNorm(y))) < 1e-14)
    expectClose(pullback(1), (2 / squaredNorm(x - y)) * (x - y), relative: 1e-14)
    let (none, pulled) = valueWithPullback(at: y) { PairLoss(.logarithmicError).value($0, batch) }
    #expect(none < -60 && pulled(1).maximumMagnitude == 0, "an estimate without error has no gradient, and a finite loss")
  }

  /// The mean of log₁₀ of every sample's mean square, complex samples with both parts: a shift by d of one and by 2 d of the other has the value
  /// log₁₀ d² + log₁₀ 2, and the derivative 2 (x̂ − x) / (n ‖x̂ − x‖² ln 10) of each.
  @Test func logarithmOfSquares() {
    var generator = RandomGenerator(seed: 16)
    let truth = Tensor.normal([2, 3, 5], using: &generator)
    let shift = Tensor((0..<30).map { $0 < 15 ? 0.1 : 0.2 }, shape: [2, 3, 5])
    let batch = SamplePairs(measurement: truth, groundTruth: truth)
    let (value, pullback) = valueWithPullback(at: truth + shift) { PairLoss(.logSquares).value($0, batch) }
    #expect(abs(value - (-2 + log10(2))) < 1e-12)
    // Of a sample moved by d: 2 d / (2 · 15 d² ln 10).
    let expected: [Double] = [0.1, 0.2].map { (d: Double) in 1 / (15 * d * log(10.0)) }
    let slopes = pullback(1)
    for i in 0..<30 { #expect(abs(slopes[flat: i] - expected[i / 15]) < 1e-11) }
    let blocks = SamplePairs(measurement: truth, groundTruth: truth.reshaped([2, 15]))
    #expect(abs(PairLoss(.logSquares).value((truth + shift).reshaped([2, 15]), blocks) - value) < 1e-12)
    let image = ComplexTensor(real: truth, imaginary: truth)
    let moved = ComplexTensor(real: truth + shift, imaginary: truth + shift)
    let complex = PairLoss(.logSquares).value(moved, Pairs(measurement: truth, groundTruth: image))
    #expect(abs(complex - value) < 1e-12)
  }

  /// Some hundred steps of each network leave less error on the samples it is validated with than where it began, a few do no harm; on
  /// samples that nothing looked at both are far below ISTA.
  @Test(arguments: ["lista", "lista-cp", "lista-ss", "lista-cpss", "tilista", "alista"]) func learns(name: String) throws {
    let folder = try Folder()
    let experiment = Recovery(problem, seed: 15)
    var options = TrainingOptions()
    (options.steps, options.depth) = (isOptimised ? 500 : 20, 8)
    let training = try experiment.training(TrainingRequest(Recovery.named(name), options: options))
    #expect(training.recipe.phases.count == 1)
    _ = try training.run(.init(path: folder.file("w.safetensors")))
    typealias Samples = (measurement: Tensor, groundTruth: Tensor)
    let held: Samples = problem.samples(1000, seed: 15, stream: 1 << 40)
    func decibel(_ weights: String?, _ test: Samples) throws -> Double {
      var options = SolverOptions<Recovery.Knobs>()
      options.weights = weights
      let x = try Solver(Recovery.named(weights == nil ? "ista" : name), experiment.system, options: options).solve(
        test.measurement)
      return 10 * log10(squaredNorm(x.display - test.groundTruth) / squaredNorm(test.groundTruth))
    }
    var begun = options
    (begun.steps, begun.learningRate) = (1, 1e-9)
    _ = try experiment.training(TrainingRequest(Recovery.named(name), options: begun)).run(
      .init(path: folder.file("b.safetensors")))
    let (first, last, unseen) = (folder.file("b.safetensors"), folder.file("w.safetensors"), experiment.testSamples(400))
    let (start, end) = (try decibel(first, held), try decibel(last, held))
    #expect(end < start + (isOptimised ? 0 : 2), "\(start) dB, \(end) dB")
    let ista = try decibel(nil, unseen)
    for weights in [first, last] { #expect(try decibel(weights, unseen) < ista - 3, "ISTA has \(ista) dB") }
  }

  @Test func matricesWithoutAnalyticWeight() throws {
    let A = Matrix(.concatenated([problem.A.entries, problem.A.entries.rows(0..<1)]))  // a row twice
    let few = SparseRecovery(A: A).samples(5, seed: 1)
    let training = try VectorNetwork.cpss.training(
      A, precision: .double, Architecture(depth: 3),
      samples: SamplePairs(measurement: few.measurement, groundTruth: few.groundTruth), seed: 1, budget: .quick, jointSteps: 30,
      notes: [:])
    #expect(training.recipe.phases.count == 6 && training.recipe.phases[0].name == "stage 1 alone")
  }
}
