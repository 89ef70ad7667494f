// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// The z-update of ADMM-CSNet on real images `[batch, h, w]`: `steps` inner steps from z⁽⁰⁾ = u = x + β,
///
///     z⁽ᵏ⁾ = μ₁ z⁽ᵏ⁻¹⁾ + μ₂ u − w₂ * S(w₁ * z⁽ᵏ⁻¹⁾ + b₁) − b₂,   μ₁ + μ₂ = 1
///
/// with convolution layers of zeros outside and a learned curve S for every map. With one step μ has no effect and is no parameter.
/// Source: Yang, Sun, Li & Xu (2020), layers A, C1, H, C2.
public struct ConvolutionalShrinkage: PriorStep {
  /// w₁, `[maps, 1, size, size]`, as cross-correlations.
  public var analysis: Tensor
  /// b₁, `[maps]`.
  public var analysisBias: Tensor
  /// q of S, `[maps, knots]`.
  public var values: Tensor
  /// The slopes of S left and right of its knots, `[maps, 2]`; `.zero` for 1, which is then no parameter.
  public var slopes: Tensor
  /// w₂, `[1, maps, size, size]`.
  public var synthesis: Tensor
  /// b₂, `[1]`.
  public var synthesisBias: Tensor
  /// μ₂.
  public var pull: Double
  @noDerivative public let firstKnot: Double
  @noDerivative public let spacing: Double
  @noDerivative public let steps: Int

  public init(
    analysis: Tensor, analysisBias: Tensor, values: Tensor, slopes: Tensor = .zero, synthesis: Tensor, synthesisBias: Tensor,
    pull: Double = 0, firstKnot: Double = -1, spacing: Double = 0.02, steps: Int = 1
  ) {
    precondition(steps >= 1, "\(steps) inner steps; at least 1 is needed")
    self.analysis = analysis
    self.analysisBias = analysisBias
    self.values = values
    self.slopes = slopes
    self.synthesis = synthesis
    self.synthesisBias = synthesisBias
    self.pull = pull
    self.firstKnot = firstKnot
    self.spacing = spacing
    self.steps = steps
  }

  /// Filters of N(0, 2 / (size² · maps)), curves max(p, 0) on 101 knots over [−1, 1], no bias.
  ///
  /// - Parameter learnsSlopes: the slopes outside the knots are parameters too, 0 on the left and 1 on the right to begin with.
  public init(
    maps: Int, size: Int, learnsSlopes: Bool = false, precision: Precision, steps: Int = 1, using generator: inout RandomGenerator
  ) {
    let deviation = (2 / Double(size * size * maps)).squareRoot()
    func filters(_ shape: [Int]) -> Tensor { deviation * Tensor.normal(shape, precision: precision, using: &generator) }
    let curve = (0...100).map { max(0, -1 + 0.02 * Double($0)) }
    self.init(
      analysis: filters([maps, 1, size, size]), analysisBias: .zeros([maps], precision: precision),
      values: Tensor((0..<maps).flatMap { _ in curve }, shape: [maps, 101], precision: precision),
      slopes: learnsSlopes ? Tensor((0..<2 * maps).map { Double($0 % 2) }, shape: [maps, 2], precision: precision) : .zero,
      synthesis: filters([1, maps, size, size]), synthesisBias: .zeros([1], precision: precision), steps: steps)
  }

  @differentiable(reverse,wrt: (self, u))
  public func callAsFunction(_ u: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    var z = u
    for _ in 0..<steps { z = z + pull * (u - z) - correction(z) }
    return PriorOutput(value: z, recorded: 0)
  }

  /// w₂ * S(w₁ * z + b₁) + b₂.
  @differentiable(reverse)
  private func correction(_ z: Tensor) -> Tensor {
    let shape = withoutDerivative(at: z.shape)
    let image = reshaped(z, [shape[0], 1, shape[1], shape[2]])
    let c = conv2d(image, analysis, bias: analysisBias)
    let h = piecewiseLinear(maps: c, values: values, slopes: slopes, first: firstKnot, spacing: spacing)
    return reshaped(conv2d(h, synthesis, bias: synthesisBias), shape)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "analysis", &analysis, &gradient.analysis)
    visit(path + "analysisBias", &analysisBias, &gradient.analysisBias)
    visit(path + "values", &values, &gradient.values)
    if !slopes.isShapelessZero { visit(path + "slopes", &slopes, &gradient.slopes) }
    visit(path + "synthesis", &synthesis, &gradient.synthesis)
    visit(path + "synthesisBias", &synthesisBias, &gradient.synthesisBias)
    if steps > 1 { visit(path + "pull", &pull, &gradient.pull) }
  }
}

/// A prior step on real images for images of any kind: of complex ones the same on the real and on the imaginary part.
public struct PriorOnParts<Inner: PriorStep, Space: ImageSpace>: PriorStep where Inner.Signal == Tensor {
  public var prior: Inner
  @differentiable(reverse)
  public init(_ prior: Inner) { self.prior = prior }
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Space, recording: Bool) -> PriorOutput<Space> {
    let shape = withoutDerivative(at: r.shape)
    let output = prior(planes(r, height: shape[shape.count - 2], width: shape[shape.count - 1]), recording: recording)
    return PriorOutput(value: images(ofPlanes: output.value, shape: shape), recorded: output.recorded)
  }
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    prior.visitParameters(&gradient.prior, path, visit)
  }
}

/// x + Aᴴ(y − A x), for AAᴴ = I the estimate with its samples replaced by the measured ones; the estimate itself when not `isHard`.
public struct DataConsistency<Op: LinearOperator>: OutputMap {
  @noDerivative public let A: Op
  @noDerivative public let isHard: Bool
  public init(_ A: Op, isHard: Bool = true) {
    self.A = A
    self.isHard = isHard
  }
  @differentiable(reverse,wrt: (self, x)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Op.Domain, measurement y: Op.Codomain) -> Op.Domain { isHard ? x + A.H(y - A(x)) : x }
}
