// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// Curves over one horizontal and one vertical axis, as SVG text or as a PNG image.
public struct Plot: Sendable {
  /// One curve.
  public struct Series: Sendable {
    public enum Marker: Sendable, CaseIterable { case circle, square, triangle, diamond }

    public var name: String
    /// Values on both axes, in order. A pair with a value that is not finite, or not positive on a logarithmic axis, is skipped
    /// and breaks the line.
    public var points: [(x: Double, y: Double)]
    public var dashed: Bool
    /// Marks at the points; nil chooses: one shape a series for up to 24 points, none for more.
    public var marker: Marker?
    public var hidesMarkers: Bool

    public init(
      _ name: String, points: [(x: Double, y: Double)], dashed: Bool = false, marker: Marker? = nil, hidesMarkers: Bool = false
    ) {
      self.name = name
      self.points = points
      self.dashed = dashed
      self.marker = marker
      self.hidesMarkers = hidesMarkers
    }

    /// Values over 1, 2, 3, …, or over `first` and the whole numbers after it.
    public init(_ name: String, values: [Double], first: Int = 1, dashed: Bool = false) {
      self.init(name, points: values.enumerated().map { (Double($0.offset + first), $0.element) }, dashed: dashed)
    }
  }

  /// A horizontal line to compare with: a published figure, a bound.
  public struct Reference: Sendable {
    public var name: String
    public var value: Double

    public init(_ name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  public var title: String
  public var subtitle: String?
  public var horizontal: Axis
  public var vertical: Axis
  public var series: [Series]
  public var references: [Reference]

  public init(
    title: String, subtitle: String? = nil, horizontal: Axis, vertical: Axis, series: [Series], references: [Reference] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.horizontal = horizontal
    self.vertical = vertical
    self.series = series
    self.references = references
  }

  /// The plot as one SVG element, fit for a file and for a page, in light and dark surroundings.
  ///
  /// - Parameters: `width` and `height` in pixels, at least 240 × 180; `identifier` begins the element's ids, unique in a page.
  public func svg(width: Double = 720, height: Double = 420, identifier: String = "plot") -> String {
    let (width, height) = Self.size(width, height)
    let id = identifier.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? String($0) : "-" }.joined()
    var canvas = SVGCanvas(width: width, height: height, title: title, summary: summary, identifier: id)
    PlotDrawing(plot: self, width: width, height: height).draw(on: &canvas)
    return canvas.svg
  }

  /// The plot as a PNG file's bytes.
  ///
  /// - Parameter scale: pixels of the image for each of the layout's.
  public func encodedPNG(
    width: Double = 720, height: Double = 420, scale: Double = 2, scheme: ColorScheme = .light
  ) throws(InputError) -> Data {
    let (width, height) = Self.size(width, height)
    var canvas = try CairoCanvas(width: width, height: height, scale: scale, scheme: scheme)
    PlotDrawing(plot: self, width: width, height: height).draw(on: &canvas)
    return try canvas.encodedPNG()
  }

  private static func size(_ width: Double, _ height: Double) -> (Double, Double) {
    (width >= 240 ? min(width, 1e5) : 240, height >= 180 ? min(height, 1e5) : 180)
  }

  /// What a reader who does not see the plot is told: axes, and where every curve begins and ends.
  public var summary: String {
    var sentences = ["\(vertical.label) over \(horizontal.label)."]
    for curve in series {
      let visible = curve.points.filter { horizontal.position($0.x) != nil && vertical.position($0.y) != nil }
      guard let first = visible.first, let last = visible.last else {
        sentences.append("\(curve.name): no values.")
        continue
      }
      sentences.append("\(curve.name): \(brief(first.y)) at \(brief(first.x)), \(brief(last.y)) at \(brief(last.x)).")
    }
    for reference in references { sentences.append("\(reference.name): \(brief(reference.value)).") }
    return sentences.joined(separator: " ")
  }

  private func brief(_ value: Double) -> String { String(format: "%.4g", value) }
}
