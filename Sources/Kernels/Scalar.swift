// SPDX-License-Identifier: Apache-2.0
import CBLAS
import CKernels

/// A real element type the kernels know: `Float` (single precision) or `Double`.
///
/// Every kernel is a function of pointers as `CKernels.h` lists them, over whole buffers, so that a generic caller pays one dynamic call per
/// kernel, not per element. The plain twins of the accelerated ones are in ``Reference``.
public protocol Scalar: BinaryFloatingPoint, Sendable, PatchScalar, SparseScalar {
  typealias Input = UnsafePointer<Self>
  typealias Output = UnsafeMutablePointer<Self>
  typealias Sums = UnsafeMutablePointer<Double>
  typealias Pairwise = @Sendable (Input, Input, Output, Int) -> Void

  /// out = a + b, of (a, b, out, count).
  static var add: Pairwise { get }
  /// out = a − b.
  static var subtract: Pairwise { get }
  /// out = a b.
  static var multiply: Pairwise { get }
  /// out = a / b.
  static var divide: Pairwise { get }
  /// out = s a, of (s, a, out, count).
  static var scale: @Sendable (Self, Input, Output, Int) -> Void { get }
  /// y += s x, of (s, x, y, count).
  static var axpy: @Sendable (Self, Input, Output, Int) -> Void { get }
  /// Σ a b, accumulated in double precision in a fixed order.
  static var dot: @Sendable (Input, Input, Int) -> Double { get }
  /// out = sign(r) max(|r| − t, 0), of (r, t, out, count).
  static var softThreshold: @Sendable (Input, Self, Output, Int) -> Void { get }
  /// Given x = softThreshold(r, t): dr = v where x ≠ 0, of (x, v, dr, count); returns −Σ sign(x) v.
  static var softThresholdPullback: @Sendable (Input, Input, Output, Int) -> Double { get }
  /// Soft threshold with one threshold a column, of (r, t, out, rows, width).
  static var softThresholdColumns: @Sendable (Input, Input, Output, Int, Int) -> Void { get }
  /// Its pullback, of (x, v, dr, dt, rows, width); `dt` is added to.
  static var softThresholdColumnsPullback: @Sendable (Input, Input, Output, Output, Int, Int) -> Void { get }
  /// out[i, j] += bias[j], of (bias, out, rows, width).
  static var addRows: @Sendable (Input, Output, Int, Int) -> Void { get }
  /// sum[j] += Σᵢ v[i, j], of (v, sum, rows, width).
  static var sumRows: @Sendable (Input, Output, Int, Int) -> Void { get }
  /// out = max(a, 0); a NaN stays one.
  static var relu: @Sendable (Input, Output, Int) -> Void { get }
  /// Given y = relu(a): da = v where y > 0, else 0, of (y, v, da, count).
  static var reluPullback: Pairwise { get }
  /// out = a b of `count` complex numbers, (real, imaginary) in turn.
  static var complexMultiply: Pairwise { get }
  /// out = conj(a) b.
  static var complexMultiplyConjugated: Pairwise { get }
  /// out = conj(a).
  static var complexConjugate: @Sendable (Input, Output, Int) -> Void { get }
  /// next = b + rate (c − z) and pull = z − next, of (rate, b, c, z, next, pull, count); and its pullback of v for next and u for pull, of (rate, v,
  /// u, c, z, db, dc, dz, count), which returns the rate's.
  static var multiplierStep: @Sendable (Self, Input, Input, Input, Output, Output, Int) -> Void { get }
  static var multiplierStepPullback: @Sendable (Self, Input, Input, Input, Input, Output, Output, Output, Int) -> Double { get }
  /// See ``adam(gradient:mean:square:parameter:constants:count:)``.
  static var adamStep:
    @Sendable (Input, Output, Output, Output, Double, Double, Double, Double, Double, Double, Double, Int) -> Void
  { get }
  /// See ``CircularFilters``.
  static var circularFilter: @Sendable (Input, Input, Output, Int, Int, Int, Int, Int, Int, Int32) -> Void { get }
  static var circularGradient: @Sendable (Input, Input, Sums, Int, Int, Int, Int, Int, Int) -> Void { get }
  /// See ``PiecewiseCurve``.
  static var piecewise: @Sendable (Input, Input, Output, Int, Int, Double, Double, Self, Self) -> Void { get }
  static var piecewisePullback: @Sendable (Input, Input, Input, Output, Sums, Sums, Int, Int, Double, Double, Self, Self) -> Void {
    get
  }
  /// target[e] += weight s(start + e step), s piecewise linear through the source, zeros beyond; of (source, length, target, count, start, step,
  /// weight). Zeros lie around the source.
  static var interpolateLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { get }
  /// Its transpose.
  static var spreadLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { get }
  /// See ``ChannelRows``.
  static var channelSums: @Sendable (Input, Sums, Int, Int) -> Void { get }
  static var channelAffine: @Sendable (Input, Input, Input, Output, Int, Int, Int32) -> Void { get }
  static var channelProducts: @Sendable (Input, Input, Input, Input, Sums, Int, Int, Int32) -> Void { get }
  static var channelPullback: @Sendable (Input, Input, Input, Input, Input, Input, Input, Output, Int, Int, Int32) -> Void { get }
  /// See ``MaximumPooling``.
  static var maximumPool: @Sendable (Input, Output, Int, Int, Int) -> Void { get }
  static var maximumPoolPullback: @Sendable (Input, Input, Input, Output, Int, Int, Int) -> Void { get }
  /// C = alpha · op(A) op(B) + beta · C and y = alpha · op(A) x + beta · y as BLAS has them.
  static var blasProduct: BLASProduct<Self> { get }
  static var blasVectorProduct: BLASVectorProduct<Self> { get }
}

