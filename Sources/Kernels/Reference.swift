// SPDX-License-Identifier: Apache-2.0

/// Plain Swift twins of the accelerated kernels: the definition, one element at a time, for tests and for precisions or
/// processors no library serves. Same arguments, same meaning as in ``Scalar``.
public enum Reference {
  public static func dot<S: Scalar>(_ a: UnsafePointer<S>, _ b: UnsafePointer<S>, count: Int) -> Double {
    var sum = 0.0
    for i in 0..<count { sum += Double(a[i]) * Double(b[i]) }
    return sum
  }

  public static func axpy<S: Scalar>(_ s: S, _ x: UnsafePointer<S>, _ y: UnsafeMutablePointer<S>, count: Int) {
    for i in 0..<count { y[i] += s * x[i] }
  }

  public static func softThreshold<S: Scalar>(_ r: UnsafePointer<S>, _ t: S, into out: UnsafeMutablePointer<S>, count: Int) {
    for i in 0..<count {
      let magnitude = r[i].magnitude - t
      out[i] = r[i] == 0 || magnitude <= 0 ? 0 : (r[i] > 0 ? magnitude : -magnitude)
    }
  }

  public static func softThresholdPullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, into dr: UnsafeMutablePointer<S>, count: Int
  ) -> Double {
    var sum = 0.0
    for i in 0..<count {
      dr[i] = x[i] == 0 ? 0 : v[i]
      if x[i] != 0 { sum += x[i] > 0 ? Double(v[i]) : -Double(v[i]) }
    }
    return -sum
  }

  public static func softThresholdColumns<S: Scalar>(
    _ r: UnsafePointer<S>, _ t: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, rows: Int, width: Int
  ) {
    for i in 0..<rows {
      for j in 0..<width { softThreshold(r + i * width + j, t[j], into: out + i * width + j, count: 1) }
    }
  }

  public static func softThresholdColumnsPullback<S: Scalar>(
    _ x: UnsafePointer<S>, _ v: UnsafePointer<S>, into dr: UnsafeMutablePointer<S>, addingTo dt: UnsafeMutablePointer<S>,
    rows: Int, width: Int
  ) {
    for i in 0..<rows {
      for j in 0..<width {
        let at = i * width + j
        dt[j] += S(softThresholdPullback(x + at, v + at, into: dr + at, count: 1))
      }
    }
  }

  public static func relu<S: Scalar>(_ a: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, count: Int) {
    for i in 0..<count { out[i] = a[i] < 0 ? 0 : a[i] }
  }

  public static func reluPullback<S: Scalar>(
    _ y: UnsafePointer<S>, _ v: UnsafePointer<S>, into da: UnsafeMutablePointer<S>, count: Int
  ) {
    for i in 0..<count { da[i] = y[i] > 0 ? v[i] : 0 }
  }

  public static func addRows<S: Scalar>(_ bias: UnsafePointer<S>, to out: UnsafeMutablePointer<S>, rows: Int, width: Int) {
    for i in 0..<rows { for j in 0..<width { out[i * width + j] += bias[j] } }
  }

  public static func sumRows<S: Scalar>(_ v: UnsafePointer<S>, addingTo sum: UnsafeMutablePointer<S>, rows: Int, width: Int) {
    for i in 0..<rows { for j in 0..<width { sum[j] += v[i * width + j] } }
  }

  public static func adam<S: Scalar>(
    gradient: UnsafePointer<S>, mean: UnsafeMutablePointer<S>, square: UnsafeMutablePointer<S>,
    parameter: UnsafeMutablePointer<S>, constants c: AdamConstants, count: Int
  ) {
    for i in 0..<count {
      let g = Double(gradient[i])
      let m = c.beta1 * Double(mean[i]) + (1 - c.beta1) * g
      let u = c.beta2 * Double(square[i]) + (1 - c.beta2) * g * g
      mean[i] = S(m)
      square[i] = S(u)
      let step = c.rate * (m * c.meanCorrection) / ((u * c.squareCorrection).squareRoot() + c.epsilon)
      parameter[i] = S((1 - c.rate * c.decay) * Double(parameter[i]) - step)
    }
  }

  /// C = alpha · op(A) op(B) + beta · C by the definition.
  public static func gemm<S: Scalar>(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: S, _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, beta: S,
    _ c: UnsafeMutablePointer<S>
  ) {
    for i in 0..<m {
      for j in 0..<n {
        var sum: S = 0
        for l in 0..<k { sum += (transposeA ? a[l * m + i] : a[i * k + l]) * (transposeB ? b[j * k + l] : b[l * n + j]) }
        c[i * n + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * n + j])
      }
    }
  }
}
