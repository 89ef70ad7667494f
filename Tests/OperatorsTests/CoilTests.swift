// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct CoilTests {
  static let images = [(1, 1), (2, 3), (5, 4), (8, 8), (7, 1), (9, 16), (70, 65)]

  private struct Draw {
    var generator: RandomGenerator
    mutating func array(_ shape: [Int], _ precision: Precision = .double) -> ComplexTensor {
      ComplexTensor(pairs: .normal(shape + [2], precision: precision, using: &generator))
    }
    mutating func mask(_ h: Int, _ w: Int) -> SamplingMask {
      SamplingMask(height: h, width: w, isSampled: (0..<h * w).map { $0 == 0 || generator.uniform() < 0.5 })
    }
  }

  @Test(arguments: 1...21) func adjoints(seed: Int) {
    let (h, w) = Self.images[seed % Self.images.count]
    for precision in Precision.allCases {
      let tolerance = precision == .double ? 1e-12 : 1e-5
      var draw = Draw(generator: RandomGenerator(seed: UInt64(seed)))
      let S = CoilSensitivities(maps: draw.array([3, h, w], precision))
      let A = SENSE(S, mask: draw.mask(h, w))
      let (x, y) = (draw.array([2, h, w], precision), draw.array([2, 3, h, w], precision))
      #expect(S.adjointError(x, y) <= tolerance)
      #expect(A.adjointError(x, y) <= tolerance)
      #expect(OnReal(A).adjointError(x.real, y) <= tolerance)
      #expect(OnReal(A).adjointError(x.real, A.forward(complex(x.imaginary))) <= tolerance)
      #expect(A.forward(x).shape == [2, 3, h, w] && A.adjoint(y).shape == [2, h, w] && A.forward(x).precision == precision)
      // One image without a batch is the first of the batch.
      let first = ComplexTensor(pairs: x.pairs.row(0))
      expectClose(A.forward(first).pairs, A.forward(x).pairs.row(0), relative: 0)
      expectClose(A.adjoint(ComplexTensor(pairs: y.pairs.row(0))).pairs, A.adjoint(y).pairs.row(0), relative: 0)
    }
  }

  /// Coil by coil, pixel by pixel; and k-space by the masked transform of each coil's image.
  @Test(arguments: images) func definition(h: Int, w: Int) {
    var draw = Draw(generator: RandomGenerator(seed: 9))
    let (maps, x, mask) = (draw.array([4, h, w]), draw.array([h, w]), draw.mask(h, w))
    let S = CoilSensitivities(maps: maps)
    let A = SENSE(S, mask: mask)
    let (m, v, y) = (maps.pairs.doubles, x.pairs.doubles, draw.array([4, h, w]))
    var combined = [Double](repeating: 0, count: 2 * h * w)
    for c in 0..<4 {
      var coil = [Double](repeating: 0, count: 2 * h * w)
      for i in stride(from: 0, to: 2 * h * w, by: 2) {
        let (re, im) = (m[2 * c * h * w + i], m[2 * c * h * w + i + 1])
        (coil[i], coil[i + 1]) = (re * v[i] - im * v[i + 1], re * v[i + 1] + im * v[i])
        let (yr, yi) = (y.pairs[flat: 2 * c * h * w + i], y.pairs[flat: 2 * c * h * w + i + 1])
        combined[i] += re * yr + im * yi
        combined[i + 1] += re * yi - im * yr
      }
      let coilImage = Tensor(coil, shape: [h, w, 2])
      expectClose(S.forward(x).pairs.row(c), coilImage, relative: 1e-15)
      expectClose(A.forward(x).pairs.row(c), MaskedFourier(mask).forward(ComplexTensor(pairs: coilImage)).pairs, relative: 1e-14)
    }
    expectClose(S.adjoint(y).pairs, Tensor(combined, shape: [h, w, 2]), relative: 1e-14)
    expectClose(A.adjoint(y).pairs, S.adjoint(MaskedFourier(mask).adjoint(y)).pairs, relative: 1e-14)
  }

  /// Power iteration rises to ‖S‖² itself, and with every frequency measured to that of P F S; with fewer it stays below.
  @Test(arguments: [(5, 4), (8, 8), (7, 1)]) func gains(h: Int, w: Int) {
    var draw = Draw(generator: RandomGenerator(seed: 3))
    let S = CoilSensitivities(maps: draw.array([3, h, w]))
    func gain<Op: LinearOperator>(_ A: Op, _ start: Op.Domain) -> Double { powerIteration(A, startingAt: start).last! }
    let start = draw.array([h, w])
    #expect(abs(gain(S, start) / S.lipschitz - 1) <= 1e-6)
    let full = SENSE(S, mask: .full(height: h, width: w))
    #expect(abs(gain(full, start) / full.lipschitz - 1) <= 1e-6)
    let A = SENSE(S, mask: draw.mask(h, w))
    let found = gain(A, start)
    #expect(found <= A.lipschitz * (1 + 1e-12) && found > 0.2 * A.lipschitz)
    #expect(gain(OnReal(A), start.real) <= A.lipschitz * (1 + 1e-12))
    let none = SENSE(S, mask: SamplingMask(height: h, width: w, isSampled: Array(repeating: false, count: h * w)))
    #expect(none.lipschitz == 0 && none.forward(start).norm == 0)
  }

  /// With maps of unit root sum of squares and all frequencies, AᴴA = 1.
  @Test func unitMapsGiveTheImageBack() {
    let (h, w) = (6, 9)
    var draw = Draw(generator: RandomGenerator(seed: 1))
    let raw = draw.array([5, h, w]).pairs.doubles
    var maps = raw
    for i in stride(from: 0, to: 2 * h * w, by: 2) {
      let places = stride(from: i, to: maps.count, by: 2 * h * w)
      let norm = places.reduce(0) { $0 + raw[$1] * raw[$1] + raw[$1 + 1] * raw[$1 + 1] }.squareRoot()
      for place in places { (maps[place], maps[place + 1]) = (raw[place] / norm, raw[place + 1] / norm) }
    }
    let A = SENSE(
      CoilSensitivities(maps: ComplexTensor(pairs: Tensor(maps, shape: [5, h, w, 2]))), mask: .full(height: h, width: w))
    let x = draw.array([h, w])
    expectClose(A.adjoint(A.forward(x)).pairs, x.pairs, relative: 1e-14)
    #expect(abs(A.lipschitz - 1) < 1e-14)
    let single = A.converted(to: .single)
    let rounded = ComplexTensor(pairs: x.pairs.converted(to: .single))
    expectClose(single.gram.forward(rounded).pairs, rounded.pairs, relative: 1e-6)
  }

  @Test func acceptsZero() {
    let S = CoilSensitivities(maps: ComplexTensor(pairs: .filled(1, shape: [2, 3, 3, 2])))
    let A = SENSE(S, mask: .full(height: 3, width: 3))
    #expect(S.forward(.zero).isShapelessZero && S.adjoint(.zero).isShapelessZero)
    #expect(A.forward(.zero).isShapelessZero && A.adjoint(.zero).isShapelessZero)
    #expect(OnReal(A).forward(.zero).isShapelessZero && OnReal(A).adjoint(.zero).isShapelessZero)
    let D = OnParts(Gradient2D(height: 2, width: 2))
    #expect(D.forward(.zero).isShapelessZero && D.adjoint(.zero).isShapelessZero)
  }

  // MARK: Real operators on complex images

  @Test(arguments: 1...20, Gradient2D.Boundary.allCases) func gradientOnParts(seed: Int, boundary: Gradient2D.Boundary) {
    let (h, w) = Self.images[seed % Self.images.count]
    var draw = Draw(generator: RandomGenerator(seed: UInt64(seed)))
    let D = Gradient2D(height: h, width: w, boundary: boundary)
    let (x, y) = (draw.array([2, h * w]), draw.array([2, h * w, 2]))
    #expect(OnParts(D).adjointError(x, y) <= 1e-12)
    // Linear over the complex numbers: D (i x) = i D x; and each part is the operator's own.
    let ix = ComplexTensor(real: -1 * x.imaginary, imaginary: x.real)
    let (Dx, Dix) = (OnParts(D).forward(x), OnParts(D).forward(ix))
    #expect(Dix.real == -1 * Dx.imaginary && Dix.imaginary == Dx.real)
    #expect(Dx.real == D.forward(x.real) && OnParts(D).lipschitz == D.lipschitz)
  }
}