public typealias BLASProduct<S: Scalar> = (
  CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, Int32, Int32, Int32, S, S.Input, Int32, S.Input, Int32, S, S.Output, Int32
) -> Void
public typealias BLASVectorProduct<S: Scalar> = (
  CBLAS_ORDER, CBLAS_TRANSPOSE, Int32, Int32, S, S.Input, Int32, S.Input, Int32, S, S.Output, Int32
) -> Void

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
  public static var add: Pairwise { ck_add_f32 }
  public static var subtract: Pairwise { ck_subtract_f32 }
  public static var multiply: Pairwise { ck_multiply_f32 }
  public static var divide: Pairwise { ck_divide_f32 }
  public static var scale: @Sendable (Float, Input, Output, Int) -> Void { ck_scale_f32 }
  public static var axpy: @Sendable (Float, Input, Output, Int) -> Void { ck_axpy_f32 }
  public static var dot: @Sendable (Input, Input, Int) -> Double { ck_dot_f32 }
  public static var softThreshold: @Sendable (Input, Float, Output, Int) -> Void { ck_soft_f32 }
  public static var softThresholdPullback: @Sendable (Input, Input, Output, Int) -> Double { ck_soft_pullback_f32 }
  public static var softThresholdColumns: @Sendable (Input, Input, Output, Int, Int) -> Void { ck_soft_columns_f32 }
  public static var softThresholdColumnsPullback: @Sendable (Input, Input, Output, Output, Int, Int) -> Void {
    ck_soft_columns_pullback_f32
  }
  public static var addRows: @Sendable (Input, Output, Int, Int) -> Void { ck_add_rows_f32 }
  public static var sumRows: @Sendable (Input, Output, Int, Int) -> Void { ck_sum_rows_f32 }
  public static var relu: @Sendable (Input, Output, Int) -> Void { ck_relu_f32 }
  public static var reluPullback: Pairwise { ck_relu_pullback_f32 }
  public static var complexMultiply: Pairwise { ck_complex_multiply_f32 }
  public static var complexMultiplyConjugated: Pairwise { ck_complex_multiply_conjugated_f32 }
  public static var complexConjugate: @Sendable (Input, Output, Int) -> Void { ck_complex_conjugate_f32 }
  public static var multiplierStep: @Sendable (Float, Input, Input, Input, Output, Output, Int) -> Void { ck_multiplier_f32 }
  public static var multiplierStepPullback: @Sendable (Float, Input, Input, Input, Input, Output, Output, Output, Int) -> Double {
    ck_multiplier_pullback_f32
  }
  public static var adamStep:
    @Sendable (Input, Output, Output, Output, Double, Double, Double, Double, Double, Double, Double, Int) -> Void
  { ck_adam_f32 }
  public static var circularFilter: @Sendable (Input, Input, Output, Int, Int, Int, Int, Int, Int, Int32) -> Void {
    ck_circular_filter_f32
  }
  public static var circularGradient: @Sendable (Input, Input, Sums, Int, Int, Int, Int, Int, Int) -> Void {
    ck_circular_gradient_f32
  }
  public static var piecewise: @Sendable (Input, Input, Output, Int, Int, Double, Double, Float, Float) -> Void { ck_piecewise_f32 }
  public static var piecewisePullback:
    @Sendable (Input, Input, Input, Output, Sums, Sums, Int, Int, Double, Double, Float, Float) -> Void
  { ck_piecewise_pullback_f32 }
  public static var interpolateLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { ck_interpolate_line_f32 }
  public static var spreadLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { ck_spread_line_f32 }
  public static var channelSums: @Sendable (Input, Sums, Int, Int) -> Void { ck_channel_sums_f32 }
  public static var channelAffine: @Sendable (Input, Input, Input, Output, Int, Int, Int32) -> Void { ck_channel_affine_f32 }
  public static var channelProducts: @Sendable (Input, Input, Input, Input, Sums, Int, Int, Int32) -> Void {
    ck_channel_products_f32
  }
  public static var channelPullback: @Sendable (Input, Input, Input, Input, Input, Input, Input, Output, Int, Int, Int32) -> Void {
    ck_channel_pullback_f32
  }
  public static var maximumPool: @Sendable (Input, Output, Int, Int, Int) -> Void { ck_maximum_pool_f32 }
  public static var maximumPoolPullback: @Sendable (Input, Input, Input, Output, Int, Int, Int) -> Void {
    ck_maximum_pool_pullback_f32
  }
  public static var blasProduct: BLASProduct<Float> { cblas_sgemm }
  public static var blasVectorProduct: BLASVectorProduct<Float> { cblas_sgemv }
}

