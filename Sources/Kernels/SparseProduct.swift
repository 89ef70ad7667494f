// SPDX-License-Identifier: Apache-2.0
import CKernels

/// What ``SparseProduct`` needs of an element type, as `CKernels.h` lists it.
public protocol SparseScalar {
  /// How many of x are not 0, of (x, count).
  static var nonzeros: @Sendable (UnsafePointer<Self>, Int) -> Int { get }
  /// out[j, i] = x[i, j], of (x, out, rows, columns).
  static var transpose: @Sendable (UnsafePointer<Self>, UnsafeMutablePointer<Self>, Int, Int) -> Void { get }
  /// Of (x, x is transposed, b, b is transposed, out, m, n, k, add, room).
  static var sparseProduct: SparseProductKernel<Self> { get }
  /// The bytes of that room, of (m, n, k, how many of x are not 0).
  static var sparseProductRoom: @Sendable (Int, Int, Int, Int) -> Int { get }
}

public typealias SparseProductKernel<S> =
  @Sendable (
    UnsafePointer<S>, Int32, UnsafePointer<S>, Int32, UnsafeMutablePointer<S>, Int, Int, Int, Int32, UnsafeMutableRawPointer?
  ) -> Void

extension Float: SparseScalar {
  public static var nonzeros: @Sendable (Input, Int) -> Int { ck_nonzeros_f32 }
  public static var transpose: @Sendable (Input, Output, Int, Int) -> Void { ck_transpose_f32 }
  public static var sparseProduct: SparseProductKernel<Float> { ck_sparse_product_f32 }
  public static var sparseProductRoom: @Sendable (Int, Int, Int, Int) -> Int { ck_sparse_product_room_f32 }
}

extension Double: SparseScalar {
  public static var nonzeros: @Sendable (Input, Int) -> Int { ck_nonzeros_f64 }
  public static var transpose: @Sendable (Input, Output, Int, Int) -> Void { ck_transpose_f64 }
  public static var sparseProduct: SparseProductKernel<Double> { ck_sparse_product_f64 }
  public static var sparseProductRoom: @Sendable (Int, Int, Int, Int) -> Int { ck_sparse_product_room_f64 }
}

/// Matrix products with a factor many of whose numbers are zeros: sparse codes Z⁽ᵗ⁾, of which the thresholds of LISTA leave few, and the
/// cotangents behind a threshold, which are zeros where the code is. They go through the other numbers alone.
///
/// 125 codes of 400 by a matrix of 400 × 400, single precision with AVX-512, one core of an Intel Xeon: 83 µs with 10 %, 176 with 40 %
/// and 213 with 50 % of the numbers not 0; 240 by oneDNN, however many they are.
public enum SparseProduct {
  /// How many numbers of op(A), m × k, are not 0, if these are so few that op(A) op(B), m × n, is made faster by them alone; else nil. What
  /// counts beside the products is the list of the numbers, of which n tells the share, and the packing of B, of which m does.
  static func fewNonzeros<S: Scalar>(_ a: S.Input, m: Int, n: Int, k: Int) -> Int? {
    guard m >= 16, n >= 64, k >= 32 else { return nil }
    let share = 0.6 - 3 / Double(m) - 16 / Double(n)
    let count = S.nonzeros(a, m * k)
    return Double(count) <= share * Double(m * k) ? count : nil
  }

  /// C = op(A) op(B), or C += op(A) op(B), row-major, op(A) m × k and op(B) k × n: terms with a 0 of A are left out, whatever B has there.
  ///
  /// A row of C is the same whatever the other rows are.
  /// - Parameter nonzeros: how many numbers of A are not 0; counted if nil.
  public static func run<S: Scalar>(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, _ a: S.Input, nonzeros: Int? = nil, _ b: S.Input, adding: Bool,
    _ c: S.Output
  ) {
    guard m > 0, n > 0 else { return }
    guard k > 0 else {
      if !adding { c.update(repeating: 0, count: m * n) }
      return
    }
    withAlignedScratch(UInt8.self, count: S.sparseProductRoom(m, n, k, nonzeros ?? S.nonzeros(a, m * k))) {
      S.sparseProduct(a, transposeA ? 1 : 0, b, transposeB ? 1 : 0, c, m, n, k, adding ? 1 : 0, $0)
    }
  }
}

extension Scalar {
  /// C = A op(B), or C += A op(B), as ``gemm(transposeA:transposeB:m:n:k:alpha:_:_:beta:_:)`` or, where A has many zeros,
  /// ``SparseProduct``.
  public static func product(transposeB: Bool, m: Int, n: Int, k: Int, _ a: Input, _ b: Input, adding: Bool, _ c: Output) {
    if let few = SparseProduct.fewNonzeros(a, m: m, n: n, k: k) {
      SparseProduct.run(transposeA: false, transposeB: transposeB, m: m, n: n, k: k, a, nonzeros: few, b, adding: adding, c)
    } else {
      gemm(transposeA: false, transposeB: transposeB, m: m, n: n, k: k, alpha: 1, a, b, beta: adding ? 1 : 0, c)
    }
  }

  /// C = Aᵀ B, A k × m and B k × n: the sum of the outer products of their rows, by the factor that has many zeros if one has.
  public static func outerProduct(m: Int, n: Int, k: Int, _ a: Input, _ b: Input, _ c: Output) {
    if let few = SparseProduct.fewNonzeros(a, m: m, n: n, k: k) {
      SparseProduct.run(transposeA: true, transposeB: false, m: m, n: n, k: k, a, nonzeros: few, b, adding: false, c)
    } else if let few = SparseProduct.fewNonzeros(b, m: n, n: m, k: k) {
      withAlignedScratch(Self.self, count: m * n) { turned in
        SparseProduct.run(transposeA: true, transposeB: false, m: n, n: m, k: k, b, nonzeros: few, a, adding: false, turned)
        transpose(turned, c, n, m)
      }
    } else {
      gemm(transposeA: true, transposeB: false, m: m, n: n, k: k, alpha: 1, a, b, beta: 0, c)
    }
  }
}
