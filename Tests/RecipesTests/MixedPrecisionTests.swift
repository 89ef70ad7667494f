// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Recipes
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

  private static func training(_ images: [Tensor], momentBlocks: Int, validationCount: Int) throws -> BlockTraining {
    try BlockTraining(
      .istaNetPlus, CompressiveSensing(ratio: 0.25, side: 33, seed: 4), phiSeed: 4, images: images, constraint: .running, seed: 5,
      momentBlocks: momentBlocks, validationCount: validationCount)
  }

  /// Parameters after a training, and its last validation error.
  private static func train(
    _ training: BlockTraining, depth: Int, steps: Int, _ arithmetic: Arithmetic
  ) throws -> (parameters: [Tensor], error: Double) {
    let (last, recipe) = (LastError(), training.recipe(depth: depth, steps: steps))
    func run(_ network: some TensorNetwork) throws -> [Tensor] {
      try #require(try training.train(network, recipe: recipe, monitors: [last])).parameters.map(\.value)
    }
    return try Arithmetic.$current.withValue(arithmetic) { (try run(training.network(depth: depth)!), last.value) }
  }

  private static let waves = [0.04, 0.06, 0.08].map { texture(40, 40, $0) }

  /// The same bytes for one thread and two, and others than in single precision: the arithmetic of a task is that of its threads.
  @Test func threadsDoNotMatter() throws {
    let training = try Self.training(Self.waves, momentBlocks: 1200, validationCount: 8)
    let runs = try [1, 2].map {
      try Parallel.with(threads: $0) {
        try Self.train(training, depth: 1, steps: 2, .mixed).parameters
      }
    }
    #expect(runs[0] == runs[1])
    #expect(try runs[0] != Self.train(training, depth: 1, steps: 2, .single).parameters)
  }

  /// The weights that ship, trained in single precision, give Set11 within 0.02 dB in both.
  @Test(
    .enabled(if: isOptimised, "takes minutes in a debug build"), .enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"))
  func shippedWeightsGiveTheSameImages() throws {
    let seed = CompressiveSensing.standardSeed
    let solver = try BlockSolver(.istaNetPlus, sensing: CompressiveSensing(ratio: 0.25, seed: seed), seed: seed)
    func decibel(_ arithmetic: Arithmetic) throws -> Double {
      try Arithmetic.$current.withValue(arithmetic) {
        try BlockEvaluation(solver, seed: seed).run(images: ImageFolder.imagePaths(dataFolder + "/natural/set11")).mean.psnr!
      }
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
    let training = try Self.training(images, momentBlocks: 100_000, validationCount: 512)
    let decibels = try Arithmetic.allCases.map { -10 * log10(try Self.train(training, depth: 9, steps: 2000, $0).error) }
    print("2 000 steps of ISTA-Net⁺ at 25 %: \(decibels[0]) dB in single, \(decibels[1]) dB in mixed precision")
    #expect(abs(decibels[0] - decibels[1]) <= 0.05 && decibels[0] != decibels[1], "\(decibels)")
  }
}
