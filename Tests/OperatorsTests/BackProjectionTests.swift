// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// Filtered back-projection of a disc from its closed form, 2 √(r² − d²) along a ray at the distance d from its middle.
@Suite struct BackProjectionTests {
  enum Beam: String, CaseIterable { case parallel, arc, line }
  enum Range: String, CaseIterable {
    case least, overLong, nearlyFull, full, moreThanFull, displaced
  }
  static let pixel = 0.5, side = 64, radius = 8.0, middle = (x: 5.0, y: -3.0)

  /// A detector that covers the image's diagonal, or of one side and a part of the other.
  private static func made(_ beam: Beam, _ range: Range, views: Int = 500, sense: Double, _ window: FilteredBackProjection.Window)
    -> (
      angles: [Double], ray: (Int, Int) -> [(t: Double, s: Double)], bins: Int, back: AnyOperator<Tensor, Tensor>,
      missing: MissingData?
    )
  {
    let isDisplaced = range == .displaced
    let (bins, offset) = isDisplaced ? (75, -25.3) : (129, 0.0)
    let source = 64.0
    let fan = FanBeamGeometry(
      height: side, width: side, angles: [], cells: bins, pixelSize: pixel, cellWidth: 0.8, sourceToCentre: source,
      sourceToDetector: 2 * source, axisOffset: offset, detector: beam == .line ? .line : .arc)
    let extent =
      switch range {
      case .least: Double.pi + (beam == .parallel ? 0 : 2 * fan.halfFan)
      case .overLong: Double.pi + 2 * fan.halfFan + 0.6
      case .nearlyFull: 2 * Double.pi - 0.2
      case .full, .displaced: 2 * Double.pi
      case .moreThanFull: 2 * Double.pi + 0.7
      }
    let angles = (0..<views).map { 0.2 + sense * extent * Double($0) / Double(views) }
    func offsets(_ b: Int) -> [Double] { (-2...2).map { Double(b) + Double($0) / 5 - Double(bins - 1) / 2 - offset } }
    if beam == .parallel {
      let geometry = ParallelBeamGeometry(
        height: side, width: side, angles: angles, bins: bins, pixelSize: pixel, binWidth: 0.4, axisOffset: offset)
      return (
        angles, { v, b in offsets(b).map { (angles[v], 0.4 * $0) } }, bins,
        AnyOperator(FilteredBackProjection(geometry, window: window)),
        geometry.missingData
      )
    }
    var geometry = fan
    geometry.angles = angles
    return (
      angles,
      { v, b in
        offsets(b).map { u in
          let gamma = beam == .line ? atan(u * fan.spacing) : u * fan.spacing
          return (angles[v] + gamma, source * sin(gamma))
        }
      }, bins, AnyOperator(FanBackProjection(geometry, window: window)), geometry.missingData
    )
  }

  /// 1 inside and 0 outside, on the mean, and the largest |x| outside of all ranges and both senses.
  @Test(arguments: Beam.allCases, Range.allCases) func discOfOne(beam: Beam, range: Range) {
    for (sense, window, limit) in [(1.0, .ramp, 0.1), (-1, .ramp, 0.1), (1, .hann, 0.02), (-1, .hann, 0.02)]
      as [(Double, FilteredBackProjection.Window, Double)]
    {
      let scan = Self.made(beam, range, sense: sense, window)
      #expect(scan.missing == nil)
      let (r, c) = (Self.radius, Self.middle)
      let values = scan.angles.indices.flatMap { v in
        (0..<scan.bins).map { b in
          scan.ray(v, b).reduce(0.0) { sum, ray in
            let d = c.x * cos(ray.t) + c.y * sin(ray.t) - ray.s
            return sum + 0.4 * max(r * r - d * d, 0).squareRoot()
          }
        }
      }
      let image = scan.back.forward(Tensor(values, shape: [scan.angles.count, scan.bins]))
      var (inside, outside, streak) = ([Double](), [Double](), 0.0)
      let half = Double(Self.side - 1) / 2
      for i in 0..<Self.side * Self.side {
        let (x, y) = ((Double(i % Self.side) - half) * Self.pixel, (half - Double(i / Self.side)) * Self.pixel)
        let distance = hypot(x - c.x, y - c.y)
        if distance < r - 3 * Self.pixel { inside.append(image[flat: i]) }
        if distance > r + 3 * Self.pixel, hypot(x, y) < 15.5 {
          outside.append(image[flat: i])
          streak = max(streak, abs(image[flat: i]))
        }
      }
      let (one, zero) = (inside.reduce(0, +) / Double(inside.count), outside.reduce(0, +) / Double(outside.count))
      #expect(
        abs(one - 1) <= 0.01 && abs(zero) <= 0.01 && streak <= limit,
        "\(beam) \(range) \(sense) \(window): \(one), \(zero), streak \(streak)")
      if ProcessInfo.processInfo.environment["UNFOLD_STREAKS"] != nil {
        print("\(beam.rawValue) \(range.rawValue) \(window.rawValue) \(sense): \(one) \(zero) \(streak)")
      }
    }
  }

  /// Golden angles, in any order, are as even ones.
  @Test(arguments: Beam.allCases) func missingViews(beam: Beam) {
    func missing(_ angles: [Double], bins: Int = 129, offset: Double = 0) -> String {
      if beam == .parallel {
        return ParallelBeamGeometry(
          height: 64, width: 64, angles: angles, bins: bins, pixelSize: 0.5, binWidth: 0.4, axisOffset: offset
        ).missingData?.description ?? ""
      }
      return FanBeamGeometry(
        height: 64, width: 64, angles: angles, cells: bins, pixelSize: 0.5, cellWidth: 0.8, sourceToCentre: 64,
        sourceToDetector: 128,
        axisOffset: offset, detector: beam == .line ? .line : .arc
      ).missingData?.description ?? ""
    }
    func even(_ range: Double) -> [Double] { (0..<200).map { 1 + range * Double($0) / 200 } }
    #expect(missing((0..<200).map { 1.9416 * Double($0) }) == "")
    #expect(missing(even(-2.6)).contains("149°"))
    #expect(missing(even(2 * .pi), bins: 75, offset: -25.3) == "")
    #expect(missing(even(1.4 * .pi), bins: 75, offset: -25.3).contains("expected a full turn"))
    #expect(missing(even(2 * .pi), bins: 40, offset: -45).contains("beside the axis"))
    #expect(missing(even(2 * .pi).filter { !(1.5...2.1).contains($0) && !(4.5...5.4).contains($0) }) != "")
  }
}
