// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

/// Networks whose convolutions multiply bfloat16, on tiles where the processor has them, else by the twin, against single precision.
@Suite struct MixedPrecisionTests {
  /// A training's last validation error, told as it goes.
  private final class LastError: TrainingMonitor {
    var value = Double.nan
    func record(_ report: TrainingReport) { value = report.validation ?? value }
    func finish() {}
  }

  /// ISTA-Net⁺ on blocks of these images, all but the last of them, of which validation blocks are.
  private struct Run {
    let system = Blocks.System(CompressiveSensing(ratio: 0.25, side: 33, seed: 4), phiSeed: 4)
    let training: PairTraining<Tensor, Tensor>
    let initial: NamedParameter

    init(_ images: [Tensor], momentBlocks: Int, validationCount: Int) throws {
      let (phi, (used, kept)) = (system.sensing.phi.converted(to: .single), splitForValidation(images))
      let crops = try BlockCrops(used, side: 33)
      let start = system.sensing.leastSquaresStart(moment: crops.secondMoment(count: momentBlocks, seed: 6))
      initial = NamedParameter(name: "initial", value: start.converted(to: .single))
      let held = try BlockCrops(kept, side: 33).draw(validationCount, seed: 7)
      var training = try PairTraining(
        Blocks.samples(of: crops, phi: phi), loss: Blocks.loss(.running),
        validation: SamplePairs(measurement: phi.forward(held), groundTruth: held), operators: [initial])
      training.samplesAtATime = 8
      self.training = training
    }

    /// Parameters after a training, and its last validation error.
    func train(depth: Int, steps: Int, _ arithmetic: Arithmetic) throws -> (parameters: [Tensor], error: Double) {
      let last = LastError()
      let recipe = Recipe(
        network: "ista-net-plus", seed: 5, phases: [Recipe.adam(steps: steps, batchSize: 16, chunkSize: 2)],
        validationInterval: min(500, max(1, steps / 10)))
      func run(_ network: some TensorNetwork) throws -> [Tensor] {
        try #require(try training.train(network, recipe: recipe, monitors: [last])).parameters.map(\.value)
      }
      return try Arithmetic.$current.withValue(arithmetic) {
        let network = try Blocks.network("ista-net-plus", system, depth: depth, fixed: [initial], seed: 5)
        let onBlocks = try #require(network as? any TensorNetwork)
        return (try run(onBlocks), last.value)
      }
    }
  }

  private static let waves = [0.04, 0.06, 0.08].map { texture(40, 40, $0) }

  /// The same bytes for one thread and two, and others than in single precision: the arithmetic of a task is that of its threads.
  @Test func threadsDoNotMatter() throws {
    let run = try Run(Self.waves, momentBlocks: 1200, validationCount: 8)
    let runs = try [1, 2].map {
      try Parallel.with(threads: $0) { try run.train(depth: 1, steps: 2, .mixed).parameters }
    }
    #expect(runs[0] == runs[1])
    #expect(try runs[0] != run.train(depth: 1, steps: 2, .single).parameters)
  }

  /// The weights that ship, trained in single precision, give Set11 within 0.02 dB in both.
  @Test(
    .enabled(if: isOptimised, "takes minutes in a debug build"), .enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func shippedWeightsGiveTheSameImages() throws {
    let scans = try Blocks(.set { $0.ratio = 0.25 }, seed: Blocks.standardSeed).scans(of: [dataFolder + "/natural/set11"])
    let runner = try Runner(Blocks.named("ista-net-plus"))
    func decibel(_ arithmetic: Arithmetic) throws -> Double {
      try Arithmetic.$current.withValue(arithmetic) { try runner.evaluation(scans, seed: Blocks.standardSeed).mean.psnr! }
    }
    let (single, mixed) = (try decibel(.single), try decibel(.mixed))
    #expect(abs(single - mixed) <= 0.02 && single != mixed, "\(single) and \(mixed) dB")
  }

  /// 2 000 steps from the same seed end within 0.05 dB on blocks kept aside.
  @Test(
    .enabled(
      if: isOptimised && !dataFolder.isEmpty && takesLong, "a quarter of an hour; set UNFOLD_LONG_TESTS, as make test-all does"))
  func trainingsEndAlike() throws {
    let images = try ["t91", "train400"].flatMap { try ImageFolder(dataFolder + "/natural/" + $0).entries.map(\.image) }
    let run = try Run(images, momentBlocks: 100_000, validationCount: 512)
    let decibels = try Arithmetic.allCases.map { -10 * log10(try run.train(depth: 9, steps: 2000, $0).error) }
    print("2 000 steps of ISTA-Net⁺ at 25 %: \(decibels[0]) dB in single, \(decibels[1]) dB in mixed precision")
    #expect(abs(decibels[0] - decibels[1]) <= 0.05 && decibels[0] != decibels[1], "\(decibels)")
  }
}
