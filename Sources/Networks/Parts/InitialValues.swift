// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors

/// The convolution weights a stage starts from. Xavier normal: N(0, 2 / (9 (in + out))).
public struct XavierWeights: Sendable {
  public var generator: RandomGenerator
  public let precision: Precision

  public init(generator: RandomGenerator, precision: Precision) {
    self.generator = generator
    self.precision = precision
  }

  public mutating func layer(_ input: Int, _ output: Int) -> Tensor {
    (2 / Double(9 * (input + output))).squareRoot() * Tensor.normal([output, input, 3, 3], precision: precision, using: &generator)
  }
  /// With a bias of 0.
  public mutating func biased(_ input: Int, _ output: Int) -> ConvolutionLayer {
    ConvolutionLayer(weight: layer(input, output), bias: .zeros([output], precision: precision))
  }
  public mutating func pair(_ input: Int, _ middle: Int, _ output: Int) -> ConvolutionPair {
    ConvolutionPair(first: layer(input, middle), second: layer(middle, output))
  }
  /// The prior of a stage of ISTA-Net on images of so many parts.
  public mutating func transform(_ parts: Int, _ channels: Int) -> TransformThreshold {
    TransformThreshold(
      analysis: pair(parts, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, parts))
  }
  /// The prior of a stage of ISTA-Net⁺.
  public mutating func correction(_ parts: Int, _ channels: Int) -> ResidualCorrection<TransformThreshold> {
    let expansion = layer(parts, channels)
    let inner = TransformThreshold(
      analysis: pair(channels, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, channels))
    return ResidualCorrection(expansion: expansion, prior: inner, reduction: layer(channels, parts))
  }
}

/// The values of public training code: ρ = 0.5, θ = 0.01.
public let initialStepSize = 0.5
public let initialThreshold = 0.01
