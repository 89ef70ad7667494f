// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct ImpedanceTomographyTests {
  /// V(0, 2), V(0, 8) and V(3, 6) of the series of cosines with 200 terms and of the logarithms, by NumPy 2.4.6.
  @Test func seriesEqualsNumPy() {
    let electrodes = AdjacentElectrodes()
    let pairs = [(0, 2), (0, 8), (3, 6)].map { AdjacentElectrodes.Pair(drive: $0.0, measurement: $0.1) }
    let inclusion = CentredInclusion(conductivity: 3, radius: 0.6)
    let series = [
      (-0.0029800563218241455, -0.09579807408953911), (0.007528857482812805, -0.01235151962563987),
      (0.006723915904576425, -0.04188966937762717),
    ]
    for (pair, expected) in zip(pairs, series) {
      #expect(abs(inclusion.voltageChange(pair, of: electrodes) - expected.0) < 1e-15)
      #expect(abs(CentredInclusion.homogeneousVoltage(pair, of: electrodes) - expected.1) < 1e-15)
    }
  }

  /// With no contrast nothing changes; a perfect conductor and insulator of one radius change the voltages by 2 R²ⁿ / (1 ± R²ⁿ) a term,
  /// which for a small radius is the first term alone.
  @Test func limitsOfTheSeries() {
    let electrodes = AdjacentElectrodes()
    for pair in electrodes.pairs {
      #expect(CentredInclusion(conductivity: 1, radius: 0.9).voltageChange(pair, of: electrodes) == 0)
      let small = CentredInclusion(conductivity: 1e12, radius: 1e-4).voltageChange(pair, of: electrodes)
      let (phi, step) = (electrodes.angle(pair.measurement - pair.drive), electrodes.angle(1))
      let first = -2e-8 / Double.pi * (2 * cos(phi) - cos(phi - step) - cos(phi + step))
      #expect(abs(small - first) < 1e-15)
    }
  }

  /// The linear model of pixels against the series of a centred disc, contrast 1e-3: 1.06 % at 64 × 64 by an independent program, the edge
  /// of pixels; 3.67 % at 32 × 32.
  @Test(arguments: [(64, 0.010577014521308142), (32, 0.03669084934396076)])
  func linearModelOfACentredDisc(side: Int, expected: Double) {
    let electrodes = AdjacentElectrodes()
    let pixels = PixelDisc(side: side)
    let x = Tensor(pixels.centres.map { ($0 * $0).sum() <= 0.25 ? 1e-3 : 0 })
    let linear = SensitivityModel.eit104.sensitivity(on: pixels).forward(x)
    let inclusion = CentredInclusion(conductivity: 1.001, radius: 0.5)
    let exact = Tensor(electrodes.pairs.map { inclusion.voltageChange($0, of: electrodes) })
    #expect(abs(relativeError(linear, exact) - expected) < 1e-9, "\(relativeError(linear, exact))")
  }

  /// ‖x₀ map‖_F by numpy.linalg.solve (NumPy 2.4.6), independently programmed.
  @Test(arguments: [
    (SensitivityModel.eit104, 32, 81.8717056289609), (.emt28, 32, 75.25646521819871), (.eit104, 64, 142.564572317723),
    (.emt28, 64, 131.7935880914966),
  ])
  func initialMapEqualsNumPy(model: SensitivityModel, side: Int, norm: Double) {
    let map = ImpedanceTomography(model, side: side).initialMap()
    #expect(map.rows == PixelDisc(side: side).count && map.columns == model.measurements)
    #expect(abs(map.entries.norm / norm - 1) < 1e-9, "\(map.entries.norm)")
  }

  /// (AᵀA + λ R) x₀ = Aᵀ b, by the operators.
  @Test(arguments: SensitivityModel.allCases) func initialImageSolvesTheNormalEquations(model: SensitivityModel) {
    let problem = ImpedanceTomography(model, side: 20)
    var generator = RandomGenerator(seed: 4)
    let b = Tensor.normal([3, problem.A.rows], using: &generator)
    for weight in [1e-3, 0.5] {
      let x = problem.initialMap(weight: weight).forward(b)
      let left = problem.A.gram.forward(x) + weight * problem.pixels.laplacian.forward(x)
      expectClose(left, problem.A.adjoint(b), relative: 1e-9)
    }
  }

  /// Per sample rms(ε) = rms(b) 10^(−SNR/20), and seed and stream alone decide.
  @Test func noise() {
    let clean = ImpedanceTomography(.eit104, side: 16)
    let noisy = ImpedanceTomography(.eit104, side: 16, noise: .decibel(20))
    let ramp = Tensor((0..<clean.pixels.count).map { Double($0) })
    let x = Tensor.stacked((0..<200).map { $0 % 2 == 0 ? ramp : 1e3 * ramp })
    let (b, measured) = (clean.simulate(x, seed: 1), noisy.simulate(x, seed: 1))
    expectClose(b, clean.A.forward(x), relative: 0)
    let noise = measured - b
    for parity in 0..<2 {
      let rows = (0..<100).map { noise.row(2 * $0 + parity) }
      let power = rows.reduce(0) { $0 + $1.inner($1) } / 100
      // 10 400 draws: the standard error of the power is 1.4 %.
      #expect(abs(power / (0.01 * b.row(parity).inner(b.row(parity))) - 1) < 0.06)
    }
    expectClose(noisy.simulate(x, seed: 1), measured, relative: 0)
    #expect((noisy.simulate(x, seed: 1, stream: 1) - measured).norm > 0 && (noisy.simulate(x, seed: 2) - measured).norm > 0)
    #expect(noisy.simulate(x.converted(to: .single), seed: 1).precision == .single)
  }
}
