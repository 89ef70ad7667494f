// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Training
import _Differentiation

/// Two dense layers with a soft threshold between.
struct TinyNetwork: Parameterized {
  var encoder: Tensor
  var threshold: Double
  var decoder: Tensor

  init(precision: Precision = .double) {
    encoder = wave([4, 3], 0.9, 0.5, scale: 0.8, precision: precision)
    threshold = 0.1
    decoder = wave([2, 4], 1.7, -0.4, scale: 0.8, precision: precision)
  }

  @differentiable(reverse)
  func callAsFunction(_ y: Tensor) -> Tensor { linear(softThreshold(linear(y, encoder), threshold: threshold), decoder) }

  mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "encoder", &encoder, &gradient.encoder)
    visit(path + "threshold", &threshold, &gradient.threshold)
    visit(path + "decoder", &decoder, &gradient.decoder)
  }

  var flat: [Double] { parameters.flatMap(\.value.doubles) }

  /// Σ ‖network(y) − t‖² / number of samples.
  @differentiable(reverse)
  static func loss(_ network: TinyNetwork, _ batch: SamplePairs.Batch) -> Double {
    1 / Double(withoutDerivative(at: batch.measurement.shape[0])) * squaredNorm(network(batch.measurement) - batch.groundTruth)
  }

  /// The problem of ``TorchReference``.
  static var samples: SamplePairs { SamplePairs(measurement: wave([5, 3], 1.3, 0.2), groundTruth: wave([5, 2], 0.7, 1.1)) }

  static func gradient(at network: TinyNetwork) -> LossGradient<TinyNetwork> {
    let batch = SamplePairs.Batch(measurement: samples.measurement, groundTruth: samples.groundTruth)
    let (loss, pullback) = valueWithPullback(at: network) { TinyNetwork.loss($0, batch) }
    return LossGradient(loss: loss, gradient: pullback(1))
  }
}

/// Untied stages x ← soft(x Sᵀ + y Wᵀ, θ), of which a loss may run the first few: LISTA's shape.
struct StagedNetwork: Parameterized {
  struct Stage: Parameterized {
    var filter: Tensor
    var mixing: Tensor
    var threshold: Positive

    @differentiable(reverse)
    func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
      softThreshold(linear(x, mixing, adding: linear(y, filter)), threshold: threshold.value)
    }

    mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
      visit(path + "filter", &filter, &gradient.filter)
      visit(path + "mixing", &mixing, &gradient.mixing)
      threshold.visitParameters(&gradient.threshold, path + "threshold.", visit)
    }
  }

  var stages: [Stage]

  init(depth: Int, measurements: Int = 6, unknowns: Int = 10, precision: Precision = .double) {
    var generator = RandomGenerator(seed: 11)
    let filter = 0.3 * Tensor.normal([unknowns, measurements], precision: precision, using: &generator)
    let mixing = 0.1 * Tensor.normal([unknowns, unknowns], precision: precision, using: &generator)
    stages = Array(repeating: Stage(filter: filter, mixing: mixing, threshold: Positive(0.05)), count: depth)
  }

  /// Stages that a loss of this depth runs.
  func stageCount(_ depth: Int?) -> Int { min(depth ?? stages.count, stages.count) }

  @differentiable(reverse,wrt: self)
  func run(_ y: Tensor, depth: Int?) -> Tensor {
    let last = stageCount(depth)
    var x = Tensor.zero
    var k = 0
    while k < last {
      x = stages[k](x, y)
      k += 1
    }
    return x
  }

  mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    stages.visitParameters(&gradient.stages, path + "stages.", visit)
  }

  @differentiable(reverse,wrt: network)
  static func loss(_ network: StagedNetwork, _ batch: SamplePairs.Batch, _ depth: Int?) -> Double {
    1 / Double(withoutDerivative(at: batch.measurement.shape[0]))
      * squaredNorm(network.run(batch.measurement, depth: depth) - batch.groundTruth)
  }

  static func samples(_ count: Int, seed: UInt64 = 5, precision: Precision = .double) -> SamplePairs {
    var generator = RandomGenerator(seed: seed)
    let matrix = Tensor.normal([6, 10], precision: precision, using: &generator)
    let codes = Tensor.normal([count, 10], precision: precision, using: &generator).map { abs($0) > 1 ? $0 : 0 }
    return SamplePairs(measurement: linear(codes, matrix), groundTruth: codes)
  }

  /// A trainer of this network, validated on samples of its own.
  static func trainer(_ recipe: Recipe, count: Int = 40, precision: Precision = .double) -> Trainer<StagedNetwork, SamplePairs> {
    let held = samples(16, seed: 6, precision: precision)
    let batch = SamplePairs.Batch(measurement: held.measurement, groundTruth: held.groundTruth)
    return Trainer(
      recipe: recipe, samples: samples(count, precision: precision),
      operators: [NamedParameter(name: "matrix", value: .identity(3))],
      validation: { StagedNetwork.loss($0, batch, $1) }, loss: { StagedNetwork.loss($0, $1, $2) })
  }
}

/// One array of unknowns, for losses given by formula.
struct Unknowns: Parameterized {
  var w: Tensor

  mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "w", &w, &gradient.w)
  }
}

/// Equal names, shapes, precisions and bits.
func areIdentical(_ a: [NamedParameter], _ b: [NamedParameter]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && $0.value.isIdentical(to: $1.value) }
}
