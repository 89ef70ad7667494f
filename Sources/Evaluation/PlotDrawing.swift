// SPDX-License-Identifier: Apache-2.0

/// The layout of a plot and its drawing on any canvas.
struct PlotDrawing {
  let plot: Plot
  let width: Double
  let height: Double

  private static let tickStyle = TextStyle(size: 12, ink: .secondary)
  private static let labelStyle = TextStyle(size: 12.5, ink: .text)
  private static let lineHeight = 17.0
  private static let padding = 18.0

  /// A curve's or a reference's name with the line it belongs to.
  private struct Label {
    var text: String
    var stroke: Stroke
    var marker: Plot.Series.Marker?
    /// Height of the curve's end, nil for a curve without one.
    var y: Double?
  }

  func draw(on canvas: inout some Canvas) {
    canvas.fill(Rectangle(x: 0, y: 0, width: width, height: height), .surface)
    var top = drawHeadings(on: &canvas)

    let extentX = plot.horizontal.extent(of: plot.series.lazy.flatMap { $0.points.lazy.map(\.x) }, room: 0)
    let extentY = plot.vertical.extent(
      of: plot.series.flatMap { $0.points.map(\.y) } + plot.references.map(\.value), room: 0.06)
    var bottom = height - Self.padding - 20
    if !plot.horizontal.label.isEmpty { bottom -= 19 }

    // The ticks decide the margin, the margin decides the frame; their number depends on the height alone.
    let direct = usesDirectLabels(canvas, extentX, height: bottom - top - 24)
    if !direct { top = drawLegend(on: &canvas, below: top) }
    if !plot.vertical.label.isEmpty {
      top += 24
      let label = fitted(plot.vertical.label, width - 2 * Self.padding, Self.tickStyle, canvas)
      canvas.text(label, at: Point(x: Self.padding, y: top), Self.tickStyle)
      top += 6
    }
    top = min(top + 8, bottom - 40)
    let ticksY = ticksY(extentY, height: bottom - top)
    let left = Self.padding + (ticksY.map { canvas.width(of: $0.label, Self.tickStyle) }.max() ?? 0) + 9
    let names = direct ? labels.map { canvas.width(of: $0.text, Self.labelStyle) }.max() ?? 0 : 0
    let right = width - Self.padding - (names > 0 ? names + 20 : 4)
    let map = Map(
      frame: Rectangle(x: left, y: top, width: max(right - left, 40), height: bottom - top), horizontal: plot.horizontal,
      vertical: plot.vertical, extentX: extentX, extentY: extentY)

    drawAxes(on: &canvas, map, ticksY)
    let inner = map.frame
    canvas.beginClip(Rectangle(x: inner.x - 6, y: inner.y - 6, width: inner.width + 12, height: inner.height + 12))
    for reference in plot.references {
      guard let y = map.y(reference.value) else { continue }
      canvas.polyline([Point(x: inner.x, y: y), Point(x: inner.right, y: y)], Self.referenceStroke)
    }
    for i in plot.series.indices { drawCurve(i, on: &canvas, map) }
    canvas.endClip()
    if direct { drawDirectLabels(on: &canvas, map) }
  }

  // MARK: Headings and axes

  private func drawHeadings(on canvas: inout some Canvas) -> Double {
    var y = Self.padding
    let room = width - 2 * Self.padding
    if !plot.title.isEmpty {
      let style = TextStyle(size: 16, bold: true)
      y -= 6
      for line in broken(plot.title, room, style, canvas) {
        y += 20
        canvas.text(line, at: Point(x: Self.padding, y: y), style)
      }
      y += 6
    }
    if let subtitle = plot.subtitle, !subtitle.isEmpty {
      let style = TextStyle(size: 13, ink: .secondary)
      y -= 3
      for line in broken(subtitle, room, style, canvas) {
        y += 17
        canvas.text(line, at: Point(x: Self.padding, y: y), style)
      }
      y += 5
    }
    return y
  }

  private func drawAxes(on canvas: inout some Canvas, _ map: Map, _ ticksY: [Axis.Tick]) {
    let frame = map.frame
    for tick in ticksY {
      guard let y = map.y(tick.value) else { continue }
      canvas.polyline([Point(x: frame.x, y: y), Point(x: frame.right, y: y)], Stroke(ink: .grid, width: 1))
      var style = Self.tickStyle
      style.anchor = .end
      canvas.text(tick.label, at: Point(x: frame.x - 9, y: y + 4), style)
    }
    canvas.polyline([Point(x: frame.x, y: frame.bottom), Point(x: frame.right, y: frame.bottom)], Stroke(ink: .axis, width: 1))
    var style = Self.tickStyle
    style.anchor = .middle
    for tick in ticksX(map, canvas) {
      guard let x = map.x(tick.value) else { continue }
      canvas.polyline([Point(x: x, y: frame.bottom), Point(x: x, y: frame.bottom + 5)], Stroke(ink: .axis, width: 1))
      canvas.text(tick.label, at: Point(x: x, y: frame.bottom + 19), style)
    }
    if !plot.horizontal.label.isEmpty {
      canvas.text(
        fitted(plot.horizontal.label, width - 2 * Self.padding, style, canvas),
        at: Point(x: frame.x + frame.width / 2, y: frame.bottom + 39), style)
    }
  }

