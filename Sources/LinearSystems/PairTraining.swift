// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Algorithms
import Networks
import Operators
import Platform
import Problems
import Tensors
import Training
import _Differentiation

/// Samples that are drawn, turned and measured afresh for every batch, or given pairs.
public struct DrawnPairs<Measurement: Batched, Signal: Batched>: TrainingSamples {
  public typealias Batch = Pairs<Measurement, Signal>
  public let count: Int
  private let draw: @Sendable ([Int], inout RandomGenerator) -> Batch

  /// - Parameter count: samples that count as an epoch.
  public init(count: Int, draw: @escaping @Sendable ([Int], inout RandomGenerator) -> Batch) {
    self.count = count
    self.draw = draw
  }

  public init(_ pairs: Batch) { self.init(count: pairs.count) { pairs.batch($0, using: &$1) } }

  public func batch(_ samples: [Int], using generator: inout RandomGenerator) -> Batch { draw(samples, &generator) }
}

/// The loss of a batch: a criterion of estimate and truth, and what stages recorded.
public struct PairLoss: Sendable {
  public enum Criterion: Sendable {
    /// The mean of (x̂ − x)² over all numbers.
    case meanSquare
    /// The mean of ‖x̂ − x‖₂ / ‖x‖₂ over samples, `[samples, h, w]`.
    case meanNormalised
    /// The mean over samples of log₁₀ of a sample's mean square error, which the mean PSNR is: no sample drowns another.
    case logSquares
    /// The mean of ½‖x̂ − x‖² over samples.
    case halfSquaredNorm
    /// log(Σ‖x̂ − x‖² / Σ‖x‖²), sums over samples: of errors that fall by orders it has gradients of one size throughout. 10⁻³⁰ is
    /// added to both sums.
    case logarithmicError
    /// The mean of ½‖A x̂ − y‖² + λ‖x̂‖₁ over samples: no truth is looked at.
    case lasso(SparseCoding)
  }

  public var criterion: Criterion
  /// Weight of the mean of |x̂ − x|.
  public var absolute = 0.0
  /// Weight of what the stages recorded.
  public var recorded = 0.0
  /// Weight of ``Network/asymmetry(_:)`` on the truth.
  public var asymmetry = 0.0
  public var recomputes = false

  public init(_ criterion: Criterion = .meanSquare) { self.criterion = criterion }

  /// The criterion alone.
  @differentiable(reverse,wrt: x)
  public func value<Measurement: Batched, Signal: ImageSpace>(_ x: Signal, _ batch: Pairs<Measurement, Signal>) -> Double {
    let shape = withoutDerivative(at: batch.groundTruth.shape)
    let (height, width) = (shape[shape.count - 2], shape[shape.count - 1])
    let found = planes(x, height: height, width: width)
    let wanted = withoutDerivative(at: planes(batch.groundTruth, height: height, width: width))
    switch criterion {
    case .meanSquare:
      let square = meanSquaredDifference(found, wanted)
      return absolute == 0 ? square : square + absolute * meanMagnitude(found - wanted)
    case .meanNormalised:  // both parts of a complex image are one sample
      let truth = withoutDerivative(at: channelsLast(batch.groundTruth, height: height, width: width))
      return meanNormalisedError(channelsLast(x, height: height, width: width), truth)
    case .logSquares:
      let numbers = withoutDerivative(at: shape.reduce(1, *) / batch.count)
      let truth = withoutDerivative(at: channelsLast(batch.groundTruth, height: 1, width: numbers))
      return meanLogSquare(channelsLast(x, height: 1, width: numbers), truth)
    case .halfSquaredNorm: return 0.5 * squaredNorm(found - wanted) / withoutDerivative(at: Double(batch.count))
    case .logarithmicError:
      return log(squaredNorm(found - wanted) + 1e-30) - withoutDerivative(at: log(squaredNorm(wanted) + 1e-30))
    case .lasso(let problem): return lassoValue(found, problem, withoutDerivative(at: batch.measurement))
    }
  }

  /// The loss of a network's first `stages` stages; nil: all of them.
  public func callable<N: Network>(
    for _: N.Type
  ) -> @Sendable @differentiable(reverse) (N, @noDerivative Pairs<N.Measurement, N.Signal>, _ stages: @noDerivative Int?) -> Double
  where N.Measurement: Batched, N.Signal: ImageSpace {
    let (loss, recorded, asymmetry) = (self, recorded, asymmetry)
    let (records, recomputation) = (recorded != 0, Recomputation(everyStage: recomputes))
    return { network, batch, stages in
      let wanted = withoutDerivative(at: stages ?? 0)
      if wanted > 0 { return loss.value(network(batch.measurement, stages: wanted), batch) }
      let output = network.run(batch.measurement, recording: records, recomputing: recomputation)
      let error = loss.value(output.estimate, batch)
      if asymmetry != 0 { return error + asymmetry * network.asymmetry(batch.groundTruth) }
      return error + recorded * output.recorded
    }
  }
}

