// SPDX-License-Identifier: Apache-2.0
import Communication
import Platform
import Tensors
import WeightFiles
import _Differentiation

/// Trains a model by a recipe: phase after phase, step after step, the same bytes every time.
///
/// A step's batch follows from the seed, the phase and the step; sums are taken in an order that does not depend on the number of
/// threads, nor on that of processes. A run that was interrupted and resumed from its checkpoint ends with the bytes of one that was not.
///
/// The processes of a ``World`` share out the chunks of every batch, each draws its own, and all take the same step and validate together; the first
/// writes checkpoints and tells monitors. A stop that one is asked for stops all after the same step.
public struct Trainer<Model: Parameterized, Samples: TrainingSamples>: Sendable {
  /// The mean loss of a model over a batch, of its first stages only where the phase says so.
  public typealias Loss =
    @Sendable @differentiable(reverse) (Model, @noDerivative Samples.Batch, _ depth: @noDerivative Int?) -> Double
  /// An error of the model on samples it is not trained on, the lower the better. All processes call it and may share the work out; that of
  /// the first counts.
  public typealias Validation = @Sendable (_ model: Model, _ depth: Int?) -> Double
  /// Numbers of the model to follow, taken whenever it is validated. What it throws ends the run.
  public typealias Figures = @Sendable (_ model: Model) throws -> [TrainingFigure]

  public let recipe: Recipe
  public let samples: Samples
  /// Fixed tensors the model was made for, such as a sampling matrix; kept with the weights.
  public let operators: [NamedParameter]
  let validation: Validation?
  let figures: Figures?
  /// The loss times a weight, with its gradient. A differentiable function must not be a stored property of a generic type: the
  /// type's run-time layout (Swift 6.3) counts 16 bytes for its 48, and the properties overlap.
  private let weightedLoss: @Sendable (Model, Samples.Batch, _ depth: Int?, _ weight: Double) -> LossGradient<Model>

  public init(
    recipe: Recipe, samples: Samples, operators: [NamedParameter] = [], validation: Validation? = nil,
    figures: Figures? = nil, loss: @escaping Loss
  ) {
    self.recipe = recipe
    self.samples = samples
    self.operators = operators
    self.validation = validation
    self.figures = figures
    weightedLoss = { model, batch, depth, weight in
      let (value, pullback) = valueWithPullback(at: model) { loss($0, batch, depth) }
      return LossGradient(loss: weight * value, gradient: pullback(weight))
    }
  }

  /// How a run ended.
  public struct Result: Sendable {
    public var model: Model
    /// False when it was stopped; the checkpoint then holds the rest.
    public var isFinished: Bool
    /// The last validation error, or that of the weights kept by early stopping.
    public var validation: Double?
  }

  /// Trains `model` to the end of the recipe.
  ///
  /// - Parameters:
  ///   - resuming: where an earlier run of the same recipe stands; `model` then gives the structure only.
  ///   - checkpoints: where and how often to write where this run stands.
  ///   - monitors: told of every step.
  ///   - stop: looked at after every step.
  /// - Throws: ``TrainingError``; what writing a checkpoint or a monitor throws. The last checkpoint stays as it was written.
  public func train(
    _ model: Model, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil, monitors: [any TrainingMonitor] = [],
    stop: StopRequest? = nil
  ) throws -> Result {
    try recipe.check(for: model, sampleCount: samples.count, validates: validation != nil)
    var state = TrainingState(model, recipe: recipe)
    if let resuming { try state.restore(resuming, recipe: recipe, operators: operators) }
    let world = World.current
    var schedule = world.rank == 0 ? checkpoints.map(CheckpointSchedule.init) : nil
    let monitors = world.rank == 0 ? monitors : []
    defer { for monitor in monitors { monitor.finish() } }
    // Of several processes all learn of a stop in the next step.
    var isStopping = world.count == 1 && stop?.isRequested == true

    while state.phase < recipe.phases.count {
      if isStopping {
        try schedule?.write(checkpoint(of: state))
        return Result(model: state.model, isFinished: false, validation: state.validation)
      }
      try runPhase(&state, world, monitors: monitors, stop: stop, isStopping: &isStopping) { state in
        if schedule?.isDue() == true { try schedule?.write(checkpoint(of: state)) }
      }
    }
    try schedule?.write(checkpoint(of: state))
    return Result(model: state.model, isFinished: true, validation: state.validation)
  }

