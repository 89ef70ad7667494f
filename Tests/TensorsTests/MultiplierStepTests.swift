// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct MultiplierStepTests {
  /// β + η (c − z) and z less that, of maps of an odd size, some of them `.zero`, and the pullback, are those of the operations one by one.
  @Test(arguments: [Precision.single, .double], [[], [0], [1], [2], [0, 2]])
  func onePassIsTheOperations(precision: Precision, zeros: [Int]) {
    var generator = RandomGenerator(seed: 11)
    let shape = [2, 3, 5, 7]
    func maps() -> Tensor { .normal(shape, precision: precision, using: &generator) }
    let given = (0..<3).map { i -> Tensor in zeros.contains(i) ? .zero : maps() }
    let rates = Tensor([1.6, -0.3, 0.7], shape: [3], precision: precision)
    let (v, u) = (maps(), maps())
    for (v, u) in [(v, u), (.zero, u), (v, .zero)] {
      @differentiable(reverse)
      func loss(_ b: Tensor, _ c: Tensor, _ z: Tensor, _ rates: Tensor) -> Double {
        let next = multiplierStep(b, c, z, by: rates)
        return innerProduct(next.multiplier, v) + innerProduct(next.pull, u)
      }
      @differentiable(reverse)
      func reference(_ b: Tensor, _ c: Tensor, _ z: Tensor, _ rates: Tensor) -> Double {
        let next = mapsAdded(b, c - z, by: rates)
        return innerProduct(next, v) + innerProduct(z - next, u)
      }
      let tolerance = precision == .double ? 1e-13 : 1e-5
      let (b, c, z) = (given[0], given[1], given[2])
      let found = valueWithGradient(at: b, c, z) { loss($0, $1, $2, rates) }
      let expected = valueWithGradient(at: b, c, z) { reference($0, $1, $2, rates) }
      #expect(abs(found.value - expected.value) <= tolerance * max(abs(expected.value), 1))
      for (a, b) in [
        (found.gradient.0, expected.gradient.0), (found.gradient.1, expected.gradient.1), (found.gradient.2, expected.gradient.2),
        (gradient(at: rates) { loss(b, c, z, $0) }, gradient(at: rates) { reference(b, c, z, $0) }),
      ] { #expect((a - b).norm <= tolerance * max(b.norm, 1), "\(zeros) \((a - b).norm)") }
    }
  }
}
