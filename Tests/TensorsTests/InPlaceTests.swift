// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors
import TestSupport
import Testing

/// What changes a tensor that nobody shares leaves its numbers where they lie, and a copy keeps its own.
@Suite struct InPlaceTests {
  private func place(_ x: Tensor) -> UInt {
    x.precision == .single
      ? x.floats.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
      : x.doubles.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
  }

  @Test(arguments: Precision.allCases) func adam(precision: Precision) {
    var generator = RandomGenerator(seed: 1)
    func drawn() -> Tensor { .normal([64, 64], precision: precision, using: &generator) }
    let gradient = drawn()
    var (w, m, u) = (drawn(), drawn(), drawn().map { $0 * $0 })
    let constants = AdamConstants(
      rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0, meanCorrection: 1, squareCorrection: 1)
    let (before, places) = (w, [place(m), place(u)])
    w.adamStep(gradient: gradient, mean: &m, square: &u, constants: constants)  // `before` shares w
    #expect(before != w && [place(m), place(u)] == places)
    let moved = place(w)
    w.adamStep(gradient: gradient, mean: &m, square: &u, constants: constants)
    #expect(place(w) == moved && [place(m), place(u)] == places)
  }

  @Test(arguments: Precision.allCases) func others(precision: Precision) {
    var generator = RandomGenerator(seed: 2)
    func drawn(_ shape: [Int]) -> Tensor { .normal(shape, precision: precision, using: &generator) }
    var x = drawn([2, 8, 8, 4])
    let (b, r) = (drawn([2, 8, 8, 4]), drawn([2, 8, 8]))
    let own = place(x)
    x.accumulate(b, scale: 0.5)
    x.raise(to: -1)
    x.setFirstChannel(r)
    #expect(place(x) == own)
    let copy = x
    x.accumulate(b, scale: 0.5)
    #expect(place(copy) == own && place(x) != own)
  }

  @Test(arguments: Precision.allCases, [Double.nan, .infinity, -.infinity, .greatestFiniteMagnitude]) func finite(
    precision: Precision, odd: Double
  ) {
    for place in [0, 5, 36] {
      let x = Tensor((0..<37).map { $0 == place ? odd : -1 }, shape: [37], precision: precision)
      #expect(x.isFinite == (odd.isFinite && precision == .double))
    }
    #expect(Tensor([-0.0, 1e-300, -1e30], shape: [3], precision: precision).isFinite && Tensor.zero.isFinite)
  }
}
