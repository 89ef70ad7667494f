// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// Patches with their optimal codes.
public struct CodedPatches: Sendable {
  /// X, `[count, n]`.
  public let patches: Tensor
  /// Z*, `[count, m]`.
  public let codes: Tensor
  /// The largest duality gap relative to max(1, E) among them: the certificate of the codes.
  public let largestGap: Double

  public init(_ problem: SparseCoding, patches: Tensor, tolerance: Double = 1e-6) {
    let optimal = OptimalCodes(problem, patches: patches, tolerance: tolerance)
    self.patches = patches
    codes = optimal.codes
    largestGap = zip(optimal.gaps, optimal.energies).reduce(0) { max($0, $1.0 / max(1, $1.1)) }
  }
}

/// The experiment of Gregor & LeCun (2010): 10 × 10 patches of natural images, a learned dictionary of m atoms, α = 0.5, optimal
/// codes with a certificate, and encoders trained to predict them.
public struct SparseCodingTraining: Sendable {
  /// m.
  public var units: Int
  public var alpha = 0.5
  /// Smooth patches are left out: divided by a deviation near that of the camera's noise they are mostly noise. The paper does not
  /// say from which deviation on.
  public var recipeOfPatches = Patches(minimumDeviation: 0.1)
  public var trainingPatches: Int
  public var validationPatches: Int
  public var dictionarySteps: Int
  public var seed: UInt64
  public var budget: TrainingBudget

  public init(units: Int, budget: TrainingBudget = .full, seed: UInt64 = 2010) {
    self.units = units
    self.budget = budget
    self.seed = seed
    trainingPatches = budget == .full ? (units > 100 ? 600_000 : 200_000) : 10_000
    validationPatches = budget == .full ? 2_000 : 1_000
    dictionarySteps = budget == .full ? 1000 : 120
  }

  /// Learns a dictionary on patches of `images`.
  public func learnDictionary(_ images: [Tensor], observing: ((Int, Double) -> Void)? = nil) throws -> Matrix {
    // Gradient steps are the paper's way; block coordinate descent has a fair dictionary after fewer steps.
    let update: DictionaryLearning.Update = budget == .full ? .gradient() : .blockCoordinateDescent
    var learning = DictionaryLearning(atoms: units, alpha: alpha, update: update)
    learning.steps = dictionarySteps
    learning.seed = seed
    return learning.learn(from: try recipeOfPatches.draw(100_000, from: images, seed: seed &+ 1), observing: observing)
  }

  public func problem(_ dictionary: Matrix) -> SparseCoding { SparseCoding(dictionary: dictionary, alpha: alpha) }

  /// Patches of these images with their optimal codes for this dictionary. Training, validation and test have streams of their own.
  public func coded(_ dictionary: Matrix, images: [Tensor], count: Int, stream: UInt64) throws -> CodedPatches {
    CodedPatches(problem(dictionary), patches: try recipeOfPatches.draw(count, from: images, seed: seed &+ 1000 &+ stream))
  }

  /// The untrained network in single precision.
  public func network(_ method: SparseMethod, dictionary: Matrix, iterations: Int) -> (any TensorNetwork)? {
    method.codingNetwork(problem(dictionary).converted(to: .single), iterations: iterations)
  }

  public func operators(_ dictionary: Matrix) -> [NamedParameter] {
    [NamedParameter(name: "dictionary", value: dictionary.entries)]
  }

  /// Adam at 1e-3, falling along a cosine; the weights that did best on the validation patches. Deep networks, whose steps cost
  /// more, take fewer.
  public func recipe(_ method: SparseMethod, iterations: Int, steps: Int? = nil) -> Recipe {
    let full = method != .lista ? 20_000 : iterations < 2 ? 100_000 : iterations < 5 ? 60_000 : 40_000
    let count = steps ?? (budget == .quick ? 3_000 : full)
    return Recipe(
      network: method.rawValue, seed: seed,
      phases: [
        Recipe.Phase(
          "training", steps: count, batchSize: 64, chunkSize: 32,
          learningRate: .warmUp(steps: 100, then: .cosine(rate: method == .lista ? 1e-3 : 3e-3, final: 1e-5, steps: count)),
          clipNorm: 10,
          earlyStopping: .init(patience: nil))
      ], validationInterval: min(500, max(1, count / 10)),
      notes: [
        "problem": "sparse-coding", "units": "\(units)", "alpha": "\(alpha)", "patch": "\(recipeOfPatches.side)",
        "minimum deviation": "\(recipeOfPatches.minimumDeviation)",
        "iterations": method == .lista ? "\(iterations)" : "none", "budget": budget.rawValue,
      ])
  }

  /// Trains one network on ½‖Z* − f(X)‖².
  public func train<Network: TensorNetwork>(
    _ network: Network, dictionary: Matrix, training: CodedPatches, validation: CodedPatches, recipe: Recipe,
    resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil, monitors: [any TrainingMonitor] = [],
    stop: StopRequest? = nil
  ) throws -> Trainer<Network, SamplePairs>.Result {
    let held = (x: validation.patches.converted(to: .single), z: validation.codes.converted(to: .single))
    let trainer = Trainer<Network, SamplePairs>(
      recipe: recipe,
      samples: SamplePairs(
        measurement: training.patches.converted(to: .single), groundTruth: training.codes.converted(to: .single)),
      operators: operators(dictionary),
      validation: { network, _ in squaredNorm(network.predict(held.x) - held.z) / Double(held.x.shape[0]) },
      loss: { network, batch, _ in
        let depth = withoutDerivative(at: network.depth)
        let count = withoutDerivative(at: Double(batch.groundTruth.shape[0]))
        return 0.5 * squaredNorm(network(batch.measurement, stages: depth) - batch.groundTruth) / count
      })
    return try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
  }
}
