// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct BlockDemoTests {
  private let folder: Folder
  private static let sizes = [(50, 70), (36, 40), (60, 45)]

  init() throws {
    folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.file("images"), withIntermediateDirectories: true)
    for (k, (height, width)) in Self.sizes.enumerated() {
      // Smooth with edges, never the same twice.
      let pixels = (0..<height * width).map { at -> Double in
        let (i, j) = (Double(at / width), Double(at % width))
        return 0.5 + 0.2 * sin(i / 5 + Double(k)) * cos(j / 7) + (i + 2 * j > 60 + 9 * Double(k) ? 0.25 : -0.2)
      }
      try writePNG(Tensor(pixels, shape: [height, width]), to: folder.file("images/\(k).png"))
    }
  }

  private func run(report: (String) -> Void = { _ in }) throws -> BlockDemo.Outcome {
    var demo = BlockDemo(library: ModelLibrary(path: folder.path))
    demo.fittedBlocks = 600
    return try demo.run(images: ImageFolder(folder.file("images"), maximumSide: 512), report: report)
  }

  /// Untrained networks of few channels, as files that ship.
  private func writeWeights(depth: Int) throws {
    let system = Blocks.System(ratio: 0.25, seed: Blocks.standardSeed)
    let initial = NamedParameter(name: "initial", value: system.sensing.phi.entries.transposed.converted(to: .single))
    try FileManager.default.createDirectory(atPath: folder.file("image-cs"), withIntermediateDirectories: true)
    let network = try Blocks.network("ista-net-plus", system, depth: depth, channels: 2, fixed: [initial])
    try Weights(parameters: network.parameters, operators: [initial]).write(
      to: folder.file("image-cs/ista-net-plus-25.safetensors"))
    let wholeImage = try Blocks.network("scnet", system, depth: 2, channels: 16)
    try Weights(parameters: wholeImage.parameters).write(to: folder.file("image-cs/scnet.safetensors"))
  }

  private func decibel(_ a: Tensor, _ b: Tensor) -> Double { -10 * log10(squaredNorm(a - b) / Double(a.count)) }

  /// Whether `picture`, of 8 bits, can be the rounding of an estimate of which `decibel` with two decimals is stated: rounding adds its
  /// variance q = 1/(12 · 255²) to the mean square e, or less where the estimate was clipped, and a mean of products of N pixels that scatters
  /// by 2 √(e q / N), of which four are allowed.
  private func isRounding(_ picture: Tensor, of original: Tensor, _ decibel: Double) -> Bool {
    let (found, q) = (squaredNorm(picture - original) / Double(picture.count), 1 / (12 * 255.0 * 255))
    let (lowest, highest) = (pow(10, -(decibel + 0.005) / 10), pow(10, -(decibel - 0.005) / 10))
    let scatter = 4 * 2 * (highest * q / Double(picture.count)).squareRoot()
    return found >= lowest - scatter && found <= highest + q + scatter
  }

  /// The table's figures are those of the pictures beside it.
  private func check(_ page: Page, methods: [String], inTable columns: [String]) throws {
    let shown = try page.images(in: "comparison").map { try page.pixels($0, scratch: folder.path) }
    #expect(page.names(in: "comparison") == methods + ["Original"])
    #expect(shown.allSatisfy { $0.shape == [50, 70] })
    #expect(page.rows[0] == ["Photograph"] + columns)
    let row = try #require(page.rows.first { $0[0] == "0.png" })
    for (method, picture) in zip(methods, shown) {
      let cell = row[try #require(columns.firstIndex(of: method)) + 1]
      let parts = cell.split(separator: " ").map(String.init)
      let stated = try #require(Double(parts[0]))
      #expect(stated < 45 && isRounding(picture, of: shown.last!, stated), "\(method): \(cell), \(decibel(picture, shown.last!))")
      let similarity = try #require(Double(cell.split(separator: "SSIM ").last!.prefix(6)))
      #expect(abs(similarity - (try ssim(picture, shown.last!))) < 0.01, "\(method): \(cell)")
    }
    #expect(page.images(in: "scale").count == 1)
  }

  @Test func withoutWeights() throws {
    var lines: [String] = []
    let outcome = try run { lines.append($0) }
    #expect(lines.filter { $0.contains("no weights of ISTA-Net⁺") && $0.contains("ista-net-plus-25.safetensors") }.count == 1)
    #expect(outcome.photographs.map(\.name) == ["0.png", "1.png"] && outcome.stages.isEmpty && outcome.networks.isEmpty)
    #expect(outcome.missing.count == 2 && lines.filter { $0.contains("no weights of SCNet") }.count == 1)

    try DemoPage(blocks: outcome).write(to: folder.path, source: "images", command: "unfold demo")
    let page = try Page(String(contentsOfFile: folder.file("index.html"), encoding: .utf8))
    try check(page, methods: ["Linear start", "TVAL3"], inTable: ["Linear start", "TVAL3"])
    #expect(page.paragraphs.filter { $0.contains("no weights at") }.count == 2)
    #expect(page.images(in: "strip").isEmpty)
    #expect(FileManager.default.fileExists(atPath: folder.file("comparison.png")))

    // A fit to photographs is better than none, Φᵀ y.
    let photograph = outcome.photographs[0]
    let sampling = outcome.sensing.sampling(height: 50, width: 70)
    let plain = decibel(sampling.adjoint(sampling.forward(photograph.image)), photograph.image)
    #expect(photograph.reconstructions[0].scores.psnr! > plain + 3)
  }

  @Test func withUntrainedWeights() throws {
    try writeWeights(depth: 3)
    var lines: [String] = []
    let outcome = try run { lines.append($0) }
    #expect(outcome.networks.map(\.stages) == [3, 2] && outcome.missing.isEmpty && outcome.stages.count == 4)
    #expect(!lines.contains { $0.contains("no weights") })
    // The first estimate is the linear start, the last is the network's.
    let found = outcome.photographs[0].reconstructions
    expectClose(outcome.stages[0].estimate, found[0].estimate, relative: 1e-12)
    expectClose(outcome.stages[3].estimate, found[2].estimate, relative: 1e-12)

    try DemoPage(blocks: outcome).write(to: folder.path, source: "images", command: "unfold demo")
    let page = try Page(String(contentsOfFile: folder.file("index.html"), encoding: .utf8))
    try check(
      page, methods: ["TVAL3", "SCNet", "ISTA-Net⁺", "Linear start"], inTable: ["Linear start", "TVAL3", "ISTA-Net⁺", "SCNet"])
    let strip = page.images(in: "strip")
    #expect(page.names(in: "strip") == ["x⁽⁰⁾", "x⁽¹⁾", "x⁽²⁾", "x⁽³⁾", "TVAL3", "Original"])
    // The photograph is smaller than the detail, so that its stages are shown whole; PSNR of what is shown is what is stated.
    let stages = try strip.map { try page.pixels($0, scratch: folder.path) }
    for (stage, stated) in zip(stages, page.details(in: "strip").dropLast()) {
      let value = try #require(Double(stated.split(separator: " ")[0]))
      #expect(stage.shape == [50, 70] && isRounding(stage, of: stages.last!, value), "\(stated)")
    }
    #expect(outcome.stagePlot?.series[0].points.map(\.x) == [0, 1, 2, 3])
    #expect(FileManager.default.fileExists(atPath: folder.file("stages.png")))
  }

  @Test func oneImageIsRefused() throws {
    let images = try ImageFolder(folder.file("images/0.png"))
    #expect(throws: InputError.self) { try BlockDemo(library: ModelLibrary(path: folder.path)).run(images: images) }
  }
}

