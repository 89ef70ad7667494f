// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

extension Parameterized {
  /// ‖g‖₂ over the trainable parameters.
  public func gradientNorm(_ gradient: TangentVector, groups: ParameterGroups = []) -> Double {
    var (copy, gradient, squares) = (self, gradient, 0.0)
    copy.forEachParameter(&gradient) { name, _, g in if groups[name].isTrainable { squares += g.inner(g) } }
    return squares.squareRoot()
  }

  /// Scales the gradient of the trainable parameters so that its norm is at most `limit`.
  ///
  /// - Returns: the norm before. A gradient whose norm is not finite is left as it is.
  @discardableResult
  public func clipGradient(_ gradient: inout TangentVector, toNorm limit: Double, groups: ParameterGroups = []) -> Double {
    let norm = gradientNorm(gradient, groups: groups)
    guard norm > limit, norm.isFinite else { return norm }
    var copy = self
    copy.forEachParameter(&gradient) { name, _, g in if groups[name].isTrainable { g = (limit / norm) * g } }
    return norm
  }

  /// The first parameter whose trainable gradient holds NaN or infinity.
  func firstNonFiniteGradient(_ gradient: TangentVector, groups: ParameterGroups) -> String? {
    var (copy, gradient, found) = (self, gradient, String?.none)
    copy.forEachParameter(&gradient) { name, _, g in if found == nil, groups[name].isTrainable, !g.isFinite { found = name } }
    return found
  }

  /// The first parameter that holds NaN or infinity.
  var firstNonFiniteParameter: String? {
    var (copy, found) = (self, String?.none)
    copy.forEachParameter { name, value in if found == nil, !value.isFinite { found = name } }
    return found
  }
}
