// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// One thing that must hold: the error measured and the most it may be.
public struct CheckItem: Sendable {
  public let name: String
  public let error: Double
  public let tolerance: Double
  public init(_ name: String, error: Double, tolerance: Double) {
    self.name = name
    self.error = error
    self.tolerance = tolerance
  }
  /// False also when the error is NaN.
  public var ok: Bool { error <= tolerance }
}

/// ‖a − b‖ / max(‖b‖, 1e-300).
func relativeDifference<V: VectorSpace>(_ a: V, _ b: V) -> Double { (a - b).norm / max(b.norm, 1e-300) }

/// Items of gradients, gathered in their order.
struct GradientItems {
  private(set) var items: [CheckItem] = []

  /// Of a function of one tensor.
  mutating func input(_ name: String, at x: Tensor, _ f: @differentiable(reverse) (Tensor) -> Double) {
    add(name, inputGradientError(at: x, seed: 22, f))
  }

  mutating func add(_ name: String, _ error: Double) {
    items.append(CheckItem("gradient of \(name)", error: error, tolerance: 1e-6))
  }
}
