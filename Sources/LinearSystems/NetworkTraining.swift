// SPDX-License-Identifier: Apache-2.0
import Networks
import Tensors
import Training

/// Something networks can be trained on: samples with a loss and a validation.
public protocol NetworkTraining<Measurement, Signal>: Sendable {
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

/// A tenth of the images, every tenth, is kept aside for validation: at least one, and one stays for training.
public func splitForValidation<Image>(_ images: [Image]) -> (training: [Image], validation: [Image]) {
  if images.count < 2 { return (images, images) }
  let isKept = { (i: Int) in i % 10 == min(9, images.count - 1) }
  return (images.indices.filter { !isKept($0) }.map { images[$0] }, images.indices.filter(isKept).map { images[$0] })
}
