// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a model is trained on: a number of samples, and how some of them become a batch.
public protocol TrainingSamples: Sendable {
  associatedtype Batch: Sendable
  /// Number of samples in an epoch.
  var count: Int { get }
  /// The batch of these samples.
  ///
  /// - Parameter generator: the only source of chance (noise, augmentation, codes drawn afresh). It depends on the seed, the
  ///   step and the place in the batch alone, so that a step's batch is the same in every run. Called on any thread.
  func batch(_ samples: [Int], using generator: inout RandomGenerator) -> Batch
}

/// Measurements with their ground truth: what is trained on, or a batch of it.
public struct Pairs<Measurement: Batched, Signal: Batched>: TrainingSamples {
  public typealias Batch = Pairs

  public var measurement: Measurement
  public var groundTruth: Signal

  /// Both of as many samples.
  public init(measurement: Measurement, groundTruth: Signal) {
    precondition(
      measurement.sampleCount == groundTruth.sampleCount,
      "\(measurement.sampleCount) measurements beside \(groundTruth.sampleCount) samples of ground truth")
    self.measurement = measurement
    self.groundTruth = groundTruth
  }

  public var count: Int { measurement.sampleCount }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> Pairs {
    Pairs(measurement: measurement.rows(at: samples), groundTruth: groundTruth.rows(at: samples))
  }
}

/// Real measurements with real ground truth.
public typealias SamplePairs = Pairs<Tensor, Tensor>

/// Which samples make up the batch of a step: a function of the seed, the phase and the step.
///
/// Every epoch goes through a new permutation of the samples; those left over at its end, fewer than a batch, sit it out.
/// A full batch holds all samples in their own order.
struct BatchOrder: Sendable {
  let seed: UInt64
  let phase: Int
  let count: Int
  /// Samples in a batch; nil for all of them.
  let batchSize: Int?
  private var epoch = -1
  private var permutation: [Int] = []

  init(seed: UInt64, phase: Int, count: Int, batchSize: Int?) {
    self.seed = seed
    self.phase = phase
    self.count = count
    self.batchSize = batchSize
  }

  mutating func samples(step: Int) -> [Int] {
    guard let batchSize else { return Array(0..<count) }
    let batches = count / batchSize
    if epoch != step / batches {
      epoch = step / batches
      var generator = RandomGenerator(seed: seed, purpose: 1, phase, epoch)
      permutation = Array(0..<count)
      permutation.shuffle(using: &generator)
    }
    let begin = step % batches * batchSize
    return Array(permutation[begin..<begin + batchSize])
  }
}

extension RandomGenerator {
  /// A sequence of its own for every purpose, phase and index.
  init(seed: UInt64, purpose: UInt64, _ indices: Int...) {
    var generator = RandomGenerator(seed: seed, stream: purpose)
    for index in indices { generator = RandomGenerator(seed: generator.next(), stream: UInt64(index)) }
    self = generator
  }
}
