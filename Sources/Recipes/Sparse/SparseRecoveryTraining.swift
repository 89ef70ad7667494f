// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// How long to train: for the weights that ship, or a smaller version of minutes that says so.
public enum TrainingBudget: String, Sendable, CaseIterable, Codable {
  case full
  case quick
}

/// The synthetic benchmark of sparse recovery and how its networks are trained: noiseless, 250 × 500, 10 % non-zeros, 16 stages.
///
/// Training draws every batch afresh. It goes stage by stage, then all stages together at falling rates; every phase ends with
/// the weights that did best on 1 000 validation samples. Source of the order: Chen et al. (2018), §4; the budgets are our own.
public struct SparseRecoveryTraining: NetworkTraining, Sendable {
  public var problem: SparseRecovery
  /// λ at the start of every network.
  public var lambda: Double
  public var depth: Int
  public var seed: UInt64

  /// Of the weights that ship.
  public static let standardSeed: UInt64 = 20_190_501

  public init(problem: SparseRecovery? = nil, lambda: Double = 0.4, depth: Int = 16, seed: UInt64 = standardSeed) {
    self.problem = problem ?? .benchmark(seed: seed)
    self.lambda = lambda
    self.depth = depth
    self.seed = seed
  }

  // Streams of the seed that are not training's: no test or validation sample is ever drawn for training.
  private static let validationStream: UInt64 = 1 << 40
  private static let testStream: UInt64 = 1 << 41

  /// 1 000 samples that only tables look at.
  public func testSamples(_ count: Int = 1000) -> (measurement: Tensor, groundTruth: Tensor) {
    problem.samples(count, seed: seed, stream: Self.testStream)
  }

  /// The untrained network in single precision; nil for a classical method.
  public func network(_ method: SparseMethod) -> (any TensorNetwork)? {
    let single = problem.converted(to: .single)
    return method.recoveryNetwork(
      single.lasso(lambda: method == .stepLISTA ? Self.stepLambda : lambda), depth: depth,
      weight: method.hasAnalyticWeight ? analyticWeight(of: problem.A).converted(to: .single) : nil)
  }

  /// Step-LISTA aims at the LASSO minimiser at one λ, and so has its bias.
  static let stepLambda = 0.1

  /// What goes into the weights file beside the parameters.
  public var operators: [NamedParameter] { [NamedParameter(name: "A", value: problem.A.entries)] }

  /// The recipe of a method.
  ///
  /// - Parameter jointSteps: steps of the phases that train all stages, in place of the budget's; those before shrink with it.
  public func recipe(_ method: SparseMethod, budget: TrainingBudget = .full, jointSteps: Int? = nil) -> Recipe {
    precondition(method != .hyperLISTA, "hyperlista is tuned, not trained")
    let few = method == .alista || method == .stepLISTA  // two numbers a stage bear a larger rate
    let rate = few ? 5e-3 : 1e-3
    var (alone, joint) = steps(method, budget)
    if let jointSteps { (alone, joint) = (max(1, alone * jointSteps / joint), jointSteps) }
    var phases: [Recipe.Phase] = []
    for stage in 0..<depth {
      var trained: [ParameterGroup] = [ParameterGroup(NamePattern("stages.\(stage).*"))]
      if stage == 0, method == .lista || method == .listaSS { trained.append(ParameterGroup("encoder.*")) }
      if stage == 0, method == .tilista { trained.append(ParameterGroup("weight")) }
      phases.append(
        phase("stage \(stage + 1) alone", alone, depth: stage + 1, .constant(rate: rate), ParameterGroups(trained + [.frozen("*")]))
      )
    }
    let parts =
      switch method {
      case _ where few: [(0.1, 1.0), (0.3, 0.3), (0.3, 0.06), (0.3, 0.012)]
      case .listaCPSS: [(0.6, 0.3), (0.25, 0.1), (0.15, 0.02)]  // near −40 dB the full rate undoes what the stages alone reached
      default: [(0.6, 1.0), (0.25, 0.3), (0.15, 0.06)]
      }
    for (part, scale) in parts {
      let count = max(1, Int(Double(joint) * part))
      phases.append(
        phase(
          "all stages at \(scale) × the rate", count, depth: depth,
          .cosine(rate: rate * scale, final: rate * scale * 0.1, steps: count), []))
    }
    return Recipe(
      network: method.rawValue, seed: seed, phases: phases, validationInterval: budget == .full ? 250 : 100,
      notes: notes.merging(["lambda": "\(method == .stepLISTA ? Self.stepLambda : lambda)", "budget": budget.rawValue]) { $1 })
  }

