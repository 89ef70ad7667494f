// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// The model family of sparse recovery: b = A x* + ε with x* sparse; networks predict x* itself.
///
/// The standard benchmark: A of 250 × 500 with independent N(0, 1/M) entries and columns scaled to unit norm; an entry of x* is
/// non-zero with probability 0.1 and then N(0, 1). Sources: Chen et al. (2018), Liu et al. (2019).
public struct SparseRecovery: Model {
  /// A, M × N.
  public let A: Matrix
  /// Probability that an entry of x* is not zero.
  public let density: Double
  /// That of b; a signal-to-noise ratio is relative to the standard deviation of a sample.
  public let noise: Noise

  public init(A: Matrix, density: Double = 0.1, noise: Noise = .none) {
    precondition(density > 0 && density <= 1, "density is \(density); it must be in (0, 1]")
    self.A = A
    self.density = density
    self.noise = noise
  }

  /// The benchmark's A from a seed.
  public static func benchmark(rows: Int = 250, columns: Int = 500, seed: UInt64, noise: Noise = .none) -> SparseRecovery {
    SparseRecovery(
      A: Matrix.gaussian(rows: rows, columns: columns, variance: 1 / Double(rows), seed: seed).withUnitColumns,
      noise: noise)
  }

  /// L = 1.001 ‖A‖², as the reference experiments take it.
  public var lipschitz: Double { 1.001 * A.lipschitz }

  /// The LASSO of this operator, ½‖A x − b‖² + λ‖x‖₁.
  public func lasso(lambda: Double) -> SparseCoding { SparseCoding(dictionary: A, alpha: lambda, lipschitz: lipschitz) }

  public func converted(to precision: Precision) -> SparseRecovery {
    SparseRecovery(A: A.converted(to: precision), density: density, noise: noise)
  }

  /// `count` pairs (b, x*), one a row, a pure function of seed and stream, in A's precision.
  public func samples(_ count: Int, seed: UInt64, stream: UInt64 = 0) -> (measurement: Tensor, groundTruth: Tensor) {
    var generator = RandomGenerator(seed: seed, stream: stream)
    var values = [Double](repeating: 0, count: count * A.columns)
    for i in values.indices where generator.uniform() < density { values[i] = generator.normalPair().0 }
    let x = Tensor(values, shape: [count, A.columns], precision: A.precision)
    return (measure(x, using: &generator), x)
  }

  /// b + ε.
  public func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    noise.added(to: clean, width: A.rows, relativeTo: .standardDeviation, using: &generator)
  }
}
