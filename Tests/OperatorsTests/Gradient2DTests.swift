// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct Gradient2DTests {
  static let images = [(1, 1), (2, 3), (5, 4), (8, 8), (7, 1), (1, 9)]

  @Test(arguments: 1...20, Gradient2D.Boundary.allCases) func adjoint(seed: Int, boundary: Gradient2D.Boundary) {
    let (h, w) = Self.images[seed % Self.images.count]
    expectAdjoint(
      Gradient2D(height: h, width: w, boundary: boundary), domain: [3, h * w], codomain: [3, h * w, 2], seed: UInt64(seed))
  }

  @Test func definition() {
    let u = Tensor([1, 4, 2, 7, 5, 11])  // rows 1 4 2 and 7 5 11
    #expect(Gradient2D(height: 2, width: 3).forward(u).doubles == [3, 6, -2, 1, 0, 9, -2, 0, 6, 0, 0, 0])
    #expect(
      Gradient2D(height: 2, width: 3, boundary: .periodic).forward(u.converted(to: .single)).doubles
        == [3, 6, -2, 1, -1, 9, -2, -6, 6, -1, -4, -9])
  }

  /// The closed form against the largest eigenvalue of the matrix itself.
  @Test(arguments: images, Gradient2D.Boundary.allCases) func lipschitz(image: (Int, Int), boundary: Gradient2D.Boundary) {
    let D = Gradient2D(height: image.0, width: image.1, boundary: boundary)
    let n = image.0 * image.1
    let matrix = Matrix(D.forward(.identity(n)).reshaped([n, 2 * n]).transposed)
    #expect(abs(D.lipschitz - matrix.lipschitz) <= 1e-12)
  }

  /// A rectangle of a × b pixels inside an image has a side where each difference is c; at one corner both differences are in the
  /// same pixel. A ramp down the rows rises by 1 between rows and, where the image goes around, falls back.
  @Test func totalVariation() {
    let (h, w, a, b, c) = (9, 8, 3, 4, 0.7)
    let rectangle = Tensor((0..<h * w).map { (2..<2 + a).contains($0 / w) && (1..<1 + b).contains($0 % w) ? c : 0 })
    let ramp = Tensor((0..<h * w).map { Double($0 / w) })
    for boundary in Gradient2D.Boundary.allCases {
      let D = Gradient2D(height: h, width: w, boundary: boundary)
      #expect(abs(D.totalVariation(rectangle, .anisotropic) - c * Double(2 * (a + b))) < 1e-12)
      #expect(abs(D.totalVariation(rectangle) - c * (Double(2 * (a + b) - 2) + 2.0.squareRoot())) < 1e-12)
      let rise = Double(w * (h - 1))
      #expect(D.totalVariation(ramp) == (boundary == .neumann ? rise : 2 * rise))
      #expect(D.totalVariation(.stacked([ramp, ramp])) == 2 * D.totalVariation(ramp))
    }
  }

  @Test func acceptsZero() {
    let D = Gradient2D(height: 2, width: 2)
    #expect(D.forward(.zero).isShapelessZero && D.adjoint(.zero).isShapelessZero)
  }
}
