// SPDX-License-Identifier: Apache-2.0
import CBLAS

/// How a matrix enters a complex product.
public enum MatrixForm: Sendable, CaseIterable {
  case plain
  case transposed
  /// Conjugated and transposed.
  case adjoint
}

/// Products of complex numbers stored as (real, imaginary) pairs; `count` and the extents of matrices count complex numbers.
public enum ComplexKernels {
  /// C = op(A) op(B), row-major, op(A) is m × k and op(B) k × n; an empty sum (k = 0) is 0.
  public static func gemm<S: Scalar>(
    _ formA: MatrixForm, _ formB: MatrixForm, m: Int, n: Int, k: Int, _ a: UnsafePointer<S>, _ b: UnsafePointer<S>,
    _ c: UnsafeMutablePointer<S>
  ) {
    guard m > 0, n > 0 else { return }
    guard k > 0 else {
      c.update(repeating: 0, count: 2 * m * n)
      return
    }
    let leadingA = Int32(formA == .plain ? k : m)
    let leadingB = Int32(formB == .plain ? n : k)
    BLAS.call {
      if S.self == Float.self {
        cblas_cgemm(
          CblasRowMajor, formA.cblas, formB.cblas, Int32(m), Int32(n), Int32(k), [Float(1), 0], a, leadingA, b, leadingB,
          [Float(0), 0], c, Int32(n))
      } else {
        cblas_zgemm(
          CblasRowMajor, formA.cblas, formB.cblas, Int32(m), Int32(n), Int32(k), [1.0, 0], a, leadingA, b, leadingB, [0.0, 0], c,
          Int32(n))
      }
    }
  }
}

extension MatrixForm {
  fileprivate var cblas: CBLAS_TRANSPOSE {
    switch self {
    case .plain: CblasNoTrans
    case .transposed: CblasTrans
    case .adjoint: CblasConjTrans
    }
  }
}

// A generic buffer seen in the precision it has.

func single<S: Scalar>(_ p: UnsafePointer<S>) -> UnsafePointer<Float>? {
  S.self == Float.self ? UnsafeRawPointer(p).assumingMemoryBound(to: Float.self) : nil
}
func single<S: Scalar>(_ p: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<Float>? {
  S.self == Float.self ? UnsafeMutableRawPointer(p).assumingMemoryBound(to: Float.self) : nil
}
/// The caller has made sure that S is not `Float`.
func double<S: Scalar>(_ p: UnsafePointer<S>) -> UnsafePointer<Double> {
  precondition(S.self == Double.self, "the kernels know Float and Double, not \(S.self)")
  return UnsafeRawPointer(p).assumingMemoryBound(to: Double.self)
}
func double<S: Scalar>(_ p: UnsafeMutablePointer<S>) -> UnsafeMutablePointer<Double> {
  precondition(S.self == Double.self, "the kernels know Float and Double, not \(S.self)")
  return UnsafeMutableRawPointer(p).assumingMemoryBound(to: Double.self)
}

extension Reference {
  public static func complexMultiply<S: Scalar>(
    _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, conjugatingFirst: Bool = false, into out: UnsafeMutablePointer<S>, count: Int
  ) {
    for i in 0..<count {
      let (ar, br, bi) = (a[2 * i], b[2 * i], b[2 * i + 1])
      let ai = conjugatingFirst ? -a[2 * i + 1] : a[2 * i + 1]
      out[2 * i] = ar * br - ai * bi
      out[2 * i + 1] = ar * bi + ai * br
    }
  }

  public static func complexConjugate<S: Scalar>(_ a: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, count: Int) {
    for i in 0..<count {
      out[2 * i] = a[2 * i]
      out[2 * i + 1] = -a[2 * i + 1]
    }
  }

  public static func complexGemm<S: Scalar>(
    _ formA: MatrixForm, _ formB: MatrixForm, m: Int, n: Int, k: Int, _ a: UnsafePointer<S>, _ b: UnsafePointer<S>,
    _ c: UnsafeMutablePointer<S>
  ) {
    for i in 0..<m {
      for j in 0..<n {
        var (re, im): (S, S) = (0, 0)
        for l in 0..<k {
          let x = a + 2 * (formA == .plain ? i * k + l : l * m + i)
          let y = b + 2 * (formB == .plain ? l * n + j : j * k + l)
          let xi = formA == .adjoint ? -x[1] : x[1]
          let yi = formB == .adjoint ? -y[1] : y[1]
          re += x[0] * y[0] - xi * yi
          im += x[0] * yi + xi * y[0]
        }
        c[2 * (i * n + j)] = re
        c[2 * (i * n + j) + 1] = im
      }
    }
  }
}
