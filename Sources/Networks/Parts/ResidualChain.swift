// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// r + F(r) on maps `[batch, h, w, channel]`: a network of convolutions that estimates what is wrong with an image.
///
/// Source: Zhang, Zuo, Chen, Meng & Zhang, IEEE Trans. Image Process. 26 (2017), residual learning.
public struct ResidualChain: PriorStep {
  /// F.
  public var chain: ConvolutionChain
  public init(_ chain: ConvolutionChain) { self.chain = chain }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: r + chain(r), recorded: 0)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    chain.visitParameters(&gradient.chain, path, visit)
  }
}

extension XavierWeights {
  /// A chain of `layers` layers from maps of `parts` to maps of `parts` through `channels`, its last filters times `scale`.
  public mutating func residualChain(_ parts: Int, _ channels: Int, layers: Int, scale: Double = 0.1) -> ResidualChain {
    precondition(layers >= 2, "a chain of \(layers) layers; at least 2 are needed")
    var chain = (0..<layers).map { biased($0 == 0 ? parts : channels, $0 == layers - 1 ? parts : channels) }
    chain[layers - 1].weight = scale * chain[layers - 1].weight
    return ResidualChain(ConvolutionChain(chain))
  }
}
