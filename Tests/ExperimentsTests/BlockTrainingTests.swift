// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

/// Two stages on blocks of 6 × 6, a few steps of a few blocks.
@Suite struct BlockTrainingTests {
  private let folder: Folder
  private let images: String
  private let sensing = CompressiveSensing(ratio: 0.3, side: 6, seed: 4)

  init() throws {
    folder = try Folder()
    images = try folder.writeImages([0.1, 0.15, 0.2].map { texture(14, 12, $0) }, to: "images")
    try NPY.write(sensing.phi.entries, to: folder.file("phi.npy"))
    let crops = try BlockCrops(ImageFolder(images).entries.map(\.image), side: 6)
    let start = sensing.leastSquaresStart(moment: crops.secondMoment(count: 300, seed: 6))
    try NPY.write(start.converted(to: .single), to: folder.file("start.npy"))
  }

  /// Batches of four blocks, two to a thread; Q_init is fitted where no file of it is given.
  private func training(
    _ method: String = "ista-net-plus", constraint: Blocks.Constraint? = nil, channels: Int? = 4, steps: Int = 5,
    recompute: Bool = false, images: String? = nil, initial: String? = nil, resuming: Checkpoint? = nil
  ) throws -> Training {
    let experiment = try Blocks(.set { $0.phi = folder.file("phi.npy") }, seed: 5)
    let options = TrainingOptions.set {
      ($0.steps, $0.batch, $0.recompute) = (steps, 4, recompute)
      ($0.depth, $0.channels) = (channels == nil ? nil : 2, channels)
    }
    let setup = Blocks.TrainingSetup.set {
      ($0.images, $0.constraint, $0.initial) = ([images ?? self.images], constraint, initial)
    }
    var training = try experiment.training(
      TrainingRequest(Blocks.named(method), setup, options: options, resuming: resuming))
    training.apply(options)
    return training
  }

  /// The weights file of a training.
  private func weights(
    _ training: Training, monitors: [any TrainingMonitor] = [], resuming: Checkpoint? = nil
  ) throws -> String {
    let path = folder.file(UUID().uuidString + ".safetensors")
    #expect(try training.run(.init(path: path, resuming: resuming, monitors: { monitors })) != nil)
    return path
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test(arguments: ["ista-net", "ista-net-plus"]) func threadsDoNotMatter(method: String) throws {
    let runs = try [1, 2].map {
      try Parallel.with(threads: $0) {
        try bytes(weights(training(method, constraint: .running, channels: 32, steps: 3)))
      }
    }
    #expect(runs[0] == runs[1])
  }

  /// Broken off after three steps of five, and gone on with from the file.
  @Test func resumesToTheSameBytes() throws {
    struct Broken: Error {}
    let training = try training(constraint: .groundTruth)
    let whole = try bytes(weights(training))
    let path = folder.file("run.safetensors")
    #expect(throws: Broken.self) {
      try training.run(.init(path: path, checkpointEvery: 3, monitors: { [StepLog { if $0.step == 4 { throw Broken() } }] }))
    }
    let checkpoint = try #require(try interruptedTraining(of: path))
    #expect(checkpoint.position.step == 3 && checkpoint.operators.map(\.name) == ["phi", "initial"])
    // Q_init is the checkpoint's, whatever the images are.
    let again = try self.training(constraint: .groundTruth, resuming: checkpoint)
    #expect(try again.run(.init(path: path, resuming: checkpoint)) != nil)
    #expect(try bytes(path) == whole)
    #expect(try interruptedTraining(of: path) == nil)
  }

  /// The three forms of the constraint lead to three networks; recomputed stages to the same one.
  @Test func formsOfTheConstraint() throws {
    var found: [[Double]] = []
    for constraint in Blocks.Constraint.allCases {
      // The recipe is part of the file: compare parameters.
      func parameters(recompute: Bool) throws -> [Double] {
        let training = try training(
          "ista-net", constraint: constraint, steps: 3, recompute: recompute, initial: folder.file("start.npy"))
        return try Weights(contentsOf: weights(training)).parameters.flatMap { $0.value.doubles }
      }
      found.append(try parameters(recompute: false))
      #expect(try parameters(recompute: true) == found.last, "\(constraint)")
    }
    #expect(Set(found).count == 3)
  }

