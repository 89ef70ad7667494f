// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors
import _Differentiation

/// The proximal-gradient iteration of HyperLISTA, which chooses momentum, threshold and support for every sample from what it has of it:
///
///     g = A x⁽ᵏ⁾ − b
///     β = c₁ ‖x⁽ᵏ⁾‖₀        θ = c₂ ‖A⁺ g‖₁        p = min(max(c₃ log(‖A⁺ b‖₁ / ‖A⁺ g‖₁), 0), 1)
///     x⁽ᵏ⁺¹⁾ = hss_{θ, p}(x⁽ᵏ⁾ − Wᵀ g + β (x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾))
///
/// A⁺g stands for the error x⁽ᵏ⁾ − x*, which nobody knows: the thresholds fall as fast as it does. hss passes the ⌈p n⌉ largest entries of a
/// sample that are above θ, and soft-thresholds the others. W is an analytic weight. The three numbers are tuned, not trained.
///
/// Source: Chen, Liu, Wang & Yin (2021), with γ = 1 and the coherence of W and A taken into c₁ and c₂, as their program has it.
///
/// - Note: differentiable in c₁, c₂, b and the state; ‖x‖₀ and the selected entries are decisions, constants for differentiation, so c₃ has the
///   derivative 0. Samples are rows: none sees another.
public struct AdaptiveProximalGradient: Iteration {
  public struct State: Differentiable {
    /// x⁽ᵏ⁾.
    public var x: Tensor
    /// x⁽ᵏ⁻¹⁾.
    public var previous: Tensor
    /// ‖A⁺ b‖₁ of every sample, `[rows]`, from the first stage on; only decisions see it.
    @noDerivative public var scale: Tensor

    @differentiable(reverse,wrt: (x, previous))
    public init(x: Tensor, previous: Tensor, scale: Tensor) {
      self.x = x
      self.previous = previous
      self.scale = scale
    }
  }

  /// A, M × N.
  @noDerivative public let A: Matrix
  /// Wᵀ is `W.H`.
  @noDerivative public let W: Matrix
  /// A⁺, N × M.
  @noDerivative public let pseudoInverse: Matrix
  /// c₁: β = c₁ ‖x‖₀.
  public var momentum: Double
  /// c₂: θ = c₂ ‖A⁺ g‖₁.
  public var threshold: Double
  /// c₃, of p.
  public var support: Double
  /// Whether a sample whose support is that of the stage before goes to the least-squares solution on it, by conjugate gradients, and its
  /// momentum begins anew. Exact after few stages where the support is right and b has no noise.
  @noDerivative public var solvesOnSupport: Bool

  public init(
    _ A: Matrix, W: Matrix, momentum: Double, threshold: Double, support: Double, solvesOnSupport: Bool = false
  ) {
    precondition(W.entries.shape == A.entries.shape, "a weight \(W.entries.shape) for a matrix \(A.entries.shape)")
    self.A = A
    self.W = W
    pseudoInverse = A.pseudoInverse
    self.momentum = momentum
    self.threshold = threshold
    self.support = support
    self.solvesOnSupport = solvesOnSupport
  }

  @differentiable(reverse)
  public func initialState(_ x: Tensor) -> State { State(x: x, previous: x, scale: withoutDerivative(at: .zero)) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Tensor { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { 0 }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Tensor, recording: Bool) -> State {
    let g = A(s.x) - y
    let errors = sampleL1Norms(pseudoInverse(g))
    let sizes = withoutDerivative(at: supportSizes(s.x, samples: y))
    let scale = withoutDerivative(at: s.scale.isShapelessZero ? sampleL1Norms(pseudoInverse(y)) : s.scale)
    let counts = withoutDerivative(at: counts(errors, scale))
    let z = s.x - W.H(g) + scaledSamples(s.x - s.previous, by: momentum * sizes)
    let x = supportSelectingThreshold(z, thresholds: threshold * errors, counts: counts)
    if !solvesOnSupport { return State(x: x, previous: s.x, scale: scale) }
    let settled = withoutDerivative(at: settled(x, s.x))
    let refined = leastSquaresOnSupport(x, measurement: y, of: A, chosen: settled)
    let (ends, goesOn) = withoutDerivative(at: indicators(settled, x.precision))
    return State(
      x: refined, previous: scaledSamples(refined, by: ends) + scaledSamples(s.x, by: goesOn), scale: scale)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "momentum", &momentum, &gradient.momentum)
    visit(path + "threshold", &threshold, &gradient.threshold)
    visit(path + "support", &support, &gradient.support)
  }

  /// ‖x‖₀ of every sample, `[rows]`.
  private func supportSizes(_ x: Tensor, samples y: Tensor) -> Tensor {
    if x.isShapelessZero { return .zeros([y.rowCount], precision: y.precision) }
    return Tensor(sampleSupportSizes(x).map(Double.init), precision: x.precision)
  }

  /// ⌈p n⌉ of every sample. Where A x = b to the last digit all entries may pass; where the iteration has diverged, none.
  private func counts(_ errors: Tensor, _ scale: Tensor) -> [Int] {
    zip(scale.doubles, errors.doubles).map { scale, error in
      let p = support * log(scale / error)
      return p.isNaN ? 0 : Int((min(max(p, 0), 1) * Double(A.columns)).rounded(.up))
    }
  }

  /// Whether the support of a sample stood still: it has entries, no more than A has rows, and those it had.
  private func settled(_ x: Tensor, _ previous: Tensor) -> [Bool] {
    if x.isShapelessZero || previous.isShapelessZero { return Array(repeating: false, count: x.rowCount) }
    let (now, before, width) = (x.doubles, previous.doubles, x.width)
    return sampleSupportSizes(x).enumerated().map { row, size in
      (1...A.rows).contains(size) && (row * width..<(row + 1) * width).allSatisfy { (now[$0] != 0) == (before[$0] != 0) }
    }
  }

  /// 1 for the chosen samples and 1 for the others.
  private func indicators(_ chosen: [Bool], _ precision: Precision) -> (Tensor, Tensor) {
    (
      Tensor(chosen.map { $0 ? 1 : 0 }, precision: precision), Tensor(chosen.map { $0 ? 0 : 1 }, precision: precision)
    )
  }
}
