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
  let second = normal([4, 2, 3, 3])
  let cotangentOfPair = normal([2, 4, 5, 4])
  @differentiable(reverse)
  func pair(_ x: Tensor, _ first: Tensor, _ second: Tensor) -> Double {
    innerProduct(convolved(x, first, rectifiedAnd: second), cotangentOfPair)
  }
  gradients.input("a pair of convolutions in x", at: maps) { pair($0, weight, second) }
  gradients.input("a pair of convolutions in its first weights", at: weight) { pair(maps, $0, second) }
  gradients.input("a pair of convolutions in its second weights", at: second) { pair(maps, weight, $0) }
  gradients.input("meanSquaredDifference", at: cotangent) { meanSquaredDifference($0, reshaped(2 * $0 .* $0, [2, 4, 5, 2])) }
  return gradients.items
}
