// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// A training from measurements alone, by equivariant imaging: what a network makes of a turned image's measurement must be the turned image,
///
///     x₁ = f(y),   x₂ = T x₁,   x₃ = f(A x₂ + ε)
///     loss = ‖A x₁ − y‖² / m + α ‖x₃ − x₂‖² / n
///
/// T one of eight orientations, drawn for every batch, of images that are not square one of four; ε the model's noise. It learns what A does
/// not see where A itself is not equivariant. No ground truth is looked at. Source: Chen, Tachella & Davies, ICCV 2021.
struct EquivariantTraining<Measurement: NumberSpace, Signal: NumberSpace>: NetworkTraining {
  /// Measurements of A / ‖A‖ with a turn and noise.
  struct Samples: TrainingSamples {
    struct Batch: Sendable {
      var measurement: Measurement
      var turn: Orientation
      /// White noise of a second measurement.
      var noise: Measurement
      var count: Int { measurement.sampleCount }
    }
    let measurements: Measurement
    let system: LinearSystem
    var count: Int { measurements.sampleCount }

    func batch(_ samples: [Int], using generator: inout RandomGenerator) -> Batch {
      let y = measurements.rows(at: samples)
      let image = system.domain.image ?? (1, 1)
      let drawn = Int(generator.next() >> 61)
      let turn = Orientation(
        transposes: drawn & 4 != 0 && image.height == image.width, flipsRows: drawn & 1 != 0, flipsColumns: drawn & 2 != 0)
      let numbers = (1 / system.unit) * y.numbers
      let noisy = system.noise.added(to: numbers, support: system.double.support, using: &generator)
      return Batch(measurement: y, turn: turn, noise: Measurement(numbers: system.unit * (noisy - numbers), shape: y.shape))
    }
  }

  let samples: Samples
  let held: Measurement
  let A: OnArrays<Signal, Measurement>
  /// α.
  let weight: Double
  let recomputes: Bool
  var operators: [NamedParameter] { [] }

  func train<N: Network<Measurement, Signal>>(
    _ network: N, recipe: Recipe, resuming: Checkpoint?, checkpoints: CheckpointPolicy?, monitors: [any TrainingMonitor],
    stop: StopRequest?
  ) throws -> N? {
    let (A, held, weight) = (A, held, weight)
    let recomputation = Recomputation(everyStage: recomputes)
    let trainer = Trainer<N, Samples>(
      recipe: recipe, samples: samples,
      validation: { network, stages in
        guard let x = network.sharedPrediction(held, stages: stages ?? network.depth, samplesAtATime: 1) else { return 0 }
        let (r, y) = (A.forward(x) - held, held)
        return r.inner(r) / y.inner(y)
      },
      loss: { network, batch, _ in
        let x = network.run(batch.measurement, recording: false, recomputing: recomputation).estimate
        let turned = OnEachPart<Orientation, Signal>(withoutDerivative(at: batch.turn))(x)
        let again = network.run(
          A(turned) + withoutDerivative(at: batch.noise), recording: false, recomputing: recomputation
        ).estimate
        let (fit, change) = (A(x) - withoutDerivative(at: batch.measurement), again - turned)
        let (m, n) = (
          withoutDerivative(at: Double(batch.measurement.numbers.count)), withoutDerivative(at: Double(x.numbers.count))
        )
        return squaredLength(fit) / m + weight * squaredLength(change) / n
      })
    let result = try trainer.train(network, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
    return result.isFinished ? result.model : nil
  }
}

/// ‖x‖².
@differentiable(reverse)
private func squaredLength<Space: ImageSpace>(_ x: Space) -> Double { x.inner(x) }

@derivative(of: squaredLength)
private func _vjpSquaredLength<Space: ImageSpace>(_ x: Space) -> (value: Double, pullback: (Double) -> Space) {
  (x.inner(x), { (2 * $0) * x })
}
