// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors
import TestSupport
import Testing

/// Groups of patches in orthonormal bases, against their definition.
@Suite struct PatchAnalysisTests {
  private static let (height, width, side) = (11, 14, 4)
  private static let bases = [
    PatchBasis.haar(side: 4), PatchBasis.cosine(side: 4), PatchBasis.directional(side: 4, angle: 0.6, levels: 2),
  ]

  /// More groups than a chunk has, in an order without a rule.
  private static func frame(groupSize: Int, groups: Int = 700) -> PatchFrame {
    var generator = RandomGenerator(seed: UInt64(groupSize))
    return PatchFrame(
      height: height, width: width, side: side,
      places: (0..<groups * groupSize).map { _ in
        Int32(generator.index(below: height - side + 1) * width + generator.index(below: width - side + 1))
      }, groupSize: groupSize, classes: (0..<groups).map { _ in Int32(generator.index(below: 3)) }, bases: bases)
  }

  @Test(arguments: [1, 2, 8]) func adjoints(groupSize: Int) {
    let frame = Self.frame(groupSize: groupSize)
    let count = 700 * groupSize
    expectAdjoint(PatchAnalysis<Tensor>(frame), domain: [2, 11, 14], codomain: [2, count, 16], seed: 1)
    expectAdjoint(PatchAnalysis<ComplexTensor>(frame), domain: [2, 11, 14], codomain: [2, count, 16], seed: 2)
  }

  /// A coefficient is the product of an atom and its patch; across a group Haar's, here of two.
  @Test func coefficients() {
    let x = chirp([11, 14], 0.3)
    let one = Self.frame(groupSize: 1)
    let patches = PatchExtraction<Tensor>(height: 11, width: 14, side: 4, places: one.places).forward(x).doubles
    let expected = (0..<700 * 16).map { k -> Double in
      let (patch, basis) = (k / 16, Self.bases[Int(one.classes[k / 16])])
      return (0..<16).reduce(0) { $0 + basis[k % 16 * 16 + $1] * patches[patch * 16 + $1] }
    }
    expectClose(PatchAnalysis<Tensor>(one).forward(x), Tensor(expected, shape: [700, 16]), relative: 1e-14)
    let pairs = PatchFrame(height: 11, width: 14, side: 4, places: [3, 38], groupSize: 2, classes: [0], bases: Self.bases)
    let apart = PatchFrame(height: 11, width: 14, side: 4, places: [3, 38], classes: [0, 0], bases: Self.bases)
    let (a, b) = (PatchAnalysis<Tensor>(apart).forward(x).row(0), PatchAnalysis<Tensor>(apart).forward(x).row(1))
    let both = PatchAnalysis<Tensor>(pairs).forward(x)
    expectClose(both.row(0), 0.5.squareRoot() * (a + b), relative: 1e-14)
    expectClose(both.row(1), 0.5.squareRoot() * (a - b), relative: 1e-14)
  }

  /// Bases are orthonormal, AᴴA is the multiplicity.
  @Test func tightness() {
    for side in [1, 2, 4, 8] {
      for basis in [
        PatchBasis.haar(side: side), PatchBasis.cosine(side: side), PatchBasis.directional(side: side, angle: 0, levels: 3),
        PatchBasis.directional(side: side, angle: 2.1, levels: 9),
      ] {
        let n = side * side
        let gram = (0..<n * n).map { k in (0..<n).reduce(0.0) { $0 + basis[k / n * n + $1] * basis[k % n * n + $1] } }
        expectClose(Tensor(gram, shape: [n, n]), .identity(n), relative: 1e-14)
      }
    }
    let A = PatchAnalysis<ComplexTensor>(Self.frame(groupSize: 4))
    let x = ComplexTensor(real: chirp([11, 14], 0.3), imaginary: chirp([11, 14], 0.2))
    #expect(relativeError(A.adjoint(A.forward(x)), A.normal(x)) < 1e-14)
    #expect(relativeError(A.solveNormalEquations(A.normal(x) + 0.3 * x, penalty: 0.3), x) < 1e-14)
  }

  /// A patch that is constant along a direction has few coefficients in its basis: as many as it has values, at most, in a decomposition of all.
  @Test func directions() {
    let rows = Tensor((0..<64).map { Double($0 / 8 % 2) }, shape: [8, 8])
    func kept(_ angle: Double) -> Int {
      let frame = PatchFrame(
        height: 8, width: 8, side: 8, places: [0], classes: [0], bases: [PatchBasis.directional(side: 8, angle: angle, levels: 6)])
      return PatchAnalysis<Tensor>(frame).forward(rows).doubles.count { abs($0) > 1e-12 }
    }
    #expect(kept(0) == 5 && kept(Double.pi / 2) > 5, "\(kept(0)), \(kept(Double.pi / 2))")
  }

  /// Aᴴ soft(A x, t) in one pass, complex coefficients by their magnitudes; of batches.
  @Test(arguments: [Precision.single, .double]) func shrunk(precision: Precision) {
    let tolerance = precision == .single ? 1e-6 : 1e-14
    let x = chirp([2, 11, 14], 0.3, precision: precision)
    let z = ComplexTensor(real: x, imaginary: chirp([2, 11, 14], 0.2, precision: precision))
    for groupSize in [1, 4] {
      let (real, complex) = (
        PatchAnalysis<Tensor>(Self.frame(groupSize: groupSize)), PatchAnalysis<ComplexTensor>(Self.frame(groupSize: groupSize))
      )
      let shortened = real.forward(x).doubles.map { $0 < 0 ? min($0 + 0.4, 0) : max($0 - 0.4, 0) }
      expectClose(
        real.shrunk(x, threshold: 0.4), real.adjoint(Tensor(shortened, shape: [2, 700 * groupSize, 16], precision: precision)),
        relative: tolerance)
      let pairs = complex.forward(z).pairs.doubles
      let shorter = pairs.indices.map { k -> Double in
        let (a, b) = (pairs[k & ~1], pairs[k | 1])
        return pairs[k] * max(1 - 0.4 / (a * a + b * b).squareRoot(), 0)
      }
      let expected = complex.adjoint(
        ComplexTensor(pairs: Tensor(shorter, shape: [2, 700 * groupSize, 16, 2], precision: precision)))
      #expect(relativeError(complex.shrunk(z, threshold: 0.4), expected) < tolerance)
    }
  }
}
