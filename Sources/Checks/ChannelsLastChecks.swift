// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// Convolutions on channels-last maps.
func channelsLastGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 94)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (maps, weight, cotangent) = (normal([2, 4, 5, 3]), normal([2, 3, 3, 3]), normal([2, 4, 5, 2]))
  var items: [CheckItem] = []
  func item(_ name: String, at x: Tensor, _ f: @differentiable(reverse) (Tensor) -> Double) {
    items.append(CheckItem("gradient of \(name)", error: inputGradientError(at: x, seed: 95, f), tolerance: 1e-6))
  }
  item("convolved in x", at: maps) { innerProduct(convolved($0, weight), cotangent) }
  item("convolved in its weights", at: weight) { innerProduct(convolved(maps, $0), cotangent) }
  item("convolved and rectified in x", at: maps) { innerProduct(convolved($0, weight, rectified: true), cotangent) }
  item("convolved and rectified in its weights", at: weight) { innerProduct(convolved(maps, $0, rectified: true), cotangent) }
  item("meanSquaredDifference", at: cotangent) { meanSquaredDifference($0, reshaped(2 * $0 .* $0, [2, 4, 5, 2])) }
  return items
}
