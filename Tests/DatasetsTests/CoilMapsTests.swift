// SPDX-License-Identifier: Apache-2.0
import Datasets
import Foundation
import Operators
import Tensors
import Testing

@Suite struct CoilMapsTests {
  /// In every pixel Σ |S_c|² = 1, and the seed alone decides.
  @Test(arguments: [(1, 1, 1), (4, 5, 8), (8, 16, 9)]) func unitRootSumOfSquares(coils: Int, height: Int, width: Int) {
    let S = CoilSensitivities.simulated(coils: coils, height: height, width: width, seed: 3)
    #expect(S.maps.shape == [coils, height, width])
    let v = S.maps.pairs.doubles
    for i in 0..<height * width {
      let sum = (0..<coils).reduce(0.0) { sum, c in
        let place = 2 * (c * height * width + i)
        return sum + v[place] * v[place] + v[place + 1] * v[place + 1]
      }
      #expect(abs(sum - 1) < 1e-13)
    }
    #expect(abs(S.lipschitz - 1) < 1e-13)
    #expect(S.maps == CoilSensitivities.simulated(coils: coils, height: height, width: width, seed: 3).maps)
    #expect(S.maps != CoilSensitivities.simulated(coils: coils, height: height, width: width, seed: 4).maps)
  }

  /// On its axis a loop of radius a has B = 2π a² / (a² + d²)^(3/2): in the middle of the image, a loop opposite another of other
  /// radius and distance weighs as that says. Loops are drawn as the docstring says, from the generator's first numbers.
  @Test func fieldOnTheAxis() {
    var generator = RandomGenerator(seed: 6)
    let fields = (0..<3).map { _ -> Double in
      _ = generator.uniform()
      let d = 1.6 + 0.1 * (generator.uniform() - 0.5)
      let a = 0.5 + 0.1 * (generator.uniform() - 0.5)
      _ = generator.uniform()
      return 2 * Double.pi * a * a / pow(a * a + d * d, 1.5)
    }
    let norm = fields.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let v = CoilSensitivities.simulated(coils: 3, height: 1, width: 1, seed: 6).maps.pairs.doubles
    for c in 0..<3 {
      #expect(abs((v[2 * c] * v[2 * c] + v[2 * c + 1] * v[2 * c + 1]).squareRoot() - fields[c] / norm) < 1e-12)
    }
  }

  /// Smooth: on a grid twice as fine the largest step from pixel to pixel is half as large.
  @Test func smooth() {
    func largestStep(_ n: Int) -> Double {
      let S = CoilSensitivities.simulated(coils: 6, height: n, width: n, seed: 1)
      let D = OnParts(Gradient2D(height: n, width: n))
      return D.forward(ComplexTensor(pairs: S.maps.pairs.reshaped([6, n * n, 2]))).maximumMagnitude
    }
    let ratio = largestStep(64) / largestStep(32)
    #expect(ratio > 0.45 && ratio < 0.6, "\(ratio)")
  }
}
