// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// Block compressive sensing: y = Φ x for every block x of 33 × 33 pixels in [0, 1], Φ of M orthonormal rows.
///
/// Source: Kulkarni et al., CVPR 2016 (ReconNet); Zhang & Ghanem, CVPR 2018 (ISTA-Net).
public struct CompressiveSensing: Model {
  /// The side of published blocks, in pixels.
  public static let blockSide = 33
  /// Of the seed that Φ of the package's own is drawn from.
  public static let standardSeed: UInt64 = 2018

  /// Φ, M × side².
  public let phi: Matrix

  public init(phi: Matrix) { self.phi = phi }

  /// Φ, on blocks `[…, side²]`.
  public var A: Matrix { phi }

  /// Φ of its own for a ratio, drawn from `seed`.
  public init(ratio: Double, side: Int = blockSide, seed: UInt64) {
    self.init(phi: .orthonormalRows(rows: Self.rows(ratio: ratio, side: side), columns: side * side, seed: seed))
  }

  public var side: Int { Int(Double(phi.columns).squareRoot().rounded()) }
  /// M / side².
  public var ratio: Double { Double(phi.rows) / Double(phi.columns) }

  /// M of a ratio. The published ones are no single rounding of ratio · 1089 and are a table; others are rounded, at least 1.
  public static func rows(ratio: Double, side: Int = blockSide) -> Int {
    precondition(ratio > 0 && ratio <= 1, "a sampling ratio of \(ratio)")
    if side == blockSide, let known = publishedRows.first(where: { abs($0.ratio - ratio) < 1e-9 }) { return known.rows }
    return min(side * side, max(1, Int((ratio * Double(side * side)).rounded())))
  }

  public static let publishedRows: [(ratio: Double, rows: Int)] = [
    (0.01, 10), (0.04, 43), (0.10, 109), (0.25, 272), (0.30, 327), (0.40, 436), (0.50, 545),
  ]

  /// How an image is measured.
  public func sampling(height: Int, width: Int) -> BlockSampling {
    BlockSampling(phi: phi, grid: BlockGrid(height: height, width: width, side: side))
  }

  /// Q_init = X Yᵀ (Y Yᵀ)⁻¹, side² × M, for Y = Φ X: the linear map that fits blocks X best from their measurements. With the second
  /// moment C = X Xᵀ this is C Φᵀ (Φ C Φᵀ)⁻¹.
  ///
  /// - Parameter moment: C, side² × side², up to a factor. A ridge of 1e-8 times the mean eigenvalue of Φ C Φᵀ is added.
  public func leastSquaresStart(moment: Tensor) -> Tensor {
    let (M, N) = (phi.rows, phi.columns)
    precondition(moment.shape == [N, N], "a second moment of shape \(moment.shape) for blocks of \(N) pixels")
    let cross = linear(moment.converted(to: .double), phi.entries.converted(to: .double))  // C Φᵀ, N × M
    var gram = linearTransposed(phi.entries.converted(to: .double), cross).doubles  // Φ C Φᵀ
    let ridge = 1e-8 * (0..<M).reduce(0) { $0 + gram[$1 * M + $1] } / Double(M)
    for i in 0..<M { gram[i * M + i] += ridge }
    let isDefinite = LinearAlgebra.cholesky(&gram, size: M)
    precondition(isDefinite, "a second moment that is not positive on the rows of Φ")
    var solution = cross.doubles
    solution.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(gram, size: M, rows: N, $0.baseAddress!) }
    return Tensor(solution, shape: [N, M])
  }
}
