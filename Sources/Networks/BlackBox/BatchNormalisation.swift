// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// Which statistics normalise the maps: those of the batch at hand, in training, or those of the population, of a trained network.
struct NormalisationMode: Sendable {
  let usesBatch: Bool
  /// Is given the statistics of the batch.
  let observer: StatisticsObserver?

  static let training = NormalisationMode(usesBatch: true, observer: nil)
  static let trained = NormalisationMode(usesBatch: false, observer: nil)
  static func observed(by observer: StatisticsObserver) -> NormalisationMode {
    NormalisationMode(usesBatch: true, observer: observer)
  }
}

/// Batch normalisation of maps `[batch, h, w, channel]` and a rectifier: max(weight (x − μ) / √(σ² + 1e-5) + bias, 0), with the μ and σ²
/// of the batch in training and those of the population, two buffers, after it. Source: Ioffe & Szegedy (2015).
public struct BatchNormalisation: Parameterized {
  /// `[channel]`; 1 before training.
  public var weight: Tensor
  /// `[channel]`; 0 before training.
  public var bias: Tensor
  /// μ of the population, `[channel]`; 0 until it is known.
  @noDerivative public var mean: Tensor
  /// σ² of the population, `[channel]`; 1 until it is known.
  @noDerivative public var variance: Tensor

  public init(channels: Int, precision: Precision = .single) {
    weight = .filled(1, shape: [channels], precision: precision)
    bias = .zeros([channels], precision: precision)
    mean = bias
    variance = weight
  }

  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Tensor, _ mode: NormalisationMode) -> Tensor {
    if withoutDerivative(at: mode.usesBatch) {
      return batchNormalised(x, weight: weight, bias: bias, rectified: true, observer: withoutDerivative(at: mode.observer))
    }
    return normalised(
      x, mean: withoutDerivative(at: mean), variance: withoutDerivative(at: variance), weight: weight, bias: bias, rectified: true)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "bias", &bias, &gradient.bias)
  }

  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    visit(path + "mean", &mean)
    visit(path + "variance", &variance)
  }
}
