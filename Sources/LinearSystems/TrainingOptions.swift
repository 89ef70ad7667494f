// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Training

/// Values that a user may set, with the usual ones by `init()`: options of the command line and lines of a YAML file have their names.
public protocol Settings: Codable, Sendable { init() }

/// Nothing to set.
public struct NoSettings: Settings { public init() {} }

/// How long to train: for the weights that ship, or a smaller version of minutes that says so.
public enum TrainingBudget: String, Sendable, CaseIterable, Codable {
  case full
  case quick
}

/// What moves the parameters of a network.
public enum NetworkOptimiser: String, Sendable, CaseIterable, Codable {
  case adam
  case muon
}

/// What of every training can be chosen; nil takes the recipe's own.
public struct TrainingOptions: Settings {
  /// Passes over the samples, in place of the recipe's steps.
  public var epochs: Int?
  public var steps: Int?
  /// Samples a step.
  public var batch: Int?
  /// The factor on the recipe's learning rates is this rate over 1e-3.
  public var learningRate: Double?
  /// In the place of Adam.
  public var optimiser: NetworkOptimiser?
  /// Stages.
  public var depth: Int?
  /// Channels of the convolutions.
  public var channels: Int?
  /// A file of weights to start from.
  public var start: String?
  /// Stages are computed again in the backward pass: less than half the memory, a third more time, the same weights.
  public var recompute = false
  public var quick = false

  public init() {}

  public var budget: TrainingBudget { quick ? .quick : .full }

  /// - Throws: ``InputError`` for numbers out of range, and for what a network has not.
  public func check(_ network: String, _ architecture: Architecture) throws {
    for (name, value, largest) in [
      ("epochs", epochs, 1_000_000_000), ("steps", steps, 1_000_000_000), ("batch", batch, 1_000_000_000), ("depth", depth, 1000),
      ("channels", channels, 1024),
    ] {
      if let value, !(1...largest).contains(value) { throw InputError("found --\(name) \(value); expected 1 to \(largest)") }
    }
    if let learningRate, !(learningRate > 0 && learningRate <= 1) {
      throw InputError("found --learning-rate \(learningRate); expected more than 0 and at most 1")
    }
    if depth != nil, architecture.depth == nil {
      throw InputError("found --depth for \(network), which has no stages; leave it out")
    }
    if channels != nil, architecture.channels == nil {
      throw InputError("found --channels for \(network), which has none to choose; leave it out")
    }
  }

  /// Steps from those given or from epochs.
  public func steps(samples: Int, batch usual: Int) -> Int? { steps ?? epochs.map { max(1, $0 * samples / (batch ?? usual)) } }

  /// Steps from those given or from epochs; else the recipe's own.
  public func steps(samples: Int, batch usual: Int, otherwise own: Int) -> Int { steps(samples: samples, batch: usual) ?? own }
}

extension Recipe {
  /// Changes batch, learning rate and optimiser of every phase that takes samples in batches.
  public mutating func apply(_ options: TrainingOptions) {
    for i in phases.indices where phases[i].batchSize != nil {
      if let batch = options.batch { phases[i].batchSize = batch }
      if options.optimiser == .muon, case .adam = phases[i].optimiser { phases[i].optimiser = .muon() }
      if let rate = options.learningRate { phases[i].learningRate = phases[i].learningRate.scaled(by: rate / 1e-3) }
    }
  }

  /// Adam at 1e-3 after a warm-up, falling to 1e-5 along a cosine, gradients clipped to norm 1, averaged weights: how networks on images are
  /// trained here.
  public static func adam(
    _ name: String = "training", steps: Int, batchSize: Int, chunkSize: Int = 1, warmUp: Int = 100
  ) -> Phase {
    Phase(
      name, steps: steps, batchSize: batchSize, chunkSize: chunkSize,
      learningRate: .warmUp(steps: warmUp, then: .cosine(rate: 1e-3, final: 1e-5, steps: steps)), clipNorm: 1, averaging: 0.999)
  }

  /// One phase of ``adam(_:steps:batchSize:chunkSize:warmUp:)``, validated every 250 steps, or ten times in a short one.
  public static func adam(
    network: String, _ architecture: Architecture, steps: Int, batchSize: Int, seed: UInt64, notes: [String: String]
  ) -> Recipe {
    Recipe(
      network: network, seed: seed, architecture: architecture,
      phases: [adam(steps: steps, batchSize: batchSize, warmUp: min(100, max(1, steps / 10)))],
      validationInterval: min(250, max(1, steps / 10)), notes: notes)
  }
}
