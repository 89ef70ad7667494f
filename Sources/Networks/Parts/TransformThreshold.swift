// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// Two 3 × 3 convolution layers with a rectifier between, second * max(first * x, 0), on channels-last maps `[batch, h, w, c]`;
/// zeros outside, no bias.
public struct ConvolutionPair: Parameterized {
  /// `[out, in, 3, 3]`.
  public var first: Tensor
  public var second: Tensor

  @differentiable(reverse)
  public init(first: Tensor, second: Tensor) {
    self.first = first
    self.second = second
  }

  @differentiable(reverse)
  public func callAsFunction(_ x: Tensor) -> Tensor { convolved(x, first, rectifiedAnd: second) }

  /// What it gives, soft-thresholded.
  @differentiable(reverse)
  public func callAsFunction(_ x: Tensor, softThreshold threshold: Double) -> Tensor {
    convolved(x, first, rectifiedAnd: second, softThreshold: threshold)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "0", &first, &gradient.first)
    visit(path + "1", &second, &gradient.second)
  }
}

/// F̃(soft(F(r), θ)): a soft threshold under a learned transform F with a learned left inverse F̃, on maps `[batch, h, w, c]`.
///
/// F and F̃ are ``ConvolutionPair``s. What is recorded for the loss is the mean of (F̃(F(r)) − r)², which keeps F̃ near a left
/// inverse of F; no threshold on that path. θ is free: public weights hold negative ones, which expand.
/// Source: Zhang & Ghanem, CVPR 2018, eq. 9 and 11.
public struct TransformThreshold: PriorStep {
  /// F.
  public var analysis: ConvolutionPair
  /// θ.
  public var threshold: Double
  /// F̃.
  public var synthesis: ConvolutionPair

  @differentiable(reverse)
  public init(analysis: ConvolutionPair, threshold: Double, synthesis: ConvolutionPair) {
    self.analysis = analysis
    self.threshold = threshold
    self.synthesis = synthesis
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    if !recording { return PriorOutput(value: synthesis(analysis(r, softThreshold: threshold)), recorded: 0) }
    let h = analysis(r)
    return PriorOutput(value: synthesis(softThreshold(h, threshold: threshold)), recorded: meanSquaredDifference(synthesis(h), r))
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Tensor) -> Double { meanSquaredDifference(synthesis(analysis(x)), x) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "threshold", &threshold, &gradient.threshold)
    analysis.visitParameters(&gradient.analysis, path + "analysis.", visit)
    synthesis.visitParameters(&gradient.synthesis, path + "synthesis.", visit)
  }
}

/// r + G * prior(D * r): a prior step on maps of many channels as a correction to r, a map of one or two. Source: Zhang & Ghanem, CVPR 2018,
/// eq. 13 to 15.
public struct ResidualCorrection<Inner: PriorStep>: PriorStep where Inner.Signal == Tensor {
  /// D, from the channels of an image to c.
  public var expansion: Tensor
  public var prior: Inner
  /// G, back to them.
  public var reduction: Tensor

  @differentiable(reverse)
  public init(expansion: Tensor, prior: Inner, reduction: Tensor) {
    self.expansion = expansion
    self.prior = prior
    self.reduction = reduction
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    let inner = prior(convolved(r, expansion), recording: recording)
    return PriorOutput(value: r + convolved(inner.value, reduction), recorded: inner.recorded)
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Tensor) -> Double { prior.asymmetry(convolved(x, expansion)) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "expansion", &expansion, &gradient.expansion)
    prior.visitParameters(&gradient.prior, path, visit)
    visit(path + "reduction", &reduction, &gradient.reduction)
  }
}

/// A prior step on maps `[batch, height, width, channels]` for images: real ones, `[batch, height, width]` or flattened row by row, are
/// one channel, complex ones two.
public struct OnImages<Inner: PriorStep, Space: ImageSpace>: PriorStep where Inner.Signal == Tensor {
  public var prior: Inner
  @noDerivative public let height: Int
  @noDerivative public let width: Int

  @differentiable(reverse,wrt: prior)
  public init(_ prior: Inner, height: Int, width: Int) {
    self.prior = prior
    self.height = height
    self.width = width
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Space, recording: Bool) -> PriorOutput<Space> {
    let output = prior(channelsLast(r, height: height, width: width), recording: recording)
    return PriorOutput(value: images(output.value, shape: withoutDerivative(at: r.shape)), recorded: output.recorded)
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Space) -> Double { prior.asymmetry(channelsLast(x, height: height, width: width)) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    prior.visitParameters(&gradient.prior, path, visit)
  }
}

extension OnImages: ThresholdedPrior where Inner: ThresholdedPrior {
  @differentiable(reverse,wrt: (self, threshold))
  public func with(threshold: Double) -> Self { Self(prior.with(threshold: threshold), height: height, width: width) }
}
