// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Evaluation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// Blocks and their measurements, drawn afresh at every step.
public struct BlockSamples: TrainingSamples {
  public let crops: BlockCrops
  /// Φ in single precision.
  public let phi: Matrix
  /// Blocks that count as an epoch.
  public let count: Int

  /// Blocks of a published training set.
  public static let epoch = 88_912

  public init(crops: BlockCrops, phi: Matrix, count: Int = epoch) {
    self.crops = crops
    self.phi = phi
    self.count = count
  }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> SamplePairs.Batch {
    let blocks = Tensor(
      samples.flatMap { _ in crops.draw(using: &generator) } as [Float], shape: [samples.count, crops.side * crops.side])
    return SamplePairs.Batch(measurement: phi.forward(blocks), groundTruth: blocks)
  }
}

/// How networks on image blocks are trained: fresh crops of gray images in eight orientations, mean squared error, Adam with a rate
/// that falls along a cosine, averaged weights.
///
/// The loss is L_disc + γ L_con: L_disc the mean of (x⁽ᴺ⁾ − x)² over pixels, L_con the sum over stages of the mean of (F̃(F(r)) − r)².
/// Source: Zhang & Ghanem (2018), eq. 12; the recipe of the weights that ship is our own.
public struct BlockTraining: NetworkTraining, Sendable {
  /// What L_con looks at.
  public enum Constraint: String, Sendable, CaseIterable, Codable {
    /// No constraint.
    case none
    /// The r⁽ᵏ⁾ of every stage, as in public code.
    case running
    /// The true blocks, as in the paper.
    case groundTruth = "ground-truth"
  }

  public let method: BlockMethod
  public let sensing: CompressiveSensing
  /// The seed Φ was drawn from; nil for a given Φ, which then goes into the weights file.
  public let phiSeed: UInt64?
  /// Q_init, side² × M, in single precision; `.zero` for a network without it.
  public let initial: Tensor
  public var constraint: Constraint
  /// γ.
  public var constraintWeight = 0.01
  /// True to recompute the stages in the backward pass: less than half the memory for a third more time, the same weights.
  public var recomputes = false
  public var seed: UInt64
  private let crops: BlockCrops
  /// True blocks that only validation looks at.
  private let validationBlocks: Tensor

  /// - Parameters: `images`, gray, of which every tenth is kept aside for validation; `initial`, a given Q_init, else the least-squares
  ///   fit over 100 000 training blocks.
  /// - Throws: ``DatasetError`` when no image holds a block.
  public init(
    _ method: BlockMethod, _ sensing: CompressiveSensing, phiSeed: UInt64?, images: [Tensor], initial: Tensor? = nil,
    constraint: Constraint = .none, seed: UInt64, momentBlocks: Int = 100_000, validationCount: Int = 512
  ) throws {
    let (used, kept) = splitForValidation(images)
    self.method = method
    self.sensing = sensing
    self.phiSeed = phiSeed
    self.constraint = constraint
    self.seed = seed
    crops = try BlockCrops(used, side: sensing.side)
    validationBlocks = try BlockCrops(kept, side: sensing.side).draw(validationCount, seed: seed &+ 2)
    guard method.startsFromFit else {
      self.initial = .zero
      return
    }
    let start = try initial ?? Self.fittedStart(sensing, moment: crops.secondMoment(count: momentBlocks, seed: seed &+ 1))
    self.initial = start.converted(to: .single)
  }

  /// Q_init, the least-squares fit over blocks of this second moment.
  ///
  /// - Throws: ``RecipeError`` when Φ measures nothing of them, as of black images.
  private static func fittedStart(_ sensing: CompressiveSensing, moment: Tensor) throws -> Tensor {
    let phi = sensing.phi.entries.converted(to: .double)
    let trace = (0..<moment.shape[0]).reduce(0) { $0 + moment[flat: $1 * (moment.shape[0] + 1)] }
    guard linear(moment, phi).transposed.inner(phi) > 1e-12 * trace * squaredNorm(phi) else {
      throw RecipeError("found training images of which Φ measures nothing, such as black ones; expected photographs, give others")
    }
    return sensing.leastSquaresStart(moment: moment)
  }

