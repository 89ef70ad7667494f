// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct PatchesTests {
  let lattice = PatchLattice(height: 9, width: 13, side: 4, step: 3)

  @Test(arguments: [1, 2, 3] as [UInt64]) func adjoints(seed: UInt64) {
    let real = PatchExtraction<Tensor>(lattice)
    let complex = PatchExtraction<ComplexTensor>(height: 9, width: 13, side: 4, places: [0, 0, 17, 74, 5])
    expectAdjoint(real, domain: [2, 9, 13], codomain: [2, lattice.count, 16], seed: seed)
    expectAdjoint(complex, domain: [9, 13], codomain: [5, 16], seed: seed)
    let weights = (0..<lattice.count).map { 0.3 + Double($0 % 4) }
    expectAdjoint(
      PatchAverage(real, window: .kaiser(side: 4, beta: 2), weights: weights), domain: [2, lattice.count, 16],
      codomain: [2, 9, 13],
      seed: seed)
    expectAdjoint(PatchAverage(complex), domain: [5, 16], codomain: [9, 13], seed: seed)
  }

  @Test func patchesLieWhereTheyBegin() {
    let image = Tensor((0..<9 * 13).map(Double.init), shape: [9, 13])
    let patches = PatchExtraction<Tensor>(height: 9, width: 13, side: 2, places: [0, 16]).forward(image)
    #expect(patches.shape == [2, 4] && patches.doubles == [0, 1, 13, 14, 16, 17, 29, 30])
  }

  /// EᵀE is the multiplicity; ‖E‖² its largest, and that of a mean the largest Σ w² / (Σ w)².
  @Test func normsAndInverses() {
    let E = PatchExtraction<Tensor>(lattice)
    let image = wave([9, 13], 0.7, 0.1)
    let gram = Tensor(zip(E.multiplicity, image.doubles).map { $0 * $1 }, shape: [9, 13])
    expectClose(E.gram(image), gram, relative: 1e-15)
    expectClose(E.solveNormalEquations(E.gram(image) + 0.3 * image, penalty: 0.3), image, relative: 1e-14)
    let mean = PatchAverage(E, window: .kaiser(side: 4, beta: 2), weights: (0..<lattice.count).map { 1 + Double($0 % 3) })
    expectClose(mean.forward(E.forward(image)), image, relative: 1e-14)
    #expect(abs(powerIteration(E, startingAt: image, tolerance: 1e-10).last! - E.lipschitz) < 1e-4 * E.lipschitz)
    #expect(
      abs(powerIteration(mean, startingAt: E.forward(image), tolerance: 1e-10).last! - mean.lipschitz) < 1e-4 * mean.lipschitz)
    // A pixel without patches is 0.
    let alone = PatchAverage(PatchExtraction<Tensor>(height: 9, width: 13, side: 2, places: [0]))
    #expect(alone.forward(Tensor([1, 2, 3, 4], shape: [1, 4])).doubles.prefix(3) == [1, 2, 0])
  }
}
