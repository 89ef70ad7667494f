// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Where a training run stands: everything that the steps to come depend on.
struct TrainingState<Model: Parameterized>: Sendable {
  var model: Model
  /// Index of the phase; the number of phases when training is over.
  var phase = 0
  /// Steps done in the phase.
  var step = 0
  var optimiser: any Optimiser
  var average: WeightAverage<Model>?
  var best: Best?
  /// The last validation error.
  var validation: Double?

  /// The lowest validation error of the phase and the weights that had it.
  struct Best: Sendable {
    var validation: Double
    var step: Int
    var model: Model
  }

  /// Before the first step of `recipe`.
  init(_ model: Model, recipe: Recipe) {
    self.model = model
    optimiser = recipe.phases[0].optimiser.makeOptimiser()
    average = recipe.phases[0].averaging.map { WeightAverage(of: model, decay: $0) }
  }

  /// What is validated, and what the phase ends with when nothing better was kept.
  var candidate: Model { average?.model ?? model }

  mutating func keepIfBest() {
    guard let validation, validation < best?.validation ?? .infinity else { return }
    best = Best(validation: validation, step: step, model: candidate)
  }

  /// Settles the phase's weights and stands before the first step of the next.
  mutating func endPhase(_ recipe: Recipe) {
    model = best?.model ?? candidate
    if let best { validation = best.validation }
    phase += 1
    step = 0
    best = nil
    average = nil
    guard phase < recipe.phases.count else { return }
    optimiser = recipe.phases[phase].optimiser.makeOptimiser()
    average = recipe.phases[phase].averaging.map { WeightAverage(of: model, decay: $0) }
  }
}
