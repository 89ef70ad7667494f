// SPDX-License-Identifier: Apache-2.0
import Platform

extension MixedRadix {
  /// Bluestein's algorithm (1970): j k = (j² + k² − (k − j)²) / 2 turns a transform of any length n into a convolution with the
  /// chirp c[j] = exp(−πi j² / n), done by transforms of a power of two ≥ 2n − 1.
  final class Bluestein<S: Scalar>: Sendable {
    let length: Int
    let plan: Plan<S>
    /// c[j], j < length, interleaved.
    let chirp: [S]
    /// The transform of the periodic conj(c), divided by its length.
    let response: [S]

    init(length n: Int) {
      length = n
      var padded = 1
      while padded < 2 * n - 1 { padded *= 2 }
      plan = Plan(length: padded)
      var values = [S](repeating: 0, count: 2 * n)
      var periodic = [S](repeating: 0, count: 2 * padded)
      let unit = 1 / Double(padded)
      for j in 0..<n {
        // j² modulo 2n keeps the angle exact for every length.
        let w = MixedRadix.root(j * j % (2 * n), of: 2 * n)
        values[2 * j] = S(w.re)
        values[2 * j + 1] = S(w.im)
        for at in j == 0 ? [0] : [j, padded - j] {
          periodic[2 * at] = S(w.re * unit)
          periodic[2 * at + 1] = S(-w.im * unit)
        }
      }
      chirp = values
      var transformed = [S](repeating: 0, count: 2 * padded)
      var scratch = [S](repeating: 0, count: plan.scratchCount)
      plan.forward(periodic, into: &transformed, scratch: &scratch)
      response = transformed
    }

    /// `scratch` holds 4 · plan.length numbers.
    func forward(_ x: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, scratch: UnsafeMutablePointer<S>) {
      let (n, padded) = (length, plan.length)
      let (first, second) = (scratch, scratch + 2 * padded)
      // A power of two has radices 4 and 2 only, which use no scratch of their own: `out` stands in.
      chirp.withUnsafeBufferPointer { c in
        for j in 0..<n {
          first[2 * j] = x[2 * j] * c[2 * j] - x[2 * j + 1] * c[2 * j + 1]
          first[2 * j + 1] = x[2 * j] * c[2 * j + 1] + x[2 * j + 1] * c[2 * j]
        }
        for j in 2 * n..<2 * padded { first[j] = 0 }
        plan.forward(first, into: second, scratch: out)
        response.withUnsafeBufferPointer { h in
          for j in 0..<padded {
            // The inverse transform is the conjugate of the transform of the conjugate.
            first[2 * j] = second[2 * j] * h[2 * j] - second[2 * j + 1] * h[2 * j + 1]
            first[2 * j + 1] = -(second[2 * j] * h[2 * j + 1] + second[2 * j + 1] * h[2 * j])
          }
        }
        plan.forward(first, into: second, scratch: out)
        for k in 0..<n {
          let (re, im) = (second[2 * k], -second[2 * k + 1])
          out[2 * k] = re * c[2 * k] - im * c[2 * k + 1]
          out[2 * k + 1] = re * c[2 * k + 1] + im * c[2 * k]
        }
      }
    }
  }

  /// The unscaled transform of `batch` arrays of `shape`, in place, axis by axis.
  static func transform<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, batch: Int, shape: [Int], inverse: Bool, cache: PlanCache<Int, Plan<S>>
  ) {
    var inner = 1  // numbers between neighbours along the axis
    for n in shape.reversed() {
      if n > 1 {
        let plan = cache.plan(n) { Plan(length: n) }
        let blocks = batch * shape.reduce(1, *) / (n * inner)
        transformLines(x, plan, blocks: blocks, inner: inner, inverse: inverse)
      }
      inner *= n
    }
  }

  /// Transforms along the middle axis of `blocks` arrays of `plan.length` × `inner`, eight lines at a time.
  private static func transformLines<S: Scalar>(
    _ x: UnsafeMutablePointer<S>, _ plan: Plan<S>, blocks: Int, inner: Int, inverse: Bool
  ) {
    let n = plan.length
    let together = min(8, inner)
    let sign: S = inverse ? -1 : 1
    let lines = UnsafeMutablePointer<S>.allocate(capacity: 2 * n * together)
    let result = UnsafeMutablePointer<S>.allocate(capacity: 2 * n)
    let scratch = UnsafeMutablePointer<S>.allocate(capacity: plan.scratchCount)
    defer {
      lines.deallocate()
      result.deallocate()
      scratch.deallocate()
    }
    for block in 0..<blocks {
      for first in stride(from: 0, to: inner, by: together) {
        let width = min(together, inner - first)
        let corner = x + 2 * (block * n * inner + first)
        for j in 0..<n {
          for c in 0..<width {
            let (from, to) = (corner + 2 * (j * inner + c), lines + 2 * (c * n + j))
            to[0] = from[0]
            to[1] = sign * from[1]
          }
        }
        for c in 0..<width {
          plan.forward(lines + 2 * c * n, into: result, scratch: scratch)
          lines.advanced(by: 2 * c * n).update(from: result, count: 2 * n)
        }
        for j in 0..<n {
          for c in 0..<width {
            let (from, to) = (lines + 2 * (c * n + j), corner + 2 * (j * inner + c))
            to[0] = from[0]
            to[1] = sign * from[1]
          }
        }
      }
    }
  }
}
