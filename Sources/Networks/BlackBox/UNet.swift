// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// A 3 × 3 convolution without bias, batch normalisation, a rectifier; on maps `[batch, h, w, channel]`.
public struct NormalisedConvolution: Parameterized {
  /// `[out, in, 3, 3]`.
  public var weight: Tensor
  public var normalisation: BatchNormalisation

  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Tensor, _ mode: NormalisationMode) -> Tensor {
    normalisation(convolved(x, weight, pieces: piecesOfBatch(withoutDerivative(at: x))), mode)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    normalisation.visitParameters(&gradient.normalisation, path + "normalisation.", visit)
  }

  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    normalisation.visitBuffers(path + "normalisation.", visit)
  }
}

/// Pieces of at least 1024 pixels, at most 16: in smaller ones a filter's transform costs as much as the convolution.
private func piecesOfBatch(_ x: Tensor) -> Int {
  guard x.shape.count == 4 else { return 1 }
  return min(16, max(1, x.shape[0] * x.shape[1] * x.shape[2] / 1024))
}

/// Convolutions one after another.
public struct ConvolutionBlock: Parameterized {
  public var layers: [NormalisedConvolution]

  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Tensor, _ mode: NormalisationMode) -> Tensor {
    var y = x
    for i in 0..<withoutDerivative(at: layers.count) { y = layers[i](y, mode) }
    return y
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layers.visitParameters(&gradient.layers, path, visit)
  }

  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    layers.visitBuffers(path, visit)
  }
}

/// A decoder's level: the coarser maps at twice the resolution, beside the encoder's, through a block.
public struct UpsamplingBlock: Parameterized {
  /// Of the transposed convolution, `[in, out, 2, 2]`.
  public var weight: Tensor
  /// `[out]`.
  public var bias: Tensor
  public var block: ConvolutionBlock

  @differentiable(reverse,wrt: (self, coarse, fine))
  func callAsFunction(_ coarse: Tensor, beside fine: Tensor, _ mode: NormalisationMode) -> Tensor {
    block(joinedChannels(transposedConvolved(coarse, weight, adding: bias), fine), mode)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "upsampling.weight", &weight, &gradient.weight)
    visit(path + "upsampling.bias", &bias, &gradient.bias)
    block.visitParameters(&gradient.block, path, visit)
  }

  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    block.visitBuffers(path, visit)
  }
}

/// A U-Net on maps `[batch, h, w, 1]`, Ronneberger, Fischer & Brox (2015): blocks with a 2 × 2 maximum pooling after each, a block at the
/// coarsest resolution, blocks with a transposed convolution before each, to whose maps those of the encoder are joined; at the end a
/// 1 × 1 convolution. Every pooling doubles the channels.
public struct UNet: Parameterized {
  /// From the finest resolution on.
  public var encoder: [ConvolutionBlock]
  public var bottleneck: ConvolutionBlock
  /// From the coarsest resolution on.
  public var decoder: [UpsamplingBlock]
  /// The 1 × 1 convolution.
  public var output: DenseLayer

  /// Kaiming-normal filters: variance 2 / (outputs of an input), with which the gradients of signals keep their size through rectifiers.
  /// Biases 0. Source: He et al. (2015), eq. 14.
  public init(channels: Int, poolings: Int, precision: Precision = .single, generator: inout RandomGenerator) {
    precondition(channels > 0 && poolings >= 0, "a U-Net of \(channels) channels and \(poolings) poolings")
    func kaiming(_ shape: [Int], outputs: Int) -> Tensor {
      (2 / Double(outputs)).squareRoot() * Tensor.normal(shape, precision: precision, using: &generator)
    }
    func block(_ input: Int, _ output: Int) -> ConvolutionBlock {
      ConvolutionBlock(
        layers: [input, output].map {
          NormalisedConvolution(
            weight: kaiming([output, $0, 3, 3], outputs: 9 * output),
            normalisation: BatchNormalisation(channels: output, precision: precision))
        })
    }
    let counts = (0...poolings).map { channels << $0 }
    encoder = (0..<poolings).map { block($0 == 0 ? 1 : counts[$0 - 1], counts[$0]) }
    bottleneck = block(poolings == 0 ? 1 : counts[poolings - 1], counts[poolings])
    decoder = (0..<poolings).reversed().map { i in
      UpsamplingBlock(
        weight: kaiming([counts[i + 1], counts[i], 2, 2], outputs: 4 * counts[i]), bias: .zeros([counts[i]], precision: precision),
        block: block(2 * counts[i], counts[i]))
    }
    output = DenseLayer(weight: kaiming([1, channels], outputs: 1), bias: .zeros([1], precision: precision))
  }

  @differentiable(reverse,wrt: (self, x))
  func callAsFunction(_ x: Tensor, _ mode: NormalisationMode) -> Tensor { output(level(0, x, mode)) }

  /// What is made of maps at resolution `i`, by all that is coarser.
  @differentiable(reverse,wrt: (self, x))
  private func level(_ i: Int, _ x: Tensor, _ mode: NormalisationMode) -> Tensor {
    let poolings = withoutDerivative(at: encoder.count)
    if i == poolings { return bottleneck(x, mode) }
    let fine = encoder[i](x, mode)
    return decoder[poolings - 1 - i](level(i + 1, maximumPooled(fine), mode), beside: fine, mode)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    encoder.visitParameters(&gradient.encoder, path + "encoder.", visit)
    bottleneck.visitParameters(&gradient.bottleneck, path + "bottleneck.", visit)
    decoder.visitParameters(&gradient.decoder, path + "decoder.", visit)
    output.visitParameters(&gradient.output, path + "output.", visit)
  }

  /// In the order in which maps pass through.
  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    encoder.visitBuffers(path + "encoder.", visit)
    bottleneck.visitBuffers(path + "bottleneck.", visit)
    decoder.visitBuffers(path + "decoder.", visit)
  }
}
