// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors

/// A shape of one value in the unit disc.
public struct Inclusion: Sendable, Equatable {
  public enum Form: String, Sendable, CaseIterable {
    case disc
    case ellipse
    case rectangle
    /// Of the outline r(φ) = a (1 + Σₖ (cₖ cos kφ + sₖ sin kφ)), k = 2, 3, …
    case blob
    /// Corners on an ellipse.
    case polygon
  }

  public let form: Form
  public let centre: SIMD2<Double>
  /// Half the extent along the shape's own axes; of a disc both are its radius, of a blob a, of a polygon those of the ellipse.
  public let halfAxes: SIMD2<Double>
  /// Of the first axis against x, in radians.
  public let angle: Double
  public let value: Double
  /// (c₂, s₂), (c₃, s₃), … of a blob.
  public let harmonics: [SIMD2<Double>]
  /// Of a polygon, on the unit circle that the ellipse is stretched from, anticlockwise.
  public let corners: [SIMD2<Double>]

  public init(
    _ form: Form, centre: SIMD2<Double>, halfAxes: SIMD2<Double>, angle: Double = 0, value: Double,
    harmonics: [SIMD2<Double>] = [], corners: [SIMD2<Double>] = []
  ) {
    (self.harmonics, self.corners) = (harmonics, corners)
    self.form = form
    self.centre = centre
    self.halfAxes = halfAxes
    self.angle = angle
    self.value = value
  }

  /// The point belongs to the shape, its edge included.
  public func contains(_ point: SIMD2<Double>) -> Bool {
    let d = point - centre
    let square = (d * d).sum()
    if form == .disc { return square <= halfAxes.x * halfAxes.x }
    if form == .blob {
      if square > outerRadius * outerRadius { return false }
      let direction = atan2(d.y, d.x) - angle
      let wave = harmonics.enumerated().reduce(0) { sum, term in
        let phase = Double(term.offset + 2) * direction
        return sum + term.element.x * cos(phase) + term.element.y * sin(phase)
      }
      return square.squareRoot() <= halfAxes.x * (1 + wave)
    }
    let own = SIMD2(d.x * cos(angle) + d.y * sin(angle), d.y * cos(angle) - d.x * sin(angle)) / halfAxes
    switch form {
    case .rectangle: return max(abs(own.x), abs(own.y)) <= 1
    case .polygon:
      return corners.count > 2
        && corners.indices.allSatisfy { i in
          let (edge, d) = (corners[(i + 1) % corners.count] - corners[i], own - corners[i])
          return edge.x * d.y >= edge.y * d.x
        }
    default: return (own * own).sum() <= 1
    }
  }

  /// Radius of a circle around the centre that holds the shape, the least one but for a blob and a polygon.
  public var outerRadius: Double {
    switch form {
    case .rectangle: (halfAxes * halfAxes).sum().squareRoot()
    case .blob: halfAxes.x * harmonics.reduce(1) { $0 + ($1 * $1).sum().squareRoot() }
    case .disc, .ellipse, .polygon: max(halfAxes.x, halfAxes.y)
    }
  }
}

/// Shapes that do not overlap, of values between 0.5 and 1, in a background of 0: what is to be found in a round sensor.
public struct DiscPhantom: Sendable, Equatable {
  /// What phantoms are made of.
  public enum Shapes: String, Sendable, CaseIterable, Codable {
    /// Discs of radius 0.12 to 0.28.
    case discs
    /// Ellipses and rectangles, either with the chance 1/2, that circles of radius 0.16 to 0.32 hold: unlike any disc.
    ///
    /// The shorter axis of an ellipse is 0.4 to 0.7 of the longer, the shorter side of a rectangle 0.4 to 1.
    case ellipsesAndRectangles = "ellipses-and-rectangles"
    /// Discs as in ``discs`` and blobs, either with the chance 1/2; these of three harmonics of amplitudes up to 1/(2k), that circles of
    /// radius 0.16 to 0.32 hold.
    case discsAndBlobs = "discs-and-blobs"
    /// Those of ``discsAndBlobs`` and polygons of three, five or six corners on ellipses in circles of radius 0.16 to 0.32, any of the three with
    /// the chance 1/3. The shorter axis of an ellipse is 0.4 to 1 of the longer.
    case discsBlobsAndPolygons = "discs-blobs-and-polygons"