/// - Parameter codes: `[1, samples, m]`.
@differentiable(reverse,wrt: codes)
private func lassoValue<Measurement: Batched>(_ codes: Tensor, _ problem: SparseCoding, _ measurement: Measurement) -> Double {
  let y = withoutDerivative(at: rows(measurement))
  let count = withoutDerivative(at: Double(y.shape[1]))
  return (0.5 * squaredNorm(problem.dictionary(codes) - y) + problem.alpha * l1Norm(codes)) / count
}

/// `[1, samples, n]`.
private func rows<Measurement: Batched>(_ measurement: Measurement) -> Tensor {
  guard let y = measurement as? Tensor else { preconditionFailure("a LASSO of measurements that are not real") }
  return y.reshaped([1] + y.shape)
}

/// A training on pairs of measurement and truth: what most networks need.
///
/// A network with buffers is validated with the statistics of 64 training measurements in them, and ends with those of 512.
public struct PairTraining<Measurement: Batched, Signal: ImageSpace>: NetworkTraining {
  public var samples: DrawnPairs<Measurement, Signal>
  public var loss: PairLoss
  public var operators: [NamedParameter]
  /// Samples that only validation looks at, and the error of an estimate of theirs: the loss's criterion without more weights, unless given.
  public var validation: Pairs<Measurement, Signal>
  public var validationError: (@Sendable (Signal, Pairs<Measurement, Signal>) -> Double)?
  /// Samples at a time where a network runs on many.
  public var samplesAtATime = 1
  /// Numbers to follow of a network at every validation. What it throws ends the training.
  public var figures: (@Sendable (any Network<Measurement, Signal>) throws -> [TrainingFigure])?

  public init(
    _ samples: DrawnPairs<Measurement, Signal>, loss: PairLoss, validation: Pairs<Measurement, Signal>,
    operators: [NamedParameter] = []
  ) throws {
    guard samples.count > 0, validation.count > 0 else {
      throw InputError("found \(samples.count) training and \(validation.count) validation samples; expected some of both")
    }
    (self.samples, self.loss, self.validation, self.operators) = (samples, loss, validation, operators)
  }

  public func train<N: Network<Measurement, Signal>>(
    _ network: N, recipe: Recipe, resuming: Checkpoint? = nil, checkpoints: CheckpointPolicy? = nil,
    monitors: [any TrainingMonitor] = [], stop: StopRequest? = nil
  ) throws -> N? {
    let (samples, held, size, figures) = (samples, validation, samplesAtATime, figures)
    var criterion = loss
    criterion.absolute = 0
    let plain = criterion
    let error = validationError ?? { plain.value($0, $1) }
    @Sendable func calibrated(_ network: N, _ count: Int) -> N {
      guard !network.buffers.isEmpty else { return network }
      var generator = RandomGenerator(seed: recipe.seed, stream: 21)
      return network.calibrated(on: samples.batch(Array(0..<min(count, samples.count)), using: &generator).measurement)
    }
    let trainer = Trainer<N, DrawnPairs<Measurement, Signal>>(
      recipe: recipe, samples: samples, operators: operators,
      validation: { network, stages in
        calibrated(network, 64).sharedPrediction(held.measurement, stages: stages ?? network.depth, samplesAtATime: size)
          .map { error($0, held) } ?? 0
      }, figures: { network in network.buffers.isEmpty ? try figures?(network) ?? [] : [] }, loss: loss.callable(for: N.self))
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? calibrated(result.model, 512) : nil
  }
}

extension ImageSpace {
  /// Images `[1, h, w]` in one of eight orientations, 0 to 7; those that are not square only mirrored.
  public func turned(_ orientation: Int) -> Self {
    let isSquare = shape[shape.count - 2] == shape[shape.count - 1]
    let turn = Orientation(
      transposes: orientation & 4 != 0 && isSquare, flipsRows: orientation & 1 != 0, flipsColumns: orientation & 2 != 0)
    return Self(separateParts: separateParts.map { turn.forward($0) })
  }
}

extension Network {
  /// What it computes in: single precision where one of its arrays is.
  public var precision: Precision {
    parametersAndBuffers.contains { !$0.value.shape.isEmpty && $0.value.precision == .single } ? .single : .double
  }
}
