// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Operators
import Problems
import Tensors

/// Where X-rays run through an image, and how they are put back: a parallel beam over half a turn, or a fan. Lengths in millimetres.
public enum CTGeometry: Sendable, Equatable {
  case parallel(ParallelBeamGeometry)
  case fan(FanBeamGeometry, FanBackProjection.Scan)

  /// Pixels of the images of the shared protocol, in millimetres.
  public static let standardPixelSize = 0.8

  public var height: Int {
    switch self {
    case .parallel(let geometry): geometry.height
    case .fan(let geometry, _): geometry.height
    }
  }
  public var width: Int {
    switch self {
    case .parallel(let geometry): geometry.width
    case .fan(let geometry, _): geometry.width
    }
  }
  /// In millimetres.
  public var pixelSize: Double {
    switch self {
    case .parallel(let geometry): geometry.pixelSize
    case .fan(let geometry, _): geometry.pixelSize
    }
  }
  /// In radians.
  public var angles: [Double] {
    switch self {
    case .parallel(let geometry): geometry.angles
    case .fan(let geometry, _): geometry.angles
    }
  }
  /// Numbers of a view.
  public var bins: Int {
    switch self {
    case .parallel(let geometry): geometry.bins
    case .fan(let geometry, _): geometry.cells
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
    case .fan(let geometry, _): AnyOperator(FanBeam(geometry))
    }
  }

  /// Filtered back-projection.
  public func backProjection(_ window: FilteredBackProjection.Window = .ramp) -> AnyOperator<Tensor, Tensor> {
    switch self {
    case .parallel(let geometry): AnyOperator(FilteredBackProjection(geometry, window: window))
    case .fan(let geometry, let scan): AnyOperator(FanBackProjection(geometry, scan: scan, window: window))
    }
  }
}

/// What a user says of a scan: ``made(height:width:)`` makes it whole for an image.
public struct CTScan: Codable, Sendable, Equatable {
  public enum Beam: String, CaseIterable, Codable, Sendable {
    case parallel
    case fan
  }

  public var geometry = Beam.parallel
  /// Views spread evenly over the turn, in place of `angles`.
  public var views = 60
  /// Radians; nil: even.
  public var angles: [Double]?
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
  /// The fan turns half a turn and its own angle only.
  public var halfScan = false
  /// Of the axis from the middle of the detector.
  public var axisOffset = 0.0

  public init(_ geometry: Beam = .parallel, views: Int = 60) {
    self.geometry = geometry
    self.views = views
  }

  /// - Throws: ``InputError`` for numbers out of range.
  public func made(height: Int, width: Int) throws -> CTGeometry {
    let halfDiagonal = pixelSize * (Double(height * height + width * width)).squareRoot() / 2
    let count = angles?.count ?? views
    for (name, found, isRight, expected) in [
      ("image", "\(height) × \(width)", min(height, width) >= 2 && max(height, width) <= 8192, "2 to 8192 pixels a side"),
      ("number of views", "\(count)", (1...100_000).contains(count), "1 to 100 000"),
      ("pixel size", "\(pixelSize)", pixelSize > 0 && pixelSize.isFinite, "more than 0"),
      ("bin width", "\(binWidth ?? 1)", binWidth.map { $0 > 0 && $0.isFinite } ?? true, "more than 0"),
      ("number of bins", "\(bins ?? 1)", bins.map { (1...100_000).contains($0) } ?? true, "1 to 100 000"),
      ("angle", "\(angles?.first { !$0.isFinite } ?? 0)", angles?.allSatisfy(\.isFinite) ?? true, "finite radians"),
      (
        "source distance", "\(sourceDistance)", geometry == .parallel || (sourceDistance > halfDiagonal && sourceDistance.isFinite),
        "more than \(halfDiagonal), half the image's diagonal"
      ),
      (
        "detector distance", "\(detectorDistance)",
        geometry == .parallel || (detectorDistance >= sourceDistance && detectorDistance.isFinite), "at least the source distance"
      ),
    ] where !isRight {
      throw InputError("ct: found a \(name) of \(found); expected \(expected), change it")
    }
    switch geometry {
    case .parallel:
      var geometry = ParallelBeamGeometry(
        height: height, width: width, angles: angles ?? Self.even(count, over: .pi), bins: 1, pixelSize: pixelSize,
        binWidth: binWidth ?? pixelSize, axisOffset: axisOffset)
      geometry.bins = bins ?? Self.odd(2 * halfDiagonal / geometry.binWidth)
      return .parallel(geometry)
    case .fan:
      let magnification = detectorDistance / sourceDistance
      var geometry = FanBeamGeometry(
        height: height, width: width, angles: [], cells: 1, pixelSize: pixelSize, cellWidth: binWidth ?? pixelSize * magnification,
        sourceToCentre: sourceDistance, sourceToDetector: detectorDistance, axisOffset: axisOffset, detector: detector)
      // The ray that touches the circle around the image.
      let tangent = halfDiagonal / (sourceDistance * sourceDistance - halfDiagonal * halfDiagonal).squareRoot()
      let reach = (detector == .arc ? atan(tangent) : tangent) / geometry.spacing
      geometry.cells = bins ?? Self.odd(2 * reach)
      let range = halfScan ? .pi + 2 * geometry.halfFan : 2 * Double.pi
      geometry.angles = angles ?? Self.even(count, over: range)
      return .fan(geometry, halfScan ? .half : .full)
    }
  }

  private static func even(_ count: Int, over range: Double) -> [Double] {
    (0..<count).map { Double($0) * range / Double(count) }
  }

  /// Bins enough for a length, one more on the side, an odd number.
  private static func odd(_ length: Double) -> Int {
    let bins = Int(length.rounded(.up)) + 1
    return bins + (bins + 1) % 2
  }
}