extension Double: Scalar {
  public static var add: Pairwise { ck_add_f64 }
  public static var subtract: Pairwise { ck_subtract_f64 }
  public static var multiply: Pairwise { ck_multiply_f64 }
  public static var divide: Pairwise { ck_divide_f64 }
  public static var scale: @Sendable (Double, Input, Output, Int) -> Void { ck_scale_f64 }
  public static var axpy: @Sendable (Double, Input, Output, Int) -> Void { ck_axpy_f64 }
  public static var dot: @Sendable (Input, Input, Int) -> Double { ck_dot_f64 }
  public static var softThreshold: @Sendable (Input, Double, Output, Int) -> Void { ck_soft_f64 }
  public static var softThresholdPullback: @Sendable (Input, Input, Output, Int) -> Double { ck_soft_pullback_f64 }
  public static var softThresholdColumns: @Sendable (Input, Input, Output, Int, Int) -> Void { ck_soft_columns_f64 }
  public static var softThresholdColumnsPullback: @Sendable (Input, Input, Output, Output, Int, Int) -> Void {
    ck_soft_columns_pullback_f64
  }
  public static var addRows: @Sendable (Input, Output, Int, Int) -> Void { ck_add_rows_f64 }
  public static var sumRows: @Sendable (Input, Output, Int, Int) -> Void { ck_sum_rows_f64 }
  public static var relu: @Sendable (Input, Output, Int) -> Void { ck_relu_f64 }
  public static var reluPullback: Pairwise { ck_relu_pullback_f64 }
  public static var complexMultiply: Pairwise { ck_complex_multiply_f64 }
  public static var complexMultiplyConjugated: Pairwise { ck_complex_multiply_conjugated_f64 }
  public static var complexConjugate: @Sendable (Input, Output, Int) -> Void { ck_complex_conjugate_f64 }
  public static var multiplierStep: @Sendable (Double, Input, Input, Input, Output, Output, Int) -> Void { ck_multiplier_f64 }
  public static var multiplierStepPullback: @Sendable (Double, Input, Input, Input, Input, Output, Output, Output, Int) -> Double {
    ck_multiplier_pullback_f64
  }
  public static var adamStep:
    @Sendable (Input, Output, Output, Output, Double, Double, Double, Double, Double, Double, Double, Int) -> Void
  { ck_adam_f64 }
  public static var circularFilter: @Sendable (Input, Input, Output, Int, Int, Int, Int, Int, Int, Int32) -> Void {
    ck_circular_filter_f64
  }
  public static var circularGradient: @Sendable (Input, Input, Sums, Int, Int, Int, Int, Int, Int) -> Void {
    ck_circular_gradient_f64
  }
  public static var piecewise: @Sendable (Input, Input, Output, Int, Int, Double, Double, Double, Double) -> Void {
    ck_piecewise_f64
  }
  public static var piecewisePullback:
    @Sendable (Input, Input, Input, Output, Sums, Sums, Int, Int, Double, Double, Double, Double) -> Void
  { ck_piecewise_pullback_f64 }
  public static var interpolateLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { ck_interpolate_line_f64 }
  public static var spreadLine: @Sendable (Input, Int, Output, Int, Double, Double, Double) -> Void { ck_spread_line_f64 }
  public static var channelSums: @Sendable (Input, Sums, Int, Int) -> Void { ck_channel_sums_f64 }
  public static var channelAffine: @Sendable (Input, Input, Input, Output, Int, Int, Int32) -> Void { ck_channel_affine_f64 }
  public static var channelProducts: @Sendable (Input, Input, Input, Input, Sums, Int, Int, Int32) -> Void {
    ck_channel_products_f64
  }
  public static var channelPullback: @Sendable (Input, Input, Input, Input, Input, Input, Input, Output, Int, Int, Int32) -> Void {
    ck_channel_pullback_f64
  }
  public static var maximumPool: @Sendable (Input, Output, Int, Int, Int) -> Void { ck_maximum_pool_f64 }
  public static var maximumPoolPullback: @Sendable (Input, Input, Input, Output, Int, Int, Int) -> Void {
    ck_maximum_pool_pullback_f64
  }
  public static var blasProduct: BLASProduct<Double> { cblas_dgemm }
  public static var blasVectorProduct: BLASVectorProduct<Double> { cblas_dgemv }
}

