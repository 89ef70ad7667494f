// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Foundation
import Kernels

/// The plain twin of ``BM3D``: the equations one number at a time in double precision, on one image of the scale 0 … 255.
struct PlainBM3D {
  let parameters: BM3DParameters
  let sigma: Double
  let height: Int
  let width: Int

  private typealias Patch = [Double]

  /// The first step; of `guide` unless it is nil, the second.
  func estimate(_ noisy: [Double], guide: [Double]? = nil) -> [Double] {
    let step = guide == nil ? parameters.thresholding : parameters.wiener
    let side = min(step.side, height, width)
    let transform: PatchTransform = guide == nil ? .biorthogonalWavelet(side: side) : .cosine(side: side)
    let window = PatchWindow.kaiser(side: side, beta: parameters.beta).weights
    var (numerator, denominator) = (noisy.map { _ in 0.0 }, noisy.map { _ in 0.0 })
    for row in begins(height - side, step.step) {
      for column in begins(width - side, step.step) {
        let places = group(guide ?? noisy, row, column, step, side)
        var stack = haar(places.map { product(transform.matrix, patch(noisy, $0, side), side) })
        let weight: Double
        if let guide {
          let expected = haar(places.map { product(transform.matrix, patch(guide, $0, side), side) })
          var sum = 0.0
          for i in stack.indices {
            for k in stack[i].indices {
              let gain = expected[i][k] * expected[i][k] / (expected[i][k] * expected[i][k] + sigma * sigma)
              stack[i][k] *= gain
              sum += gain * gain
            }
          }
          weight = sum > 0 ? 1 / (sigma * sigma * sum) : 1
        } else {
          stack = stack.map { $0.map { abs($0) < parameters.threshold * sigma ? 0 : $0 } }
          let kept = stack.joined().count { $0 != 0 }
          weight = kept > 0 ? 1 / (sigma * sigma * Double(kept)) : 1
        }
        let estimates = inverseHaar(stack).map { product(transform.inverse, $0, side) }
        for (place, estimate) in zip(places, estimates) {
          for k in 0..<side * side {
            let pixel = place + k / side * width + k % side
            numerator[pixel] += weight * window[k] * estimate[k]
            denominator[pixel] += weight * window[k]
          }
        }
      }
    }
    return zip(numerator, denominator).map { $0 / $1 }
  }

  private func begins(_ last: Int, _ step: Int) -> [Int] { Array(stride(from: 0, to: last, by: step)) + [last] }

  private func patch(_ x: [Double], _ place: Int, _ side: Int) -> Patch {
    (0..<side * side).map { x[place + $0 / side * width + $0 % side] }
  }

  /// The nearest in the window, cut to a power of two.
  private func group(_ x: [Double], _ row: Int, _ column: Int, _ step: BM3DStep, _ side: Int) -> [Int] {
    let (own, radius) = (patch(x, row * width + column, side), step.window / 2)
    var found = [(distance: 0.0, place: row * width + column)]
    for i in max(0, row - radius)...min(height - side, row + radius) {
      for j in max(0, column - radius)...min(width - side, column + radius) where (i, j) != (row, column) {
        let distance = zip(own, patch(x, i * width + j, side)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        if distance < step.limit * Double(side * side) { found.append((distance, i * width + j)) }
      }
    }
    let order = found.indices.sorted { (found[$0].distance, $0) < (found[$1].distance, $1) }.prefix(step.most)
    let count = 1 << Int(log2(Double(order.count)))
    return order.prefix(count).map { found[$0].place }
  }

  /// a x aᵀ.
  private func product(_ a: [Double], _ x: Patch, _ n: Int) -> Patch {
    let left = (0..<n * n).map { at in (0..<n).reduce(0.0) { $0 + a[at / n * n + $1] * x[$1 * n + at % n] } }
    return (0..<n * n).map { at in (0..<n).reduce(0.0) { $0 + left[at / n * n + $1] * a[at % n * n + $1] } }
  }

  /// Means and differences of neighbours, then of the means.
  private func haar(_ patches: [Patch]) -> [Patch] {
    if patches.count == 1 { return patches }
    let (h, pairs) = (0.5.squareRoot(), stride(from: 0, to: patches.count, by: 2))
    let means = pairs.map { i in zip(patches[i], patches[i + 1]).map { h * ($0 + $1) } }
    return haar(means) + pairs.map { i in zip(patches[i], patches[i + 1]).map { h * ($0 - $1) } }
  }

  private func inverseHaar(_ coefficients: [Patch]) -> [Patch] {
    if coefficients.count == 1 { return coefficients }
    let (h, half) = (0.5.squareRoot(), coefficients.count / 2)
    let means = inverseHaar(Array(coefficients[..<half]))
    return (0..<half).flatMap { i in
      let (mean, difference) = (means[i], coefficients[half + i])
      return [zip(mean, difference).map { h * ($0 + $1) }, zip(mean, difference).map { h * ($0 - $1) }]
    }
  }
}