  /// Q_init, and Φ unless a seed gives it, go into the weights file.
  public var operators: [NamedParameter] {
    (phiSeed == nil ? [NamedParameter(name: "phi", value: sensing.phi.entries)] : [])
      + (method.isUnfolded ? [NamedParameter(name: "initial", value: initial)] : [])
  }

  /// The untrained network in single precision; nil for a classical method.
  public func network(depth: Int = 9, channels: Int = 32) -> (any TensorNetwork)? {
    method.network(phi: sensing.phi.converted(to: .single), initial: initial, depth: depth, channels: channels, seed: seed)
  }

  /// Adam at 1e-3 falling to 1e-5 along a cosine, batches of 16 (of 64 for networks that are not unfolded), gradients clipped to norm 1,
  /// weights averaged.
  public func recipe(depth: Int, channels: Int = 32, steps: Int) -> Recipe {
    Recipe(
      network: method.rawValue, seed: seed,
      phases: [
        Recipe.Phase(
          "training", steps: steps, batchSize: Self.batchSize(of: method), chunkSize: method.isUnfolded ? 2 : 16,
          learningRate: .warmUp(steps: 100, then: .cosine(rate: 1e-3, final: 1e-5, steps: steps)), clipNorm: 1, averaging: 0.999)
      ], validationInterval: min(500, max(1, steps / 10)),
      notes: [
        "problem": "image-cs", "rows": "\(sensing.phi.rows)", "side": "\(sensing.side)", "depth": "\(depth)",
        "channels": "\(channels)",
        "constraint": constraint.rawValue, "phi": phiSeed.map { "seed \($0)" } ?? "given",
      ])
  }

  /// The ratios whose weights are trained, in the order in which one starts from the other.
  public static let ratios = [0.25, 0.10, 0.50]

  /// Blocks a step.
  public static func batchSize(of method: BlockMethod) -> Int { method.isUnfolded ? 16 : 64 }

  /// Steps of a training, from scratch or from another ratio's weights.
  public static func steps(_ method: BlockMethod, _ budget: TrainingBudget, warm: Bool) -> Int {
    if budget == .quick { return 500 }
    return method.isUnfolded ? (warm ? 10_000 : 30_000) : 20_000
  }

  public func train<Network: TensorNetwork>(
    _ network: Network, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> Network? {
    let held = sensing.phi.converted(to: .single).forward(validationBlocks)
    let trainer = Trainer<Network, BlockSamples>(
      recipe: recipe, samples: BlockSamples(crops: crops, phi: sensing.phi.converted(to: .single)), operators: operators,
      validation: { network, stages in
        meanSquaredDifference(network.predict(held, stages: stages ?? network.depth, samplesAtATime: 8), validationBlocks)
      }, loss: Self.loss(constraint, weight: constraintWeight, recomputing: recomputes))
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }

  /// L_disc + γ L_con of a batch.
  public static func loss<Network: TensorNetwork>(
    _ constraint: Constraint, weight: Double, recomputing: Bool = false
  ) -> @Sendable @differentiable(reverse) (Network, @noDerivative SamplePairs.Batch, _ depth: @noDerivative Int?) -> Double {
    let records = constraint == .running
    let onTruth = constraint == .groundTruth
    let recomputation = Recomputation(everyStage: recomputing)
    return { network, batch, _ in
      let output = network.run(batch.measurement, recording: records, recomputing: recomputation)
      let error = meanSquaredDifference(output.estimate, batch.groundTruth)
      if onTruth { return error + weight * network.asymmetry(batch.groundTruth) }
      return error + weight * output.penalty
    }
  }
}
