// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Tensors
import Testing

@Suite struct ReportComparisonTests {
  private func page(_ text: String, blocks: [ReportPage.Block]? = nil) throws -> ReportPage {
    let pictures = try [0.0, 0.5, 1].map {
      ReportPage.NamedPicture(
        try Picture(.filled($0, shape: [20, 30])), name: text, detail: text, description: text)
    }
    let scale = ReportPage.ColorScale(.magnitude, label: text, ticks: ["0", text])
    return ReportPage(
      title: "t", lead: "",
      sections: [
        .init(
          "s",
          blocks ?? [
            .comparison(pictures, caption: text), .comparison(pictures, caption: text), .strip(pictures, caption: text),
            .pictures(pictures, scale: scale, caption: text),
          ])
      ])
  }

  @Test func oneScriptForAllComparisonsAndNoneWithout() throws {
    let html = try page("A name").html()
    #expect(html.components(separatedBy: "<script>").count == 2 && html.components(separatedBy: "class=\"comparison\"").count == 3)
    #expect(html.hasSuffix("</script>\n</body>\n</html>\n"))
    for outside in ["<link", "src=\"http", "href=\"http", "url(http", "url(\"http", "import "] { #expect(!html.contains(outside)) }
    #expect(try !page("A name", blocks: [.paragraph("p")]).html().contains("<script"))
  }

  @Test func everyTextIsEscaped() throws {
    let html = try page(ReportPageTests.hostile).html()
    #expect(html.components(separatedBy: "<script").count == 2 && !html.contains("\u{1B}"))
    // Name, detail and description of four times three pictures; four captions; label, last tick and description of the scale.
    #expect(html.components(separatedBy: ReportPageTests.safe).count - 1 == 43)
  }

  /// The script names its pictures by what stands in the page, so that every picture of a comparison has a name, in well-formed markup.
  @Test func picturesStandInThePage() throws {
    let html = try page("A name").html()
    let xml = String(html.split(separator: "<!DOCTYPE html>")[0])
      .replacing(/<(meta|img)( [^>]*)>/) { "<\($0.output.1)\($0.output.2)/>" }
    let document = try Elements(xml)
    #expect(document.count("img") == 13 && document.count("strong") == 12)
    #expect(document.elements.filter { $0.name == "img" && $0.attributes["height"] == "20" }.count == 12)
  }

  @Test func theScaleShowsItsColors() throws {
    let html = try page("A name").html()
    let scale = try #require(html.range(of: "<div class=\"scale\">"))
    let rest = html[scale.upperBound...]
    let start = try #require(rest.range(of: "base64,")).upperBound
    let pixels = try PNGPixels(try #require(Data(base64Encoded: String(rest[start...].prefix { $0 != "\"" }))))
    #expect(pixels.width == 256 && pixels.height == 1)
    // Matplotlib 3.10's inferno at both ends: (0, 0, 4) and (252, 255, 164), to the last bit.
    #expect(pixels[0, 0] == [0, 0, 4, 255] && pixels[255, 0] == [252, 255, 164, 255])
    // Lightness rises, so that the map can be read without its colours.
    let light = (0..<256).map { x in zip(pixels[x, 0], [0.2126, 0.7152, 0.0722]).reduce(0) { $0 + Double($1.0) * $1.1 } }
    #expect(zip(light, light.dropFirst(8)).allSatisfy { $0 < $1 })
  }
}
