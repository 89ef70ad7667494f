// SPDX-License-Identifier: Apache-2.0
import Evaluation
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

@Suite struct HyperLISTATuningTests {
  /// A small problem tuned to the end: better on samples it has not seen than FISTA of as many iterations, the same numbers again, and the
  /// same codes from the file.
  @Test func endToEnd() throws {
    let folder = try Folder()
    var problem = SparseRecovery.benchmark(rows: 40, columns: 80, seed: 7)
    problem = SparseRecovery(A: problem.A, density: 0.06)
    let experiment = Recovery(problem, seed: 7)
    let tuning = HyperLISTATuning(experiment, depth: 12, codes: isOptimised ? 60 : 25, evaluations: isOptimised ? 60 : 40)
    let outcome = try #require(try tuning.training().run(.init(path: folder.file("w.safetensors"))))
    let facts = Dictionary(uniqueKeysWithValues: outcome.facts.map { ($0.name, $0.value) })
    #expect(outcome.parameters == 3 && facts["evaluations"]! <= 60 && facts["nmse_db"]! < -20, "\(facts)")
    let again = try tuning.run()
    #expect(again.tuned.momentum == facts["momentum"] && again.tuned.support == facts["support"])
    let test = experiment.testSamples(isOptimised ? 200 : 50)
    let network = try nmseDecibel(again.network.predict(test.measurement), test.groundTruth)
    let fista = try [0.02, 0.05, 0.1, 0.2].map {
      let last = LassoIteration.fista.iterates(problem.lasso(lambda: $0), measurement: test.measurement, count: 12).last!
      return try nmseDecibel(last, test.groundTruth)
    }
    #expect(network < fista.min()! - 5, "\(network) dB beside \(fista) dB")
    // From the file: the depth is the recipe's, and any other may be asked for.
    var options = SolverOptions<Recovery.Knobs>()
    options.weights = folder.file("w.safetensors")
    for depth in [nil, 5, 20] as [Int?] {
      options.depth = depth
      let solver = try Solver(Recovery.named("hyperlista"), experiment.system, options: options)
      #expect(solver.depth == depth ?? 12 && solver.parameterCount == 3)
      let expected = again.network.schedule
      let codes = HyperLISTA(
        encoder: again.network.encoder, start: again.network.start, schedule: expected, output: again.network.output,
        depth: solver.depth)(test.measurement)
      let found = try solver.solve(test.measurement).display
      #expect((found - codes).norm <= 1e-10 * codes.norm)
    }
    let weights = try Weights(contentsOf: options.weights!)
    try Weights(parameters: weights.parameters).write(to: options.weights!)
    options.depth = nil
    #expect(throws: InputError.self) { try Solver(Recovery.named("hyperlista"), experiment.system, options: options) }
  }

  @Test func singularMatrixIsRefused() throws {
    var entries = Matrix.gaussian(rows: 4, columns: 8, seed: 1).entries.doubles
    for j in 0..<8 { entries[8 + j] = entries[j] }
    let experiment = Recovery(SparseRecovery(A: Matrix(Tensor(entries, shape: [4, 8]))))
    #expect(throws: InputError.self) { try HyperLISTATuning(experiment).training() }
  }

  /// The numbers that ship, on the benchmark, on the public matrix and codes of ALISTA and on the public matrix of HyperLISTA, 16 stages without
  /// conjugate gradients. A third party measured −62.9 dB of the authors' program.
  @Test(.enabled(if: isOptimised && !dataFolder.isEmpty, "takes long in a debug build, or UNFOLD_DATA names no data"))
  func weightsThatShip() throws {
    let benchmark = try Recovery(.init(), seed: Recovery.standardSeed)
    let weights = try Weights(contentsOf: ModelLibrary.standard.file(of: Recovery.named("hyperlista"), for: benchmark.system))
    let A = try readMatrix(dataFolder + "/sparse-coding/dictionary.npy")
    let x = try readTable(dataFolder + "/sparse-coding/test_codes.npy").transposed
    let hyper = Recovery(SparseRecovery(A: try readMatrix(dataFolder + "/sparse-coding/hyperlista/A_sc.mat")))
    for (name, problem, codes) in [
      ("benchmark", benchmark.problem, benchmark.testSamples().groundTruth), ("ALISTA's", SparseRecovery(A: A), x),
      ("HyperLISTA's", hyper.problem, hyper.testSamples().groundTruth),
    ] {
      let network = try weights.filled(HyperLISTA(unfolding: problem.lasso(lambda: 0.4), depth: 16))
      let decibel = try nmseDecibel(network.predict(problem.A.forward(codes)), codes)
      #expect(decibel < -75, "\(name): \(decibel) dB")
    }
  }
}
