// SPDX-License-Identifier: Apache-2.0
import Platform

/// A separable transform of patches x, y = B x Bᵀ, and its inverse x = B⁻¹ y B⁻ᵀ.
public struct PatchTransform: Sendable, Hashable {
  public let side: Int
  /// B and B⁻¹, row by row.
  public let matrix: [Double]
  public let inverse: [Double]

  /// - Precondition: B is regular, its side at most ``PatchLattice/largestSide``.
  public init(_ matrix: [Double], side: Int) {
    precondition(
      matrix.count == side * side && (1...PatchLattice.largestSide).contains(side), "a transform of patches of side \(side)")
    self.side = side
    self.matrix = matrix
    // (BᵀB)⁻¹ Bᵀ, of which the columns are solved for.
    var gram = [Double](repeating: 0, count: side * side)
    for i in 0..<side {
      for j in 0..<side { for k in 0..<side { gram[i * side + j] += matrix[k * side + i] * matrix[k * side + j] } }
    }
    precondition(LinearAlgebra.cholesky(&gram, size: side), "a transform of patches that has no inverse")
    var columns = matrix
    LinearAlgebra.choleskySolve(gram, size: side, rows: side, &columns)
    inverse = Self.transposed(columns, side)
  }

  private static func transposed(_ a: [Double], _ n: Int) -> [Double] { (0..<n * n).map { a[$0 % n * n + $0 / n] } }

  /// The orthonormal cosine transform, DCT-II.
  public static func cosine(side: Int) -> PatchTransform {
    func entry(_ k: Int, _ i: Int) -> Double {
      let scale = (Double(k == 0 ? 1 : 2) / Double(side)).squareRoot()
      return scale * cos(Double.pi * Double(k * (2 * i + 1)) / Double(2 * side))
    }
    return PatchTransform((0..<side * side).map { entry($0 / side, $0 % side) }, side: side)
  }

  /// The biorthogonal spline wavelet 1.5, fully decomposed on patches that go around, every row of norm 1: mean, details from coarse to fine.
  ///
  /// Analysis by (3, −3, −22, 22, 128, 128, 22, −22, −3, 3) √2/256 and by (−1, 1)/√2. Source: Cohen, Daubechies & Feauveau, Comm. Pure
  /// Appl. Math. 45 (1992). The rows are PyWavelets' `wavedec(…, "bior1.5", mode="periodization")`.
  ///
  /// - Precondition: a side that is a power of two.
  public static func biorthogonalWavelet(side: Int) -> PatchTransform {
    precondition(side > 0 && side & (side - 1) == 0, "a wavelet transform of patches of side \(side); expected a power of two")
    let low: [Double] = [3, -3, -22, 22, 128, 128, 22, -22, -3, 3]
    var means = (0..<side).map { i in (0..<side).map { $0 == i ? 1.0 : 0 } }
    var details: [[Double]] = []
    while means.count > 1 {
      let n = means.count
      func sum(_ i: Int, _ taps: [(offset: Int, weight: Double)]) -> [Double] {
        var row = [Double](repeating: 0, count: side)
        for tap in taps {
          let source = means[((2 * i + tap.offset) % n + n) % n]
          for j in 0..<side { row[j] += tap.weight * source[j] }
        }
        return row
      }
      details = (0..<n / 2).map { sum($0, [(0, 1), (1, -1)]) } + details
      means = (0..<n / 2).map { i in sum(i, low.enumerated().map { ($0.offset - 4, $0.element) }) }
    }
    return PatchTransform(
      (means + details).flatMap { row in
        let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { $0 / norm }
      }, side: side)
  }
}

/// The matrices of a ``PatchTransform`` as the kernels want them, in one precision.
public struct PatchTransformKernel<S: Scalar>: Sendable {
  public let side: Int
  /// Numbers of a patch in a stack.
  public let size: Int
  private let forward: [S]
  private let backward: [S]

  public init(_ transform: PatchTransform) {
    side = transform.side
    size = PatchStack<S>.size(side: transform.side)
    forward = PatchStack<S>.patch(side: side) { transform.matrix[$1 * transform.side + $0] }
    backward = PatchStack<S>.patch(side: side) { transform.inverse[$1 * transform.side + $0] }
  }

  /// The transforms of patches at places of an image `width` wide, as ``PatchLattice/padded(_:count:)`` makes it, and Haar's of each coefficient
  /// across them, a power of two.
  public func analyse(
    _ image: UnsafePointer<S>, width: Int, _ places: UnsafePointer<Int32>, count: Int, into stack: UnsafeMutablePointer<S>
  ) {
    forward.withUnsafeBufferPointer { S.patchTransform($0.baseAddress!, side, image, width, places, count, stack) }
    S.patchHaar(stack, count, size, 0)
  }

  /// The patches again, in place.
  public func synthesise(_ stack: UnsafeMutablePointer<S>, count: Int) {
    S.patchHaar(stack, count, size, 1)
    backward.withUnsafeBufferPointer { S.patchTransformStack($0.baseAddress!, side, stack, count) }
  }
}
