// SPDX-License-Identifier: Apache-2.0
import CBLAS
import CKernels

/// A real element type the kernels know: `Float` (single precision) or `Double`.
///
/// Every requirement works on a whole buffer, so that a generic caller pays one dynamic call per kernel, not per element.
/// The plain twins of the accelerated requirements are in ``Reference``.
public protocol Scalar: BinaryFloatingPoint, Sendable {
  static func add(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, count: Int)
  static func subtract(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, count: Int)
  static func multiply(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, count: Int)
  static func scale(_ s: Self, _ a: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, count: Int)
  /// y += s x
  static func axpy(_ s: Self, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>, count: Int)
  /// Σ a b, accumulated in double precision in a fixed order.
  static func dot(_ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, count: Int) -> Double
  /// out = sign(r) max(|r| − t, 0).
  static func softThreshold(_ r: UnsafePointer<Self>, _ t: Self, into out: UnsafeMutablePointer<Self>, count: Int)
  /// Given x = softThreshold(r, t): dr = v where x ≠ 0; returns −Σ sign(x) v.
  static func softThresholdPullback(
    _ x: UnsafePointer<Self>, _ v: UnsafePointer<Self>, into dr: UnsafeMutablePointer<Self>, count: Int
  ) -> Double
  /// Soft threshold of `rows` rows with one threshold a column.
  static func softThresholdColumns(
    _ r: UnsafePointer<Self>, _ t: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, rows: Int, width: Int)
  /// Its pullback; `dt` is added to.
  static func softThresholdColumnsPullback(
    _ x: UnsafePointer<Self>, _ v: UnsafePointer<Self>, into dr: UnsafeMutablePointer<Self>,
    addingTo dt: UnsafeMutablePointer<Self>,
    rows: Int, width: Int)
  /// out[i, j] += bias[j]
  static func addRows(_ bias: UnsafePointer<Self>, to out: UnsafeMutablePointer<Self>, rows: Int, width: Int)
  /// sum[j] += Σᵢ v[i, j]
  static func sumRows(_ v: UnsafePointer<Self>, addingTo sum: UnsafeMutablePointer<Self>, rows: Int, width: Int)
  /// out = max(a, 0); a NaN stays one.
  static func relu(_ a: UnsafePointer<Self>, into out: UnsafeMutablePointer<Self>, count: Int)
  /// Given y = relu(a): da = v where y > 0, else 0.
  static func reluPullback(
    _ y: UnsafePointer<Self>, _ v: UnsafePointer<Self>, into da: UnsafeMutablePointer<Self>, count: Int)
  /// One step of Adam in place; see ``AdamConstants``.
  static func adam(
    gradient: UnsafePointer<Self>, mean: UnsafeMutablePointer<Self>, square: UnsafeMutablePointer<Self>,
    parameter: UnsafeMutablePointer<Self>, constants: AdamConstants, count: Int)
  /// C = alpha · op(A) op(B) + beta · C, row-major, op(A) is m × k and op(B) k × n.
  static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>,
    beta: Self, _ c: UnsafeMutablePointer<Self>)
}

/// What a step of Adam needs besides the buffers: w ← (1 − rate·decay) w − rate·m̂ / (√û + epsilon).
public struct AdamConstants: Sendable {
  public var rate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// Decoupled weight decay.
  public var decay: Double
  /// 1 / (1 − beta1ᵗ) and 1 / (1 − beta2ᵗ) for step t counted from 1.
  public var meanCorrection: Double
  public var squareCorrection: Double

  public init(
    rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, meanCorrection: Double, squareCorrection: Double
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.decay = decay
    self.meanCorrection = meanCorrection
    self.squareCorrection = squareCorrection
  }
}

extension Float: Scalar {
  public static func add(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int) {
    ck_add_f32(a, b, out, Int64(count))
  }
  public static func subtract(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_subtract_f32(a, b, out, Int64(count))
  }
  public static func multiply(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_multiply_f32(a, b, out, Int64(count))
  }
  public static func scale(_ s: Float, _ a: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int) {
    ck_scale_f32(s, a, out, Int64(count))
  }
  public static func axpy(_ s: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int) {
    ck_axpy_f32(s, x, y, Int64(count))
  }
  public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
    ck_dot_f32(a, b, Int64(count))
  }
  public static func softThreshold(_ r: UnsafePointer<Float>, _ t: Float, into out: UnsafeMutablePointer<Float>, count: Int) {
    ck_soft_f32(r, t, out, Int64(count))
  }
  public static func softThresholdPullback(
    _ x: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into dr: UnsafeMutablePointer<Float>, count: Int
  ) -> Double {
    ck_soft_pullback_f32(x, v, dr, Int64(count))
  }
  public static func softThresholdColumns(
    _ r: UnsafePointer<Float>, _ t: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    ck_soft_columns_f32(r, t, out, Int64(rows), Int64(width))
  }
  public static func softThresholdColumnsPullback(
    _ x: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into dr: UnsafeMutablePointer<Float>,
    addingTo dt: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    ck_soft_columns_pullback_f32(x, v, dr, dt, Int64(rows), Int64(width))
  }
  public static func addRows(_ bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
    ck_add_rows_f32(bias, out, Int64(rows), Int64(width))
  }
  public static func sumRows(_ v: UnsafePointer<Float>, addingTo sum: UnsafeMutablePointer<Float>, rows: Int, width: Int) {
    ck_sum_rows_f32(v, sum, Int64(rows), Int64(width))
  }
  public static func relu(_ a: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, count: Int) {
    ck_relu_f32(a, out, Int64(count))
  }
  public static func reluPullback(
    _ y: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into da: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_relu_pullback_f32(y, v, da, Int64(count))
  }
  public static func adam(
    gradient: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>, square: UnsafeMutablePointer<Float>,
    parameter: UnsafeMutablePointer<Float>, constants c: AdamConstants, count: Int
  ) {
    ck_adam_f32(
      gradient, mean, square, parameter, c.rate, c.beta1, c.beta2, c.epsilon, c.decay, c.meanCorrection, c.squareCorrection,
      Int64(count))
  }
  public static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    beta: Float, _ c: UnsafeMutablePointer<Float>
  ) {
    guard m > 0, n > 0 else { return }
    guard k > 0 else {  // an empty sum; BLAS refuses its leading dimensions
      for i in 0..<m * n { c[i] = beta == 0 ? 0 : beta * c[i] }
      return
    }
    if m == 1 && !transposeA {  // one sample: a matrix-vector product reads the matrix once
      BLAS.call {
        cblas_sgemv(
          CblasRowMajor, transposeB ? CblasNoTrans : CblasTrans, Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
          Int32(transposeB ? k : n), a, 1, beta, c, 1)
      }
      return
    }
    if OneDNNProduct.isFaster(m: m, n: n, k: k),
      OneDNNProduct.gemm(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a, b, beta: beta, c)
    {
      return
    }
    BLAS.call {
      cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k),
        alpha, a, Int32(transposeA ? m : k), b, Int32(transposeB ? k : n), beta, c, Int32(n))
    }
  }
}

