// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Names, attributes and text of an XML document.
final class Elements: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String])] = []
  private(set) var texts: [String] = []
  private var current: String?

  init(_ xml: String) throws {
    super.init()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = self
    guard parser.parse() else { throw parser.parserError ?? CocoaError(.coderReadCorrupt) }
  }

  func count(_ name: String) -> Int { elements.count { $0.name == name } }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    elements.append((name, attributes))
    current = name == "text" ? "" : nil
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { current? += string }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    if let current { texts.append(current) }
    current = nil
  }
}

@Suite struct TickTests {
  @Test func linearTicksAreRoundNumbers() {
    let ticks = Axis.linearTicks(0...10, count: 5)
    #expect(ticks.map(\.value) == [0, 2, 4, 6, 8, 10])
    #expect(ticks.map(\.label) == ["0", "2", "4", "6", "8", "10"])
    #expect(Axis.linearTicks(-0.3...0.3, count: 6).map(\.value) == [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3])
    #expect(Axis.linearTicks(-0.3...0.3, count: 6).map(\.label) == ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"])
    #expect(Axis.linearTicks(26.1...32.6, count: 4).map(\.label) == ["28", "30", "32"])
    #expect(Axis.linearTicks(0...0.0012, count: 3).map(\.label) == ["0.0000", "0.0005", "0.0010"])
    #expect(Axis.linearTicks(0...3e7, count: 3).map(\.label) == ["0", "1×10⁷", "2×10⁷", "3×10⁷"])
  }

  @Test func wholeNumbersStayWhole() {
    #expect(Axis.linearTicks(1...3, count: 12, wholeNumbers: true).map(\.value) == [1, 2, 3])
    #expect(Axis.linearTicks(1...200, count: 5, wholeNumbers: true).map(\.value) == [50, 100, 150, 200])
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13]) func ticksAreEvenAndWithin(count: Int) {
    for (lower, upper) in [(0.1, 0.7), (-17.3, 4.0), (1e-9, 3e-9), (1e12, 5e12), (0.999, 1.001)] {
      let values = Axis.linearTicks(lower...upper, count: count).map(\.value)
      #expect(values.count <= count + 1)
      let slack = 1e-6 * (upper - lower)
      #expect(values.allSatisfy { $0 >= lower - slack && $0 <= upper + slack })
      let steps = zip(values, values.dropFirst()).map { $1 - $0 }
      #expect(steps.allSatisfy { abs($0 - steps[0]) <= slack })
    }
  }

  @Test func rangesWithoutRoundNumbersGiveNone() {
    #expect(Axis.linearTicks(3...3, count: 5).isEmpty)
    #expect(Axis.linearTicks(-Double.infinity...Double.infinity, count: 5).isEmpty)
    #expect(Axis.linearTicks(1e300...1e300 * (1 + 4e-16), count: 5).isEmpty)
    #expect(Axis.linearTicks(0 ... .leastNonzeroMagnitude, count: 5).isEmpty)
    #expect(Axis.linearTicks(0...1, count: 0).count == 2)
    let largest = Double.greatestFiniteMagnitude
    #expect(Axis.linearTicks(-largest...largest, count: 4).allSatisfy { $0.value.isFinite })
  }

  @Test func logarithmicTicksArePowersOfTen() {
    #expect(Axis.logarithmicTicks(-3...1, count: 6).map(\.label) == ["0.001", "0.01", "0.1", "1", "10"])
    #expect(Axis.logarithmicTicks(-12...0, count: 4).map(\.label) == ["10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"])
    #expect(Axis.logarithmicTicks(-0.1...1.05, count: 6).map(\.label) == ["1", "2", "5", "10"])
    // Within one of those steps: round numbers, still where they are on the axis.
    #expect(Axis.logarithmicTicks(log10(2.1)...log10(2.9), count: 4).map(\.label) == ["2.2", "2.4", "2.6", "2.8"])
    #expect(Axis.logarithmicTicks(-400...400, count: 4).allSatisfy { $0.value >= 0 })
  }
}

@Suite struct PlotTests {
  func plot(vertical: Axis.Scale = .linear, _ series: [Plot.Series], references: [Plot.Reference] = []) -> Plot {
    Plot(
      title: "Error & <depth>", subtitle: "Set \"11\"", horizontal: Axis("Stages", wholeNumbers: true),
      vertical: Axis("Error", scale: vertical), series: series, references: references)
  }

  @Test func svgIsWellFormedAndHoldsTheCurves() throws {
    let plot = plot(
      [.init("ISTA", values: [4, 3, 2, 1]), .init("A<B & C", values: [3, 2, 1, 0.5])], references: [.init("Bound", value: 2)])
    let document = try Elements(plot.svg(identifier: "a b\"<"))
    #expect(document.texts.contains("Error & <depth>") && document.texts.contains("A<B & C") && document.texts.contains("Bound"))
    let curves = document.elements.filter { $0.name == "polyline" && $0.attributes["class"] == "s-series-1" }
      .compactMap { $0.attributes["points"]?.split(separator: " ").count }
    #expect(curves.contains(4))
    #expect(document.elements[0].attributes["role"] == "img")
    #expect(document.elements[0].attributes["aria-labelledby"] == "a-b---title a-b---summary")
    // Circles mark the first series, squares the second.
    #expect(document.count("circle") == 4 && document.count("polygon") == 4)
  }

