// SPDX-License-Identifier: Apache-2.0
import CKernels

/// A bank of small filters on images that go around at their edges: one image to `maps` maps, and back.
///
/// Filter l, of `filterHeight` × `filterWidth` (odd), is a true convolution with its centre at the origin:
///
///     y_l[i, j] = Σ_a,b k_l[a, b] x[i − a + ⌊kh/2⌋, j − b + ⌊kw/2⌋]
///
/// Images are `[batch, height, width]`, maps `[batch, maps, height, width]`. Work is cut into bands of rows, whatever the threads.
public struct CircularFilters: Sendable {
  public let batch: Int
  public let maps: Int
  public let height: Int
  public let width: Int
  public let filterHeight: Int
  public let filterWidth: Int

  /// The largest extent of a filter.
  public static let largestFilter = Int(CK_LARGEST_FILTER)

  public init(batch: Int, maps: Int, height: Int, width: Int, filterHeight: Int, filterWidth: Int) {
    precondition(
      filterHeight % 2 == 1 && filterWidth % 2 == 1 && max(filterHeight, filterWidth) <= Self.largestFilter
        && min(height, width) > 0,
      "CircularFilters: filters of \(filterHeight) × \(filterWidth) on images of \(height) × \(width)")
    self.batch = batch
    self.maps = maps
    self.height = height
    self.width = width
    self.filterHeight = filterHeight
    self.filterWidth = filterWidth
  }

  var filterSize: Int { filterHeight * filterWidth }
  private var pixels: Int { height * width }
  public var imageCount: Int { batch * pixels }
  public var mapCount: Int { batch * maps * pixels }

  /// Rows of a band: enough to outweigh the call, few enough to stay in the cache.
  private var bandHeight: Int { max(1, 8192 / width) }
  private var bands: Int { (height + bandHeight - 1) / bandHeight }

  /// y_l = k_l * x.
  public func forward<S: Scalar>(_ x: UnsafePointer<S>, _ filters: UnsafePointer<S>, into y: UnsafeMutablePointer<S>) {
    let (x, y) = (Shared(x), SharedMutable(y))
    turned(filters) { turned in
      let turned = Shared(turned)
      Parallel.forEach(batch * bands) { piece in
        let (image, rows) = band(piece)
        for l in 0..<maps {
          S.circularFilter(
            x.pointer + image * pixels, turned.pointer + l * filterSize, y.pointer + (image * maps + l) * pixels, height, width,
            filterHeight, filterWidth, rows.lowerBound, rows.upperBound, 0)
        }
      }
    }
  }

  /// x = Σ_l k_lᵀ y_l, the correlations: the adjoint.
  public func adjoint<S: Scalar>(_ y: UnsafePointer<S>, _ filters: UnsafePointer<S>, into x: UnsafeMutablePointer<S>) {
    let (y, filters, x) = (Shared(y), Shared(filters), SharedMutable(x))
    Parallel.forEach(batch * bands) { piece in
      let (image, rows) = band(piece)
      for l in 0..<maps {
        S.circularFilter(
          y.pointer + (image * maps + l) * pixels, filters.pointer + l * filterSize, x.pointer + image * pixels, height, width,
          filterHeight, filterWidth, rows.lowerBound, rows.upperBound, l > 0 ? 1 : 0)
      }
    }
  }

  /// Σ over images and pixels of y_l[i, j] x[i − a + ⌊kh/2⌋, j − b + ⌊kw/2⌋]: the derivative of ⟨k_l * x, y_l⟩ with respect to k_l[a, b].
  public func filterGradient<S: Scalar>(_ x: UnsafePointer<S>, _ y: UnsafePointer<S>) -> [Double] {
    let (x, y) = (Shared(x), Shared(y))
    let parts = Parallel.map(batch * bands) { piece in
      let (image, rows) = band(piece)
      var part = [Double](repeating: 0, count: maps * filterSize)
      part.withUnsafeMutableBufferPointer { part in
        for l in 0..<maps {
          S.circularGradient(
            x.pointer + image * pixels, y.pointer + (image * maps + l) * pixels, part.baseAddress! + l * filterSize, height, width,
            filterHeight, filterWidth, rows.lowerBound, rows.upperBound)
        }
      }
      return part
    }
    return turnedBack(sum(parts, count: maps * filterSize))
  }

