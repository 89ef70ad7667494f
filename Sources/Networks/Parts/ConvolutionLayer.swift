// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// A convolution layer with bias, zeros outside and stride 1.
public struct ConvolutionLayer: Parameterized {
  /// `[out, in, kh, kw]`.
  public var weight: Tensor
  /// `[out]`.
  public var bias: Tensor

  @differentiable(reverse)
  public init(weight: Tensor, bias: Tensor) {
    self.weight = weight
    self.bias = bias
  }

  /// On maps `[batch, channel, h, w]`.
  @differentiable(reverse)
  public func callAsFunction(_ x: Tensor) -> Tensor { conv2d(x, weight, bias: bias) }

  /// On maps `[batch, h, w, channel]`, for filters of 3 × 3; with `rectified`, max(y, 0).
  @differentiable(reverse,wrt: (self, x))
  public func callAsFunction(channelsLast x: Tensor, rectified: Bool = false) -> Tensor {
    convolved(x, weight, adding: bias, rectified: rectified)
  }

  /// The same with taps `dilation` pixels apart.
  @differentiable(reverse,wrt: (self, x))
  public func callAsFunction(channelsLast x: Tensor, dilation: Int, rectified: Bool = false) -> Tensor {
    let shape = withoutDerivative(at: x.shape)
    if withoutDerivative(at: dilation == 1 || shape.isEmpty) { return self(channelsLast: x, rectified: rectified) }
    let y = self(channelsLast: phases(x, step: dilation), rectified: rectified)
    return joinedPhases(y, step: dilation, height: shape[1], width: shape[2])
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "bias", &bias, &gradient.bias)
  }
}
