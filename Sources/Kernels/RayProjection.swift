// SPDX-License-Identifier: Apache-2.0

/// Integrals of images along single lines by Joseph's method, and the transpose: for rays that are no parallel beam.
///
/// A ray runs over the image's rows, or over its columns; on line i of them it is at position start + i shift, where the image is
/// interpolated between two pixels. `forward` goes from images `[height, width]` to one number a ray, times the ray's weight. Rays, or lines of
/// the image, spread over threads; sums are in a fixed order.
public struct RayProjection: Sendable {
  public struct Ray: Sendable {
    public var alongRows: Bool
    public var start: Double
    public var shift: Double
    public var weight: Double

    public init(alongRows: Bool, start: Double, shift: Double, weight: Double) {
      self.alongRows = alongRows
      self.start = start
      self.shift = shift
      self.weight = weight
    }

    /// The line x cos t + y sin t = s on pixels of size `p`, x = (s − y sin t) / cos t on row i or y = (s − x cos t) / sin t on column j; (0, 0) in the middle of the image, row 0 at the top.
    public init(angle t: (cos: Double, sin: Double), distance s: Double, pixelSize p: Double, height: Int, width: Int) {
      let (middleRow, middleColumn) = (Double(height - 1) / 2, Double(width - 1) / 2)
      self =
        abs(t.cos) >= abs(t.sin)
        ? Ray(
          alongRows: true, start: middleColumn + (s / p - middleRow * t.sin) / t.cos, shift: t.sin / t.cos, weight: p / abs(t.cos))
        : Ray(
          alongRows: false, start: middleRow - (s / p + middleColumn * t.cos) / t.sin, shift: t.cos / t.sin, weight: p / abs(t.sin))
    }
  }

  public let height: Int
  public let width: Int
  public let rays: [Ray]

  public init(height: Int, width: Int, rays: [Ray]) {
    precondition(height > 0 && width > 0, "RayProjection: images of \(height) × \(width)")
    self.height = height
    self.width = width
    self.rays = rays
  }

  /// Rays, and lines, that make a piece of work.
  private static let group = 256
  private static let band = 16

  public func forward<S: Scalar>(_ images: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, batch: Int) {
    let groups = (rays.count + Self.group - 1) / Self.group
    let (images, out) = (Shared(images), SharedMutable(out))
    Parallel.forEach(batch * groups) { piece in
      let (image, first) = (piece / groups, piece % groups * Self.group)
      let x = images.pointer + image * height * width
      rays.withUnsafeBufferPointer { rays in
        for k in first..<min(first + Self.group, rays.count) {
          out.pointer[image * rays.count + k] =
            rays[k].alongRows
            ? integral(rays[k], x, lines: height, length: width, line: width, element: 1)
            : integral(rays[k], x, lines: width, length: height, line: 1, element: width)
        }
      }
    }
  }

  public func adjoint<S: Scalar>(_ measured: UnsafePointer<S>, into out: UnsafeMutablePointer<S>, batch: Int) {
    let count = height * width
    var columns = [S](repeating: 0, count: rays.contains { !$0.alongRows } ? count : 0)
    let bands = [(height + Self.band - 1) / Self.band, (width + Self.band - 1) / Self.band]
    for image in 0..<batch {
      let (y, x) = (Shared(measured + image * rays.count), SharedMutable(out + image * count))
      columns.withUnsafeMutableBufferPointer { columns in
        let turned = SharedMutable(columns.baseAddress ?? x.pointer)
        Parallel.forEach(bands[0] + (columns.isEmpty ? 0 : bands[1])) { piece in
          let alongRows = piece < bands[0]
          let first = (alongRows ? piece : piece - bands[0]) * Self.band
          let (lines, length) = alongRows ? (height, width) : (width, height)
          let target = alongRows ? x : turned
          for i in first..<min(first + Self.band, lines) {
            let line = target.pointer + i * length
            line.initialize(repeating: 0, count: length)
            rays.withUnsafeBufferPointer { rays in
              for k in rays.indices where rays[k].alongRows == alongRows {
                guard let place = LinePlace(rays[k].start + Double(i) * rays[k].shift, count: length) else { continue }
                let (f, value) = (S(place.fraction), S(rays[k].weight) * y.pointer[k])
                if place.hasFirst { line[place.below] += (1 - f) * value }
                if place.hasSecond { line[place.below + 1] += f * value }
              }
            }
          }
        }
        for j in 0..<(columns.isEmpty ? 0 : width) {
          for i in 0..<height { x.pointer[i * width + j] += columns[j * height + i] }
        }
      }
    }
  }

  @inline(__always)
  private func integral<S: Scalar>(_ ray: Ray, _ x: UnsafePointer<S>, lines: Int, length: Int, line: Int, element: Int) -> S {
    var sum: S = 0
    for i in 0..<lines {
      guard let place = LinePlace(ray.start + Double(i) * ray.shift, count: length) else { continue }
      let f = S(place.fraction)
      let at = i * line + place.below * element
      if place.hasFirst { sum += (1 - f) * x[at] }
      if place.hasSecond { sum += f * x[at + element] }
    }
    return S(ray.weight) * sum
  }
}
