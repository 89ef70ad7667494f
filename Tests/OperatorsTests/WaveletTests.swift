// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct WaveletTests {
  static let images = [(1, 1), (2, 3), (5, 4), (8, 8), (7, 1), (1, 9), (30, 16)]

  private func identity<Op: LinearOperator>(_ A: Op, _ x: Op.Domain) -> Double where Op.Domain == Op.Codomain {
    relativeError(A.adjoint(A.forward(x)), x)
  }

  // MARK: Filters

  /// Σ h = √2, Σ h[m] h[m + 2 l] = δ_l, and as many moments of g vanish as half the length.
  @Test(arguments: WaveletFilter.allCases) func filtersAreOrthonormal(filter: WaveletFilter) {
    let (h, g) = (filter.lowPass, filter.highPass)
    #expect(h.count == filter.length && abs(h.reduce(0, +) - (2.0).squareRoot()) < 1e-14)
    for l in 0..<h.count / 2 {
      let (low, cross) = (0..<h.count - 2 * l).reduce((0.0, 0.0)) { ($0.0 + h[$1] * h[$1 + 2 * l], $0.1 + h[$1] * g[$1 + 2 * l]) }
      #expect(abs(low - (l == 0 ? 1 : 0)) < 1e-14 && abs(cross) < 1e-14)
    }
    for power in 0..<h.count / 2 {
      #expect(abs(g.enumerated().reduce(0) { $0 + $1.1 * pow(Double($1.0), Double(power)) }) < 1e-9)
    }
  }

  // MARK: Undecimated

  @Test(arguments: 1...21, [WaveletFilter.haar, .daubechies4]) func undecimated(seed: Int, filter: WaveletFilter) {
    let (h, w) = Self.images[seed % Self.images.count]
    let levels = 1 + seed % 4
    for precision in Precision.allCases {
      let tolerance = precision == .double ? 1e-12 : 1e-5
      var generator = RandomGenerator(seed: UInt64(seed))
      let W = UndecimatedWavelet<Tensor>(height: h, width: w, filter: filter, levels: levels)
      let x = Tensor.normal([2, h, w], precision: precision, using: &generator)
      let y = Tensor.normal([2, W.bands, h, w], precision: precision, using: &generator)
      #expect(W.adjointError(x, y) <= tolerance)
      #expect(identity(W, x) <= tolerance)
      #expect(W.forward(x).shape == y.shape && W.adjoint(y).shape == x.shape && W.forward(x).precision == precision)
      expectClose(W.forward(x.row(1)), W.forward(x).row(1), relative: 0)
      expectClose(W.adjoint(y.row(1)), W.adjoint(y).row(1), relative: 0)
      // Complex: both parts.
      let C = UndecimatedWavelet<ComplexTensor>(height: h, width: w, filter: filter, levels: levels)
      let z = ComplexTensor(real: x, imaginary: .normal([2, h, w], precision: precision, using: &generator))
      let v = ComplexTensor(real: y, imaginary: .normal(y.shape, precision: precision, using: &generator))
      #expect(C.adjointError(z, v) <= tolerance && identity(C, z) <= tolerance)
      #expect(relativeError(C.forward(z), OnParts(W).forward(z)) <= tolerance)
      #expect(relativeError(C.adjoint(v), OnParts(W).adjoint(v)) <= tolerance)
    }
  }

  /// The formula of the docstring, pixel by pixel, with dilated filters longer than the image among them.
  @Test(arguments: images, [WaveletFilter.haar, .daubechies8]) func undecimatedIsTheDefinition(
    image: (Int, Int), filter: WaveletFilter
  ) {
    let (h, w) = image
    var low = chirp([h, w], 0.3)
    var details: [Tensor] = []
    func filtered(_ a: Tensor, _ taps: [Double], _ step: Int, alongRow: Bool) -> Tensor {
      var out = [Double](repeating: 0, count: h * w)
      for i in 0..<h {
        for j in 0..<w {
          for (m, tap) in taps.enumerated() {
            let s = (m + 1 - taps.count / 2) * step
            let (k, l) = alongRow ? (i, ((j + s) % w + w) % w) : (((i + s) % h + h) % h, j)
            out[i * w + j] += tap / (2.0).squareRoot() * a[flat: k * w + l]
          }
        }
      }
      return Tensor(out, shape: [h, w])
    }
    for level in 1...3 {
      func band(_ down: [Double], _ along: [Double]) -> Tensor {
        filtered(filtered(low, down, 1 << (level - 1), alongRow: false), along, 1 << (level - 1), alongRow: true)
      }
      let (a, d) = (filter.lowPass, filter.highPass)
      details = [band(d, a), band(a, d), band(d, d)] + details
      low = band(a, a)
    }
    let W = UndecimatedWavelet<Tensor>(height: h, width: w, filter: filter, levels: 3)
    let bands = W.forward(chirp([h, w], 0.3))
    for (i, expected) in ([low] + details).enumerated() {
      #expect((bands.row(i) - expected).norm <= 1e-13 * chirp([h, w], 0.3).norm)
    }
  }

  /// numpy.stack of pywt.swt2(x, name, level=2, norm=True, trim_approx=True), every 17th number modulo the size; x the 4 × 8 chirp.
  /// PyWavelets 1.8.0, NumPy 2.4.6.
  @Test func undecimatedEqualsPyWavelets() {
    let expected: [(WaveletFilter, [Double])] = [
      (
        .haar,
        [
          -0.14558658360256538, 0.15240978071527897, -0.23637367396981207, 0.2282235195507992, 0.11957897571468303,
          0.12383617257738877, 0.08508907215225073, -0.3227468553706004, -0.24064183040601386, -0.327379028103729,
          0.0338488200796567, -0.5883132678971288, -0.017015273124721883, 0.5787281493391219,
        ]
      ),
      (
        .daubechies4,
        [
          -0.12383632511591847, -0.04688735846074317, -0.08631757408586478, -0.04169766198406849, 0.10421841344923236,
          -0.0220144955947979, -0.2636883928573797, 0.34629922463449964, -0.22268297030518996, 0.7893642985617904,
          -0.5422902212035914, 0.41340876956334294, -0.07002900594554307, 0.6333579114473648,
        ]
      ),
    ]
    for (filter, values) in expected {
      let bands = UndecimatedWavelet<Tensor>(height: 4, width: 8, filter: filter, levels: 2).forward(chirp([4, 8], 0.3))
      for (k, value) in values.enumerated() { #expect(abs(bands[flat: 17 * k % bands.count] - value) <= 1e-12) }
    }
  }

  // MARK: Orthonormal

  @Test(arguments: 1...20, WaveletFilter.allCases) func orthonormal(seed: Int, filter: WaveletFilter) {
    let (h, w) = [(1, 1), (2, 6), (4, 4), (8, 24), (12, 4), (32, 16), (5, 7)][seed % 7]
    for precision in Precision.allCases {
      let tolerance = precision == .double ? 1e-12 : 1e-5
      var generator = RandomGenerator(seed: UInt64(seed))
      let P = OrthonormalWavelet<Tensor>(
        height: h, width: w, filter: filter, levels: OrthonormalWavelet<Tensor>.deepest(height: h, width: w))
      let x = Tensor.normal([2, h, w], precision: precision, using: &generator)
      let y = Tensor.normal([2, h, w], precision: precision, using: &generator)
      #expect(P.adjointError(x, y) <= tolerance)
      #expect(identity(P, x) <= tolerance && identity(P.H, y) <= tolerance)
      expectClose(P.forward(x.row(1)), P.forward(x).row(1), relative: 0)
      let C = OrthonormalWavelet<ComplexTensor>(height: h, width: w, filter: filter, levels: P.levels)
      let z = ComplexTensor(real: x, imaginary: y)
      let v = ComplexTensor(pairs: .normal([2, h, w, 2], precision: precision, using: &generator))
      #expect(C.adjointError(z, v) <= tolerance && identity(C, z) <= tolerance && identity(C.H, v) <= tolerance)
      #expect(relativeError(C.forward(z), OnParts(P).forward(z)) <= tolerance)
      #expect(relativeError(C.adjoint(v), OnParts(P).adjoint(v)) <= tolerance)
    }
  }

  @Test func depthOfTheOrthonormal() {
    #expect(OrthonormalWavelet<Tensor>.deepest(height: 256, width: 96) == 5)
    #expect(OrthonormalWavelet<Tensor>.deepest(height: 5, width: 8) == 0)
    let x = chirp([5, 8], 0.3)
    #expect(OrthonormalWavelet<Tensor>(height: 5, width: 8, levels: 0).forward(x) == x)
  }

  /// pywt.coeffs_to_array(pywt.wavedec2(x, name, mode="periodization", level=3))[0], every 11th number modulo the size; x the 8 × 16
  /// chirp. PyWavelets 1.8.0, NumPy 2.4.6.
  @Test func orthonormalEqualsPyWavelets() {
    let expected: [(WaveletFilter, [Double])] = [
      (
        .haar,
        [
          0.6610914181124845, 0.7568036233341725, 0.13834570995843887, 0.421474634163669, 1.0312837867390283, 0.5874213297202092,
          -0.511385215439884, 0.531504509022328, 0.273211723988106, -0.33170535236582416, 0.035007340071806614,
          -0.31365921651214934, -0.1448561742940046, -1.011653448372742,
        ]
      ),
      (
        .daubechies4,
        [
          0.004903827359455766, 0.2462173936156896, 0.7283704222482013, 0.40478305103487255, -0.5313411068621681,
          -0.44654358162112817, 0.43705013568360734, -0.14699985451397285, 0.2778981394850065, 0.9244207168116685,
          0.3972748614359553, 1.0385021525402136, 0.38008354068134287, 1.2303341721069292,
        ]
      ),
      (
        .daubechies6,
        [
          -0.0008300227186142928, 0.3524819212379125, -0.18035060527253224, 0.15431252739365164, 0.8400017643317458,
          0.5772563380956792, -0.680548251378686, -1.0153116527664783, 1.038138592661619, -0.7811640973808481, 0.9830055560606055,
          1.4992777483814932, -0.42882563898692133, -0.7352257055168667,
        ]
      ),
      (
        .daubechies8,
        [
          0.8457100313238883, -1.320742107562982, 0.7062362465271586, -0.2125041242029451, -0.36685796206439797,
          0.1256151138653536, 0.8169761296905248, 0.07033909122556137, 0.9342148869867298, -0.30027617975195253,
          0.6791111044217727, 0.980700355536113, 0.6171847368828376, -0.30694298247786994,
        ]
      ),
    ]
    for (filter, values) in expected {
      let bands = OrthonormalWavelet<Tensor>(height: 8, width: 16, filter: filter, levels: 3).forward(chirp([8, 16], 0.3))
      for (k, value) in values.enumerated() { #expect(abs(bands[flat: 11 * k % bands.count] - value) <= 1e-12) }
    }
  }

  @Test func acceptsZero() {
    let W = UndecimatedWavelet<Tensor>(height: 4, width: 4)
    let P = OrthonormalWavelet<ComplexTensor>(height: 4, width: 4, levels: 2)
    #expect(W.forward(.zero).isShapelessZero && W.adjoint(.zero).isShapelessZero)
    #expect(P.forward(.zero).isShapelessZero && P.adjoint(.zero).isShapelessZero)
  }
}