extension Double: Scalar {
  public static func add(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, count: Int)
  {
    ck_add_f64(a, b, out, Int64(count))
  }
  public static func subtract(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, count: Int
  ) {
    ck_subtract_f64(a, b, out, Int64(count))
  }
  public static func multiply(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, count: Int
  ) {
    ck_multiply_f64(a, b, out, Int64(count))
  }
  public static func scale(_ s: Double, _ a: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, count: Int) {
    ck_scale_f64(s, a, out, Int64(count))
  }
  public static func axpy(_ s: Double, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>, count: Int) {
    ck_axpy_f64(s, x, y, Int64(count))
  }
  public static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int) -> Double {
    ck_dot_f64(a, b, Int64(count))
  }
  public static func softThreshold(_ r: UnsafePointer<Double>, _ t: Double, into out: UnsafeMutablePointer<Double>, count: Int) {
    ck_soft_f64(r, t, out, Int64(count))
  }
  public static func softThresholdPullback(
    _ x: UnsafePointer<Double>, _ v: UnsafePointer<Double>, into dr: UnsafeMutablePointer<Double>, count: Int
  ) -> Double {
    ck_soft_pullback_f64(x, v, dr, Int64(count))
  }
  public static func softThresholdColumns(
    _ r: UnsafePointer<Double>, _ t: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, rows: Int, width: Int
  ) {
    ck_soft_columns_f64(r, t, out, Int64(rows), Int64(width))
  }
  public static func softThresholdColumnsPullback(
    _ x: UnsafePointer<Double>, _ v: UnsafePointer<Double>, into dr: UnsafeMutablePointer<Double>,
    addingTo dt: UnsafeMutablePointer<Double>, rows: Int, width: Int
  ) {
    ck_soft_columns_pullback_f64(x, v, dr, dt, Int64(rows), Int64(width))
  }
  public static func addRows(_ bias: UnsafePointer<Double>, to out: UnsafeMutablePointer<Double>, rows: Int, width: Int) {
    ck_add_rows_f64(bias, out, Int64(rows), Int64(width))
  }
  public static func sumRows(_ v: UnsafePointer<Double>, addingTo sum: UnsafeMutablePointer<Double>, rows: Int, width: Int) {
    ck_sum_rows_f64(v, sum, Int64(rows), Int64(width))
  }
  public static func relu(_ a: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>, count: Int) {
    ck_relu_f64(a, out, Int64(count))
  }
  public static func reluPullback(
    _ y: UnsafePointer<Double>, _ v: UnsafePointer<Double>, into da: UnsafeMutablePointer<Double>, count: Int
  ) {
    ck_relu_pullback_f64(y, v, da, Int64(count))
  }
  public static func adam(
    gradient: UnsafePointer<Double>, mean: UnsafeMutablePointer<Double>, square: UnsafeMutablePointer<Double>,
    parameter: UnsafeMutablePointer<Double>, constants c: AdamConstants, count: Int
  ) {
    ck_adam_f64(
      gradient, mean, square, parameter, c.rate, c.beta1, c.beta2, c.epsilon, c.decay, c.meanCorrection, c.squareCorrection,
      Int64(count))
  }
  public static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Double, _ a: UnsafePointer<Double>,
    _ b: UnsafePointer<Double>,
    beta: Double, _ c: UnsafeMutablePointer<Double>
  ) {
    guard m > 0, n > 0 else { return }
    guard k > 0 else {  // an empty sum; BLAS refuses its leading dimensions
      for i in 0..<m * n { c[i] = beta == 0 ? 0 : beta * c[i] }
      return
    }
    if m == 1 && !transposeA {  // one sample: a matrix-vector product reads the matrix once
      BLAS.call {
        cblas_dgemv(
          CblasRowMajor, transposeB ? CblasNoTrans : CblasTrans, Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
          Int32(transposeB ? k : n), a, 1, beta, c, 1)
      }
      return
    }
    BLAS.call {
      cblas_dgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k),
        alpha, a, Int32(transposeA ? m : k), b, Int32(transposeB ? k : n), beta, c, Int32(n))
    }
  }
}
