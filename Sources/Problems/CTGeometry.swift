// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Tensors

/// Where X-rays run through an image, and how they are put back: a parallel beam over half a turn, or a fan. Lengths in millimetres.
public enum CTGeometry: Sendable, Equatable {
  case parallel(ParallelBeamGeometry)
  case fan(FanBeamGeometry)

  /// Pixels of the images of the shared protocol, in millimetres.
  public static let standardPixelSize = 0.8

  public var height: Int {
    switch self {
    case .parallel(let geometry): geometry.height
    case .fan(let geometry): geometry.height
    }
  }
  public var width: Int {
    switch self {
    case .parallel(let geometry): geometry.width
    case .fan(let geometry): geometry.width
    }
  }
  /// In millimetres.
  public var pixelSize: Double {
    switch self {
    case .parallel(let geometry): geometry.pixelSize
    case .fan(let geometry): geometry.pixelSize
    }
  }
  /// In radians.
  public var angles: [Double] {
    switch self {
    case .parallel(let geometry): geometry.angles
    case .fan(let geometry): geometry.angles
    }
  }
  /// Numbers of a view.
  public var bins: Int {
    switch self {
    case .parallel(let geometry): geometry.bins
    case .fan(let geometry): geometry.cells
    }
  }
  /// `parallel` or `fan`.
  public var name: String {
    switch self {
    case .parallel: "parallel"
    case .fan: "fan"
    }
  }

  /// Images `[…, height, width]` to integrals along the rays, `[…, views, bins]`.
  public var projector: AnyOperator<Tensor, Tensor> {
    switch self {
    case .parallel(let geometry): AnyOperator(ParallelBeam(geometry))
    case .fan(let geometry): AnyOperator(FanBeam(geometry))
    }
  }

  /// What filtered back-projection lacks; nil where every line through the image was measured.
  public var missingData: MissingData? {
    switch self {
    case .parallel(let geometry): geometry.missingData
    case .fan(let geometry): geometry.missingData
    }
  }

  /// How far from the axis there are rays, in millimetres, where that is less than the circle in the image; else nil.
  public var truncation: (rays: Double, image: Double)? {
    switch self {
    case .parallel(let geometry): geometry.truncation
    case .fan(let geometry): geometry.truncation
    }
  }

  /// Filtered back-projection.
  public func backProjection(_ window: FilteredBackProjection.Window = .ramp) -> AnyOperator<Tensor, Tensor> {
    switch self {
    case .parallel(let geometry): AnyOperator(FilteredBackProjection(geometry, window: window))
    case .fan(let geometry): AnyOperator(FanBackProjection(geometry, window: window))
    }
  }
}

/// What a user says of a scan: ``made(height:width:)`` makes it whole for an image.
public struct CTScan: Codable, Sendable, Equatable {
  public enum Beam: String, CaseIterable, Codable, Sendable {
    case parallel
    case fan
  }
  public enum AngleUnit: String, CaseIterable, Codable, Sendable {
    case radians
    case degrees
  }

  public var geometry = Beam.parallel
  /// Views spread evenly over the turn, in place of `angles`.
  public var views = 60
  /// Radians, or as `angleUnit` says; nil: even.
  public var angles: [Double]?
  /// Nil: radians, and numbers that are hardly radians are refused.
  public var angleUnit: AngleUnit?
  /// Numbers of a view; nil: of a pixel's width, enough for the diagonal.
  public var bins: Int?
  /// Millimetres, as all lengths.
  public var pixelSize = CTGeometry.standardPixelSize
  /// Of a bin, or of a cell of the fan's detector; nil: a pixel's width at the axis.
  public var binWidth: Double?
  /// From the fan's source to the axis and to the detector, those of a clinical scanner.
  public var sourceDistance = 595.0
  public var detectorDistance = 1085.6
  public var detector = FanBeamGeometry.Detector.arc
  /// The fan turns half a turn and its own angle only; of given angles, these say how far it turns.
  public var halfScan = false
  /// Of the axis from the middle of the detector, in bins.
  public var axisOffset = 0.0

  public init(_ geometry: Beam = .parallel, views: Int = 60) {
    self.geometry = geometry
    self.views = views
  }

  /// The given angles in radians.
  ///
  /// - Throws: ``InputError`` for angles that are not finite, or hardly radians where no unit is said.
  public func radians() throws -> [Double]? {
    guard let angles else { return nil }
    guard let least = angles.min(), let most = angles.max(), angles.allSatisfy({ abs($0) <= 1e6 }) else {
      let found = angles.first { !(abs($0) <= 1e6) }.map { "\($0)" } ?? "none"
      throw InputError("ct: found an angle of \(found); expected finite radians, change it")
    }
    switch angleUnit {
    case .degrees: return angles.map { $0 * .pi / 180 }
    case .radians: return angles
    case nil:
      // More than two turns, or whole numbers beyond half a turn.
      guard most - least <= 4 * Double.pi + 0.1, !(angles.count > 2 && most > 3 && angles.allSatisfy { $0 == $0.rounded() }) else {
        throw InputError(
          "ct: found angles from \(Self.short(least)) to \(Self.short(most)); expected radians: say --angle-unit degrees (angleUnit in a "
            + "file's setup) if they are degrees, or radians if they are")
      }
      return angles
    }
  }

