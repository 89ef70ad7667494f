// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct CompressiveSensingTests {
  /// Rows of the public matrices (10 to 436), and 545 at 50 %; other ratios are rounded, never to 0 and never beyond a square matrix.
  @Test func rowsOfRatios() {
    let published = [(0.01, 10), (0.04, 43), (0.1, 109), (0.25, 272), (0.3, 327), (0.4, 436), (0.5, 545)]
    for (ratio, rows) in published { #expect(CompressiveSensing.rows(ratio: ratio) == rows, "\(ratio)") }
    // 0.2 · 1089 = 217.8, 0.011 · 1089 = 11.979.
    for (ratio, rows) in [(0.2, 218), (0.011, 12), (1e-9, 1), (1, 1089)] { #expect(CompressiveSensing.rows(ratio: ratio) == rows) }
    // Other blocks know no table: 0.25 · 25 = 6.25, 0.1 · 256 = 25.6.
    #expect(CompressiveSensing.rows(ratio: 0.25, side: 5) == 6 && CompressiveSensing.rows(ratio: 0.1, side: 16) == 26)
  }

  @Test func problemOfARatio() {
    let sensing = CompressiveSensing(ratio: 0.25, side: 8, seed: 3)
    #expect(sensing.phi.rows == 16 && sensing.side == 8 && sensing.ratio == 0.25)
    let sampling = sensing.sampling(height: 9, width: 20)
    #expect(sampling.grid.count == 6 && sampling.phi == sensing.phi)
    #expect(CompressiveSensing(ratio: 0.25, side: 8, seed: 3).phi == sensing.phi)
    #expect(CompressiveSensing(ratio: 0.25, side: 8, seed: 4).phi != sensing.phi)
  }

  /// Φ[i] = sin(0.7 (i+1)²), 3 × 4, and blocks X[i] = sin(0.3 (i+1)²), 4 × 7 (a block a column). Expected, by NumPy 2.4.6:
  ///
  ///     Y = Phi @ X;  numpy.linalg.lstsq(Y.T, X.T, rcond=None)[0].T
  @Test func startEqualsNumPy() {
    let phi = chirp([3, 4], 0.7)
    let X = chirp([4, 7], 0.3)
    let expected = Tensor(
      [
        -1.2296279925329734, -1.2591534078967124, 0.7037656178919904, 0.8505543595244339, 0.32353162924065293, 0.8470043441703297,
        -0.5007402865713682, 1.0232978465377205, 0.3011442745561641, -1.547872079023646, -0.7001629895658545, 0.7579605468054345,
      ], shape: [4, 3])
    let sensing = CompressiveSensing(phi: Matrix(phi))
    for factor in [1, 1e-6, 1e6] {
      let start = sensing.leastSquaresStart(moment: factor * linear(X, X))
      #expect((start - expected).maximumMagnitude < 1e-7, "\((start - expected).maximumMagnitude)")
    }
    // In single precision Φ gives the same start, rounded.
    let single = CompressiveSensing(phi: Matrix(phi.converted(to: .single))).leastSquaresStart(moment: linear(X, X))
    #expect((single - expected).maximumMagnitude < 1e-5 && single.precision == .double)
  }

  /// The normal equations: (Q Φ X − X) Yᵀ = 0, and no other Q is nearer to X.
  @Test func startSolvesTheNormalEquations() {
    var generator = RandomGenerator(seed: 5)
    let sensing = CompressiveSensing(ratio: 0.3, side: 6, seed: 5)
    // Blocks as rows; smooth ones, so that the moment is far from the identity.
    var smooth = Tensor.normal([80, 36], using: &generator).doubles
    for i in smooth.indices where i % 36 > 0 { smooth[i] = 0.9 * smooth[i - 1] + 0.1 * smooth[i] }
    let blocks = Tensor(smooth, shape: [80, 36])
    let Y = sensing.phi.forward(blocks)
    let Q = sensing.leastSquaresStart(moment: linear(blocks.transposed, blocks.transposed))
    #expect(Q.shape == [36, 11])
    let residual = linear(Y, Q) - blocks
    let correlation = linear(residual.transposed, Y.transposed)
    #expect(correlation.norm <= 1e-6 * blocks.norm * Y.norm)
    for _ in 0..<5 {
      let other = Q + 0.01 * Tensor.normal(Q.shape, using: &generator)
      #expect((linear(Y, other) - blocks).norm > residual.norm)
    }
    // Measuring what the start gives is measuring the block: Φ Q = I.
    expectClose(linear(sensing.phi.entries, Q.transposed), .identity(11), relative: 1e-6)
  }
}
