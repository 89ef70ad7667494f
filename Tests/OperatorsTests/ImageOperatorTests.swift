// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct ImageOperatorTests {
  static let images = [(1, 1), (2, 3), (5, 4), (8, 8), (7, 1), (9, 16)]

  @Test(arguments: 1...20) func fourierAdjoint(seed: Int) {
    let (h, w) = Self.images[seed % Self.images.count]
    for precision in Precision.allCases {
      for axes in [1, 2] {
        var generator = RandomGenerator(seed: UInt64(seed))
        let x = ComplexTensor(pairs: .normal([2, h, w, 2], precision: precision, using: &generator))
        let y = ComplexTensor(pairs: .normal([2, h, w, 2], precision: precision, using: &generator))
        let F = Fourier(axes: axes)
        #expect(F.adjointError(x, y) <= (precision == .double ? 1e-12 : 1e-5))
        #expect(abs(F.forward(x).norm - x.norm) <= 1e-5 * x.norm)  // ‖F‖ = 1
      }
    }
    #expect(Fourier().forward(.zero).isShapelessZero)
  }

  @Test(arguments: 1...20, Convolution2D.Boundary.allCases) func convolutionAdjoint(seed: Int, boundary: Convolution2D.Boundary) {
    let (h, w) = Self.images[seed % Self.images.count]
    let (kh, kw) = [(1, 1), (3, 3), (3, 5), (7, 1)][seed % 4]
    for precision in Precision.allCases {
      var generator = RandomGenerator(seed: UInt64(seed))
      let kernels = Tensor.normal([3, kh, kw], precision: precision, using: &generator)
      let A = Convolution2D(kernels: kernels, height: h, width: w, boundary: boundary)
      let x = Tensor.normal([2, h, w], precision: precision, using: &generator)
      let y = Tensor.normal([2, 3, h, w], precision: precision, using: &generator)
      #expect(A.adjointError(x, y) <= (precision == .double ? 1e-12 : 1e-5))
      #expect(A.forward(x).shape == [2, 3, h, w] && A.adjoint(y).shape == [2, h, w])
      // One image without a batch is the first of the batch.
      expectClose(A.forward(x.row(0)), A.forward(x).row(0), relative: precision == .double ? 1e-14 : 1e-6)
    }
  }

  /// The definition, pixel by pixel.
  @Test(arguments: Convolution2D.Boundary.allCases) func convolutionIsTheDefinition(boundary: Convolution2D.Boundary) {
    for (h, w) in Self.images {
      var generator = RandomGenerator(seed: 5)
      let kernels = Tensor.normal([2, 3, 5], using: &generator)
      let x = Tensor.normal([h, w], using: &generator)
      var expected = [Double]()
      for m in 0..<2 {
        for i in 0..<h {
          for j in 0..<w {
            var total = 0.0
            for k in 0..<3 {
              for l in 0..<5 {
                var (row, column) = (i + k - 1, j + l - 2)
                if boundary == .circular { (row, column) = ((row + 4 * h) % h, (column + 4 * w) % w) }
                guard row >= 0, row < h, column >= 0, column < w else { continue }
                total += kernels[flat: (m * 3 + k) * 5 + l] * x[flat: row * w + column]
              }
            }
            expected.append(total)
          }
        }
      }
      let A = Convolution2D(kernels: kernels, height: h, width: w, boundary: boundary)
      expectClose(A.forward(x), Tensor(expected, shape: [2, h, w]), relative: 1e-13)
    }
  }

  /// Against the largest eigenvalue of the matrix itself, column by column: equal with a circular boundary, an upper bound with
  /// zeros, and a tight one.
  @Test(arguments: images) func convolutionLipschitz(h: Int, w: Int) {
    var generator = RandomGenerator(seed: 8)
    let kernels = Tensor.normal([2, 3, 3], using: &generator)
    for boundary in Convolution2D.Boundary.allCases {
      let A = Convolution2D(kernels: kernels, height: h, width: w, boundary: boundary)
      let columns = (0..<h * w).map { j in
        A.forward(Tensor((0..<h * w).map { $0 == j ? 1 : 0 }, shape: [h, w], precision: .double)).reshaped([2 * h * w])
      }
      let exact = Matrix(Tensor.stacked(columns)).lipschitz
      if boundary == .circular {
        #expect(abs(A.lipschitz - exact) <= 1e-10 * exact)
      } else {
        #expect(A.lipschitz >= exact * (1 - 1e-12))
        // Never beyond what the kernels can do: Σₘ (Σ |Kₘ|)².
        let sums = (0..<2).map { m in l1Norm(kernels.row(m)) }
        #expect(A.lipschitz <= sums.reduce(0) { $0 + $1 * $1 } * (1 + 1e-12))
      }
    }
  }

  @Test func convolutionAcceptsZero() {
    let A = Convolution2D(kernels: .filled(1, shape: [2, 3, 3]), height: 4, width: 5, boundary: .zero)
    #expect(A.forward(.zero).isShapelessZero && A.adjoint(.zero).isShapelessZero)
  }
}
