// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// A pair of orthonormal filters: the low pass h with Σ h[m] = √2 and Σ h[m] h[m + 2 l] = δ_l, and the high pass
/// g[m] = (−1)^m h[L − 1 − m] (Daubechies, 1988).
public enum WaveletFilter: Int, Codable, Sendable, CaseIterable {
  case haar = 2
  /// Daubechies' filter of length 4, with two vanishing moments (`db2` of PyWavelets); the ones below have three and four.
  case daubechies4 = 4
  case daubechies6 = 6
  case daubechies8 = 8

  /// L.
  public var length: Int { rawValue }

  /// The name of PyWavelets: `haar`, `db2`, `db3`, `db4`, the number that of the vanishing moments.
  public var name: String { self == .haar ? "haar" : "db\(length / 2)" }

  /// By its name; `db1` is `haar` too.
  public init?(name: String) {
    guard let filter = Self.allCases.first(where: { $0.name == (name == "db1" ? "haar" : name) }) else { return nil }
    self = filter
  }

  /// h, from its first tap on: closed forms for L ≤ 6; L = 8 as PyWavelets 1.8.0 has it, `pywt.Wavelet("db4").rec_lo`.
  public var lowPass: [Double] {
    switch self {
    case .haar: return [(0.5).squareRoot(), (0.5).squareRoot()]
    case .daubechies4:
      let s = 3.0.squareRoot()
      return [1 + s, 3 + s, 3 - s, 1 - s].map { $0 / (4 * 2.0.squareRoot()) }
    case .daubechies6:
      let (a, b) = (10.0.squareRoot(), (5 + 2 * 10.0.squareRoot()).squareRoot())
      let taps: [Double] = [1 + a + b, 5 + a + 3 * b, 10 - 2 * a + 2 * b, 10 - 2 * a - 2 * b, 5 + a - 3 * b, 1 + a - b]
      return taps.map { $0 / (16 * 2.0.squareRoot()) }
    case .daubechies8:
      return [
        0.2303778133088965, 0.7148465705529157, 0.6308807679298589, -0.027983769416859854, -0.18703481171909309,
        0.030841381835560764, 0.0328830116668852, -0.010597401785069032,
      ]
    }
  }

  /// g.
  public var highPass: [Double] {
    let h = lowPass
    return h.indices.map { ($0 % 2 == 0 ? 1 : -1) * h[h.count - 1 - $0] }
  }
}

/// Rows of numbers weighted with the taps of a filter and added up, tap after tap by a kernel.
enum RowSums {
  /// out = Σₘ taps[m] row(m); with `adding`, on top of what is there.
  static func write<S: Scalar>(
    _ taps: [S], count: Int, adding: Bool = false, into out: UnsafeMutablePointer<S>, row: (Int) -> UnsafePointer<S>
  ) {
    for m in taps.indices { add(taps[m], row(m), to: out, count: count, replacing: m == 0 && !adding) }
  }

  /// out[i] = Σₘ taps[m] row[(i + shifts[m] · unit) mod count], 0 ≤ shifts[m] · unit < count.
  static func circular<S: Scalar>(
    _ taps: [S], _ shifts: [Int], unit: Int, _ row: UnsafePointer<S>, count: Int, adding: Bool = false,
    into out: UnsafeMutablePointer<S>
  ) {
    for m in taps.indices {
      let (shift, replaces) = (shifts[m] * unit, m == 0 && !adding)
      add(taps[m], row + shift, to: out, count: count - shift, replacing: replaces)
      if shift > 0 { add(taps[m], row, to: out + count - shift, count: shift, replacing: replaces) }
    }
  }

  private static func add<S: Scalar>(
    _ tap: S, _ row: UnsafePointer<S>, to out: UnsafeMutablePointer<S>, count: Int, replacing: Bool
  ) {
    if replacing { S.scale(tap, row, out, count) } else { S.axpy(tap, row, out, count) }
  }

  /// Strips of rows of every image, spread over the threads; their size is the work's alone.
  static func forEachStrip(_ images: Int, rows: Int, width: Int, _ body: @Sendable (_ image: Int, _ rows: Range<Int>) -> Void) {
    let size = max(1, 16384 / width)
    let strips = (rows + size - 1) / size
    Parallel.forEach(images * strips) { i in
      let first = i % strips * size
      body(i / strips, first..<min(first + size, rows))
    }
  }
}
