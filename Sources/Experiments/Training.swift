// SPDX-License-Identifier: Apache-2.0
import Communication
import FileFormats
import Foundation
import Networks
import Platform
import Tensors
import Training

/// What an experiment is asked to train.
public struct TrainingRequest<E: Experiment>: Sendable {
  public let method: Method<E>
  public var setup: E.TrainingSetup
  public var options: TrainingOptions
  /// Where an interrupted run of the same training stands.
  public var resuming: Checkpoint?
  /// Told in a few words what is being done.
  public var report: @Sendable (String) -> Void

  /// - Throws: ``InputError`` for options that the method has not.
  public init(
    _ method: Method<E>, _ setup: E.TrainingSetup = .init(), options: TrainingOptions = .init(), resuming: Checkpoint? = nil,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    guard let network = method.network else {
      throw InputError("\(method.name) is a classical method with nothing to train; expected a network")
    }
    try options.check(method.name, network.architecture)
    (self.method, self.setup, self.options, self.resuming, self.report) = (method, setup, options, resuming, report)
  }

  /// - Throws: ``InputError`` naming the first setting given that has no effect on a training.
  public func refuse(_ settings: (name: String, isGiven: Bool)...) throws {
    if let wrong = settings.first(where: \.isGiven) {
      throw InputError("found --\(wrong.name) for a training of \(E.name), which has none; leave it out")
    }
  }

  /// The network's shape as it is asked for.
  public var architecture: Architecture {
    Architecture(depth: options.depth, channels: options.channels).over(method.network?.architecture ?? Architecture())
  }

  /// One phase of ``Recipe/adam(_:steps:batchSize:chunkSize:warmUp:)``, validated every 250 steps, or ten times in a short one.
  func adamRecipe(steps: Int, batchSize: Int, seed: UInt64, notes: [String: String]) -> Recipe {
    .adam(network: method.name, architecture, steps: steps, batchSize: batchSize, seed: seed, notes: notes)
  }

  /// A fixed tensor that the interrupted run worked out before.
  ///
  /// - Throws: ``TrainingError/checkpoint(_:)`` when it has another shape than this run's.
  public func known(_ name: String, shape: [Int]) throws -> Tensor? {
    guard let found = resuming?.operators.first(where: { $0.name == name })?.value else { return nil }
    guard found.shape == shape else {
      throw TrainingError.checkpoint(
        "the checkpoint is of another run: \(name) has the shape \(found.shape) in the file, \(shape) here; begin anew without resuming."
      )
    }
    return found
  }

  /// The network before training, in the shape that is asked for.
  ///
  /// - Parameter fixed: tensors that the network is made with and that are not trained.
  public func untrained(_ system: E.System, fixed: [NamedParameter] = [], seed: UInt64) throws -> any Network {
    guard let network = method.network else { throw InputError("\(method.name) is a classical method; expected a network") }
    return try network.make(system, architecture, Weights(parameters: [], operators: fixed), seed)
  }
}

/// A training made ready: an untrained network, a recipe, and what runs it.
public struct Training: Sendable {
  public var recipe: Recipe
  /// It can be interrupted and goes on.
  public let hasCheckpoints: Bool
  /// Facts for the answer that stand beside the weights, once they are written.
  public typealias Outcome = (parameters: Int, facts: [(name: String, value: Double)])
  private let body: @Sendable (Recipe, Run) throws -> Outcome?
  private let trial: (@Sendable (Recipe) throws -> Trial)?

  /// What a few steps tell of a training.
  public struct Trial: Sendable {
    public let parameters: Int
    /// Of each phase, its name and steps, and seconds a step.
    public let phases: [(name: String, steps: Int, secondsPerStep: Double)]
    public var seconds: Double { phases.reduce(0) { $0 + Double($1.steps) * $1.secondsPerStep } }
  }

  /// What a run is told.
  public struct Run {
    public var path: String
    /// Weights to start from.
    public var start: String?
    public var resuming: Checkpoint?
    public var checkpointEvery: Int?
    /// What the samples and the operator are made of, for checkpoints.
    public var sources: TrainingSources?
    /// Made when all else is known to be right.
    public var monitors: () throws -> [any TrainingMonitor]

    public init(
      path: String, start: String? = nil, resuming: Checkpoint? = nil, checkpointEvery: Int? = nil,
      sources: TrainingSources? = nil, monitors: @escaping () throws -> [any TrainingMonitor] = { [] }
    ) {
      (self.path, self.start, self.resuming, self.checkpointEvery) = (path, start, resuming, checkpointEvery)
      (self.sources, self.monitors) = (sources, monitors)
    }

    /// Where its checkpoints go, and what they and the weights say of it; its time counts from now on.
    func policy(before: String? = nil) -> CheckpointPolicy {
      var policy = CheckpointPolicy(path: checkpointPath(of: path), steps: checkpointEvery, seconds: 60)
      policy.sources = sources?.values ?? [:]
      policy.secondsBefore = resuming?.seconds ?? 0
      policy.before = before
      return policy
    }
  }

