// SPDX-License-Identifier: Apache-2.0
import Platform

/// The package's own unscaled Fourier transform: decimation in time with radices 4, 2, 3, 5 and any small prime; lengths with a
/// prime factor above ``largestPrime`` by Bluestein's algorithm. Always compiled; FFTW's twin.
enum MixedRadix {
  /// The largest prime done by its definition, at a cost of p per number.
  static let largestPrime = 61

  /// exp(−2πi k / n), accurate to the last bit or so: the angle is reduced to an eighth of a turn first.
  static func root(_ k: Int, of n: Int) -> (re: Double, im: Double) {
    let eighth = 8 * (k % n) / n  // which eighth of the turn
    // The angle beyond the nearest multiple of a quarter turn, in [−1/8, 1/8] turn.
    let quarter = (eighth + 1) / 2
    let angle = 2 * Double.pi * (Double(4 * (k % n) - quarter * n) / Double(4 * n))
    let (c, s) = (cos(angle), sin(angle))
    switch quarter % 4 {
    case 0: return (c, -s)
    case 1: return (-s, -c)
    case 2: return (-c, s)
    default: return (s, c)
    }
  }

  /// Prime factors with pairs of 2 taken as 4, ascending but 4 first.
  static func factors(of n: Int) -> [Int] {
    var (rest, found) = (n, [Int]())
    for p in [4, 2, 3, 5] {
      while rest % p == 0 {
        found.append(p)
        rest /= p
      }
    }
    var p = 7
    while p * p <= rest {
      while rest % p == 0 {
        found.append(p)
        rest /= p
      }
      p += 2
    }
    if rest > 1 { found.append(rest) }
    return found
  }

  /// What the transform of one length needs; immutable, shared by threads.
  final class Plan<S: Scalar>: Sendable {
    let length: Int
    let factors: [Int]
    /// exp(−2πi k / length) for every k, interleaved; empty when Bluestein's algorithm is used.
    let roots: [S]
    let chirp: Bluestein<S>?

    init(length n: Int) {
      length = n
      factors = MixedRadix.factors(of: n)
      if (factors.max() ?? 1) > MixedRadix.largestPrime {
        chirp = Bluestein(length: n)
        roots = []
      } else {
        chirp = nil
        roots = (0..<n).flatMap { k in
          let w = MixedRadix.root(k, of: n)
          return [S(w.re), S(w.im)]
        }
      }
    }

    /// Numbers (not pairs) of scratch a transform needs.
    var scratchCount: Int { chirp.map { 4 * $0.plan.length } ?? 2 * factors.reduce(1, max) }

    /// `out` = forward transform of `x`, both `length` numbers and disjoint.
    func forward(_ x: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, scratch: UnsafeMutablePointer<S>) {
      if let chirp {
        chirp.forward(x, into: out, scratch: scratch)
      } else {
        roots.withUnsafeBufferPointer { w in
          factors.withUnsafeBufferPointer { f in
            MixedRadix.stage(x, 1, out, length, f, 0, w.baseAddress!, scratch)
          }
        }
      }
    }
  }

  /// The transform of x[0], x[step], … (n numbers, n · step the plan's length): p interleaved transforms, then butterflies.
  private static func stage<S: Scalar>(
    _ x: UnsafePointer<S>, _ step: Int, _ out: UnsafeMutablePointer<S>, _ n: Int, _ factors: UnsafeBufferPointer<Int>, _ level: Int,
    _ roots: UnsafePointer<S>, _ scratch: UnsafeMutablePointer<S>
  ) {
    if n == 1 {
      out[0] = x[0]
      out[1] = x[1]
      return
    }
    let p = factors[level]
    let m = n / p
    if m == 1 {
      for r in 0..<p {
        out[2 * r] = x[2 * r * step]
        out[2 * r + 1] = x[2 * r * step + 1]
      }
    } else {
      for r in 0..<p { stage(x + 2 * r * step, step * p, out + 2 * r * m, m, factors, level + 1, roots, scratch) }
    }
    for k in 0..<m {
      // Twiddles exp(−2πi r k / n) are roots[r k step] of the whole length.
      let at = out + 2 * k
      for r in 1..<p where k > 0 {
        let w = roots + 2 * (r * k * step)
        let (re, im) = (at[2 * r * m], at[2 * r * m + 1])
        at[2 * r * m] = re * w[0] - im * w[1]
        at[2 * r * m + 1] = re * w[1] + im * w[0]
      }
      switch p {
      case 2: butterfly2(at, m)
      case 3: butterfly3(at, m)
      case 4: butterfly4(at, m)
      case 5: butterfly5(at, m)
      default: butterfly(at, m, p, roots, m * step, scratch)
      }
    }
  }