  @Test func curvesEndWhereTheyShould() throws {
    // y = x over 0 … 1 on axes of that range: the line is the diagonal of the frame, whose sides the outermost ticks mark.
    var diagonal = plot([.init("Diagonal", points: [(0, 0), (0.5, 0.5), (1, 1)], hidesMarkers: true)])
    diagonal.horizontal = Axis("x", range: 0...1)
    diagonal.vertical = Axis("y", range: 0...1)
    let document = try Elements(diagonal.svg())
    func points(_ name: String) -> [[Double]] {
      document.elements.filter { $0.name == "polyline" && $0.attributes["class"] == name }
        .compactMap { $0.attributes["points"]?.split(whereSeparator: { $0 == " " || $0 == "," }).compactMap { Double($0) } }
    }
    let line = try #require(points("s-series-1").first { $0.count == 6 })
    let base = try #require(points("s-axis").first { $0[1] == $0[3] })
    let top = try #require(points("s-grid").map { $0[1] }.min())
    let expected = [base[0], base[1], (base[0] + base[2]) / 2, (base[1] + top) / 2, base[2], top]
    // Coordinates are written to a hundredth.
    #expect(zip(line, expected).allSatisfy { abs($0 - $1) < 0.011 })
  }

  @Test func valuesThatAreNotFiniteAreSkipped() throws {
    let broken = plot([.init("ISTA", values: [1, 2, .nan, 4, 5, .infinity, 7], first: 1)])
    let document = try Elements(broken.svg())
    #expect(document.count("circle") == 5)
    let runs = document.elements.filter {
      $0.name == "polyline" && $0.attributes["class"] == "s-series-1" && $0.attributes["stroke-width"] == "2"
    }
    #expect(runs.map { $0.attributes["points"]?.split(separator: " ").count } == [2, 2])
    #expect(!broken.svg().lowercased().contains("nan") && !broken.svg().contains("inf"))
  }

  @Test(arguments: [
    [0.0, -1, 0], [0, 10, -5, 1000], [], [.nan], [.leastNonzeroMagnitude, 1e308], [5], [-.infinity, .infinity, 0],
  ])
  func logarithmicAxesTakeAnything(values: [Double]) throws {
    for scale in [Axis.Scale.logarithmic, .linear] {
      var plot = plot(
        vertical: scale, [.init("Values", values: values)], references: [.init("Zero", value: 0), .init("", value: .nan)])
      plot.horizontal.scale = scale
      _ = try Elements(plot.svg())
      #expect(try !plot.encodedPNG(scale: 1).isEmpty)
      let visible = values.count { $0.isFinite && (scale == .linear || $0 > 0) }
      #expect(plot.summary.contains("no values") == (visible == 0))
    }
  }

  @Test func namesNeverOverlap() throws {
    // Seven curves that end at one place: their names are moved apart, or stand in a legend of rows.
    for width in [240.0, 380, 720, 1200] {
      let series = (1...7).map { Plot.Series("Method \($0)", values: [Double($0), 1, 1 + 1e-3 * Double($0)]) }
      let document = try Elements(plot(series).svg(width: width, height: 400))
      let places = zip(document.elements.filter { $0.name == "text" }, document.texts).filter { $0.1.hasPrefix("Method") }
        .map { (x: Double($0.0.attributes["x"] ?? "") ?? .nan, y: Double($0.0.attributes["y"] ?? "") ?? .nan) }
      #expect(places.count == 7)
      for (i, a) in places.enumerated() {
        for b in places[..<i] { #expect(abs(a.y - b.y) >= 16 || abs(a.x - b.x) >= 60) }
        #expect(a.x >= 0 && a.x < width && a.y > 0 && a.y < 400)
      }
    }
  }

  @Test func extremeSizesAndNames() throws {
    let long = String(repeating: "long name ", count: 60)
    var plot = plot([.init(long, values: [1, 2]), .init("\u{0}\u{1B}\u{FFFF}", values: [2, 1])])
    plot.title = long
    for (width, height) in [(0.0, -1.0), (.nan, .infinity), (241, 181)] { _ = try Elements(plot.svg(width: width, height: height)) }
    #expect(throws: InputError.self) { try plot.encodedPNG(width: 40_000) }
    #expect(throws: InputError.self) { try plot.encodedPNG(scale: .nan) }
  }

  @Test func colorsStandOutFromTheSurface() throws {
    // Contrast of WCAG 2.1 on white; the curves' colours as they are in the file.
    let document = try Elements(plot((1...6).map { .init("\($0)", values: [1, Double($0)]) }).svg())
    var found = 0
    for (name, attributes) in document.elements where name == "polyline" && attributes["class"]?.hasPrefix("s-series") == true {
      let stroke = try #require(attributes["stroke"])
      let color = try #require(Int(stroke.dropFirst(), radix: 16))
      let parts = [color >> 16 & 255, color >> 8 & 255, color & 255].map { pow((Double($0) / 255 + 0.055) / 1.055, 2.4) }
      #expect(1.05 / (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05) >= 3)
      found += 1
    }
    #expect(found >= 6)
  }
}