extension Scalar {
  /// One step of Adam in place; see ``AdamConstants``.
  public static func adam(
    gradient: Input, mean: Output, square: Output, parameter: Output, constants c: AdamConstants, count: Int
  ) {
    adamStep(
      gradient, mean, square, parameter, c.rate, c.beta1, c.beta2, c.epsilon, c.decay, c.meanCorrection, c.squareCorrection, count)
  }

  /// C = alpha · op(A) op(B) + beta · C, row-major, op(A) is m × k and op(B) k × n.
  public static func gemm(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Self, _ a: Input, _ b: Input, beta: Self, _ c: Output
  ) {
    guard m > 0, n > 0 else { return }
    guard k > 0 else {  // an empty sum; BLAS refuses its leading dimensions
      for i in 0..<m * n { c[i] = beta == 0 ? 0 : beta * c[i] }
      return
    }
    if m == 1 && !transposeA {  // one sample: a matrix-vector product reads the matrix once
      BLAS.call {
        blasVectorProduct(
          CblasRowMajor, transposeB ? CblasNoTrans : CblasTrans, Int32(transposeB ? n : k), Int32(transposeB ? k : n), alpha, b,
          Int32(transposeB ? k : n), a, 1, beta, c, 1)
      }
      return
    }
    if OneDNNProduct.isFaster(m: m, n: n, k: k), let a = single(a), let b = single(b), let c = single(c),
      OneDNNProduct.gemm(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: Float(alpha), a, b, beta: Float(beta), c)
    {
      return
    }
    BLAS.call {
      blasProduct(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k),
        alpha, a, Int32(transposeA ? m : k), b, Int32(transposeB ? k : n), beta, c, Int32(n))
    }
  }
}
