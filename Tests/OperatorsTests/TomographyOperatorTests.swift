// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct TomographyOperatorTests {
  /// Counts of numpy.sum(X**2 + Y**2 <= 1) (NumPy 2.4.6) and of the published code.
  @Test(arguments: [(64, 3228), (32, 812), (1, 1), (2, 4), (4, 12)]) func pixelsOfTheDisc(side: Int, count: Int) {
    let pixels = PixelDisc(side: side)
    #expect(pixels.count == count && pixels.indices == pixels.indices.sorted())
    for z in pixels.centres { #expect((z * z).sum() <= 1 + 1e-15) }
  }

  /// The top row first, the left column first.
  @Test func centres() {
    #expect(PixelDisc.centre(0, side: 4) == SIMD2(-0.75, 0.75))
    #expect(PixelDisc.centre(3, side: 4) == SIMD2(0.75, 0.75))
    #expect(PixelDisc.centre(14, side: 4) == SIMD2(0.25, -0.75))
  }

  @Test func gatherAndScatter() {
    // 4 × 4: all but the corners.
    let pixels = PixelDisc(side: 4)
    let whole = Tensor((0..<16).map { Double($0) }, shape: [4, 4])
    #expect(pixels.forward(whole).doubles == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14])
    #expect(pixels.adjoint(pixels.forward(whole)).doubles == [0, 1, 2, 0, 4, 5, 6, 7, 8, 9, 10, 11, 0, 13, 14, 0])
    let given = PixelDisc(side: 3, indices: [8, 0, 2])
    let image = Tensor((0..<9).map { Double($0) }, shape: [3, 3])
    let batch = Tensor.stacked([image, -1 * image]).converted(to: .single)
    #expect(given.forward(batch).shape == [2, 3] && given.forward(batch).floats == [8, 0, 2, -8, 0, -2])
    #expect(given.adjoint(given.forward(batch)).floats == [0, 0, 2, 0, 0, 0, 0, 0, 8, 0, 0, -2, 0, 0, 0, 0, 0, -8])
    #expect(given.forward(.zero).isShapelessZero && given.adjoint(.zero).isShapelessZero)
    #expect(given.differences.forward(.zero).isShapelessZero && given.differences.adjoint(.zero).isShapelessZero)
  }

  /// Constants have no differences; R as an operator and as entries are one; trace of scipy's DᵀD (SciPy, 32 and 64): twice the pairs.
  @Test(arguments: [(32, 3120.0), (64, 12656.0)]) func laplacian(side: Int, trace: Double) {
    let pixels = PixelDisc(side: side)
    #expect(Double(2 * pixels.differences.pairs.count) == trace)
    #expect(pixels.laplacian.forward(.filled(1, shape: [pixels.count])).norm == 0)
    guard side == 32 else { return }
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([3, pixels.count], using: &generator)
    let R = pixels.laplacianEntries
    expectClose(pixels.laplacian.forward(x), linear(x, R), relative: 1e-14)
    let diagonal = (0..<pixels.count).reduce(0) { $0 + R[flat: $1 * (pixels.count + 1)] }
    #expect(diagonal == trace)
  }

  /// D of the whole image is the gradient of images, its order aside: ‖D x‖ is equal, and so is DᵀD x.
  @Test func differencesOfAWholeImage() {
    var generator = RandomGenerator(seed: 3)
    let pixels = PixelDisc(side: 7, indices: Array(0..<49))
    let x = Tensor.normal([2, 49], using: &generator)
    let D = Gradient2D(height: 7, width: 7)
    #expect(abs(pixels.differences.forward(x).norm - D.forward(x).norm) < 1e-13)
    expectClose(pixels.laplacian.forward(x), D.gram.forward(x), relative: 1e-14)
    let most = powerIteration(pixels.differences, startingAt: x, tolerance: 1e-12).last!
    #expect(most <= 8 && most > 7.5)
  }

  @Test func electrodePairs() {
    let pairs = AdjacentElectrodes().pairs
    #expect(pairs.count == 104 && pairs.first == .init(drive: 0, measurement: 2) && pairs.last == .init(drive: 13, measurement: 15))
    #expect(!pairs.contains(.init(drive: 0, measurement: 15)))
    #expect(AdjacentElectrodes(count: 4).pairs.count == 2 && AdjacentElectrodes(count: 8).pairs.count == 20)
  }

  /// λ_max of rows of unit norm by numpy.linalg.norm(A, 2)**2 (NumPy 2.4.6) from the formulas, independently programmed: the published
  /// figures are 10.5 and 6.4.
  @Test(arguments: [
    (SensitivityModel.eit104, 64, 10.47790260855102), (.eit104, 32, 10.808507026915446), (.emt28, 64, 6.438987535944403),
    (.emt28, 32, 6.423633606685161),
  ])
  func largestEigenvalues(model: SensitivityModel, side: Int, expected: Double) {
    let pixels = PixelDisc(side: side)
    let sensitivity = model.sensitivity(on: pixels)
    let A = sensitivity.withUnitRows
    #expect(A.rows == model.measurements && A.columns == pixels.count)
    #expect(abs(A.lipschitz - expected) < 1e-9, "\(A.lipschitz)")
    #expect(A.rowNorms.allSatisfy { abs($0 - 1) < 1e-14 })
    let (norms, n) = (sensitivity.rowNorms, pixels.count)
    #expect(abs(norms[5] * A.entries[flat: 5 * n + 7] - sensitivity.entries[flat: 5 * n + 7]) < 1e-15)
  }
}
