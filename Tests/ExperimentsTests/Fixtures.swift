// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Experiments
import FileFormats
import Foundation
import Networks
import Tensors
import TestSupport
import Testing
import Training

extension Settings {
  /// The usual values but for what `change` sets.
  static func set(_ change: (inout Self) -> Void) -> Self {
    var settings = Self()
    change(&settings)
    return settings
  }
}

extension SolverOptions {
  static func set(_ change: (inout Self) -> Void) -> Self {
    var options = Self()
    change(&options)
    return options
  }
}

extension Experiment {
  /// A method that there must be.
  static func named(_ name: String) throws -> Method<Self> { try #require(method(name), "no method \(name)") }

  /// A network before training.
  static func network(
    _ name: String, _ system: System, depth: Int? = nil, channels: Int? = nil, fixed: [NamedParameter] = [], seed: UInt64 = 1
  ) throws -> any Network {
    let network = try #require(try named(name).network, "\(name) is no network")
    let shape = Architecture(depth: depth, channels: channels).over(network.architecture)
    return try network.make(system, shape, Weights(parameters: [], operators: fixed), seed)
  }
}

extension EvaluationReport {
  /// PSNR of the mean squared error of the whole set, as the authors of FISTA-Net score.
  var pooledPSNR: Double {
    let squares = images.map { ($0.scores.rmse ?? .nan) * ($0.scores.rmse ?? .nan) }
    return -10 * log10(squares.reduce(0, +) / Double(squares.count))
  }
}

extension Folder {
  /// Images of 16 bits in a folder of their own.
  func writeImages(_ images: [Tensor], to name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    for (k, image) in images.enumerated() { try writePNG(image, to: file("\(name)/\(k).png"), bitDepth: 16) }
    return file(name)
  }
}

/// Asks for a stop after a step.
final class StopAfter: TrainingMonitor {
  let step: Int
  let stop: StopRequest
  init(_ step: Int, _ stop: StopRequest) { (self.step, self.stop) = (step, stop) }
  func record(_ report: TrainingReport) { if report.step == step { stop.stop() } }
  func finish() {}
}

/// Hands every step on; what `body` throws ends the training.
final class StepLog: TrainingMonitor {
  let body: (TrainingReport) throws -> Void
  init(_ body: @escaping (TrainingReport) throws -> Void) { self.body = body }
  func record(_ report: TrainingReport) throws { try body(report) }
  func finish() {}
}