  /// - Throws: ``InputError`` when the network is between other spaces than the training.
  public init<T: NetworkTraining>(_ training: T, _ untrained: any Network, _ recipe: Recipe) throws {
    guard let network = untrained as? any Network<T.Measurement, T.Signal> else {
      throw InputError("found a network \(recipe.network) between other spaces than its samples; expected another network")
    }
    (self.recipe, hasCheckpoints) = (recipe, true)
    trial = { recipe in
      func measured<N: Network<T.Measurement, T.Signal>>(_ network: N) throws -> Trial {
        Trial(
          parameters: network.parameterCount,
          phases: try recipe.phases.map { phase in
            var few = recipe
            few.phases = [phase]
            (few.phases[0].steps, few.phases[0].earlyStopping, few.validationInterval) = (6, nil, nil)
            let monitor = TrialMonitor(phase.name)
            _ = try training.train(network, recipe: few, resuming: nil, checkpoints: nil, monitors: [monitor], stop: nil)
            return (phase.name, phase.steps, monitor.secondsPerStep)
          })
      }
      return try measured(network)
    }
    body = { recipe, run in
      func train<N: Network<T.Measurement, T.Signal>>(_ network: N, before: String?) throws -> Outcome? {
        let policy = run.policy(before: before)
        let monitors = World.isFirst ? try run.monitors() : []
        let trained = try StopRequest.onSignals {
          try training.train(network, recipe: recipe, resuming: run.resuming, checkpoints: policy, monitors: monitors, stop: $0)
        }
        guard let trained else { return nil }
        try World.onFirst {
          try Weights.save(
            trained, recipe: recipe, operators: training.operators,
            provenance: Provenance(of: trained, policy: policy), to: run.path)
          try? FileManager.default.removeItem(atPath: policy.path)
        }
        return (trained.parameterCount, [])
      }
      func started<N: Network<T.Measurement, T.Signal>>(_ network: N) throws -> Outcome? {
        guard let start = run.start else { return try train(network, before: run.resuming?.before) }
        let weights = try Weights(anyFile: start).withHouseNames
        return try train(
          weights.atDepth(of: network).fitted(to: network).filled(network, path: start),
          before: run.resuming.map(\.before) ?? weights.history(file: TrainingSources.described([start])))
      }
      return try started(network)
    }
  }

  /// What finds its numbers without a network's training.
  public init(_ recipe: Recipe, body: @escaping @Sendable (Run) throws -> Outcome) {
    (self.recipe, hasCheckpoints, trial) = (recipe, false, nil)
    self.body = { _, run in try body(run) }
  }

  /// Changes batch and learning rate of every phase that takes samples in batches.
  public mutating func apply(_ options: TrainingOptions) { recipe.apply(options) }

  /// Some steps of each phase, nothing written; nil for what has no steps.
  public func dryRun() throws -> Trial? { try trial?(recipe) }

  /// Trains to a file of weights. The checkpoint is removed once the weights are whole; Ctrl-C and SIGTERM leave it whole.
  ///
  /// - Returns: nil when the run was stopped.
  public func run(_ run: Run) throws -> Outcome? {
    if World.isFirst { AtomicFile.removeLeftovers(of: run.path) }
    return try body(recipe, run)
  }

  /// The same for one of many, unless its finished weights of this very recipe exist; goes on from a checkpoint.
  public func finish(_ run: Run, report: (String) -> Void) throws {
    if FileManager.default.fileExists(atPath: run.path), let done = try Weights(contentsOf: run.path).recipe,
      try Recipe(json: done) == recipe
    {
      return report("\(run.path): already trained by this recipe")
    }
    try FileManager.default.createDirectory(
      atPath: (run.path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    guard try self.run(run) != nil else {
      throw WorkStopped("stopped; the same command goes on from the checkpoint beside \(run.path)")
    }
  }
}

/// Tells how far a trial is.
private final class TrialMonitor: TrainingMonitor {
  private let phase: String
  private var seconds: [Double] = []
  init(_ phase: String) { self.phase = phase }

  /// The median, the first step left out; 0 where no step was reported.
  var secondsPerStep: Double {
    let sorted = seconds.dropFirst().sorted()
    return sorted.isEmpty ? seconds.first ?? 0 : sorted[sorted.count / 2]
  }
  func finish() {}
  func record(_ report: TrainingReport) {
    Work.report("trial of \(phase), step", report.step, of: report.totalSteps)
    seconds.append(report.seconds)
  }
}

/// Where the checkpoint of a weights file lies.
public func checkpointPath(of weights: String) -> String { weights + ".checkpoint" }

/// The checkpoint of an interrupted training of these weights; nil when there is none.
public func interruptedTraining(of weights: String) throws -> Checkpoint? {
  let path = checkpointPath(of: weights)
  return FileManager.default.fileExists(atPath: path) ? try Checkpoint(contentsOf: path) : nil
}
