// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import Tensors
import _Differentiation

/// FFDNet, Zhang, Zuo & Zhang (IEEE Trans. Image Process. 27, 2018): one network of convolutions for every noise level,
///
///     x = join(F(split(y), σ))
///
/// on the four images of every second pixel and a map of the constant σ. Gray images `[batch, h, w]` within [0, 1], of any size; σ on their
/// scale. Layers of 3 × 3, a rectifier after each but the last. 485 316 parameters with 15 layers of 64 channels, whose batch
/// normalisation, where there was one in training, is part of weights and biases.
public struct FFDNet: DenoisingNetwork {
  /// F.
  public var chain: ConvolutionChain

  public init(_ chain: ConvolutionChain) {
    precondition(
      chain.layers.first?.weight.shape[1] == 5 && chain.layers.last?.weight.shape[0] == 4,
      "FFDNet of layers from \(chain.layers.first?.weight.shape ?? []) to \(chain.layers.last?.weight.shape ?? [])")
    self.chain = chain
  }

  /// Before training: filters of N(0, 2 / inputs), biases 0.
  public init(layers: Int = 15, channels: Int = 64, precision: Precision = .single, seed: UInt64) {
    precondition(layers >= 2, "FFDNet of \(layers) layers; at least 2 are needed")
    var generator = RandomGenerator(seed: seed, stream: 13)
    self.init(
      ConvolutionChain(
        (0..<layers).map { k in
          let (input, output) = (k == 0 ? 5 : channels, k == layers - 1 ? 4 : channels)
          let deviation = (2 / Double(9 * input)).squareRoot()
          return ConvolutionLayer(
            weight: deviation * Tensor.normal([output, input, 3, 3], precision: precision, using: &generator),
            bias: .zeros([output], precision: precision))
        }))
  }

  /// D_σ(y).
  @differentiable(reverse)
  public func callAsFunction(_ y: Tensor, sigma: Double) -> Tensor {
    let shape = withoutDerivative(at: y.shape)
    if y.isShapelessZero { return y }
    return joinedSubImages(chain(subImages(y, beside: sigma)), height: shape[1], width: shape[2])
  }

  /// - Parameter y: `[batch, h, w, 2]`; of every 2 × 2 pixels the first one's σ counts.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor {
    let shape = withoutDerivative(at: y.shape)
    if y.isShapelessZero { return y }
    return joinedSubImages(chain(subImages(besideLevels: y)), height: shape[1], width: shape[2])
  }

  public var layers: [ConvolutionLayer] { chain.layers }
  public var reach: Int { 2 * layers.count }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    chain.visitParameters(&gradient.chain, path, visit)
  }
}
