// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation

/// A page of results: one HTML file that needs nothing else, for screens of every width, light and dark, and for paper.
public struct ReportPage: Sendable {
  /// A figure that is worth a large print.
  public struct KeyFigure: Sendable {
    public var value: String
    public var unit: String
    public var label: String

    public init(_ value: String, unit: String = "", label: String) {
      self.value = value
      self.unit = unit
      self.label = label
    }
  }

  /// A picture with its name and what a reader who does not see it is told.
  public struct NamedPicture: Sendable {
    public var picture: Picture
    public var name: String
    /// A second line: a score.
    public var detail: String
    public var description: String

    public init(_ picture: Picture, name: String, detail: String = "", description: String) {
      self.picture = picture
      self.name = name
      self.detail = detail
      self.description = description
    }
  }

  public enum Block: Sendable {
    /// Running text. Words between backticks are set as code.
    case paragraph(String)
    case list([String])
    /// Commands or output, line breaks kept.
    case code(String)
    case keyFigures([KeyFigure])
    case plot(Plot, caption: String)
    /// One picture, every pixel shown `enlargement` times as large where the page is wide enough.
    case picture(Picture, enlargement: Int, description: String, caption: String)
    /// Pictures side by side, each with its name, and the scale of their colours where they have one.
    case pictures([NamedPicture], scale: ColorScale? = nil, caption: String)
    /// Small pictures in order, closer together.
    case strip([NamedPicture], caption: String)
    /// Pictures of one size to be laid over one another, the first two at first, with a divider to drag; side by side without scripts.
    case comparison([NamedPicture], caption: String)
    case table(ReportTable)
  }

  public struct Section: Sendable {
    public var heading: String
    public var blocks: [Block]

    public init(_ heading: String, _ blocks: [Block]) {
      self.heading = heading
      self.blocks = blocks
    }
  }

  public var title: String
  /// One or two sentences below the title.
  public var lead: String
  /// Short facts below the lead: the date, the seed, the command.
  public var facts: [(name: String, value: String)]
  public var sections: [Section]
  public var footer: String

  public init(title: String, lead: String, facts: [(name: String, value: String)] = [], sections: [Section], footer: String = "") {
    self.title = title
    self.lead = lead
    self.facts = facts
    self.sections = sections
    self.footer = footer
  }

  /// Writes the page to a temporary file beside `path` and renames it, so that no half-written page is ever seen.
  public func write(to path: String) throws(InputError) { try writeAtomically(Data(try html().utf8), to: path) }

