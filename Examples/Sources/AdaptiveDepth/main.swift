// SPDX-License-Identifier: Apache-2.0
// A network that decides by itself, sample by sample, how many of its stages to run; and its gradient.
import Algorithms
import Foundation
import Networks
import Operators
import Problems
import Tensors
import _Differentiation

// b = A x*: 40 measurements of 80 numbers. LISTA-CP starts at ISTA; 60 stages are there, few samples need them all.
let problem = SparseCoding(dictionary: Matrix.gaussian(rows: 40, columns: 80, seed: 1).withUnitColumns, alpha: 0.1)
let network = LISTACP(unfolding: problem, depth: 60)
let tolerance = 0.02

/// A signal with this many non-zeros, and its measurement.
func sample(_ nonZeros: Int, seed: UInt64) -> (measurement: Tensor, groundTruth: Tensor) {
  var generator = RandomGenerator(seed: seed)
  var values = [Double](repeating: 0, count: 80)
  for i in 0..<nonZeros { values[(7 * i + 3) % 80] = generator.normalPair().0 }
  let x = Tensor(values)
  return (problem.dictionary.forward(x), x)
}

print("non-zeros  depth  ‖gradient‖  slope along θ: against the cut network, against central differences")
for nonZeros in [1, 4, 8, 16] {
  let (b, x) = sample(nonZeros, seed: UInt64(10 + nonZeros))
  // `adaptive` is a while loop with a break. Swift differentiates the stages that ran; where to stop is a decision.
  let depth = network.adaptive(b, tolerance: tolerance).depth
  let adaptive = gradient(at: network) { net in squaredNorm(net.adaptive(b, tolerance: tolerance).estimate - x) }
  let fixed = gradient(at: network.truncated(to: depth)) { net in squaredNorm(net(b) - x) }

  // The slope along θ of the first stage, three ways.
  let slopes = [adaptive, fixed].map { $0.schedule.stages.base[0].prior.threshold }
  func loss(_ move: Double) -> Double {
    var moved = network.truncated(to: depth)
    moved.schedule.stages[0].prior.threshold += move
    return squaredNorm(moved(b) - x)
  }
  let central = (loss(1e-6) - loss(-1e-6)) / 2e-6
  let size = adaptive.schedule.stages.base.reduce(0) { $0 + squaredNorm($1.data.weight) }.squareRoot()
  print(String(format: "%9d  %5d  %12.3f  %.1e  %.1e", nonZeros, depth, size, abs(slopes[0] - slopes[1]), abs(slopes[0] - central)))
}
