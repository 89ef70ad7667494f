// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Checks
import Evaluation
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

struct Bench: ParsableCommand {
  enum Work: String, CaseIterable, ExpressibleByArgument {
    case listaForward = "lista-forward"
    case listaTrain = "lista-train"
    case costs
  }
  static let configuration = CommandConfiguration(
    abstract: "Time one piece of work.",
    discussion: """
      lista-forward, lista-train: LISTA with 400 units and 7 iterations on 10 000 patches of 100 pixels, single precision, random \
      data; training in batches of 500 with Adam. costs: slopes of pullbacks over size, a gradient over its forward pass.
      """)
  @Argument(help: "lista-forward, lista-train or costs.") var work: Work
  @Option(help: "Timed runs, after one that is not counted.") var runs = 5
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if !(1...1000).contains(runs) { throw ValidationError("--runs is \(runs); expected 1 to 1000") }
  }

  func run() throws {
    common.apply()
    if work == .costs {
      let items = costChecks().map { CheckReport.Item(name: $0.name, error: $0.error, tolerance: $0.tolerance) }
      return try common.answer(CheckReport(items: items))
    }
    let once = try ListaBenchmark().work(training: work == .listaTrain)
    try once()
    let times = try (0..<runs).map { _ in
      let begin = DispatchTime.now().uptimeNanoseconds
      try once()
      return Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9
    }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    try common.answer(
      BenchReport(work: work.rawValue, runs: times, threads: Parallel.threads, peakMebibytes: Double(usage.ru_maxrss) / 1024))
  }
}

/// LISTA as the peer's script has it: 100 pixels, 400 units, 7 iterations, 10 000 patches, batches of 500.
private struct ListaBenchmark {
  let network: LISTA
  let patches: Tensor
  let codes: Tensor

  init() {
    let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 100, columns: 400, seed: 1).withUnitColumns, alpha: 0.5)
    network = LISTA(unfolding: problem.converted(to: .single), iterations: 7)
    var generator = RandomGenerator(seed: 2)
    patches = .normal([10_000, 100], precision: .single, using: &generator)
    codes = .normal([10_000, 400], precision: .single, using: &generator)
  }

  func work(training: Bool) throws -> () throws -> Void {
    let (network, patches, codes) = (network, patches, codes)
    if !training {
      return {
        let z = network.predict(patches)
        precondition(z.shape == [10_000, 400])
      }
    }
    let trainer = Trainer<LISTA, SamplePairs>(
      recipe: Recipe(
        network: "lista", seed: 1,
        phases: [Recipe.Phase(steps: 20, batchSize: 500, chunkSize: 125, learningRate: .constant(rate: 1e-3))]),
      samples: SamplePairs(measurement: patches, groundTruth: codes),
      loss: { network, batch, _ in
        let depth = withoutDerivative(at: network.depth)
        let count = withoutDerivative(at: Double(batch.groundTruth.shape[0]))
        return 0.5 * squaredNorm(network(batch.measurement, stages: depth) - batch.groundTruth) / count
      })
    return { _ = try trainer.train(network) }
  }
}
