// SPDX-License-Identifier: Apache-2.0

/// Images whose every pixel is a weighted sum over views, each interpolated between two cells, and the transpose.
///
/// `forward` goes from views `[views, cells]` to images `[height, width]`; sums are in double precision and in a fixed order.
public struct PixelSampling: Sendable {
  public let height: Int
  public let width: Int
  public let views: Int
  public let cells: Int
  /// Of every view and pixel the position among the cells; beyond them nothing is added.
  private let positions: [Double]
  private let weights: [Double]

  /// - Parameters: `positions`, `weights`, `views` × pixels each, row by row.
  public init(height: Int, width: Int, views: Int, cells: Int, positions: [Double], weights: [Double]) {
    precondition(
      positions.count == views * height * width && weights.count == positions.count,
      "PixelSampling: \(positions.count) positions, \(weights.count) weights for \(views) views of \(height) × \(width)")
    self.height = height
    self.width = width
    self.views = views
    self.cells = cells
    self.positions = positions
    self.weights = weights
  }

  /// A row of an image is a piece of work.
  public func forward<S: Scalar>(_ q: UnsafePointer<S>, into x: UnsafeMutablePointer<S>, batch: Int) {
    let (q, x) = (Shared(q), SharedMutable(x))
    let n = height * width
    Parallel.forEach(batch * height) { piece in
      let (image, row) = (piece / height, piece % height)
      for k in row * width..<(row + 1) * width {
        var sum = 0.0
        for v in 0..<views {
          guard let place = LinePlace(positions[v * n + k], count: cells) else { continue }
          let line = q.pointer + (image * views + v) * cells
          let value =
            (place.hasFirst ? (1 - place.fraction) * Double(line[place.below]) : 0)
            + (place.hasSecond ? place.fraction * Double(line[place.below + 1]) : 0)
          sum += weights[v * n + k] * value
        }
        x.pointer[image * n + k] = S(sum)
      }
    }
  }

  /// A view is a piece of work.
  public func adjoint<S: Scalar>(_ x: UnsafePointer<S>, into q: UnsafeMutablePointer<S>, batch: Int) {
    let (x, q) = (Shared(x), SharedMutable(q))
    let n = height * width
    Parallel.forEach(batch * views) { piece in
      let (image, v) = (piece / views, piece % views)
      var line = [Double](repeating: 0, count: cells)
      for k in 0..<n {
        guard let place = LinePlace(positions[v * n + k], count: cells) else { continue }
        let value = weights[v * n + k] * Double(x.pointer[image * n + k])
        if place.hasFirst { line[place.below] += (1 - place.fraction) * value }
        if place.hasSecond { line[place.below + 1] += place.fraction * value }
      }
      for b in 0..<cells { q.pointer[piece * cells + b] = S(line[b]) }
    }
  }
}

/// Between which two of `count` elements a position lies, the first of them at 0; beyond the ends one of the two is missing.
struct LinePlace {
  let below: Int
  /// From the element below to the one above.
  let fraction: Double
  let hasFirst: Bool
  let hasSecond: Bool

  /// Nil where neither element is there.
  @inline(__always)
  init?(_ position: Double, count: Int) {
    guard position > -1, position < Double(count) else { return nil }
    below = Int(position + 1) - 1  // the floor, from −1 on
    fraction = position - Double(below)
    hasFirst = below >= 0
    hasSecond = below + 1 < count
  }
}
