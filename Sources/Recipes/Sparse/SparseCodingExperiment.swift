// SPDX-License-Identifier: Apache-2.0
import Foundation
import Networks
import Operators
import Tensors
import Training

/// A sparse-coding experiment made ready: a dictionary, and training and validation patches with certified optimal codes. All
/// networks of one experiment share them.
public struct SparseCodingExperiment: NetworkTraining, Sendable {
  public let training: SparseCodingTraining
  public let dictionary: Matrix
  public let trainingCodes: CodedPatches
  public let validationCodes: CodedPatches

  /// - Parameters: `images`, gray, of which a tenth is kept aside for validation; `dictionary`, learned from the others when nil;
  ///   `report` is told in a few words what is being done.
  public init(
    _ training: SparseCodingTraining, images: [Tensor], dictionary given: Matrix? = nil, report: (String) -> Void = { _ in }
  ) throws {
    let (used, kept) = splitForValidation(images)
    self.training = training
    if let given {
      let pixels = training.recipeOfPatches.side * training.recipeOfPatches.side
      guard given.rows == pixels, given.columns == training.units else {
        throw RecipeError(
          "found a dictionary of \(given.rows) × \(given.columns); expected \(pixels) × \(training.units), give --units \(given.columns) or another dictionary"
        )
      }
      dictionary = given
    } else {
      report("learning a dictionary of \(training.units) atoms from \(used.count) images")
      dictionary = try training.learnDictionary(used)
    }
    report("solving for the optimal codes of \(training.trainingPatches + training.validationPatches) patches")
    trainingCodes = try training.coded(dictionary, images: used, count: training.trainingPatches, stream: 1)
    validationCodes = try training.coded(dictionary, images: kept, count: training.validationPatches, stream: 2)
  }

  public var operators: [NamedParameter] { training.operators(dictionary) }

  /// The untrained network of a method.
  public func network(_ method: SparseMethod, iterations: Int) -> (any TensorNetwork)? {
    training.network(method, dictionary: dictionary, iterations: iterations)
  }

  /// Trains a network and gives the weights it ends with; nil when it was stopped.
  public func train<Network: TensorNetwork>(
    _ network: Network, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> Network? {
    let result = try training.train(
      network, dictionary: dictionary, training: trainingCodes, validation: validationCodes, recipe: recipe, resuming: resuming,
      checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }
}
