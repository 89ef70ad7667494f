// SPDX-License-Identifier: Apache-2.0

/// A point of a drawing in pixels of the layout, x to the right and y down.
struct Point: Equatable {
  var x: Double
  var y: Double
}

/// A rectangle of a drawing.
struct Rectangle: Equatable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double

  var right: Double { x + width }
  var bottom: Double { y + height }
}

/// A line's colour, width and dashes.
struct Stroke {
  var ink: Ink
  var width: Double
  var dash: [Double] = []
}

/// How a line of text is set.
struct TextStyle {
  enum Anchor: String { case start, middle, end }

  var size: Double
  var ink: Ink = .text
  var bold = false
  var anchor: Anchor = .start
}

/// What a drawing is made with. The drawing code knows this alone; a back end turns it into SVG or into pixels.
protocol Canvas {
  mutating func fill(_ rectangle: Rectangle, _ ink: Ink)
  mutating func polyline(_ points: [Point], _ stroke: Stroke)
  /// A closed shape, filled and outlined.
  mutating func polygon(_ points: [Point], fill: Ink, outline: Stroke)
  mutating func circle(_ center: Point, radius: Double, fill: Ink, outline: Stroke)
  /// One line of text, its baseline at `point`.
  mutating func text(_ text: String, at point: Point, _ style: TextStyle)
  /// The advance width of a line of text, never too small by much.
  func width(of text: String, _ style: TextStyle) -> Double
  /// Until ``endClip()`` only what falls into `rectangle` is drawn.
  mutating func beginClip(_ rectangle: Rectangle)
  mutating func endClip()
}