/// What stands where in a page.
private final class Page: NSObject, XMLParserDelegate {
  private var images: [(place: Set<String>, source: String)] = []
  private var texts: [(place: Set<String>, element: String, text: String)] = []
  private(set) var rows: [[String]] = []
  private(set) var paragraphs: [String] = []
  private var open: [(name: String, classes: Set<String>)] = []

  init(_ html: String) throws {
    super.init()
    // But for the elements that HTML leaves open the page is XML.
    let xml = String(html.split(separator: "<!DOCTYPE html>")[0]).replacing(/<(meta|img)( [^>]*)>/) {
      "<\($0.output.1)\($0.output.2)/>"
    }
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = self
    guard parser.parse() else { throw parser.parserError ?? CocoaError(.coderReadCorrupt) }
  }

  func images(in name: String) -> [String] { images.filter { $0.place.contains(name) }.map(\.source) }
  func names(in name: String) -> [String] { texts.filter { $0.place.contains(name) && $0.element == "strong" }.map(\.text) }
  func details(in name: String) -> [String] { texts.filter { $0.place.contains(name) && $0.element == "span" }.map(\.text) }

  func pixels(_ source: String, scratch folder: String) throws -> Tensor {
    let data = try #require(Data(base64Encoded: String(source.dropFirst("data:image/png;base64,".count))))
    let file = folder + "/" + UUID().uuidString + ".png"
    try data.write(to: URL(fileURLWithPath: file))
    let values = try readImage(file).values
    return values.shape.count == 3 ? values.row(0) : values
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    let classes = Set((attributes["class"] ?? "").split(separator: " ").map(String.init))
    open.append((name, classes.union(open.last?.classes ?? [])))
    switch name {
    case "img": images.append((open.last!.classes, attributes["src"] ?? ""))
    case "strong", "span": texts.append((open.last!.classes, name, ""))
    case "tr": rows.append([])
    case "th", "td": rows[rows.count - 1].append("")
    case "p": paragraphs.append("")
    case "small": rows[rows.count - 1][rows.last!.count - 1] += " "
    default: break
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    let names = open.map(\.name)
    if names.last == "strong" || names.last == "span" { texts[texts.count - 1].text += string }
    if names.contains("th") || names.contains("td") { rows[rows.count - 1][rows.last!.count - 1] += string }
    if names.contains("p") { paragraphs[paragraphs.count - 1] += string }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) { open.removeLast() }
}