  /// One tick for about 46 pixels, but three where the axis has so many.
  private func ticksY(_ extent: ClosedRange<Double>, height: Double) -> [Axis.Tick] {
    var count = max(2, Int(height / 46))
    var ticks = plot.vertical.ticks(over: extent, count: count)
    while ticks.count < 3, count < 8 {
      count += 1
      ticks = plot.vertical.ticks(over: extent, count: count)
    }
    return ticks
  }

  /// As many ticks as fit without their labels touching.
  private func ticksX(_ map: Map, _ canvas: some Canvas) -> [Axis.Tick] {
    var count = max(2, Int(map.frame.width / 56))
    while true {
      let ticks = plot.horizontal.ticks(over: map.extentX, count: count)
      let places = ticks.compactMap { tick in map.x(tick.value).map { ($0, canvas.width(of: tick.label, Self.tickStyle)) } }
      let touching = zip(places, places.dropFirst()).contains { a, b in b.0 - a.0 < (a.1 + b.1) / 2 + 12 }
      if !touching || count <= 1 { return ticks }
      count -= 1
    }
  }

  /// A text cut to a width, with an ellipsis.
  private func fitted(_ text: String, _ room: Double, _ style: TextStyle, _ canvas: some Canvas) -> String {
    if canvas.width(of: text, style) <= room { return text }
    var short = Substring(text)
    while !short.isEmpty && canvas.width(of: short + "…", style) > room { short.removeLast() }
    while short.last == " " { short.removeLast() }
    return short + "…"
  }

  /// A text in at most two lines of a width, broken at a space, the last one cut where it is still too long.
  private func broken(_ text: String, _ room: Double, _ style: TextStyle, _ canvas: some Canvas) -> [String] {
    if canvas.width(of: text, style) <= room { return [text] }
    let words = text.split(separator: " ")
    var taken = 0
    while taken < words.count, canvas.width(of: words[...taken].joined(separator: " "), style) <= room { taken += 1 }
    guard taken > 0, taken < words.count else { return [fitted(text, room, style, canvas)] }
    let rest = words[taken...].joined(separator: " ")
    return [words[..<taken].joined(separator: " "), fitted(rest, room, style, canvas)]
  }

  // MARK: Curves

  private static let referenceStroke = Stroke(ink: .reference, width: 1.25, dash: [5, 4])

  private func stroke(_ i: Int) -> Stroke {
    // After the last colour they begin again, dashed.
    let again = i / Ink.seriesColors.count % 2 == 1
    return Stroke(ink: .series(i), width: 2, dash: plot.series[i].dashed != again ? [7, 4] : [])
  }

  private func marker(_ i: Int) -> Plot.Series.Marker? {
    let series = plot.series[i]
    if series.hidesMarkers { return nil }
    if let marker = series.marker { return marker }
    return series.points.count <= 24 ? Plot.Series.Marker.allCases[i % 4] : nil
  }

  private func drawCurve(_ i: Int, on canvas: inout some Canvas, _ map: Map) {
    var run: [Point] = []
    var all: [Point] = []
    for point in plot.series[i].points {
      if let place = map.point(point.x, point.y) {
        run.append(place)
        all.append(place)
      } else {
        canvas.polyline(run, stroke(i))
        run = []
      }
    }
    canvas.polyline(run, stroke(i))
    if let marker = marker(i) {
      // Marks that nearly touch would read as a dashed line.
      let apart = plot.series[i].marker == nil ? 22.0 : 0
      var previous: Point?
      for place in all {
        if let previous, abs(place.x - previous.x) < apart, abs(place.y - previous.y) < apart { continue }
        draw(marker, at: place, .series(i), on: &canvas)
        previous = place
      }
    } else if all.count == 1 {
      draw(.circle, at: all[0], .series(i), on: &canvas)
    }
  }

  private func draw(_ marker: Plot.Series.Marker, at p: Point, _ ink: Ink, on canvas: inout some Canvas) {
    let ring = Stroke(ink: .surface, width: 1.25)
    func shape(_ offsets: [(Double, Double)]) -> [Point] { offsets.map { Point(x: p.x + $0.0, y: p.y + $0.1) } }
    switch marker {
    case .circle: canvas.circle(p, radius: 4, fill: ink, outline: ring)
    case .square: canvas.polygon(shape([(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)]), fill: ink, outline: ring)
    case .triangle: canvas.polygon(shape([(0, -4.9), (4.6, 3.4), (-4.6, 3.4)]), fill: ink, outline: ring)
    case .diamond: canvas.polygon(shape([(0, -5.2), (5.2, 0), (0, 5.2), (-5.2, 0)]), fill: ink, outline: ring)
    }
  }

  // MARK: Names of the curves

  private var labels: [Label] {
    plot.series.indices.map { Label(text: plot.series[$0].name, stroke: stroke($0), marker: marker($0)) }
      + plot.references.map { Label(text: $0.name, stroke: Self.referenceStroke) }
  }

