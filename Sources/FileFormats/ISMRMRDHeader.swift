// SPDX-License-Identifier: Apache-2.0
import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What an ISMRMRD file's XML says of its first encoding.
public struct ISMRMRDHeader: Sendable, Equatable {
  /// A grid and the length it covers.
  public struct Space: Sendable, Equatable {
    /// Points along readout, phase 1 and phase 2.
    public var matrixSize: [Int]
    /// Millimetres along the same.
    public var fieldOfView: [Double]

    public init(matrixSize: [Int], fieldOfView: [Double]) {
      precondition(matrixSize.count == 3 && fieldOfView.count == 3, "ISMRMRD: a space has three axes")
      (self.matrixSize, self.fieldOfView) = (matrixSize, fieldOfView)
    }
  }

  /// What was measured, with oversampling.
  public var encodedSpace: Space
  /// The image that is wanted.
  public var reconSpace: Space
  /// The line of phase 1 through the middle of k-space; nil where the file does not say.
  public var center: Int?
  /// `cartesian`, `radial`, `spiral`, `epi`, …
  public var trajectory = "cartesian"
  /// The XML itself.
  public internal(set) var xml = ""

  // MARK: Reading

  /// - Throws: ``FileFormatError``; `path` names the file in it.
  init(xml: String, path: String) throws {
    guard xml.utf8.count <= 16 << 20 else {
      throw FileFormatError("\(path): found a header of \(xml.utf8.count) bytes, expected up to 16 MiB; the file is damaged.")
    }
    let elements = Elements()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = elements
    guard parser.parse(), !elements.isDamaged else {
      throw FileFormatError(
        "\(path): the header is not XML (line \(parser.lineNumber)), expected that of ISMRMRD; get the file again.")
    }
    func number(_ name: String, limit: Double) throws -> Double {
      let text = elements.texts["ismrmrdHeader/encoding/\(name)"]
      guard let text, let value = Double(text), value >= 0, value <= limit else {
        throw FileFormatError("\(path): found \(name) \(text?.prefix(40) ?? "missing"), expected a number up to \(Int(limit)).")
      }
      return value
    }
    func space(_ name: String) throws -> Space {
      Space(
        matrixSize: try ["x", "y", "z"].map { Int(try number("\(name)/matrixSize/\($0)", limit: 65535)) },
        fieldOfView: try ["x", "y", "z"].map { try number("\(name)/fieldOfView_mm/\($0)", limit: 1e6) })
    }
    (encodedSpace, reconSpace) = (try space("encodedSpace"), try space("reconSpace"))
    let limit = "encodingLimits/kspace_encoding_step_1/center"
    center = elements.texts["ismrmrdHeader/encoding/\(limit)"] == nil ? nil : Int(try number(limit, limit: 65535))
    trajectory = (elements.texts["ismrmrdHeader/encoding/trajectory"] ?? "cartesian").lowercased()
    self.xml = xml
  }

  /// The text of every element, under the names on the way to it; of several alike, the first.
  private final class Elements: NSObject, XMLParserDelegate {
    var texts: [String: String] = [:]
    private(set) var isDamaged = false
    private var names: [String] = []
    private var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]
    ) {
      names.append(name.split(separator: ":").last.map(String.init) ?? name)
      text = ""
      if names.count > 32 || texts.count > 100_000 { parser.abortParsing() }
    }
    func parser(_ parser: XMLParser, parseErrorOccurred parseError: any Error) { isDamaged = true }
    func parser(_ parser: XMLParser, foundCharacters string: String) { if text.utf8.count < 1000 { text += string } }
    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      let key = names.joined(separator: "/")
      if texts[key] == nil { texts[key] = text.trimmingCharacters(in: .whitespacesAndNewlines) }
      if !names.isEmpty { names.removeLast() }
      text = ""
    }
  }

  // MARK: Writing

  /// The header of a Cartesian measurement of `slices` slices, valid by ISMRMRD's schema.
  init(encodedSpace: Space, reconSpace: Space, slices: Int) {
    (self.encodedSpace, self.reconSpace) = (encodedSpace, reconSpace)
    let lines = encodedSpace.matrixSize[1]
    center = lines / 2
    func vector(_ name: String, _ values: [String]) -> String {
      "<\(name)>" + zip(["x", "y", "z"], values).map { "<\($0)>\($1)</\($0)>" }.joined() + "</\(name)>"
    }
    func text(_ name: String, _ space: Space) -> String {
      "<\(name)>" + vector("matrixSize", space.matrixSize.map(String.init))
        + vector("fieldOfView_mm", space.fieldOfView.map { "\($0)" }) + "</\(name)>"
    }
    func limits(_ name: String, _ maximum: Int, _ center: Int) -> String {
      "<\(name)><minimum>0</minimum><maximum>\(maximum)</maximum><center>\(center)</center></\(name)>"
    }
    xml = """
      <?xml version="1.0" encoding="UTF-8"?>
      <ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
      <experimentalConditions><H1resonanceFrequency_Hz>63870000</H1resonanceFrequency_Hz></experimentalConditions>
      <encoding>
      \(text("encodedSpace", encodedSpace))
      \(text("reconSpace", reconSpace))
      <encodingLimits>\(limits("kspace_encoding_step_1", lines - 1, lines / 2))\(limits("slice", slices - 1, 0))</encodingLimits>
      <trajectory>cartesian</trajectory>
      </encoding>
      </ismrmrdHeader>

      """
  }
}
