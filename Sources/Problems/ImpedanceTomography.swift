// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// The model family of tomography by a sensitivity matrix, b = A x + ε: the contrast x of the pixels of a round sensor, `[…, count]`, from
/// the few numbers `[…, M]` that coils or electrodes measure.
///
/// Rows of A have unit norm. Source: Xiang, Dong & Yang, FISTA-Net (2021).
public struct ImpedanceTomography: Model {
  /// `[M, count]`.
  public let A: Matrix
  public let pixels: PixelDisc
  /// Norms of the rows before they were scaled: what measurements in other units are divided by.
  public let rowNorms: [Double]
  public var noise: Noise

  /// The problem of a matrix `[M, pixels.count]`, whose rows are scaled to unit norm.
  public init(sensitivity: Matrix, pixels: PixelDisc, noise: Noise = .none) {
    precondition(
      sensitivity.columns == pixels.count, "a sensitivity of \(sensitivity.columns) columns for \(pixels.count) pixels")
    A = sensitivity.withUnitRows
    rowNorms = sensitivity.rowNorms
    self.pixels = pixels
    self.noise = noise
  }

  /// A model in closed form on the pixels of an image of `side` × `side`.
  public init(_ model: SensitivityModel, side: Int = 64, noise: Noise = .none) {
    let pixels = PixelDisc(side: side)
    self.init(sensitivity: model.sensitivity(on: pixels), pixels: pixels, noise: noise)
  }

  /// Measurements `[…, M]` in the units of the given matrix, each number divided by the norm of its row: those of A.
  public func normalised(_ measurement: Tensor) -> Tensor {
    precondition(measurement.shape.last == A.rows, "measurements of shape \(measurement.shape); expected […, \(A.rows)]")
    let v = measurement.doubles
    return Tensor(
      v.indices.map { v[$0] / rowNorms[$0 % A.rows] }, shape: measurement.shape, precision: measurement.precision)
  }

  /// Measurements of contrasts `[…, count]`, in their precision.
  public func measure(_ x: Tensor, using generator: inout RandomGenerator) -> Tensor {
    noisy(A.converted(to: x.precision).forward(x), using: &generator)
  }

  /// b + ε for measurements `[…, M]` without noise, of this or another model.
  public func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    precondition(clean.shape.last == A.rows, "measurements of shape \(clean.shape); expected […, \(A.rows)]")
    return noise.added(to: clean, width: A.rows, using: &generator)
  }

  /// ``initialMap(weight:)`` of the published weight.
  public var initial: any LinearOperator<Tensor, Tensor> { initialMap() }

  /// The least weight of ``initialMap(weight:)``, relative to ‖A‖²: below it AᵀA + weight R is singular to rounding.
  public static let leastWeight = 1e-9

  /// The Laplacian-regularised estimate, argmin ‖A x − b‖² + weight ‖D x‖², as a matrix `[count, M]` in A's precision:
  ///
  ///     x₀ = (AᵀA + weight · R)⁻¹ Aᵀ b,   R = DᵀD
  ///
  /// Takes one dense Cholesky factorisation of `count` rows, in double precision; a batch of estimates is then one product. The published
  /// weight is 1e-3, for rows of unit norm.
  public func initialMap(weight: Double = 1e-3) -> Matrix {
    precondition(weight >= Self.leastWeight * A.lipschitz, "a weight of \(weight) for ‖A‖² = \(A.lipschitz)")
    let (m, n) = (A.rows, pixels.count)
    let a = A.entries.doubles
    var normal = (weight * pixels.laplacianEntries).doubles
    Double.gemm(transposeA: true, transposeB: false, m: n, n: n, k: m, alpha: 1, a, a, beta: 1, &normal)
    let isDefinite = LinearAlgebra.cholesky(&normal, size: n)
    precondition(isDefinite, "AᵀA + \(weight) R is singular: pixels without neighbours that no measurement sees")
    var rows = a  // row m is column m of Aᵀ, a right-hand side
    rows.withUnsafeMutableBufferPointer { LinearAlgebra.choleskySolve(normal, size: n, rows: m, $0.baseAddress!) }
    return Matrix(Tensor(rows, shape: [m, n], precision: A.precision).transposed)
  }
}
