// SPDX-License-Identifier: Apache-2.0
import Problems
import Tensors
import _Differentiation

// The three feed-forward encoders LISTA was compared to, Z = g(W_e X). They start at W_e = W_dᵀ/L, D = I.
// Source: Gregor & LeCun (2010), eq. 7 and table 1.

/// Z = D tanh(W_e X), D diagonal.
public struct TanhEncoder: Network {
  public var depth: Int { 1 }
  /// W_e, m × n.
  public var weight: Tensor
  /// The diagonal of D, `[m]`.
  public var gain: Tensor

  public init(_ problem: SparseCoding) {
    weight = (1 / problem.lipschitz) * problem.dictionary.entries.transposed
    gain = .filled(1, shape: [problem.codeSize], precision: problem.precision)
  }

  @differentiable(reverse,wrt: (self, patch))
  public func callAsFunction(_ patch: Tensor, stages: Int = 1) -> Tensor { scaledColumns(tanh(linear(patch, weight)), gain) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "gain", &gain, &gradient.gain)
  }
}

/// Z = D (tanh(W_e X + u) + tanh(W_e X − u)): a smooth shrinkage, flat around 0 for u > 0.
public struct DoubleTanhEncoder: Network {
  public var depth: Int { 1 }
  public var weight: Tensor
  public var gain: Tensor
  /// u, `[m]`.
  public var offset: Tensor

  public init(_ problem: SparseCoding) {
    weight = (1 / problem.lipschitz) * problem.dictionary.entries.transposed
    gain = .filled(1, shape: [problem.codeSize], precision: problem.precision)
    offset = .filled(1, shape: [problem.codeSize], precision: problem.precision)
  }

  @differentiable(reverse,wrt: (self, patch))
  public func callAsFunction(_ patch: Tensor, stages: Int = 1) -> Tensor {
    let b = linear(patch, weight)
    return scaledColumns(tanh(addedColumns(b, offset)) + tanh(addedColumns(b, -1 * offset)), gain)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "gain", &gain, &gradient.gain)
    visit(path + "offset", &offset, &gradient.offset)
  }
}

/// Z = h_θ(W_e X): one step of shrinkage, LISTA without S.
public struct ShrinkageEncoder: Network {
  public var depth: Int { 1 }
  public var weight: Tensor
  /// θ ≥ 0, `[m]`.
  public var thresholds: Tensor

  public init(_ problem: SparseCoding) {
    weight = (1 / problem.lipschitz) * problem.dictionary.entries.transposed
    thresholds = .filled(problem.alpha / problem.lipschitz, shape: [problem.codeSize], precision: problem.precision)
  }

  @differentiable(reverse,wrt: (self, patch))
  public func callAsFunction(_ patch: Tensor, stages: Int = 1) -> Tensor {
    softThreshold(linear(patch, weight), thresholds: relu(thresholds))
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "thresholds", &thresholds, &gradient.thresholds)
  }
}