  /// The page's text.
  ///
  /// - Throws: when a picture cannot be encoded.
  public func html() throws(InputError) -> String {
    var out = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(escaped(title))</title>
      <style>
      \(Self.styleSheet)
      </style>
      </head>
      <body>
      <header>
      <p class="mark">\(Self.mark)Unfold</p>
      <h1>\(escaped(title))</h1>

      """
    if !lead.isEmpty { out += "<p class=\"lead\">\(inline(lead))</p>\n" }
    if !facts.isEmpty {
      out += "<dl>\n"
      for fact in facts { out += "<div><dt>\(escaped(fact.name))</dt><dd>\(inline(fact.value))</dd></div>\n" }
      out += "</dl>\n"
    }
    out += "</header>\n"
    if sections.count > 3 {
      out += "<nav aria-label=\"Sections\">\n<ol>\n"
      for (i, section) in sections.enumerated() {
        out += "<li><a href=\"#section-\(i + 1)\">\(escaped(section.heading))</a></li>\n"
      }
      out += "</ol>\n</nav>\n"
    }
    out += "<main>\n"
    for (i, section) in sections.enumerated() {
      out += "<section id=\"section-\(i + 1)\" aria-labelledby=\"heading-\(i + 1)\">\n"
      out += "<h2 id=\"heading-\(i + 1)\">\(escaped(section.heading))</h2>\n"
      for (j, block) in section.blocks.enumerated() { out += try html(block, identifier: "figure-\(i + 1)-\(j + 1)") }
      out += "</section>\n"
    }
    out += "</main>\n"
    if !footer.isEmpty { out += "<footer><p>\(inline(footer))</p></footer>\n" }
    if compares { out += "<script>\n\(Self.script)\n</script>\n" }
    return out + "</body>\n</html>\n"
  }

  private func html(_ block: Block, identifier: String) throws(InputError) -> String {
    switch block {
    case .paragraph(let text): return "<p>\(inline(text))</p>\n"
    case .list(let items): return "<ul>\n" + items.map { "<li>\(inline($0))</li>\n" }.joined() + "</ul>\n"
    case .code(let text): return "<pre tabindex=\"0\"><code>\(escaped(text))</code></pre>\n"
    case .keyFigures(let figures):
      let items = figures.map { figure in
        let unit = figure.unit.isEmpty ? "" : "<span> \(escaped(figure.unit))</span>"
        return "<li><strong>\(escaped(figure.value))\(unit)</strong>\(escaped(figure.label))</li>\n"
      }
      return "<ul class=\"key-figures\">\n\(items.joined())</ul>\n"
    case .plot(let plot, let caption):
      // Two layouts, so that the type keeps its size on a narrow screen; the style sheet shows one.
      let wide = plot.svg(width: 820, height: 440, identifier: identifier)
      let narrow = plot.svg(width: 380, height: 340, identifier: identifier + "-narrow")
      return "<figure class=\"plot\">\n<div class=\"wide\">\(wide)</div>\n<div class=\"narrow\">\(narrow)</div>\n"
        + "\(html(caption: caption))</figure>\n"
    case .picture(let picture, let enlargement, let description, let caption):
      let image = try html(picture, description: description, width: picture.width * max(1, min(enlargement, 64)))
      return "<figure class=\"picture\">\n\(image)\n\(html(caption: caption))</figure>\n"
    case .pictures(let pictures, let scale, let caption):
      return "<figure>\n\(try html(pictures, class: "pictures"))\(try scale?.html() ?? "")\(html(caption: caption))</figure>\n"
    case .strip(let pictures, let caption):
      return "<figure>\n\(try html(pictures, class: "pictures strip", smooth: true))\(html(caption: caption))</figure>\n"
    case .comparison(let pictures, let caption):
      return "<figure class=\"comparison\">\n\(try html(pictures, class: "pictures"))\(html(caption: caption))</figure>\n"
    case .table(let table): return table.html
    }
  }

  private func html(_ pictures: [NamedPicture], class name: String, smooth: Bool = false) throws(InputError) -> String {
    var out = "<div class=\"\(name)\">\n"
    for item in pictures {
      let detail = item.detail.isEmpty ? "" : "<span>\(escaped(item.detail))</span>"
      out += "<figure>\(try html(item.picture, description: item.description, width: nil, smooth: smooth))"
      out += "<figcaption><strong>\(escaped(item.name))</strong>\(detail)</figcaption></figure>\n"
    }
    return out + "</div>\n"
  }

  private func html(caption: String) -> String { caption.isEmpty ? "" : "<figcaption>\(inline(caption))</figcaption>\n" }

  private func html(_ picture: Picture, description: String, width: Int?, smooth: Bool = false) throws(InputError) -> String {
    let data = try picture.encodedPNG().base64EncodedString()
    let size = width.map { " style=\"width:\($0)px\"" } ?? ""
    // Small pictures are enlarged with their pixels sharp; large ones are scaled smoothly.
    let sharp = !smooth && (picture.width <= 160 || width.map { $0 > picture.width } ?? false)
    return "<img src=\"data:image/png;base64,\(data)\" width=\"\(picture.width)\" height=\"\(picture.height)\" "
      + "alt=\"\(escaped(description))\"\(sharp ? " class=\"sharp\"" : "")\(size)>"
  }

  /// Escaped text in which words between backticks are code; a backtick without a partner is a character.
  private func inline(_ text: String) -> String {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false).map { escaped(String($0)) }
    var out = ""
    for (i, part) in parts.enumerated() {
      if i % 2 == 0 {
        out += part
      } else {
        out += i + 1 < parts.count ? "<code>\(part)</code>" : "`" + part
      }
    }
    return out
  }

  /// Three stages, each unfolded from the one before.
  private static let mark = """
    <svg viewBox="0 0 34 20" width="34" height="20" aria-hidden="true"><path d="M2 3.5v13l8-3.2V.6zM13 3.5v13l8-3.2V.6z\
    M24 3.5v13l8-3.2V.6z" fill="currentColor" fill-opacity=".14" stroke="currentColor" stroke-width="1.5" \
    stroke-linejoin="round"/></svg>
    """
}