  /// Names stand beside the curves' ends when every curve ends at the right edge and the names fit there.
  private func usesDirectLabels(_ canvas: some Canvas, _ extent: ClosedRange<Double>, height: Double) -> Bool {
    let labels = labels
    guard Double(labels.count) * Self.lineHeight <= height else { return false }
    guard labels.allSatisfy({ canvas.width(of: $0.text, Self.labelStyle) <= 0.28 * width }) else { return false }
    let edge = extent.upperBound - 0.04 * (extent.upperBound - extent.lowerBound)
    return plot.series.allSatisfy { series in
      let last = series.points.last { plot.vertical.position($0.y) != nil && plot.horizontal.position($0.x) != nil }
      guard let last, let x = plot.horizontal.position(last.x) else { return false }
      return x >= edge && x <= extent.upperBound + 1e-9 * abs(extent.upperBound)
    }
  }

  private func drawDirectLabels(on canvas: inout some Canvas, _ map: Map) {
    var found: [Label] = []
    for (i, label) in labels.enumerated() {
      var label = label
      if i < plot.series.count {
        label.y = plot.series[i].points.reversed().lazy.compactMap { map.point($0.x, $0.y)?.y }.first
      } else {
        label.y = map.y(plot.references[i - plot.series.count].value)
      }
      if label.y != nil { found.append(label) }
    }
    found.sort { ($0.y ?? 0) < ($1.y ?? 0) }
    let places = Self.spread(
      found.map { $0.y ?? 0 }, gap: Self.lineHeight, within: map.frame.y...max(map.frame.y, map.frame.bottom - 4))
    for (label, place) in zip(found, places) {
      let (x, y) = (map.frame.right, label.y ?? place)
      let clamped = min(max(y, map.frame.y - 6), map.frame.bottom + 6)
      let leader = Stroke(ink: label.stroke.ink, width: 1)
      canvas.polyline([Point(x: x + 7, y: clamped), Point(x: x + 15, y: place)], leader)
      canvas.text(label.text, at: Point(x: x + 19, y: place + 4.3), Self.labelStyle)
    }
  }

  /// Places at least `gap` apart, in order, as near as possible to the wanted ones (least squares), within a range that holds them.
  static func spread(_ wanted: [Double], gap: Double, within range: ClosedRange<Double>) -> [Double] {
    // With the gaps taken off it is isotonic regression: pool neighbours that are out of order.
    var pools: [(mean: Double, count: Int)] = []
    for (i, place) in wanted.enumerated() {
      pools.append((place - Double(i) * gap, 1))
      while pools.count > 1, pools[pools.count - 2].mean > pools[pools.count - 1].mean {
        let last = pools.removeLast()
        let before = pools.removeLast()
        let count = before.count + last.count
        pools.append(((before.mean * Double(before.count) + last.mean * Double(last.count)) / Double(count), count))
      }
    }
    let upper = max(range.lowerBound, range.upperBound - gap * Double(max(wanted.count - 1, 0)))
    let places = pools.flatMap { Array(repeating: min(max($0.mean, range.lowerBound), upper), count: $0.count) }
    return places.enumerated().map { $0.element + Double($0.offset) * gap }
  }

  private func drawLegend(on canvas: inout some Canvas, below top: Double) -> Double {
    guard !labels.isEmpty else { return top }
    var (x, y) = (Self.padding, top + 17)
    for label in labels {
      let text = fitted(label.text, width - 2 * Self.padding - 34, Self.labelStyle, canvas)
      let needed = 34 + canvas.width(of: text, Self.labelStyle)
      if x > Self.padding && x + needed > width - Self.padding {
        (x, y) = (Self.padding, y + Self.lineHeight + 3)
      }
      canvas.polyline([Point(x: x, y: y - 4), Point(x: x + 26, y: y - 4)], label.stroke)
      if let marker = label.marker { draw(marker, at: Point(x: x + 13, y: y - 4), label.stroke.ink, on: &canvas) }
      canvas.text(text, at: Point(x: x + 33, y: y), Self.labelStyle)
      x += needed + 20
    }
    return y + 6
  }
}

/// From values to pixels.
private struct Map {
  let frame: Rectangle
  let horizontal: Axis
  let vertical: Axis
  let extentX: ClosedRange<Double>
  let extentY: ClosedRange<Double>

  func x(_ value: Double) -> Double? {
    horizontal.position(value).map { frame.x + frame.width * share($0, extentX) }
  }

  func y(_ value: Double) -> Double? {
    vertical.position(value).map { frame.bottom - frame.height * share($0, extentY) }
  }

  func point(_ x: Double, _ y: Double) -> Point? {
    guard let x = self.x(x), let y = self.y(y) else { return nil }
    return Point(x: x, y: y)
  }

  /// 0 at the lower end, 1 at the upper; far outside is brought to where it is still clipped but small enough for every back end.
  private func share(_ place: Double, _ extent: ClosedRange<Double>) -> Double {
    let share = (place - extent.lowerBound) / (extent.upperBound - extent.lowerBound)
    return share.isNaN ? 0 : min(max(share, -20), 20)
  }
}
