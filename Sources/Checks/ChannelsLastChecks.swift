// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import _Differentiation

/// Convolutions on channels-last maps.
func channelsLastGradients() -> [CheckItem] {
  var generator = RandomGenerator(seed: 94)
  func normal(_ shape: [Int]) -> Tensor { .normal(shape, using: &generator) }
  let (maps, weight, cotangent) = (normal([2, 4, 5, 3]), normal([2, 3, 3, 3]), normal([2, 4, 5, 2]))
  var gradients = GradientItems()
  gradients.input("convolved in x", at: maps) { innerProduct(convolved($0, weight), cotangent) }
  gradients.input("convolved in its weights", at: weight) { innerProduct(convolved(maps, $0), cotangent) }
  gradients.input("convolved and rectified in x", at: maps) { innerProduct(convolved($0, weight, rectified: true), cotangent) }
  gradients.input("convolved and rectified in its weights", at: weight) {
    innerProduct(convolved(maps, $0, rectified: true), cotangent)
  }
  gradients.input("meanSquaredDifference", at: cotangent) { meanSquaredDifference($0, reshaped(2 * $0 .* $0, [2, 4, 5, 2])) }
  return gradients.items
}
