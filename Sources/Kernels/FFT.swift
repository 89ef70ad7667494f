// SPDX-License-Identifier: Apache-2.0

/// The unitary discrete Fourier transform of complex numbers stored as (real, imaginary) pairs, in place:
///
/// X[k] = 1/√N Σⱼ x[j] exp(∓2πi Σₐ jₐ kₐ / nₐ), the minus sign forwards, the plus sign backwards, N = Πₐ nₐ.
///
/// Both directions are isometries and each is the other's adjoint and inverse. Frequency 0 comes first.
public enum FourierTransform {
  /// Who computes it.
  public enum Implementation: String, Sendable, CaseIterable {
    /// FFTW 3, in builds with the package trait `FFTW`.
    case fftw
    /// The package's own: mixed radix, and Bluestein's algorithm for lengths with a large prime factor.
    case own
  }

  /// What this build has.
  public static var available: [Implementation] {
    #if FFTW
      [.fftw, .own]
    #else
      [.own]
    #endif
  }

  /// Transforms each of `batch` consecutive arrays of `shape` (one extent: rows; two: planes; any rank).
  ///
  /// - Parameters:
  ///   - x: `batch` · Π `shape` complex numbers, row-major.
  ///   - implementation: the first of ``available`` unless given. One this build lacks is a programming error.
  public static func transform<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, batch: Int, shape: [Int], inverse: Bool, by implementation: Implementation? = nil
  ) {
    let count = shape.reduce(1, *)
    guard batch > 0, count > 1 else { return }
    let unitary = 1 / Double(count).squareRoot()
    switch implementation ?? available[0] {
    case .fftw:
      #if FFTW
        if let x = single(x) {
          FFTW.transform(x, batch: batch, shape: shape, inverse: inverse, times: Float(unitary))
        } else {
          FFTW.transform(double(x), batch: batch, shape: shape, inverse: inverse, times: unitary)
        }
      #else
        preconditionFailure("FFT: this build is without FFTW; build with the package trait FFTW or ask for .own")
      #endif
    case .own:
      if let x = single(x) {
        MixedRadix.transform(x, batch: batch, shape: shape, inverse: inverse, cache: singlePlans)
      } else {
        MixedRadix.transform(double(x), batch: batch, shape: shape, inverse: inverse, cache: doublePlans)
      }
      S.scale(S(unitary), x, x, 2 * count * batch)
    }
  }

  /// Transforms lines of `length` that follow one another, faster than ``transform(_:batch:shape:inverse:by:)`` where they are eight or more.
  public static func transformLines<S: Scalar>(_ x: UnsafeMutablePointer<S>, count: Int, length: Int, inverse: Bool) {
    #if FFTW
      guard count > 0, length > 1 else { return }
      let unitary = 1 / Double(length).squareRoot()
      if let x = single(x) {
        FFTW.lines(x, count: count, length: length, inverse: inverse, times: Float(unitary))
      } else {
        FFTW.lines(double(x), count: count, length: length, inverse: inverse, times: unitary)
      }
    #else
      transform(x, batch: count, shape: [length], inverse: inverse)
    #endif
  }

  private static let singlePlans = PlanCache<Int, MixedRadix.Plan<Float>>()
  private static let doublePlans = PlanCache<Int, MixedRadix.Plan<Double>>()
}