  /// What a recipe says of the problem.
  var notes: [String: String] {
    [
      "problem": ProblemKind.sparseRecovery.rawValue, "rows": "\(problem.A.rows)", "columns": "\(problem.A.columns)",
      "noise": problem.noiseDecibel.map { "\($0) dB" } ?? "none", "depth": "\(depth)",
    ]
  }

  private func phase(_ name: String, _ steps: Int, depth: Int, _ rate: LearningRate, _ groups: ParameterGroups) -> Recipe.Phase {
    Recipe.Phase(
      name, steps: steps, depth: depth, batchSize: 64, chunkSize: 32, learningRate: rate, groups: groups, clipNorm: 1,
      earlyStopping: .init(patience: nil))
  }

  private func steps(_ method: SparseMethod, _ budget: TrainingBudget) -> (alone: Int, joint: Int) {
    switch (method, budget) {
    case (.alista, .full): (400, 12_000)
    case (.alista, .quick): (150, 1_500)
    case (.stepLISTA, .full): (100, 2_000)
    case (.stepLISTA, .quick): (40, 300)
    case (.listaCPSS, .full): (500, 20_000)
    case (.lista, .full), (.listaSS, .full): (100, 16_000)
    case (_, .full): (100, 10_000)
    case (_, .quick): (60, 1_200)
    }
  }

  /// Trains one network. `Step-LISTA` learns without targets, from the LASSO objective; all others from ½‖x − x*‖².
  public func train<Network: TensorNetwork>(
    _ network: Network, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> Network? {
    let single = problem.converted(to: .single)
    let held = single.samples(1000, seed: seed, stream: Self.validationStream)
    let lasso = recipe.network == SparseMethod.stepLISTA.rawValue ? single.lasso(lambda: Self.stepLambda) : nil
    let trainer = Trainer<Network, FreshSparseSamples>(
      recipe: recipe, samples: FreshSparseSamples(problem: single), operators: operators,
      validation: { network, stages in
        let x = network.predict(held.measurement, stages: stages ?? network.depth)
        if let lasso { return lasso.value(x, measurement: held.measurement) / 1000 }
        return squaredNorm(x - held.groundTruth) / squaredNorm(held.groundTruth)
      },
      loss: { network, batch, stages in
        let depth = withoutDerivative(at: network.depth)
        let x = network(batch.measurement, stages: withoutDerivative(at: stages ?? depth))
        return meanLoss(x, batch, lasso)
      })
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }
}

/// The mean over a batch of ½‖x − x*‖², or of the LASSO objective ½‖A x − b‖² + λ‖x‖₁ where one is given.
@differentiable(reverse,wrt: x)
private func meanLoss(_ x: Tensor, _ batch: SamplePairs.Batch, _ lasso: SparseCoding?) -> Double {
  let count = withoutDerivative(at: Double(batch.groundTruth.shape[0]))
  if let lasso { return (0.5 * squaredNorm(lasso.dictionary(x) - batch.measurement) + lasso.alpha * l1Norm(x)) / count }
  return 0.5 * squaredNorm(x - batch.groundTruth) / count
}

/// Pairs (b, x*) drawn afresh for every batch; an epoch is only a count.
public struct FreshSparseSamples: TrainingSamples {
  public let problem: SparseRecovery
  public init(problem: SparseRecovery) { self.problem = problem }
  public var count: Int { 64_000 }
  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> SamplePairs.Batch {
    let drawn = problem.samples(samples.count, seed: generator.next())
    return SamplePairs.Batch(measurement: drawn.measurement, groundTruth: drawn.groundTruth)
  }
}
