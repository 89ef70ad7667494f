// SPDX-License-Identifier: Apache-2.0
import Kernels
import Synchronization
import Tensors

/// A dense m × n matrix, applied to the last axis: `[…, n]` to `[…, m]`, one sample a row.
///
/// In the papers' column notation `forward` is A x and `adjoint` is Aᵀ y. Fixed: a matrix to be learned is a parameter of the
/// part that uses it.
public struct Matrix: LinearOperator, Equatable {
  /// The entries, `[m, n]`.
  public let entries: Tensor
  /// λ_max(AᵀA), from the eigenvalues of the smaller Gram matrix in double precision.
  public let lipschitz: Double
  private let turned = Turned()

  /// Aᵀ, kept from the first product on: of few samples, x Aᵀ takes half the time where A need not be turned for it. Not of large matrices,
  /// whose room it would double, nor in double precision, where it gains nothing.
  private final class Turned: Sendable, Equatable {
    private let kept = Mutex<Tensor?>(nil)
    static func == (a: Turned, b: Turned) -> Bool { true }
    func entries(of A: Tensor, for x: Tensor) -> Tensor? {
      guard case .single = A.precision, x.rowCount > 1, A.count <= 1 << 21 else { return nil }
      return kept.withLock {
        if $0 == nil { $0 = A.transposed }
        return $0
      }
    }
  }

  public init(_ entries: Tensor) {
    precondition(entries.shape.count == 2, "a matrix has two axes, not \(entries.shape)")
    self.entries = entries
    let values = entries.converted(to: .double)
    let side = values.shape[0] <= values.shape[1] ? values : values.transposed
    let gram = linear(side, side)
    lipschitz = LinearAlgebra.symmetricEigen(gram.doubles, size: side.shape[0]).values.last.map { max($0, 0) } ?? 0
  }

  /// - Parameter lipschitz: ‖A‖² or an upper bound, where it is known.
  public init(_ entries: Tensor, lipschitz: Double) {
    precondition(entries.shape.count == 2, "a matrix has two axes, not \(entries.shape)")
    self.entries = entries
    self.lipschitz = lipschitz
  }

  public var rows: Int { entries.shape[0] }
  public var columns: Int { entries.shape[1] }
  public var precision: Precision { entries.precision }

  public var domainShape: [Int] { [columns] }
  public var codomainShape: [Int] { [rows] }
  public func forward(_ x: Tensor) -> Tensor {
    turned.entries(of: entries, for: x).map { linearTransposed(x, $0) } ?? linear(x, entries)
  }
  public func adjoint(_ y: Tensor) -> Tensor { linearTransposed(y, entries) }

  /// By a Cholesky factorisation of its own every time; ``MatrixSolver`` keeps it where ρ stays.
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor {
    MatrixSolver(self).solve(b, penalty: penalty)
  }
  public var solvesDirectly: Bool { true }

  public func converted(to precision: Precision) -> Matrix { Matrix(entries.converted(to: precision), lipschitz: lipschitz) }

  /// A matrix of these entries with the same singular values, such as one whose columns change places.
  public func withEntries(_ entries: Tensor) -> Matrix {
    precondition(entries.shape == self.entries.shape, "entries \(entries.shape) for a matrix of \(self.entries.shape)")
    return Matrix(entries, lipschitz: lipschitz)
  }

  /// Aᵀ.
  public var transposed: Matrix { Matrix(entries.transposed, lipschitz: lipschitz) }

  /// Column j as a vector `[m]`: an atom of a dictionary.
  public func column(_ j: Int) -> Tensor {
    Tensor((0..<rows).map { entries[flat: $0 * columns + j] }, precision: precision)
  }

  /// The same matrix with every column scaled to unit ℓ2 norm; a zero column stays.
  public var withUnitColumns: Matrix { Matrix(unitColumns: entries) }

  /// The matrix of these entries, every column scaled to unit ℓ2 norm; a zero column stays.
  public init(unitColumns entries: Tensor) {
    precondition(entries.shape.count == 2, "a matrix has two axes, not \(entries.shape)")
    let (rows, columns) = (entries.shape[0], entries.shape[1])
    var v = entries.doubles
    for j in 0..<columns {
      var sum = 0.0
      for i in 0..<rows { sum += v[i * columns + j] * v[i * columns + j] }
      if sum > 0 { for i in 0..<rows { v[i * columns + j] /= sum.squareRoot() } }
    }
    self.init(Tensor(v, shape: entries.shape, precision: entries.precision))
  }

  /// Some of its rows. ``lipschitz`` is that of all: an upper bound.
  public func selectingRows(_ indices: [Int]) -> Matrix {
    precondition(indices.allSatisfy { (0..<rows).contains($0) }, "rows \(indices) of a matrix of \(rows)")
    return Matrix(entries.rows(at: indices), lipschitz: lipschitz)
  }

  /// W = (A Aᵀ)^(−1/2), the symmetric matrix that makes the rows of A orthonormal, (W A)(W A)ᵀ = 1, and the condition number of A, in double
  /// precision; W is nil where A has not full row rank.
  public var rowWhitening: (matrix: Matrix?, condition: Double) {
    let a = entries.converted(to: .double)
    let (values, vectors) = LinearAlgebra.symmetricEigen(linear(a, a).doubles, size: rows)
    guard let least = values.first, let largest = values.last, least > 1e-14 * largest else { return (nil, .infinity) }
    return (Matrix(Self.inverseSquareRoot(values, vectors), lipschitz: 1 / least), (largest / least).squareRoot())
  }

  /// Vᵀ diag(λ^(−1/2)) V for eigenvalues λ and eigenvectors as rows of V.
  static func inverseSquareRoot(_ values: [Double], _ vectors: [Double]) -> Tensor {
    let size = values.count
    var scaled = vectors
    for i in 0..<size { for j in 0..<size { scaled[i * size + j] /= values[i].squareRoot() } }
    return linearTransposed(Tensor(vectors, shape: [size, size]).transposed, Tensor(scaled, shape: [size, size]))
  }

  /// W A with W = ``rowWhitening``: orthonormal rows that span the same space.
  public func whitened(by W: Matrix) -> Matrix {
    Matrix(linearTransposed(W.entries, entries.converted(to: .double)).converted(to: precision), lipschitz: 1)
  }

  /// AᵀA as its entries, `[n, n]`.
  public var gramEntries: Tensor { linear(entries.transposed, entries.transposed) }

  /// Independent N(0, variance) entries.
  public static func gaussian(rows: Int, columns: Int, variance: Double = 1, seed: UInt64) -> Matrix {
    var generator = RandomGenerator(seed: seed)
    return Matrix(variance.squareRoot() * Tensor.normal([rows, columns], using: &generator))
  }
}
