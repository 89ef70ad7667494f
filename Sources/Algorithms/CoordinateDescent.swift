// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import _Differentiation

/// Coordinate descent for sparse coding (CoD), for a dictionary with unit-norm columns, on the encoded measurement B = W_dᵀ X:
///
///     Z̄ = h_α(B);   k = argmaxᵢ |Zᵢ − Z̄ᵢ|;   B ← B + S_{:,k} (Z̄_k − Z_k);   Z_k ← Z̄_k,       S = I − W_dᵀW_d
///
/// Each row of a batch moves a coordinate of its own. With S and α learned it is LCoD; the chosen coordinate is a constant for
/// differentiation. Source: Gregor & LeCun (2010), algorithm 2 and §3.2.
public struct CoordinateDescent: Iteration {
  public typealias Signal = Tensor
  public typealias Measurement = Tensor

  public struct State: Differentiable {
    /// Z.
    public var code: Tensor
    /// B, `.zero` before the first step.
    public var correlation: Tensor
    /// h_α(B) at the end: the estimate.
    public var estimate: Tensor
    /// Whether a step was taken.
    @noDerivative public var isStarted: Bool
    @differentiable(reverse,wrt: (code, correlation, estimate))
    public init(code: Tensor, correlation: Tensor, estimate: Tensor, isStarted: Bool) {
      self.code = code
      self.correlation = correlation
      self.estimate = estimate
      self.isStarted = isStarted
    }
  }

  /// S, m × m, symmetric at the start: row k is used as column k.
  public var recurrence: Tensor
  /// α, `[m]`.
  public var thresholds: Tensor

  public init(recurrence: Tensor, thresholds: Tensor) {
    self.recurrence = recurrence
    self.thresholds = thresholds
  }

  /// The classical values for a problem whose dictionary has unit-norm columns. Its measurement is `dictionary.adjoint(patch)`.
  public init(_ problem: SparseCoding) {
    self.init(
      recurrence: Tensor.identity(problem.codeSize, precision: problem.precision) - problem.dictionary.gramEntries,
      thresholds: .filled(problem.alpha, shape: [problem.codeSize], precision: problem.precision))
  }

  /// Starts at Z = 0; a start other than zero has no B and is not allowed.
  @differentiable(reverse)
  public func initialState(_ x: Tensor) -> State {
    precondition(x.isShapelessZero || x.maximumMagnitude == 0, "coordinate descent starts at Z = 0")
    return State(code: x, correlation: x, estimate: x, isStarted: false)
  }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Tensor { s.estimate }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { 0 }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Tensor, recording: Bool) -> State {
    if !s.isStarted {
      return advance(code: withoutDerivative(at: Tensor.zeros(y.shape, precision: y.precision)), correlation: y)
    }
    return advance(code: s.code, correlation: s.correlation)
  }

  @differentiable(reverse)
  private func advance(code: Tensor, correlation: Tensor) -> State {
    let proposal = softThreshold(correlation, thresholds: thresholds)
    let k = withoutDerivative(at: indicesOfLargestMagnitude(code - proposal))
    let chosen = selected(proposal, at: k)
    let moved = addingRows(correlation, of: recurrence, at: k, scaledBy: chosen - selected(code, at: k))
    return State(
      code: replacing(code, at: k, with: chosen), correlation: moved, estimate: softThreshold(moved, thresholds: thresholds),
      isStarted: true)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "recurrence", &recurrence, &gradient.recurrence)
    visit(path + "thresholds", &thresholds, &gradient.thresholds)
  }
}
