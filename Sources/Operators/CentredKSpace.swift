// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

// Scanners and their files have both the frequency 0 and the middle of the image at [⌊h/2⌋, ⌊w/2⌋]; ``fft2(_:)`` has both at [0, 0].

extension ComplexTensor {
  /// k-space `[…, h, w]` in the order of ``fft2(_:)``, of the same image, from k-space with frequency 0 and the image's origin in the middle:
  /// frequency (k, l) is moved to [k mod h, l mod w] and multiplied by exp(−2πi (k ⌊h/2⌋ / h + l ⌊w/2⌋ / w)).
  public var uncentredKSpace: ComplexTensor { moved(toMiddle: false) }

  /// k-space with frequency 0 and the image's origin in the middle, from that of ``fft2(_:)``: the inverse of ``uncentredKSpace``.
  public var centredKSpace: ComplexTensor { moved(toMiddle: true) }

  private func moved(toMiddle: Bool) -> ComplexTensor {
    precondition(shape.count >= 2, "k-space of shape \(shape); expected […, h, w]")
    let (h, w) = (shape[shape.count - 2], shape[shape.count - 1])
    let (rows, columns) = (turns(h, sign: toMiddle ? 1 : -1), turns(w, sign: toMiddle ? 1 : -1))
    let source = pairs.doubles
    var moved = source
    for start in stride(from: 0, to: source.count, by: 2 * h * w) {
      for k in 0..<h {
        for l in 0..<w {
          let plain = start + 2 * (k * w + l)
          let centred = start + 2 * ((k + h / 2) % h * w + (l + w / 2) % w)
          let (from, to) = toMiddle ? (plain, centred) : (centred, plain)
          let (re, im) = (
            rows[k].re * columns[l].re - rows[k].im * columns[l].im, rows[k].re * columns[l].im + rows[k].im * columns[l].re
          )
          moved[to] = source[from] * re - source[from + 1] * im
          moved[to + 1] = source[from] * im + source[from + 1] * re
        }
      }
    }
    return ComplexTensor(pairs: Tensor(moved, shape: pairs.shape, precision: precision))
  }
}

/// exp(± 2πi k ⌊n/2⌋ / n) for k = 0 … n − 1; the signs of even n are exact.
private func turns(_ n: Int, sign: Double) -> [(re: Double, im: Double)] {
  (0..<n).map { k in
    let part = k * (n / 2) % n
    if part == 0 { return (1, 0) }
    if 2 * part == n { return (-1, 0) }
    let angle = sign * 2 * Double.pi * Double(part) / Double(n)
    return (cos(angle), sin(angle))
  }
}
