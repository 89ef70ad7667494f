// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Networks
import Tensors
import Training

/// Something networks can be trained on: a problem with its samples, its loss and its validation.
public protocol NetworkTraining<Measurement, Signal> {
  associatedtype Measurement: Batched = Tensor
  associatedtype Signal: Batched = Tensor
  /// Fixed tensors that go into the weights file, such as the dictionary.
  var operators: [NamedParameter] { get }
  /// Trains a network by a recipe; nil when it was stopped, with the checkpoint written.
  func train<N: Network<Measurement, Signal>>(
    _ network: N, recipe: Recipe, resuming: Checkpoint?, checkpoints: CheckpointPolicy?, monitors: [any TrainingMonitor],
    stop: StopRequest?
  ) throws -> N?
}

extension NetworkTraining {
  /// Trains a network to a file of weights, going on from the checkpoint beside it when `resuming` one.
  ///
  /// The checkpoint is removed once the weights are whole. Ctrl-C and SIGTERM leave it whole.
  /// - Returns: the number of parameters; nil when the run was stopped.
  public func train(
    _ network: some Network<Measurement, Signal>, recipe: Recipe, to path: String, resuming: Checkpoint?,
    checkpointEvery steps: Int? = nil,
    monitors: [any TrainingMonitor]
  ) throws -> Int? {
    AtomicFile.removeLeftovers(of: path)
    let policy = CheckpointPolicy(path: checkpointPath(of: path), steps: steps, seconds: 60)
    let trained = try StopRequest.onSignals {
      try train(network, recipe: recipe, resuming: resuming, checkpoints: policy, monitors: monitors, stop: $0)
    }
    guard let trained else { return nil }
    try Weights.save(trained, recipe: recipe, operators: operators, to: path)
    try? FileManager.default.removeItem(atPath: policy.path)
    return trained.parameterCount
  }
}

/// Where the checkpoint of a weights file lies.
public func checkpointPath(of weights: String) -> String { weights + ".checkpoint" }

/// The checkpoint of an interrupted training of these weights; nil when there is none.
public func interruptedTraining(of weights: String) throws -> Checkpoint? {
  let path = checkpointPath(of: weights)
  return FileManager.default.fileExists(atPath: path) ? try Checkpoint(contentsOf: path) : nil
}

/// A tenth of the images, every tenth, is kept aside for validation: at least one, and one stays for training.
public func splitForValidation<Image>(_ images: [Image]) -> (training: [Image], validation: [Image]) {
  if images.count < 2 { return (images, images) }
  let isKept = { (i: Int) in i % 10 == min(9, images.count - 1) }
  return (images.indices.filter { !isKept($0) }.map { images[$0] }, images.indices.filter(isKept).map { images[$0] })
}
