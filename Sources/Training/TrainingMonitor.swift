// SPDX-License-Identifier: Apache-2.0

/// A number of the model that is followed during training, such as a step size.
public struct TrainingFigure: Sendable, Equatable {
  public let name: String
  public let value: Double

  public init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// What a step of training did.
public struct TrainingReport: Sendable {
  public let recipe: Recipe
  /// Index of the phase, from 0.
  public let phase: Int
  /// Steps done in the phase.
  public let step: Int
  /// Loss on the step's batch, before the step.
  public let loss: Double
  public let learningRate: Double
  /// What the step took: draws, gradient, messages, optimiser; validation left out.
  public let seconds: Double
  /// The validation error, when the step was validated.
  public let validation: Double?
  /// What else is known of the model when it was validated.
  public let figures: [TrainingFigure]
  /// True when the phase ends with this step, at its last or earlier.
  public let isLastOfPhase: Bool

  /// Steps done since the beginning, phases that ended early counted in full.
  public var totalStep: Int { recipe.phases[..<phase].reduce(0) { $0 + $1.steps } + step }
  /// Steps of the whole recipe.
  public var totalSteps: Int { recipe.phases.reduce(0) { $0 + $1.steps } }
}

/// Something that is told of every step: a progress bar, a file of curves.
public protocol TrainingMonitor: AnyObject {
  func record(_ report: TrainingReport) throws
  /// The run is over, stopped or has failed.
  func finish()
}