    /// The forms that are drawn before anything else, each with the same chance; ellipses and rectangles are told apart last.
    fileprivate var forms: [Inclusion.Form] {
      switch self {
      case .discs: [.disc]
      case .ellipsesAndRectangles: []
      case .discsAndBlobs: [.disc, .blob]
      case .discsBlobsAndPolygons: [.disc, .blob, .polygon]
      }
    }
  }

  public let inclusions: [Inclusion]

  public init(_ inclusions: [Inclusion]) { self.inclusions = inclusions }

  /// Phantom `index` of a set, a pure function of its arguments: index mod 4 + 1 shapes inside the radius 0.9, their centres spread
  /// evenly, the circles around them apart.
  public init(_ shapes: Shapes, seed: UInt64, index: UInt64) {
    var generator = RandomGenerator(seed: seed, stream: index)
    var inclusions: [Inclusion] = []
    while inclusions.count < Int(index % 4) + 1 {
      let forms = shapes.forms
      let form = forms.count > 1 ? forms[generator.index(below: forms.count)] : forms.first
      let radius = form == .disc ? generator.uniform(0.12, 0.28) : generator.uniform(0.16, 0.32)
      let (distance, direction) = ((0.9 - radius) * generator.uniform().squareRoot(), generator.uniform(0, 2 * Double.pi))
      let centre = distance * SIMD2(cos(direction), sin(direction))
      // A radius is drawn anew as well: where three large discs leave no room for a fourth, a small one still fits.
      let isFree = inclusions.allSatisfy { other in
        let d = other.centre - centre
        return (d * d).sum().squareRoot() >= other.outerRadius + radius
      }
      guard isFree else { continue }
      inclusions.append(Inclusion(form, around: centre, radius: radius, value: generator.uniform(0.5, 1), using: &generator))
    }
    self.inclusions = inclusions
  }

  /// The value at a point: that of the shape that holds it, or 0.
  public func value(at point: SIMD2<Double>) -> Double { inclusions.first { $0.contains(point) }?.value ?? 0 }

  /// An image `[side, side]` of the square [−1, 1]², the top row first: values at the centres of pixels.
  public func image(side: Int) -> Tensor {
    Tensor((0..<side * side).map { value(at: PixelDisc.centre($0, side: side)) }, shape: [side, side])
  }

  /// Values at the centres of given pixels, `[pixels.count]`.
  public func values(on pixels: PixelDisc) -> Tensor { Tensor(pixels.centres.map { value(at: $0) }) }
}

extension Inclusion {
  /// One that a circle holds; without a form an ellipse or a rectangle.
  fileprivate init(
    _ form: Form?, around centre: SIMD2<Double>, radius: Double, value: Double, using generator: inout RandomGenerator
  ) {
    switch form {
    case .disc: self.init(.disc, centre: centre, halfAxes: SIMD2(radius, radius), value: value)
    case .blob:
      let harmonics = (2...4).map { k in
        let (amplitude, phase) = (generator.uniform(0, 0.5 / Double(k)), generator.uniform(0, 2 * Double.pi))
        return amplitude * SIMD2(cos(phase), sin(phase))
      }
      let mean = radius / harmonics.reduce(1) { $0 + ($1 * $1).sum().squareRoot() }
      self.init(.blob, centre: centre, halfAxes: SIMD2(mean, mean), value: value, harmonics: harmonics)
    case .polygon:
      let (angle, ratio) = (generator.uniform(0, 2 * Double.pi), generator.uniform(0.4, 1))
      let count = [3, 5, 6][generator.index(below: 3)]
      let corners = (0..<count).map { i in
        let direction = 2 * Double.pi / Double(count) * (Double(i) + generator.uniform(-0.3, 0.3))
        return SIMD2(cos(direction), sin(direction))
      }
      self.init(.polygon, centre: centre, halfAxes: SIMD2(radius, ratio * radius), angle: angle, value: value, corners: corners)
    default:
      let angle = generator.uniform(0, Double.pi)
      if generator.uniform() < 0.5 {
        let halfAxes = SIMD2(radius, generator.uniform(0.4, 0.7) * radius)
        self.init(.ellipse, centre: centre, halfAxes: halfAxes, angle: angle, value: value)
      } else {
        let ratio = generator.uniform(0.4, 1)
        let half = radius / (1 + ratio * ratio).squareRoot()
        self.init(.rectangle, centre: centre, halfAxes: SIMD2(half, ratio * half), angle: angle, value: value)
      }
    }
  }
}

extension RandomGenerator {
  /// Between `a` and `b`.
  fileprivate mutating func uniform(_ a: Double, _ b: Double) -> Double { a + (b - a) * uniform() }
}
