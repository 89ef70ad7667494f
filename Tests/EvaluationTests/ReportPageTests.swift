// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportPageTests {
  static let hostile = "<script>alert('1')</script> & \"quoted\" \u{1B}[31m"
  static let safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;quoted&quot; \u{FFFD}[31m"

  func page(_ text: String) throws -> ReportPage {
    let picture = try Picture(Tensor([0.0, 0.25, 0.5, 1], shape: [2, 2]))
    let plot = Plot(
      title: text, subtitle: text, horizontal: Axis(text), vertical: Axis(text), series: [.init(text, values: [1, 2])])
    return ReportPage(
      title: text, lead: text, facts: [(text, text)],
      sections: [
        .init(
          text,
          [
            .paragraph(text), .list([text]), .code(text), .keyFigures([.init(text, unit: text, label: text)]),
            .plot(plot, caption: text), .picture(picture, enlargement: 4, description: text, caption: text),
            .pictures([.init(picture, name: text, detail: text, description: text)], caption: text),
            .table(
              ReportTable(caption: text, header: [text, text], rows: [[.init(text, details: [text], note: 1)]], notes: [text])),
          ])
      ], footer: text)
  }

  @Test func everyTextIsEscaped() throws {
    let html = try page(Self.hostile).html()
    #expect(!html.contains("<script") && !html.contains("\u{1B}"))
    // Title twice; lead; fact's name and value; heading; paragraph, list, code; value, unit, label of the key figure; caption,
    // alternative text of two pictures, name, detail and caption; caption twice, header twice, cell, detail and note; footer.
    #expect(html.components(separatedBy: Self.safe).count - 1 >= 26)
  }

  @Test func wordsBetweenBackticksAreCode() throws {
    let html = try ReportPage(title: "t", lead: "", sections: [.init("s", [.paragraph("run `a <b>` now, not ` this")])]).html()
    #expect(html.contains("<p>run <code>a &lt;b&gt;</code> now, not ` this</p>"))
  }

  @Test func thePageNeedsNothingElse() throws {
    let html = try page("A title").html()
    #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">") && html.hasSuffix("</html>\n"))
    for outside in ["<link", "<script", "@import", "src=\"http", "href=\"http", "url(http"] { #expect(!html.contains(outside)) }
    #expect(html.components(separatedBy: "<img ").count == html.components(separatedBy: "alt=\"A title\"").count)
    for element in [
      "<main>", "<header>", "<h1>", "<h2 ", "<figcaption>", "<caption>", "scope=\"row\"", "scope=\"col\"", "<footer>",
    ] {
      #expect(html.contains(element))
    }
  }

  @Test func elementsAreClosedAndIdentifiersUnique() throws {
    let html = try page("A title").html()
    // But for the elements that HTML leaves open the page is XML, which a strict parser reads.
    let xml = String(html.split(separator: "<!DOCTYPE html>")[0])
      .replacing(/<(meta|img)( [^>]*)>/) { "<\($0.output.1)\($0.output.2)/>" }
    let document = try Elements(xml)
    let identifiers = document.elements.compactMap { $0.attributes["id"] }
    #expect(identifiers.count > 5 && Set(identifiers).count == identifiers.count)
    for (_, attributes) in document.elements {
      for reference in attributes["aria-labelledby"]?.split(separator: " ") ?? [] {
        #expect(identifiers.contains(String(reference)))
      }
    }
  }

  @Test func picturesInThePageDecode() throws {
    let html = try page("A title").html()
    let start = try #require(html.range(of: "data:image/png;base64,")).upperBound
    let data = try #require(Data(base64Encoded: String(html[start...].prefix { $0 != "\"" })))
    let pixels = try PNGPixels(data)
    #expect([pixels[0, 0][0], pixels[1, 0][0], pixels[0, 1][0], pixels[1, 1][0]] == [0, 64, 128, 255])
  }

  @Test func tablesOfResults() throws {
    let table = ResultTable(
      table: "admm-net-1",
      rows: [
        .init(method: "zero-filling", column: "20 %", metric: .nmse, published: 0.17, measured: 0.1714, seconds: 0.001),
        .init(method: "admm-net", column: "20 %", metric: .nmse, published: 0.07, measured: 0.0812, seconds: 0.5, why: "because"),
        .init(method: "admm-net", column: "30 %", metric: .nmse, published: nil, measured: nil, seconds: 0, why: "because"),
        .init(method: "admm-net", column: "20 %", metric: .psnr, published: 37, measured: 37.25, seconds: 0.5),
      ], data: "d", protocol: "p")
    let tables = table.reportTables
    #expect(tables.map(\.caption) == ["admm-net-1 · NMSE", "admm-net-1 · PSNR [dB]"])
    #expect(tables[0].header == ["Method", "20 %", "30 %"])
    #expect(tables[0].rows.map { $0.map(\.text) } == [["zero-filling", "0.1714", ""], ["admm-net", "0.0812", "–"]])
    #expect(tables[0].rows[1][1].details == ["published 0.0700", "+0.0112", "500 ms"])
    #expect(tables[0].rows[1].map(\.note) == [nil, 1, 1] && tables[0].notes == ["because"])
  }

  @Test func thePageIsWrittenWhole() throws {
    let folder = try Folder()
    let path = folder.file("report.html")
    try page("A title").write(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == page("A title").html())
    #expect(throws: InputError.self) { try page("A title").write(to: folder.file("no/report.html")) }
    #expect(folder.names == ["report.html"])
  }
}
