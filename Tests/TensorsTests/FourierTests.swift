// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import _Differentiation

func complexNormal(_ shape: [Int], precision: Precision = .double, seed: UInt64) -> ComplexTensor {
  var generator = RandomGenerator(seed: seed)
  return ComplexTensor(pairs: .normal(shape + [2], precision: precision, using: &generator))
}

@Suite struct FourierTests {
  static let shapes = [[1], [2], [15], [16], [17], [1, 1], [3, 1], [1, 4], [5, 6], [2, 7, 8], [2, 2, 67, 3]]

  @Test(arguments: shapes) func isUnitary(shape: [Int]) {
    for precision in Precision.allCases {
      let tolerance = precision == .double ? 1e-13 : 1e-5
      let (x, y) = (complexNormal(shape, precision: precision, seed: 1), complexNormal(shape, precision: precision, seed: 2))
      func check(_ forward: (ComplexTensor) -> ComplexTensor, _ inverse: (ComplexTensor) -> ComplexTensor) {
        expectClose(inverse(forward(x)).pairs, x.pairs, relative: tolerance)
        expectClose(forward(inverse(x)).pairs, x.pairs, relative: tolerance)
        #expect(abs(forward(x).norm - x.norm) <= tolerance * x.norm)
        #expect(abs(forward(x).inner(y) - x.inner(inverse(y))) <= tolerance * x.norm * y.norm)
        #expect(forward(x).precision == precision)
      }
      check(fft, inverseFFT)
      if shape.count > 1 { check(fft2, inverseFFT2) }
    }
  }

  /// Rows, then columns, by the one-dimensional transform.
  @Test func planesAreRowsThenColumns() {
    let x = complexNormal([5, 6], seed: 3)
    func turned(_ z: ComplexTensor) -> ComplexTensor { ComplexTensor(real: z.real.transposed, imaginary: z.imaginary.transposed) }
    expectClose(turned(fft(turned(fft(x)))).pairs, fft2(x).pairs, relative: 1e-14)
  }

  /// A unit impulse at 0 has a flat spectrum 1/√n; exp(2πi 2j/n) is one line.
  @Test func impulseAndWave() {
    let n = 12
    let impulse = complex(Tensor((0..<n).map { $0 == 0 ? 1 : 0 }, precision: .double))
    expectClose(fft(impulse).real, .filled(1 / 12.0.squareRoot(), shape: [n]), relative: 1e-14)
    let angle = Tensor((0..<n).map { 4 * Double.pi * Double($0) / 12 })
    let wave = ComplexTensor(real: angle.map { cos($0) }, imaginary: angle.map { sin($0) })
    expectClose(fft(wave).real, Tensor((0..<n).map { $0 == 2 ? 12.0.squareRoot() : 0 }, precision: .double), relative: 1e-13)
  }

  /// numpy.fft.ifft2 (NumPy 2.4.6), norm="ortho", of the 3 × 4 pairs sin(0.3 (i + 1)²).
  @Test func inverseEqualsNumPys() {
    let expected = [
      0.4592873416148073, 0.21903642878508803, -0.1920865622266998, -0.20354158193099056, -0.2820146240733974, 0.10576190960110628,
      -1.5991615370803087, 0.031452248413347705, 1.185872361442127, -1.336039095924273, 0.7237008414280718, 1.354511640079615,
      0.3102792714893392, 1.2757254137628506, 0.27526526894526054, 0.4574933093800731, 0.5256601861683675, 0.5092720904303625,
      0.0720052259221402, 0.14339875475801855, -0.06256490676827399, -0.8584490845800782, -0.39253084166004387, 1.530056070295465,
    ]
    let z = ComplexTensor(pairs: chirp([3, 4, 2], 0.3))
    expectClose(inverseFFT2(z).pairs, Tensor(expected, shape: [3, 4, 2]), relative: 1e-13)
  }

  @Test func gradients() {
    let weight = complexNormal([3, 5, 4], seed: 9)
    let x = complexNormal([3, 5, 4], seed: 4).pairs
    // A nonlinear function on top, so that the gradient depends on the point.
    expectGradient(at: x) { p in squaredNorm(weight .* fft(ComplexTensor(pairs: p))) }
    expectGradient(at: x) { p in squaredNorm(weight .* inverseFFT(ComplexTensor(pairs: p))) }
    expectGradient(at: x) { p in squaredNorm(weight .* fft2(ComplexTensor(pairs: p))) }
    expectGradient(at: x) { p in squaredNorm(weight .* inverseFFT2(ComplexTensor(pairs: p))) }
  }

  @Test func zeroHasNoShape() {
    for transform in [fft, inverseFFT, fft2, inverseFFT2] as [@differentiable(reverse) (ComplexTensor) -> ComplexTensor] {
      #expect(transform(.zero).isShapelessZero)
      let (_, pullback) = valueWithPullback(at: complexNormal([2, 2], seed: 1), of: transform)
      #expect(pullback(.zero).isShapelessZero)
    }
  }
}
