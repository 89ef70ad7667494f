// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// A prior step with a threshold that a schedule chooses.
public protocol ThresholdedPrior: PriorStep {
  /// The same with another threshold.
  @differentiable(reverse,wrt: (self, threshold))
  func with(threshold: Double) -> Self
}

/// max(h_θ(r), 0): the proximal map of θ‖·‖₁ over non-negative signals.
public struct NonNegativeSoftThreshold: ThresholdedPrior {
  /// θ.
  public var threshold: Double
  @differentiable(reverse)
  public init(threshold: Double) { self.threshold = threshold }
  @differentiable(reverse,wrt: (self, threshold))
  public func with(threshold: Double) -> Self { Self(threshold: threshold) }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: relu(softThreshold(r, threshold: threshold)), recorded: 0)
  }
}

/// 3 × 3 layers one after another on maps `[batch, h, w, channel]`, a rectifier after each but the last.
public struct ConvolutionChain: Parameterized {
  public var layers: [ConvolutionLayer]

  public init(_ layers: [ConvolutionLayer]) {
    precondition(!layers.isEmpty, "a chain of no layers")
    self.layers = layers
  }

  @differentiable(reverse)
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var y = x
    let last = withoutDerivative(at: layers.count) - 1
    for i in 0..<last { y = layers[i](channelsLast: y, rectified: true) }
    return layers[last](channelsLast: y)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layers.visitParameters(&gradient.layers, path, visit)
  }
}

/// The proximal map of FISTA-Net, one for all stages, with θ from its schedule:
///
///     x = max(r + G * F̃(soft(F(D * r), θ)), 0)
///
/// on maps `[batch, h, w, channels]` of images; without the last maximum where images may be negative. F and F̃ are chains of
/// convolutions between maps of one number of channels. What is recorded for the loss is the mean of (F̃(F(d)) − d)², d = D * r, plus `sparsityWeight` times the mean of |soft(F(d), θ)|.
/// Source: Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021), eqs. 17 to 19; the sparsity term as in its authors' program.
public struct LearnedProximalMap: ThresholdedPrior {
  /// D, `[c, 1, 3, 3]`.
  public var expansion: ConvolutionLayer
  /// F.
  public var analysis: ConvolutionChain
  /// F̃.
  public var synthesis: ConvolutionChain
  /// G, `[1, c, 3, 3]`.
  public var reduction: ConvolutionLayer
  /// θ; the schedule's, no parameter of its own.
  public var threshold: Double
  @noDerivative public var sparsityWeight: Double
  /// Images are not negative.
  @noDerivative public var isNonNegative: Bool

  @differentiable(reverse,wrt: (expansion, analysis, synthesis, reduction, threshold))
  public init(
    expansion: ConvolutionLayer, analysis: ConvolutionChain, synthesis: ConvolutionChain, reduction: ConvolutionLayer,
    threshold: Double, sparsityWeight: Double, isNonNegative: Bool = true
  ) {
    self.expansion = expansion
    self.analysis = analysis
    self.synthesis = synthesis
    self.reduction = reduction
    self.threshold = threshold
    self.sparsityWeight = sparsityWeight
    self.isNonNegative = isNonNegative
  }

  @differentiable(reverse,wrt: (self, threshold))
  public func with(threshold: Double) -> Self {
    Self(
      expansion: expansion, analysis: analysis, synthesis: synthesis, reduction: reduction, threshold: threshold,
      sparsityWeight: withoutDerivative(at: sparsityWeight), isNonNegative: withoutDerivative(at: isNonNegative))
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    let d = expansion(channelsLast: r)
    let f = analysis(d)
    let s = softThreshold(f, threshold: threshold)
    let x = r + reduction(channelsLast: synthesis(s))
    var penalty = 0.0
    if recording { penalty = meanSquaredDifference(synthesis(f), d) + sparsityWeight * meanMagnitude(s) }
    if isNonNegative { return PriorOutput(value: relu(x), recorded: penalty) }
    return PriorOutput(value: x, recorded: penalty)
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Tensor) -> Double {
    let d = expansion(channelsLast: x)
    return meanSquaredDifference(synthesis(analysis(d)), d)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    expansion.visitParameters(&gradient.expansion, path + "expansion.", visit)
    analysis.visitParameters(&gradient.analysis, path + "analysis.", visit)
    synthesis.visitParameters(&gradient.synthesis, path + "synthesis.", visit)
    reduction.visitParameters(&gradient.reduction, path + "reduction.", visit)
  }
}
