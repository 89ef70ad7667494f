// SPDX-License-Identifier: Apache-2.0
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

/// Two stages on blocks of 6 × 6, a few steps of a few blocks.
@Suite struct BlockTrainingTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private static let images = [0.1, 0.15, 0.2].map { texture(14, 12, $0) }

  private func training(
    _ method: BlockMethod = .istaNetPlus, constraint: BlockTraining.Constraint = .none, phiSeed: UInt64? = 4,
    images: [Tensor] = images
  ) throws -> BlockTraining {
    try BlockTraining(
      method, CompressiveSensing(ratio: 0.3, side: 6, seed: 4), phiSeed: phiSeed, images: images, constraint: constraint, seed: 5,
      momentBlocks: 300, validationCount: 16)
  }

  /// The bytes of the weights file of a training.
  private func bytes(
    _ training: BlockTraining, channels: Int = 4, steps: Int = 5, monitors: [any TrainingMonitor] = [], resuming: Checkpoint? = nil
  ) throws -> Data {
    let path = folder.file(UUID().uuidString + ".safetensors")
    let recipe = recipe(training, channels: channels, steps: steps)
    func run(_ network: some TensorNetwork) throws -> Int? {
      try training.train(network, recipe: recipe, to: path, resuming: resuming, monitors: monitors)
    }
    #expect(try run(training.network(depth: 2, channels: channels)!) != nil)
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// The recipe with batches of four blocks, two to a thread.
  private func recipe(_ training: BlockTraining, channels: Int, steps: Int) -> Recipe {
    var recipe = training.recipe(depth: 2, channels: channels, steps: steps)
    recipe.phases[0].batchSize = 4
    return recipe
  }

  @Test(arguments: [BlockMethod.istaNet, .istaNetPlus]) func threadsDoNotMatter(method: BlockMethod) throws {
    let runs = try [1, 2].map {
      try Parallel.with(threads: $0) {
        try bytes(training(method, constraint: .running), channels: 32, steps: 3)
      }
    }
    #expect(runs[0] == runs[1])
  }

  /// Stopped after three steps of five, and gone on with from the file.
  @Test func resumesToTheSameBytes() throws {
    let training = try training(constraint: .groundTruth)
    let whole = try bytes(training)
    let (path, stop) = (folder.file("run.checkpoint"), StopRequest())
    let recipe = recipe(training, channels: 4, steps: 5)
    func interrupt(_ network: some TensorNetwork) throws -> Bool {
      try training.train(
        network, recipe: recipe, checkpoints: CheckpointPolicy(path: path, seconds: nil), monitors: [StopAfter(3, stop)], stop: stop
      )
        == nil
    }
    #expect(try interrupt(training.network(depth: 2, channels: 4)!))
    let checkpoint = try Checkpoint(contentsOf: path)
    #expect(checkpoint.position.step == 3 && checkpoint.operators.map(\.name) == ["initial"])
    #expect(try bytes(training, resuming: checkpoint) == whole)
  }

  /// The three forms of the constraint lead to three networks; recomputed stages to the same one.
  @Test func formsOfTheConstraint() throws {
    var found: [Data] = []
    for constraint in BlockTraining.Constraint.allCases {
      var training = try training(.istaNet, constraint: constraint)
      // The recipe is part of the file: compare parameters.
      let weights = try parameters(bytes(training, steps: 3))
      found.append(weights)
      training.recomputes = true
      #expect(try parameters(bytes(training, steps: 3)) == weights, "\(constraint)")
    }
    #expect(Set(found).count == 3)
  }

  private func parameters(_ bytes: Data) throws -> Data {
    let path = folder.file("p.safetensors")
    try bytes.write(to: URL(fileURLWithPath: path))
    let values: [Double] = try Weights(contentsOf: path).parameters.flatMap { $0.value.doubles }
    return values.withUnsafeBytes { Data($0) }
  }

  /// L_disc + γ L_con with γ = 0.01, from the network's own outputs.
  @Test func lossIsTheFormula() throws {
    let training = try training(.istaNet)
    let phi = training.sensing.phi.converted(to: .single)
    let network = ISTANet(phi: phi, initial: training.initial, depth: 2, channels: 4, seed: 1)
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.uniform([5, 36], precision: .single, using: &generator)
    let batch = SamplePairs.Batch(measurement: phi.forward(x), groundTruth: x)
    let output = network.run(batch.measurement, recording: true)
    let error = zip(output.estimate.doubles, x.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 180
    #expect(training.constraintWeight == 0.01)
    let expected: [BlockTraining.Constraint: Double] = [
      .none: error, .running: error + 0.01 * output.penalty, .groundTruth: error + 0.01 * network.asymmetry(x),
    ]
    for (constraint, value) in expected {
      let loss: Double = BlockTraining.loss(constraint, weight: 0.01)(network, batch, nil)
      #expect(abs(loss - value) <= 1e-6 * value, "\(constraint)")
    }
    #expect(output.penalty > 0 && network.asymmetry(x) > 0)
  }

  /// What goes into the file: Φ where no seed gives it, and the start that solves the normal equations for the training blocks.
  @Test func operatorsOfTheFile() throws {
    #expect(try training().operators.map(\.name) == ["initial"])
    #expect(try training(.reconNet).operators.isEmpty)
    let own = try training(phiSeed: nil)
    #expect(own.operators.map(\.name) == ["phi", "initial"] && own.operators[0].value == own.sensing.phi.entries)
    // Φ Q = I, whatever the blocks.
    let product = linear(own.sensing.phi.entries, own.initial.converted(to: .double).transposed)
    #expect((product - .identity(11)).maximumMagnitude < 1e-4)
    // A start that is given is taken as it is.
    let given = Tensor.filled(0.25, shape: [36, 11], precision: .single)
    let other = try BlockTraining(
      .istaNet, own.sensing, phiSeed: nil, images: Self.images, initial: given, seed: 5, validationCount: 4)
    #expect(other.initial == given)
  }

  @Test func samplesAreMeasuredBlocks() throws {
    let training = try training()
    let phi = training.sensing.phi.converted(to: .single)
    let samples = BlockSamples(crops: try .init(Self.images, side: 6), phi: phi, count: 10)
    var (a, b) = (RandomGenerator(seed: 1), RandomGenerator(seed: 1))
    let batch = samples.batch([3, 4, 5], using: &a)
    #expect(batch.measurement == phi.forward(batch.groundTruth) && batch.groundTruth.shape == [3, 36])
    #expect(samples.batch([7, 8, 9], using: &b).groundTruth == batch.groundTruth)  // drawn, not looked up
    #expect(samples.batch([7, 8, 9], using: &b).groundTruth != batch.groundTruth)
  }

  @Test func imagesThatCannotTeachAreRefused() throws {
    #expect(throws: RecipeError.self) { try training(images: [.zeros([14, 12])]) }
    #expect(throws: (any Error).self) { try training(images: [.filled(0.5, shape: [5, 40])]) }
    _ = try training(images: [.filled(0.5, shape: [6, 6])])
    _ = try training(.sda, images: [.zeros([14, 12])])
  }

  @Test func trainingLowersTheError() throws {
    let training = try training(.istaNetPlus)
    var errors: [Double] = []
    let log = StepLog { if let value = $0.validation { errors.append(value) } }
    _ = try bytes(training, steps: 60, monitors: [log])
    #expect(errors.count >= 5 && errors.last! < errors.first!, "\(errors)")
  }
}

/// Asks for a stop after a step.
final class StopAfter: TrainingMonitor {
  let step: Int
  let stop: StopRequest
  init(_ step: Int, _ stop: StopRequest) { (self.step, self.stop) = (step, stop) }
  func record(_ report: TrainingReport) { if report.step == step { stop.stop() } }
  func finish() {}
}

/// Hands every step on.
private final class StepLog: TrainingMonitor {
  let body: (TrainingReport) -> Void
  init(_ body: @escaping (TrainingReport) -> Void) { self.body = body }
  func record(_ report: TrainingReport) { body(report) }
  func finish() {}
}