  @inline(__always)
  private static func butterfly2<S: Scalar>(_ x: UnsafeMutablePointer<S>, _ m: Int) {
    let b = x + 2 * m
    let (ar, ai, br, bi) = (x[0], x[1], b[0], b[1])
    x[0] = ar + br
    x[1] = ai + bi
    b[0] = ar - br
    b[1] = ai - bi
  }

  @inline(__always)
  private static func butterfly3<S: Scalar>(_ x: UnsafeMutablePointer<S>, _ m: Int) {
    let (b, c) = (x + 2 * m, x + 4 * m)
    let sine = S(0.866_025_403_784_438_646_763_723_170_752_936)  // sin(2π/3)
    let (sr, si) = (b[0] + c[0], b[1] + c[1])
    let (dr, di) = (sine * (b[0] - c[0]), sine * (b[1] - c[1]))
    let (mr, mi) = (x[0] - sr / 2, x[1] - si / 2)
    x[0] += sr
    x[1] += si
    b[0] = mr + di
    b[1] = mi - dr
    c[0] = mr - di
    c[1] = mi + dr
  }

  @inline(__always)
  private static func butterfly4<S: Scalar>(_ x: UnsafeMutablePointer<S>, _ m: Int) {
    let (b, c, d) = (x + 2 * m, x + 4 * m, x + 6 * m)
    let (pr, pi) = (x[0] + c[0], x[1] + c[1])
    let (qr, qi) = (x[0] - c[0], x[1] - c[1])
    let (rr, ri) = (b[0] + d[0], b[1] + d[1])
    let (tr, ti) = (b[0] - d[0], b[1] - d[1])
    x[0] = pr + rr
    x[1] = pi + ri
    b[0] = qr + ti
    b[1] = qi - tr
    c[0] = pr - rr
    c[1] = pi - ri
    d[0] = qr - ti
    d[1] = qi + tr
  }

  @inline(__always)
  private static func butterfly5<S: Scalar>(_ x: UnsafeMutablePointer<S>, _ m: Int) {
    let (b, c, d, e) = (x + 2 * m, x + 4 * m, x + 6 * m, x + 8 * m)
    let c1 = S(0.309_016_994_374_947_424_102_293_417_182_819)  // cos(2π/5)
    let c2 = S(-0.809_016_994_374_947_424_102_293_417_182_819)  // cos(4π/5)
    let s1 = S(0.951_056_516_295_153_572_116_439_333_379_382)  // sin(2π/5)
    let s2 = S(0.587_785_252_292_473_129_168_705_954_639_073)  // sin(4π/5)
    let (pr, pi) = (b[0] + e[0], b[1] + e[1])
    let (qr, qi) = (c[0] + d[0], c[1] + d[1])
    let (ur, ui) = (b[0] - e[0], b[1] - e[1])
    let (vr, vi) = (c[0] - d[0], c[1] - d[1])
    let a1r = x[0] + c1 * pr + c2 * qr
    let a1i = x[1] + c1 * pi + c2 * qi
    let a2r = x[0] + c2 * pr + c1 * qr
    let a2i = x[1] + c2 * pi + c1 * qi
    let b1r = s1 * ur + s2 * vr
    let b1i = s1 * ui + s2 * vi
    let b2r = s2 * ur - s1 * vr
    let b2i = s2 * ui - s1 * vi
    x[0] += pr + qr
    x[1] += pi + qi
    b[0] = a1r + b1i
    b[1] = a1i - b1r
    e[0] = a1r - b1i
    e[1] = a1i + b1r
    c[0] = a2r + b2i
    c[1] = a2i - b2r
    d[0] = a2r - b2i
    d[1] = a2i + b2r
  }

  /// A prime radix by the definition; `turn` is the step in `roots` that belongs to exp(−2πi / p).
  private static func butterfly<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, _ m: Int, _ p: Int, _ roots: UnsafePointer<S>, _ turn: Int, _ scratch: UnsafeMutablePointer<S>
  ) {
    for r in 0..<p {
      scratch[2 * r] = x[2 * r * m]
      scratch[2 * r + 1] = x[2 * r * m + 1]
    }
    for k in 0..<p {
      var (re, im) = (scratch[0], scratch[1])
      var at = 0
      for r in 1..<p {
        at += k
        if at >= p { at -= p }
        let w = roots + 2 * (at * turn)
        re += scratch[2 * r] * w[0] - scratch[2 * r + 1] * w[1]
        im += scratch[2 * r] * w[1] + scratch[2 * r + 1] * w[0]
      }
      x[2 * k * m] = re
      x[2 * k * m + 1] = im
    }
  }
}
