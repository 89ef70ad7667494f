// SPDX-License-Identifier: Apache-2.0
import Platform
import _Differentiation

/// softplus(r) = log(1 + exp r), a smooth map onto the positive numbers; its derivative is 1 / (1 + exp(−r)).
///
/// Neither overflows: for large r the value is r, for very negative r it is exp r.
@differentiable(reverse)
public func softplus(_ r: Double) -> Double { max(r, 0) + log1p(exp(-abs(r))) }

@derivative(of: softplus) @usableFromInline
func _vjpSoftplus(_ r: Double) -> (value: Double, pullback: (Double) -> Double) {
  let e = exp(-abs(r))
  let slope = r >= 0 ? 1 / (1 + e) : e / (1 + e)
  return (softplus(r), { v in slope * v })
}

/// The r with softplus(r) = `value`, for `value` > 0.
public func inverseSoftplus(_ value: Double) -> Double {
  precondition(value > 0, "inverseSoftplus: \(value) is not positive")
  return value + log(-expm1(-value))
}

/// A scalar that training cannot make negative: the optimiser moves `raw`, the model uses `value` = softplus(`raw`) > 0.
public struct Positive: Differentiable, Sendable, Equatable {
  /// The learnable number, any real.
  public var raw: Double

  public init(raw: Double) { self.raw = raw }

  /// The scalar with this positive `value`.
  public init(_ value: Double) { raw = inverseSoftplus(value) }

  /// softplus(`raw`).
  @differentiable(reverse)
  public var value: Double { softplus(raw) }
}

extension Positive: Parameterized {
  /// One parameter, `path` + "raw".
  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "raw", &raw, &gradient.raw)
  }
}
