// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// A sparse m × n matrix, applied to the last axis: `[…, n]` to `[…, m]`, one sample a row, as ``Matrix`` is.
///
/// Kept by rows and by columns, so that both directions gather: y_i = Σ_k a_ik x_k over the entries of row i, x_j = Σ_k a_kj y_k over those of
/// column j. Rows spread over the threads, with the same bytes for any number of them. An entry takes 16 bytes in single precision, 24 in
/// double. x and y are of the matrix's precision.
public struct SparseMatrix: LinearOperator {
  private enum Entries: Sendable {
    case single(byRows: SparseRows<Float>, byColumns: SparseRows<Float>)
    case double(byRows: SparseRows<Double>, byColumns: SparseRows<Double>)
  }
  private let entries: Entries
  private let norm: SquaredNorm

  /// Columns in a row need no order; entries that occur twice add up.
  ///
  /// - Parameters: `rowStarts`, m + 1 numbers: the entries of row i are `rowStarts[i]..<rowStarts[i + 1]` of `columnIndices` and of `values`,
  ///   `[entries]`, whose precision is the matrix's; `lipschitz`, ‖A‖² or an upper bound where it is known.
  public init(columns: Int, rowStarts: [Int], columnIndices: [Int32], values: Tensor, lipschitz: Double? = nil) {
    precondition(
      values.shape == [columnIndices.count] && !values.isShapelessZero,
      "a sparse matrix of \(columnIndices.count) columns and values \(values.shape)")
    precondition(!rowStarts.isEmpty, "a sparse matrix without row starts")
    func rows<S: Scalar>(_ values: [S]) -> SparseRows<S> {
      SparseRows(rows: rowStarts.count - 1, columns: columns, starts: rowStarts, indices: columnIndices, values: values)
    }
    switch values.precision {
    case .single:
      let rows = rows(values.floats)
      entries = .single(byRows: rows, byColumns: rows.transposed)
    case .double:
      let rows = rows(values.doubles)
      entries = .double(byRows: rows, byColumns: rows.transposed)
    }
    norm = SquaredNorm(lipschitz)
  }

  private init(_ entries: Entries, _ norm: SquaredNorm) { (self.entries, self.norm) = (entries, norm) }

  public var rows: Int {
    switch entries {
    case .single(let a, _): a.rows
    case .double(let a, _): a.rows
    }
  }
  public var columns: Int {
    switch entries {
    case .single(let a, _): a.columns
    case .double(let a, _): a.columns
    }
  }
  /// Numbers kept.
  public var entryCount: Int {
    switch entries {
    case .single(let a, _): a.values.count
    case .double(let a, _): a.values.count
    }
  }
  public var precision: Precision {
    switch entries {
    case .single: .single
    case .double: .double
    }
  }

  public var domainShape: [Int] { [columns] }
  public var codomainShape: [Int] { [rows] }
  public func forward(_ x: Tensor) -> Tensor {
    switch entries {
    case .single(let a, _): x.mapped(from: [columns], to: [rows], single: a.product, double: Self.mismatch)
    case .double(let a, _): x.mapped(from: [columns], to: [rows], single: Self.mismatch, double: a.product)
    }
  }
  public func adjoint(_ y: Tensor) -> Tensor {
    switch entries {
    case .single(_, let a): y.mapped(from: [rows], to: [columns], single: a.product, double: Self.mismatch)
    case .double(_, let a): y.mapped(from: [rows], to: [columns], single: Self.mismatch, double: a.product)
    }
  }

  private static func mismatch<S>(_ x: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ batch: Int) {
    preconditionFailure("a tensor of another precision than the sparse matrix's")
  }

  /// λ_max(AᵀA) by power iteration from a fixed random vector, when it is first asked for, by at most 1000 products either way. From below: to
  /// 1e-6 of itself where the largest singular value stands apart, to about 1e-3 where many lie close to it, as those of large random matrices do.
  public var lipschitz: Double {
    norm.value {
      var generator = RandomGenerator(seed: 1)
      let start = Tensor.normal([columns], precision: precision, using: &generator)
      return powerIteration(self, startingAt: start, tolerance: 1e-10, maximumIterations: 1000).last ?? 0
    }
  }

  public func converted(to precision: Precision) -> SparseMatrix {
    func entries<From: Scalar, To: Scalar>(_ a: SparseRows<From>, _ type: To.Type) -> SparseRows<To> {
      SparseRows(rows: a.rows, columns: a.columns, starts: a.starts, indices: a.indices, values: a.values.map { To($0) })
    }
    return switch (self.entries, precision) {
    case (.single(let rows, let columns), .double):
      SparseMatrix(.double(byRows: entries(rows, Double.self), byColumns: entries(columns, Double.self)), norm)
    case (.double(let rows, let columns), .single):
      SparseMatrix(.single(byRows: entries(rows, Float.self), byColumns: entries(columns, Float.self)), norm)
    default: self
    }
  }

  /// Aᵀ.
  public var transposed: SparseMatrix {
    switch entries {
    case .single(let rows, let columns): SparseMatrix(.single(byRows: columns, byColumns: rows), norm)
    case .double(let rows, let columns): SparseMatrix(.double(byRows: columns, byColumns: rows), norm)
    }
  }

  /// All m n numbers, `[m, n]`.
  public var dense: Tensor {
    func filled<S: Scalar>(_ a: SparseRows<S>) -> [S] {
      var numbers = [S](repeating: 0, count: a.rows * a.columns)
      for i in 0..<a.rows {
        for k in a.starts[i]..<a.starts[i + 1] { numbers[i * a.columns + Int(a.indices[k])] += a.values[k] }
      }
      return numbers
    }
    return switch entries {
    case .single(let a, _): Tensor(filled(a), shape: [rows, columns])
    case .double(let a, _): Tensor(filled(a), shape: [rows, columns])
    }
  }
}

/// ‖A‖², computed once.
private final class SquaredNorm: Sendable {
  private let lock = Lock()
  private nonisolated(unsafe) var known: Double?

  init(_ known: Double?) { self.known = known }

  func value(_ compute: () -> Double) -> Double {
    lock.withLock {
      if let known { return known }
      let value = compute()
      known = value
      return value
    }
  }
}