  private static func short(_ number: Double) -> String { number == number.rounded() ? "\(Int(number))" : "\(number)" }

  /// - Throws: ``InputError`` for numbers out of range.
  public func made(height: Int, width: Int) throws -> CTGeometry {
    let halfDiagonal = pixelSize * hypot(Double(height), Double(width)) / 2
    let angles = try radians()
    let count = angles?.count ?? views
    let (lengths, isFan) = (1e-9...1e9, geometry == .fan)
    for (name, found, isRight, expected) in [
      ("image", "\(height) × \(width)", min(height, width) >= 2 && max(height, width) <= 8192, "2 to 8192 pixels a side"),
      ("number of views", "\(count)", (1...100_000).contains(count), "1 to 100 000"),
      ("pixel size", "\(pixelSize)", lengths.contains(pixelSize), "1e-9 to 1e9 mm"),
      ("bin width", "\(binWidth ?? 1)", binWidth.map(lengths.contains) ?? true, "1e-9 to 1e9 mm"),
      ("number of bins", "\(bins ?? 1)", bins.map { (1...100_000).contains($0) } ?? true, "1 to 100 000"),
      ("axis offset", "\(axisOffset)", abs(axisOffset) <= 1e5, "up to 100 000 bins"),
      (
        "source distance", "\(sourceDistance)", !isFan || (sourceDistance > halfDiagonal && sourceDistance <= 1e6 * halfDiagonal),
        "more than \(halfDiagonal), half the image's diagonal, up to a million times that"
      ),
      (
        "detector distance", "\(detectorDistance)",
        !isFan || (detectorDistance >= sourceDistance && detectorDistance <= 1e3 * sourceDistance),
        "at least the source distance, up to a thousand times that"
      ),
    ] where !isRight {
      throw InputError("ct: found the \(name) \(found); expected \(expected), change it")
    }
    let magnification = isFan ? detectorDistance / sourceDistance : 1
    let width1 = (binWidth ?? pixelSize * magnification) / magnification  // of a bin at the axis
    guard (1e-3...1e3).contains(width1 / pixelSize) else {
      throw InputError(
        "ct: found bins of \(width1) mm at the axis for pixels of \(pixelSize) mm; expected a thousandth to a thousand times a pixel, "
          + "change --bin-width or --pixel-size")
    }
    let made: CTGeometry
    switch geometry {
    case .parallel:
      var geometry = ParallelBeamGeometry(
        height: height, width: width, angles: angles ?? Self.even(count, over: .pi), bins: 1, pixelSize: pixelSize,
        binWidth: binWidth ?? pixelSize, axisOffset: axisOffset)
      geometry.bins = try bins ?? Self.odd(2 * halfDiagonal / geometry.binWidth)
      made = .parallel(geometry)
    case .fan:
      var geometry = FanBeamGeometry(
        height: height, width: width, angles: [], cells: 1, pixelSize: pixelSize, cellWidth: binWidth ?? pixelSize * magnification,
        sourceToCentre: sourceDistance, sourceToDetector: detectorDistance, axisOffset: axisOffset, detector: detector)
      // The ray that touches the circle around the image.
      let tangent = halfDiagonal / (sourceDistance * sourceDistance - halfDiagonal * halfDiagonal).squareRoot()
      let reach = (detector == .arc ? atan(tangent) : tangent) / geometry.spacing
      geometry.cells = try bins ?? Self.odd(2 * reach)
      let range = halfScan ? .pi + 2 * geometry.halfFan : 2 * Double.pi
      geometry.angles = angles ?? Self.even(count, over: range)
      made = .fan(geometry)
    }
    guard made.bins * count <= 1 << 30, !isFan || count * height * width <= 1 << 30 else {
      throw InputError(
        "ct: found \(count) views of \(made.bins) bins for \(height) × \(width) pixels; expected up to 2^30 rays, and of a fan views "
          + "times pixels: take fewer")
    }
    return made
  }

  private static func even(_ count: Int, over range: Double) -> [Double] {
    (0..<count).map { Double($0) * range / Double(count) }
  }

  /// Bins enough for a length, one more on the side, an odd number.
  private static func odd(_ length: Double) throws -> Int {
    guard length < 100_000 else {
      throw InputError("ct: found a detector of \(length) bins for the image's diagonal; expected up to 100 000, take wider bins")
    }
    let bins = Int(length.rounded(.up)) + 1
    return bins + (bins + 1) % 2
  }
}