  /// L_disc + γ L_con with γ = 0.01, from the network's own outputs.
  @Test func lossIsTheFormula() throws {
    let phi = sensing.phi.converted(to: .single)
    let network = ISTANet(phi: phi, initial: phi.entries.transposed, depth: 2, channels: 4, seed: 1)
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.uniform([5, 36], precision: .single, using: &generator)
    let batch = SamplePairs.Batch(measurement: phi.forward(x), groundTruth: x)
    let output = network.run(batch.measurement, recording: true)
    let error = zip(output.estimate.doubles, x.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 180
    let expected: [Blocks.Constraint: Double] = [
      .none: error, .running: error + 0.01 * output.recorded, .groundTruth: error + 0.01 * network.asymmetry(x),
    ]
    for (constraint, value) in expected {
      let loss: Double = Blocks.loss(constraint).callable(for: type(of: network))(network, batch, nil)
      #expect(abs(loss - value) <= 1e-6 * value, "\(constraint)")
    }
    #expect(output.recorded > 0 && network.asymmetry(x) > 0)
  }

  /// What goes into the file: Φ where no seed gives it, and the start that solves the normal equations for the training blocks.
  @Test func operatorsOfTheFile() throws {
    func operators(_ training: Training) throws -> [String: Tensor] {
      let found = try Weights(contentsOf: weights(training)).operators
      return Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.value) })
    }
    let own = try operators(training(steps: 1))
    #expect(Set(own.keys) == ["phi", "initial"] && own["phi"] == sensing.phi.entries)
    #expect(try Array(operators(training("reconnet", channels: nil, steps: 1)).keys) == ["phi"])
    // Φ Q = I, whatever the blocks.
    let initial = try #require(own["initial"])
    let product = linear(sensing.phi.entries, initial.converted(to: .double).transposed)
    #expect((product - .identity(11)).maximumMagnitude < 1e-4)
    // A start that is given is taken as it is.
    let given = Tensor.filled(0.25, shape: [36, 11], precision: .single)
    try NPY.write(given, to: folder.file("initial.npy"))
    #expect(try operators(training("ista-net", steps: 1, initial: folder.file("initial.npy")))["initial"] == given)

    // Φ of a seed is in no file.
    let start = Tensor.filled(0.25, shape: [33 * 33, 10], precision: .single)
    try NPY.write(start, to: folder.file("large.npy"))
    let large = try folder.writeImages([texture(40, 34, 0.1)], to: "large")
    for (method, initial) in [("ista-net-plus", folder.file("large.npy")), ("sda", nil)] {
      let options = TrainingOptions.set { ($0.steps, $0.depth, $0.channels) = initial == nil ? (1, nil, nil) : (1, 1, 2) }
      let setup = Blocks.TrainingSetup.set { ($0.images, $0.initial) = ([large], initial) }
      let found = try operators(
        Blocks(.set { $0.ratio = 0.01 }, seed: 4).training(TrainingRequest(Blocks.named(method), setup, options: options)))
      #expect(found == (initial == nil ? [:] : ["initial": start]), "\(method)")
    }
  }

  @Test func samplesAreMeasuredBlocks() throws {
    let phi = sensing.phi.converted(to: .single)
    let samples = Blocks.samples(of: try BlockCrops(ImageFolder(images).entries.map(\.image), side: 6), phi: phi)
    var (a, b) = (RandomGenerator(seed: 1), RandomGenerator(seed: 1))
    let batch = samples.batch([3, 4, 5], using: &a)
    #expect(batch.measurement == phi.forward(batch.groundTruth) && batch.groundTruth.shape == [3, 36])
    #expect(samples.batch([7, 8, 9], using: &b).groundTruth == batch.groundTruth)  // drawn, not looked up
    #expect(samples.batch([7, 8, 9], using: &b).groundTruth != batch.groundTruth)
  }

  @Test func imagesThatCannotTeachAreRefused() throws {
    let black = try folder.writeImages([.zeros([14, 12])], to: "black")
    #expect(throws: InputError.self) { try training(images: black) }
    let low = try folder.writeImages([.filled(0.5, shape: [5, 40])], to: "low")
    #expect(throws: (any Error).self) { try training(images: low) }
    _ = try training(images: folder.writeImages([.filled(0.5, shape: [6, 6])], to: "small"))
    _ = try training("sda", channels: nil, images: black)
  }

  @Test func trainingLowersTheError() throws {
    var errors: [Double] = []
    let log = StepLog { if let value = $0.validation { errors.append(value) } }
    _ = try weights(training(steps: 60, initial: folder.file("start.npy")), monitors: [log])
    #expect(errors.count >= 5 && errors.last! < errors.first!, "\(errors)")
  }
}
