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
  }

  public let form: Form
  public let centre: SIMD2<Double>
  /// Half the extent along the shape's own axes; of a disc both are its radius.
  public let halfAxes: SIMD2<Double>
  /// Of the first axis against x, in radians.
  public let angle: Double
  public let value: Double

  public init(_ form: Form, centre: SIMD2<Double>, halfAxes: SIMD2<Double>, angle: Double = 0, value: Double) {
    self.form = form
    self.centre = centre
    self.halfAxes = halfAxes
    self.angle = angle
    self.value = value
  }

  /// The point belongs to the shape, its edge included.
  public func contains(_ point: SIMD2<Double>) -> Bool {
    let d = point - centre
    if form == .disc { return (d * d).sum() <= halfAxes.x * halfAxes.x }
    let own = SIMD2(d.x * cos(angle) + d.y * sin(angle), d.y * cos(angle) - d.x * sin(angle)) / halfAxes
    return form == .rectangle ? max(abs(own.x), abs(own.y)) <= 1 : (own * own).sum() <= 1
  }

  /// Radius of the least circle around the centre that holds the shape.
  public var outerRadius: Double { form == .rectangle ? (halfAxes * halfAxes).sum().squareRoot() : max(halfAxes.x, halfAxes.y) }
}

/// Shapes that do not overlap, of values between 0.5 and 1, in a background of 0: what is to be found in a round sensor.
public struct DiscPhantom: Sendable, Equatable {
  /// What phantoms are made of.
  public enum Shapes: String, Sendable, CaseIterable {
    /// Discs of radius 0.12 to 0.28.
    case discs
    /// Ellipses and rectangles, either with the chance 1/2, that circles of radius 0.16 to 0.32 hold: unlike any disc.
    ///
    /// The shorter axis of an ellipse is 0.4 to 0.7 of the longer, the shorter side of a rectangle 0.4 to 1.
    case ellipsesAndRectangles
  }

  public let inclusions: [Inclusion]

  public init(_ inclusions: [Inclusion]) { self.inclusions = inclusions }

  /// Phantom `index` of a set, a pure function of its arguments: index mod 4 + 1 shapes inside the radius 0.9, their centres spread
  /// evenly, the circles around them apart.
  public init(_ shapes: Shapes, seed: UInt64, index: UInt64) {
    var generator = RandomGenerator(seed: seed, stream: index)
    var inclusions: [Inclusion] = []
    while inclusions.count < Int(index % 4) + 1 {
      func between(_ a: Double, _ b: Double) -> Double { a + (b - a) * generator.uniform() }
      let radius = shapes == .discs ? between(0.12, 0.28) : between(0.16, 0.32)
      let (distance, direction) = ((0.9 - radius) * generator.uniform().squareRoot(), between(0, 2 * Double.pi))
      let centre = distance * SIMD2(cos(direction), sin(direction))
      // A radius is drawn anew as well: where three large discs leave no room for a fourth, a small one still fits.
      let isFree = inclusions.allSatisfy { other in
        let d = other.centre - centre
        return (d * d).sum().squareRoot() >= other.outerRadius + radius
      }
      guard isFree else { continue }
      let value = between(0.5, 1)
      switch shapes {
      case .discs: inclusions.append(Inclusion(.disc, centre: centre, halfAxes: SIMD2(radius, radius), value: value))
      case .ellipsesAndRectangles:
        let angle = between(0, Double.pi)
        if generator.uniform() < 0.5 {
          let halfAxes = SIMD2(radius, between(0.4, 0.7) * radius)
          inclusions.append(Inclusion(.ellipse, centre: centre, halfAxes: halfAxes, angle: angle, value: value))
        } else {
          let ratio = between(0.4, 1)
          let half = radius / (1 + ratio * ratio).squareRoot()
          inclusions.append(Inclusion(.rectangle, centre: centre, halfAxes: SIMD2(half, ratio * half), angle: angle, value: value))
        }
      }
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