  /// What is left of the cotangents of (Σ_l ρ_l k_lᵀ k_l + …)⁻¹ (Σ_l ρ_l k_lᵀ u_l + …) = x, w that inverse times x's: with e_l = u_l − k_l * x
  /// in one pass over the maps, band by band.
  ///
  /// - Returns: du_l = ρ_l k_l * w, written; of the filters w ⋆ e_l − x ⋆ (k_l * w), without ρ_l, and of the penalties ⟨k_l * w, e_l⟩.
  public func solvePullback<S: Scalar>(
    _ w: UnsafePointer<S>, _ x: UnsafePointer<S>, _ u: UnsafePointer<S>, _ filters: UnsafePointer<S>,
    penalties: UnsafePointer<S>, into du: UnsafeMutablePointer<S>
  ) -> (filters: [Double], penalties: [Double]) {
    let (w, x, u, penalties, du) = (Shared(w), Shared(x), Shared(u), Shared(penalties), SharedMutable(du))
    let size = maps * filterSize
    let parts = turned(filters) { turned in
      let turned = Shared(turned)
      return Parallel.map(batch * bands) { piece in
        let (image, rows) = band(piece)
        let (w, x) = (w.pointer + image * pixels, x.pointer + image * pixels)
        let (start, count) = (rows.lowerBound * width, rows.count * width)
        // Of the filters by e_l, of them by k_l * w, of the penalties.
        var sums = [Double](repeating: 0, count: 2 * size + maps)
        sums.withUnsafeMutableBufferPointer { sums in
          withAlignedScratch(S.self, count: 2 * count) { kw in
            let e = kw + count
            for l in 0..<maps {
              let (k, at) = (turned.pointer + l * filterSize, (image * maps + l) * pixels + start)
              func filtered(_ image: UnsafePointer<S>, into out: UnsafeMutablePointer<S>) {
                S.circularFilter(
                  image, k, out - start, height, width, filterHeight, filterWidth, rows.lowerBound, rows.upperBound, 0)
              }
              func gradient(_ image: UnsafePointer<S>, _ maps: UnsafeMutablePointer<S>, addedAt place: Int) {
                S.circularGradient(
                  image, maps - start, sums.baseAddress! + place, height, width, filterHeight, filterWidth, rows.lowerBound,
                  rows.upperBound)
              }
              filtered(w, into: kw)
              filtered(x, into: e)
              S.subtract(u.pointer + at, e, e, count)
              gradient(w, e, addedAt: l * filterSize)
              gradient(x, kw, addedAt: size + l * filterSize)
              sums[2 * size + l] = S.dot(kw, e, count)
              S.scale(penalties.pointer[l], kw, du.pointer + at, count)
            }
          }
        }
        return sums
      }
    }
    let sums = sum(parts, count: 2 * size + maps)
    let gradient = (0..<size).map { sums[$0] - sums[size + $0] }
    return (turnedBack(gradient), Array(sums[(2 * size)...]))
  }

  private func sum(_ parts: [[Double]], count: Int) -> [Double] {
    parts.reduce(into: [Double](repeating: 0, count: count)) { sum, part in for i in 0..<count { sum[i] += part[i] } }
  }

  private func band(_ piece: Int) -> (image: Int, rows: Range<Int>) {
    let first = piece % bands * bandHeight
    return (piece / bands, first..<min(first + bandHeight, height))
  }

  /// The filters turned by half a turn: a convolution is the correlation with them.
  private func turned<S: Scalar, Result>(_ filters: UnsafePointer<S>, _ body: (UnsafePointer<S>) -> Result) -> Result {
    turnedBack(Array(UnsafeBufferPointer(start: filters, count: maps * filterSize)))
      .withUnsafeBufferPointer { body($0.baseAddress!) }
  }
  private func turnedBack<S>(_ filters: [S]) -> [S] {
    (0..<maps).flatMap { l in filters[l * filterSize..<(l + 1) * filterSize].reversed() }
  }
}

/// A pointer that many threads read.
public struct Shared<S>: @unchecked Sendable {
  public let pointer: UnsafePointer<S>
  public init(_ pointer: UnsafePointer<S>) { self.pointer = pointer }
}

/// A pointer through which every thread writes to places of its own.
public struct SharedMutable<S>: @unchecked Sendable {
  public let pointer: UnsafeMutablePointer<S>
  public init(_ pointer: UnsafeMutablePointer<S>) { self.pointer = pointer }
}

extension Reference {
  /// ``CircularFilters/forward(_:_:into:)``, one pixel at a time.
  public static func circularFilters<S: Scalar>(
    _ shape: CircularFilters, _ x: UnsafePointer<S>, _ filters: UnsafePointer<S>, into y: UnsafeMutablePointer<S>
  ) {
    let (h, w, kh, kw) = (shape.height, shape.width, shape.filterHeight, shape.filterWidth)
    for image in 0..<shape.batch {
      for l in 0..<shape.maps {
        for i in 0..<h {
          for j in 0..<w {
            var sum: S = 0
            for a in 0..<kh {
              for b in 0..<kw {
                let row = ((i - a + kh / 2) % h + h) % h
                let column = ((j - b + kw / 2) % w + w) % w
                sum += filters[(l * kh + a) * kw + b] * x[(image * h + row) * w + column]
              }
            }
            y[((image * shape.maps + l) * h + i) * w + j] = sum
          }
        }
      }
    }
  }
}
