// SPDX-License-Identifier: Apache-2.0
import Tensors
import TestSupport
import Testing
import _Differentiation

@Suite struct CurveSplitTests {
  /// z, β + η (c − z) and z less that, of maps of more numbers than go through at a time, and the pullback, are those of the operations one
  /// by one, with c or β `.zero` and with cotangents that are.
  @Test(arguments: [Precision.single, .double], [[], [0], [1]])
  func onePassIsTheOperations(precision: Precision, zeros: [Int]) {
    var generator = RandomGenerator(seed: 11)
    let shape = [2, 3, 61, 73]
    func maps() -> Tensor { .normal(shape, precision: precision, using: &generator) }
    let given = (0..<2).map { i -> Tensor in zeros.contains(i) ? .zero : maps() }
    let rates = Tensor([1.6, -0.3, 0.7], shape: [3], precision: precision)
    let values = Tensor.normal([3, 11], precision: precision, using: &generator)
    let v = [maps(), maps(), maps()]
    for cotangents in [v, [.zero, v[1], v[2]], [v[0], .zero, .zero], [.zero, .zero, v[2]]] {
      @differentiable(reverse)
      func loss(_ c: Tensor, _ b: Tensor, _ values: Tensor, _ rates: Tensor) -> Double {
        let next = curveSplit(c, multiplier: b, values: values, first: -1, spacing: 0.2, rates: rates)
        return innerProduct(next.z, cotangents[0]) + innerProduct(next.multiplier, cotangents[1])
          + innerProduct(next.pull, cotangents[2])
      }
      @differentiable(reverse)
      func reference(_ c: Tensor, _ b: Tensor, _ values: Tensor, _ rates: Tensor) -> Double {
        let z = piecewiseLinear(maps: c + b, values: values, slopes: .zero, first: -1, spacing: 0.2)
        let next = mapsAdded(b, c - z, by: rates)
        return innerProduct(z, cotangents[0]) + innerProduct(next, cotangents[1]) + innerProduct(z - next, cotangents[2])
      }
      let tolerance = precision == .double ? 1e-12 : 2e-5
      let (c, b) = (given[0], given[1])
      let found = valueWithGradient(at: c, b, values) { loss($0, $1, $2, rates) }
      let expected = valueWithGradient(at: c, b, values) { reference($0, $1, $2, rates) }
      #expect(abs(found.value - expected.value) <= tolerance * max(abs(expected.value), 1))
      for (a, b) in [
        (found.gradient.0, expected.gradient.0), (found.gradient.1, expected.gradient.1), (found.gradient.2, expected.gradient.2),
        (gradient(at: rates) { loss(c, b, values, $0) }, gradient(at: rates) { reference(c, b, values, $0) }),
      ] { #expect((a - b).norm <= tolerance * max(b.norm, 1), "\(zeros) \((a - b).norm)") }
    }
  }
}
