// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Tensors
import Testing

@Suite struct RegularisedWeightTests {
  /// ‖(W̃ᵀA)ᵏ x‖^(1/k) for one large k.
  private func growth(_ A: Matrix, _ W: Matrix) -> Double {
    let back = Matrix(W.entries.transposed)
    var generator = RandomGenerator(seed: 1)
    var x = Tensor.normal([A.columns], using: &generator)
    var norm = 0.0
    for _ in 0..<2000 {
      x = (1 / x.norm) * x
      x = back.forward(A.forward(x))
      norm = x.norm
    }
    return norm
  }

  /// Without regularisation W̃ᵀA has eigenvalues far above 1: 37 for sixteen electrodes and 291 for eight coils, by NumPy. With it steps
  /// of 1 do not grow.
  @Test(arguments: [(SensitivityModel.eit104, 37.0), (.emt28, 291)]) func spectralRadius(model: SensitivityModel, expected: Double)
  {
    let A = model.sensitivity(on: PixelDisc(side: 64)).withUnitRows
    #expect(abs(growth(A, analyticWeight(of: A)) - expected) < 0.03 * expected, "\(growth(A, analyticWeight(of: A)))")
    #expect(abs(growth(A, regularisedWeight(of: A)) - 1) < 1e-4, "\(growth(A, regularisedWeight(of: A)))")
  }

  /// With a vanishing regularisation it is the analytic weight but for a factor.
  @Test func nearTheAnalyticWeight() {
    let A = Matrix.gaussian(rows: 6, columns: 12, seed: 2)
    let (W, V) = (analyticWeight(of: A).entries, regularisedWeight(of: A, regularisation: 1e-12).entries)
    let factor = W.inner(V) / V.inner(V)
    #expect((W - factor * V).norm < 1e-6 * W.norm)
  }
}
