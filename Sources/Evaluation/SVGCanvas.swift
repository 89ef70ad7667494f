// SPDX-License-Identifier: Apache-2.0

/// A drawing as SVG text: light colours as attributes, dark ones by a style sheet, so that renderers without style sheets show
/// it too.
struct SVGCanvas: Canvas {
  static let fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

  let width: Double
  let height: Double
  let title: String
  let summary: String
  private var body = ""
  private var clips = 0
  private let identifier: String

  /// - Parameter identifier: unique among the drawings of one page.
  init(width: Double, height: Double, title: String, summary: String, identifier: String) {
    self.width = width
    self.height = height
    self.title = title
    self.summary = summary
    self.identifier = identifier
  }

  /// The complete SVG element.
  var svg: String {
    let (w, h) = (number(width), number(height))
    return """
      <svg xmlns="http://www.w3.org/2000/svg" class="unfold-plot" viewBox="0 0 \(w) \(h)" width="\(w)" height="\(h)" role="img" \
      aria-labelledby="\(identifier)-title \(identifier)-summary" font-family="\(Self.fontFamily)">
      <title id="\(identifier)-title">\(escaped(title))</title>
      <desc id="\(identifier)-summary">\(escaped(summary))</desc>
      <style>\(Self.styleSheet)</style>
      \(body)</svg>
      """
  }

  static let styleSheet: String = {
    let dark = Ink.all.map { ink in
      ".unfold-plot .f-\(ink.name){fill:\(ink.hexadecimal(.dark))}.unfold-plot .s-\(ink.name){stroke:\(ink.hexadecimal(.dark))}"
    }
    return ".unfold-plot text{font-variant-numeric:tabular-nums}@media screen and (prefers-color-scheme:dark){\(dark.joined())}"
  }()

  mutating func fill(_ r: Rectangle, _ ink: Ink) {
    body += "<rect x=\"\(number(r.x))\" y=\"\(number(r.y))\" width=\"\(number(r.width))\" height=\"\(number(r.height))\" "
    body += "fill=\"\(ink.hexadecimal(.light))\" class=\"f-\(ink.name)\"/>\n"
  }

  mutating func polyline(_ points: [Point], _ stroke: Stroke) {
    guard points.count > 1 else { return }
    body += "<polyline points=\"\(list(points))\" fill=\"none\" \(outline(stroke)) class=\"s-\(stroke.ink.name)\"/>\n"
  }

  mutating func polygon(_ points: [Point], fill: Ink, outline stroke: Stroke) {
    body += "<polygon points=\"\(list(points))\" fill=\"\(fill.hexadecimal(.light))\" \(outline(stroke)) "
    body += "class=\"f-\(fill.name) s-\(stroke.ink.name)\"/>\n"
  }

  mutating func circle(_ center: Point, radius: Double, fill: Ink, outline stroke: Stroke) {
    body += "<circle cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" r=\"\(number(radius))\" "
    body += "fill=\"\(fill.hexadecimal(.light))\" \(outline(stroke)) class=\"f-\(fill.name) s-\(stroke.ink.name)\"/>\n"
  }

  mutating func text(_ text: String, at point: Point, _ style: TextStyle) {
    body += "<text x=\"\(number(point.x))\" y=\"\(number(point.y))\" font-size=\"\(number(style.size))\" "
    if style.bold { body += "font-weight=\"600\" " }
    if style.anchor != .start { body += "text-anchor=\"\(style.anchor.rawValue)\" " }
    body += "fill=\"\(style.ink.hexadecimal(.light))\" class=\"f-\(style.ink.name)\">\(escaped(text))</text>\n"
  }

  /// An estimate that holds for the wide ones among system fonts: the reader's font is not known here.
  func width(of text: String, _ style: TextStyle) -> Double {
    let ems = text.reduce(0.0) { total, character in
      switch character {
      case "i", "j", "l", "I", "'", ".", ",", ":", ";", "|", "!": total + 0.31
      case "f", "r", "t", " ", "(", ")", "[", "]", "/", "-": total + 0.39
      case "m", "w", "M", "W", "@", "%": total + 0.94
      case "A"..."Z", "+", "−", "=", "–", "×": total + 0.71
      default: total + (character.isASCII || character.unicodeScalars.allSatisfy { $0.value < 0x2E80 } ? 0.62 : 1)
      }
    }
    return ems * style.size * (style.bold ? 1.08 : 1)
  }

  mutating func beginClip(_ r: Rectangle) {
    clips += 1
    body += "<clipPath id=\"\(identifier)-clip-\(clips)\"><rect x=\"\(number(r.x))\" y=\"\(number(r.y))\" "
    body += "width=\"\(number(r.width))\" height=\"\(number(r.height))\"/></clipPath>\n"
    body += "<g clip-path=\"url(#\(identifier)-clip-\(clips))\">\n"
  }

  mutating func endClip() { body += "</g>\n" }

  private func list(_ points: [Point]) -> String { points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ") }

  private func outline(_ stroke: Stroke) -> String {
    let dash = stroke.dash.isEmpty ? "" : " stroke-dasharray=\"\(stroke.dash.map(number).joined(separator: " "))\""
    return "stroke=\"\(stroke.ink.hexadecimal(.light))\" stroke-width=\"\(number(stroke.width))\" stroke-linejoin=\"round\" "
      + "stroke-linecap=\"\(stroke.dash.isEmpty ? "round" : "butt")\"\(dash)"
  }

  /// At most two digits after the point, none where they are zeros.
  private func number(_ value: Double) -> String {
    let hundredths = (value * 100).rounded()
    guard abs(hundredths) < 1e12 else { return value > 0 ? "1e9" : "-1e9" }
    let whole = Int(hundredths)
    if whole % 100 == 0 { return String(whole / 100) }
    let (units, rest) = (abs(whole) / 100, abs(whole) % 100)
    let digits = rest % 10 == 0 ? String(rest / 10) : (rest < 10 ? "0\(rest)" : String(rest))
    return (whole < 0 ? "-" : "") + "\(units).\(digits)"
  }
}
