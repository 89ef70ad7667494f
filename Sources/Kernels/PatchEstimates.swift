// SPDX-License-Identifier: Apache-2.0
import Platform

/// Patches one after the other, each `side` rows of so many numbers as are the next multiple of 8, zeros at their ends.
public enum PatchStack<S: Scalar> {
  static func pitch(side: Int) -> Int { (side + 7) / 8 * 8 }
  /// Numbers of a patch.
  public static func size(side: Int) -> Int { side * pitch(side: side) }

  /// One patch by its rows and columns.
  static func patch(side: Int, _ value: (_ row: Int, _ column: Int) -> Double) -> [S] {
    let pitch = pitch(side: side)
    var out = [S](repeating: 0, count: side * pitch)
    for i in 0..<side { for j in 0..<side { out[i * pitch + j] = S(value(i, j)) } }
    return out
  }
}

/// How the pixels of a patch count where patches overlap.
public struct PatchWindow: Sendable, Hashable {
  public let side: Int
  /// Row by row.
  public let weights: [Double]

  /// Kaiser's window of shape β along both directions.
  public static func kaiser(side: Int, beta: Double) -> PatchWindow {
    /// Of the first kind and order 0.
    func bessel(_ x: Double) -> Double {
      var (sum, term, k) = (1.0, 1.0, 1.0)
      while term > 1e-18 * sum {
        term *= (x / (2 * k)) * (x / (2 * k))
        sum += term
        k += 1
      }
      return sum
    }
    let line = (0..<side).map { i in
      let t = side == 1 ? 0 : 2 * Double(i) / Double(side - 1) - 1
      return bessel(beta * (1 - t * t).squareRoot()) / bessel(beta)
    }
    return PatchWindow(side: side, weights: line.flatMap { a in line.map { a * $0 } })
  }
}

extension PatchGroups {
  /// What an estimate of a group works on: its places, room for its patches, and for as many again.
  public struct Work<S: Scalar> {
    public let places: UnsafePointer<Int32>
    public let count: Int
    public let stack: UnsafeMutablePointer<S>
    public let second: UnsafeMutablePointer<S>
  }

  /// Bands of rows of the lattice: few enough rows that a band's sums stay in the cache.
  private static let bandRows = 4
  /// Bands whose sums are held at a time.
  private static let bandsAtATime = 32

  /// The mean of all estimates of a pixel, weighted by the window and by the weight of their group.
  ///
  /// Bands of rows of the lattice are pieces of work with sums of their own, which are added up in order: the same bytes for any number of
  /// threads.
  ///
  /// - Parameters: `out`, an image; `estimate` leaves patches in `stack` and returns their weight.
  public func means<S: Scalar>(
    _ window: PatchWindow, into out: UnsafeMutablePointer<S>, _ estimate: @Sendable (Work<S>) -> S
  ) {
    precondition(
      window.side == lattice.side && lattice.step <= lattice.side,
      "patches of \(lattice.side) every \(lattice.step) pixels in a window of \(window.side)")
    let (pixels, width) = (lattice.height * lattice.width, lattice.width)
    let weights = PatchStack<S>.patch(side: lattice.side) { window.weights[$0 * lattice.side + $1] }
    var denominator = [S](repeating: 0, count: pixels)
    out.update(repeating: 0, count: pixels)
    denominator.withUnsafeMutableBufferPointer { denominator in
      let total = denominator.baseAddress!
      let bands = (lattice.rows.count + Self.bandRows - 1) / Self.bandRows
      for first in stride(from: 0, to: bands, by: Self.bandsAtATime) {
        let parts = Parallel.map(min(Self.bandsAtATime, bands - first)) { sums(ofBand: first + $0, weights, estimate) }
        for part in parts {
          part.values.withUnsafeBufferPointer { values in
            let (at, half) = (part.firstRow * width, values.count / 2)
            let count = half - PatchLattice.slack
            S.add(out + at, values.baseAddress!, out + at, count)
            S.add(total + at, values.baseAddress! + half, total + at, count)
          }
        }
      }
      S.divide(out, total, out, pixels)
    }
  }

  /// Sums of a band: numerators, then denominators, of rows from `firstRow` on, each with slack.
  private func sums<S: Scalar>(
    ofBand band: Int, _ weights: [S], _ estimate: (Work<S>) -> S
  ) -> (firstRow: Int, values: [S]) {
    let (side, width) = (lattice.side, lattice.width)
    let lastRow = min((band + 1) * Self.bandRows, lattice.rows.count)
    let range = band * Self.bandRows * lattice.columns.count..<lastRow * lattice.columns.count
    var (low, high): (Int32, Int32) = (.max, 0)
    for i in range { for place in self[i] { (low, high) = (min(low, place), max(high, place)) } }
    let firstRow = Int(low) / width
    let half = (Int(high) / width + side - firstRow) * width + PatchLattice.slack
    var values = [S](repeating: 0, count: 2 * half)
    let size = most * PatchStack<S>.size(side: side)
    let offset = Int32(firstRow * width)
    values.withUnsafeMutableBufferPointer { values in
      let numerator = values.baseAddress!
      withUnsafeTemporaryAllocation(of: S.self, capacity: 2 * size) { buffer in
        let stack = buffer.baseAddress!
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: most) { local in
          places.withUnsafeBufferPointer { places in
            weights.withUnsafeBufferPointer { weights in
              for i in range {
                let (group, count) = (places.baseAddress! + i * most, Int(counts[i]))
                let weight = estimate(Work(places: group, count: count, stack: stack, second: stack + size))
                for k in 0..<count { local[k] = group[k] - offset }
                S.patchAdd(
                  stack, side, local.baseAddress!, count, weights.baseAddress!, weight, numerator, numerator + half, width)
              }
            }
          }
        }
      }
    }
    return (firstRow, values)
  }
}