  /// Steps to the end of the phase, or until it `isStopping`; `keep` is called after each step.
  private func runPhase(
    _ state: inout TrainingState<Model>, _ world: any Communicator, monitors: [any TrainingMonitor], stop: StopRequest?,
    isStopping: inout Bool, keep: (TrainingState<Model>) throws -> Void
  ) throws {
    let phase = recipe.phases[state.phase]
    var order = BatchOrder(seed: recipe.seed, phase: state.phase, count: samples.count, batchSize: phase.batchSize)
    // Where the phase begins is the first of those that it may end with.
    if state.step == 0, phase.earlyStopping != nil { _ = try validateIfDue(&state, phase, world, isLast: false) }
    var isOver = false
    while !isOver {
      let rate = phase.learningRate(state.step)
      isStopping = stop?.isRequested == true
      let begin = ContinuousClock.now
      let outcome = try step(
        &state, phase, batch: order.samples(step: state.step), learningRate: rate, world, isStopping: &isStopping)
      let seconds = (ContinuousClock.now - begin) / .seconds(1)
      state.step += 1
      isOver = state.step == phase.steps || outcome.isConverged
      let error = try validateIfDue(&state, phase, world, isLast: isOver)
      if let best = state.best, let patience = phase.earlyStopping?.patience, state.step - best.step >= patience { isOver = true }

      let report = TrainingReport(
        recipe: recipe, phase: state.phase, step: state.step, loss: outcome.loss, learningRate: rate, seconds: seconds,
        validation: error, figures: error == nil || world.rank > 0 ? [] : try figures?(state.candidate) ?? [], isLastOfPhase: isOver
      )
      for monitor in monitors { try monitor.record(report) }
      if isOver { state.endPhase(recipe) }
      try keep(state)
      if world.count == 1 { isStopping = stop?.isRequested == true }
      if isStopping { return }
    }
  }

  /// One step of the optimiser on the batch made of `batch`.
  private func step(
    _ state: inout TrainingState<Model>, _ phase: Recipe.Phase, batch: [Int], learningRate: Double, _ world: any Communicator,
    isStopping: inout Bool
  ) throws -> OptimiserStep {
    let (phaseIndex, stepIndex) = (state.phase, state.step)
    // What searches compares losses of several steps: the draws stay the same.
    let draw = phase.optimiser.searches ? 0 : stepIndex
    let chunks = Chunks(sampleCount: batch.count, size: phase.chunkSize)
    let (seed, samples, loss, depth) = (recipe.seed, samples, weightedLoss, phase.depth)

    let outcome = try state.optimiser.step(&state.model, learningRate: learningRate, groups: phase.groups) { model in
      var found = parallelSum(of: model, over: chunks, world: world, isStopping: &isStopping) { chunk in
        var generator = RandomGenerator(seed: seed, purpose: 2, phaseIndex, draw, chunk)
        return loss(model, samples.batch(Array(batch[chunks[chunk]]), using: &generator), depth, chunks.weight(chunk))
      }
      if phase.optimiser.searches { return found }  // a search tries steps that are too long and turns back by itself
      guard found.loss.isFinite else { throw diverged(phaseIndex, stepIndex, "the loss is \(found.loss)") }
      if let name = model.firstNonFiniteGradient(found.gradient, groups: phase.groups) {
        throw diverged(phaseIndex, stepIndex, "the gradient of \(name) is not finite (loss \(found.loss))")
      }
      if let limit = phase.clipNorm { model.clipGradient(&found.gradient, toNorm: limit, groups: phase.groups) }
      return found
    }
    guard outcome.loss.isFinite else { throw diverged(phaseIndex, stepIndex, "the loss is \(outcome.loss)") }
    if let name = state.model.firstNonFiniteParameter { throw diverged(phaseIndex, stepIndex, "parameter \(name) is not finite") }
    state.average?.add(state.model, step: stepIndex + 1)
    return outcome
  }

  /// The validation error when this step is to be validated.
  private func validateIfDue(
    _ state: inout TrainingState<Model>, _ phase: Recipe.Phase, _ world: any Communicator, isLast: Bool
  ) throws -> Double? {
    guard let interval = recipe.validationInterval, let validation, isLast || state.step % interval == 0 else { return nil }
    var error = validation(state.candidate, phase.depth)
    world.broadcast(&error)
    guard error.isFinite else { throw diverged(state.phase, state.step - 1, "the validation error is \(error)") }
    state.validation = error
    if phase.earlyStopping != nil { state.keepIfBest() }
    return error
  }

  private func diverged(_ phase: Int, _ step: Int, _ what: String) -> TrainingError {
    let name = recipe.phases[phase].name
    return .diverged("phase \(phase + 1), \(name), step \(step + 1): \(what); lower the learning rate or clip the gradient.")
  }

  private func checkpoint(of state: TrainingState<Model>) -> Checkpoint {
    Checkpoint(of: state, recipe: recipe, operators: operators)
  }
}
