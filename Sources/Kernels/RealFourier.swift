// SPDX-License-Identifier: Apache-2.0

/// The unitary Fourier transform of real planes `[batch, h, w]`, of which it computes the half of frequencies l ≤ ⌊w/2⌋,
/// `[batch, h, ⌊w/2⌋ + 1]` as (real, imaginary) pairs; the others are their conjugates, X[−k, −l] = conj(X[k, l]).
public enum RealFourierTransform {
  /// Number of complex numbers of the half of a plane.
  public static func halfCount(height: Int, width: Int) -> Int { height * (width / 2 + 1) }

  /// Filters every plane by a real factor a frequency, the same at k and −k: x ← Fᴴ diag(factor) F x, in place.
  ///
  /// - Parameter factor: `[h, ⌊w/2⌋ + 1]`. Planes are spread over the threads.
  public static func filter<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, batch: Int, height: Int, width: Int, factor: UnsafePointer<S>,
    by implementation: FourierTransform.Implementation? = nil
  ) {
    let (x, factor) = (SharedMutable(x), Shared(factor))
    let half = halfCount(height: height, width: width)
    let implementation = implementation ?? FourierTransform.available[0]
    Parallel.forEach(batch) { b in
      let plane = x.pointer + b * height * width
      withAlignedScratch(S.self, count: 2 * half) { numbers in
        forward(plane, height: height, width: width, into: numbers, by: implementation)
        multiply(numbers, by: factor.pointer, scale: S(1 / Double(height * width)), count: half)
        backward(numbers, height: height, width: width, into: plane, by: implementation)
      }
    }
  }

  /// Complex numbers times real factors and a scale.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private static func multiply<S: Scalar>(
    _ numbers: UnsafeMutablePointer<S>, by factors: UnsafePointer<S>, scale: S, count: Int
  ) {
    for i in 0..<count {
      let f = factors[i] * scale
      numbers[2 * i] *= f
      numbers[2 * i + 1] *= f
    }
  }

  /// The unscaled transform of a plane; the plane stays.
  static func forward<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, height: Int, width: Int, into half: UnsafeMutablePointer<S>,
    by implementation: FourierTransform.Implementation
  ) {
    #if FFTW
      if implementation == .fftw {
        if let x = single(x), let half = single(half) {
          FFTW.forward(x, height: height, width: width, into: half)
        } else {
          FFTW.forward(double(x), height: height, width: width, into: double(half))
        }
        return
      }
    #endif
    var full = [S](repeating: 0, count: 2 * height * width)
    for i in 0..<height * width { full[2 * i] = x[i] }
    full.withUnsafeMutableBufferPointer {
      FourierTransform.transform($0.baseAddress!, batch: 1, shape: [height, width], inverse: false, by: .own)
    }
    let columns = width / 2 + 1
    let unscaled = S(Double(height * width).squareRoot())
    for k in 0..<height {
      for l in 0..<2 * columns { half[k * 2 * columns + l] = unscaled * full[k * 2 * width + l] }
    }
  }

  /// The unscaled inverse into a plane; the half is used up.
  static func backward<S: Scalar>(
    _ half: UnsafeMutablePointer<S>, height: Int, width: Int, into x: UnsafeMutablePointer<S>,
    by implementation: FourierTransform.Implementation
  ) {
    #if FFTW
      if implementation == .fftw {
        if let x = single(x), let half = single(half) {
          FFTW.backward(half, height: height, width: width, into: x)
        } else {
          FFTW.backward(double(half), height: height, width: width, into: double(x))
        }
        return
      }
    #endif
    let columns = width / 2 + 1
    var full = [S](repeating: 0, count: 2 * height * width)
    for k in 0..<height {
      for l in 0..<width {
        let isStored = l < columns
        let (row, column) = isStored ? (k, l) : ((height - k) % height, width - l)
        full[2 * (k * width + l)] = half[2 * (row * columns + column)]
        full[2 * (k * width + l) + 1] = (isStored ? 1 : -1) * half[2 * (row * columns + column) + 1]
      }
    }
    full.withUnsafeMutableBufferPointer {
      FourierTransform.transform($0.baseAddress!, batch: 1, shape: [height, width], inverse: true, by: .own)
    }
    let unscaled = S(Double(height * width).squareRoot())
    for i in 0..<height * width { x[i] = unscaled * full[2 * i] }
  }
}
