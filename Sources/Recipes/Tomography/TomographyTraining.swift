// SPDX-License-Identifier: Apache-2.0
import Networks
import Tensors
import Training
import _Differentiation

/// How networks for tomography are trained: Adam on
///
///     mean (x̂ − x)² + 0.1 mean |x̂ − x| + 0.01 Σ_k mean (F̃(F(d_k)) − d_k)² + 0.001 Σ_k mean |soft(F(d_k), θ_k)|
///
/// the third term of unfolded networks, the last of FISTA-Net alone. A network with buffers is validated with the
/// statistics of 64 training measurements in them, and ends with those of 512. Source: Xiang, Dong & Yang (2021), eq. 23, with the
/// weights and the ℓ1 term of its authors' program.
public struct TomographyTraining: NetworkTraining, Sendable {
  public let network: TomographyNetwork
  public private(set) var system: TomographySystem
  public var seed: UInt64
  private let samples: TomographySamples
  private let validation: SamplePairs

  /// - Parameters: `samples`, `validation`, in single precision.
  public init(
    _ network: TomographyNetwork, system: TomographySystem, samples: TomographySamples, validation: SamplePairs, seed: UInt64
  ) throws {
    guard samples.count > 0, validation.count > 0 else {
      throw RecipeError("found \(samples.count) training and \(validation.count) validation samples; expected some of both")
    }
    self.network = network
    self.system = system
    self.samples = samples
    self.validation = validation
    self.seed = seed
  }

  /// On the training and validation parts of a set.
  public init(_ network: TomographyNetwork, _ data: TomographyData, seed: UInt64) throws {
    func pairs(_ part: TomographyData.Part) -> SamplePairs {
      SamplePairs(measurement: data[part].measurement, groundTruth: data.pixels.adjoint(data[part].groundTruth))
    }
    try self.init(
      network, system: TomographySystem(data), samples: .measured(pairs(.training)), validation: pairs(.validation), seed: seed)
  }

  /// The same with another step of the networks.
  public func with(_ gradient: GradientKind) throws -> TomographyTraining {
    var training = self
    training.system = try system.with(gradient)
    return training
  }

  public var operators: [NamedParameter] { [] }

  /// Samples that it trains on.
  public var count: Int { samples.count }

  /// Samples of a step: many steps teach unfolded networks more than large ones, while FBPConvNet normalises by its batch.
  public var usualBatchSize: Int {
    switch (network == .fbpConvNet, system.problem == .ct) {
    case (true, false): 16
    case (true, true), (false, false): 4
    case (false, true): 2
    }
  }

  /// Rate 1e-3 after a warm-up, falling to 1e-5 along a cosine, gradients clipped to norm 1, averaged weights.
  ///
  /// Every sample is a piece of work for a core, but for FBPConvNet, which normalises whole batches.
  public func recipe(steps: Int, batchSize: Int? = nil, notes: [String: String] = [:]) -> Recipe {
    let notes = [
      "problem": system.problem.rawValue, "gradient": system.gradientKind.rawValue, "height": "\(system.height)",
      "width": "\(system.width)",
    ].merging(notes) { $1 }
    let batchSize = min(batchSize ?? usualBatchSize, samples.count)
    return Recipe(
      network: network.rawValue, seed: seed,
      phases: [
        Recipe.Phase(
          "training", steps: steps, batchSize: batchSize, chunkSize: network == .fbpConvNet ? batchSize : 1,
          learningRate: .warmUp(steps: min(100, max(1, steps / 10)), then: .cosine(rate: 1e-3, final: 1e-5, steps: steps)),
          clipNorm: 1,
          averaging: 0.999)
      ], validationInterval: min(250, max(1, steps / 10)), notes: notes)
  }

  public func train<Network: TensorNetwork>(
    _ network: Network, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> Network? {
    let (validation, samples, system) = (validation, samples, system)
    let shown = validation.measurement.rows(0..<min(StageFigures.samples, validation.count))
    @Sendable func followed(_ network: Network) throws -> [TrainingFigure] {
      // One whose statistics come at the end says nothing before.
      network.buffers.isEmpty ? try StageFigures(network, system: system, measurement: shown).followed() : []
    }
    @Sendable func calibrated(_ network: Network, _ count: Int) -> Network {
      guard !network.buffers.isEmpty else { return network }
      var generator = RandomGenerator(seed: recipe.seed, stream: 21)
      return network.calibrated(on: samples.batch(Array(0..<min(count, samples.count)), using: &generator).measurement)
    }
    let trainer = Trainer<Network, TomographySamples>(
      recipe: recipe, samples: samples, operators: operators,
      validation: { network, stages in
        let found = calibrated(network, 64).predict(validation.measurement, stages: stages ?? network.depth, samplesAtATime: 1)
        return meanSquaredDifference(found, validation.groundTruth)
      }, figures: followed,
      loss: { network, batch, _ in
        let output = network.run(batch.measurement, recording: true)
        let error = output.estimate - batch.groundTruth
        return meanSquaredDifference(output.estimate, batch.groundTruth) + 0.1 * meanMagnitude(error) + 0.01 * output.penalty
      })
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? calibrated(result.model, 512) : nil
  }
}
