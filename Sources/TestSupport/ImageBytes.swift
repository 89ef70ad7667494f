// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Folder {
  @discardableResult
  public func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

private func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

/// A block of a PNG file, with its check (ISO 3309).
public func pngBlock(_ type: String, _ content: [UInt8]) -> [UInt8] {
  func big(_ value: Int) -> [UInt8] { little(value, 4).reversed() }
  let block = Array(type.utf8) + content
  let sum = ~block.reduce(~0 as UInt32) { sum, byte in
    (0..<8).reduce(sum ^ UInt32(byte)) { s, _ in s >> 1 ^ (s & 1 == 1 ? 0xedb8_8320 : 0) }
  }
  return big(content.count) + block + big(Int(sum))
}

/// Elements of a DICOM file, little-endian, made from the tables of PS3.5.
public struct DICOMBytes {
  public var isExplicit = true
  public private(set) var elements: [(tag: (Int, Int), type: String, value: [UInt8])] = []

  /// A CT image of int16 samples, with slope 1 and intercept 0.
  public init(
    _ samples: [Int], height: Int, width: Int, spacing: String? = nil, position: String? = nil,
    orientation: String? = "1\\0\\0\\0\\1\\0",
    number: Int? = nil, series: String = "1.2.3", modality: String = "CT"
  ) {
    func short(_ value: Int) -> [UInt8] { little(value, 2) }
    func text(_ value: String, _ fill: UInt8 = 32) -> [UInt8] { Array(value.utf8) + (value.utf8.count % 2 == 1 ? [fill] : []) }
    add((8, 0x16), "UI", text("1.2.840.10008.5.1.4.1.1.2", 0))
    add((8, 0x18), "UI", text("1.2.3.\(number ?? 0)", 0))
    add((8, 0x60), "CS", text(modality))
    add((0x20, 0x0e), "UI", text(series, 0))
    if let number { add((0x20, 0x13), "IS", text("\(number)")) }
    if let position { add((0x20, 0x32), "DS", text(position)) }
    if let orientation { add((0x20, 0x37), "DS", text(orientation)) }
    add((0x28, 2), "US", short(1))
    add((0x28, 4), "CS", text("MONOCHROME2"))
    add((0x28, 0x10), "US", short(height))
    add((0x28, 0x11), "US", short(width))
    if let spacing { add((0x28, 0x30), "DS", text(spacing)) }
    add((0x28, 0x100), "US", short(16))
    add((0x28, 0x101), "US", short(16))
    add((0x28, 0x102), "US", short(15))
    add((0x28, 0x103), "US", short(1))
    add((0x7fe0, 0x10), "OW", samples.flatMap { short($0) })
  }

  /// One more element, in its place.
  public mutating func insert(_ tag: (Int, Int), _ type: String, _ value: [UInt8]) {
    let place = elements.firstIndex { $0.tag > tag } ?? elements.count
    elements.insert((tag, type, value), at: place)
  }

  /// Items of a sequence (SQ), of the elements of other files.
  public static func items(_ items: [[(tag: (Int, Int), type: String, value: [UInt8])]]) -> [UInt8] {
    items.flatMap { item -> [UInt8] in
      let content = item.flatMap { encoded($0, isExplicit: true) }
      return [0xfe, 0xff, 0x00, 0xe0] + little(content.count, 4) + content
    }
  }

  private mutating func add(_ tag: (Int, Int), _ type: String, _ value: [UInt8]) { elements.append((tag, type, value)) }

  /// The elements alone, as in a file without preamble.
  public var bare: [UInt8] {
    elements.flatMap { Self.encoded($0, isExplicit: isExplicit) }
  }

  private static func encoded(_ element: (tag: (Int, Int), type: String, value: [UInt8]), isExplicit: Bool) -> [UInt8] {
    let tag = little(element.tag.0, 2) + little(element.tag.1, 2)
    if !isExplicit { return tag + little(element.value.count, 4) + element.value }
    let isLong = ["OW", "SQ"].contains(element.type)
    let length = isLong ? [0, 0] + little(element.value.count, 4) : little(element.value.count, 2)
    return tag + Array(element.type.utf8) + length + element.value
  }

  /// A whole file, of explicit types.
  public var file: [UInt8] {
    let syntax = Array("1.2.840.10008.1.2.1\0".utf8)
    let first = little(2, 2) + little(0x10, 2) + Array("UI".utf8) + little(syntax.count, 2) + syntax
    return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + little(2, 2) + little(0, 2) + Array("UL".utf8) + little(4, 2)
      + little(first.count, 4) + first + bare
  }
}

/// A page of a TIFF file, little-endian and not compressed, in one strip.
public struct TIFFPage {
  public var tags: [Int: [Int]]
  /// Tag 270.
  public var description: String?
  public var samples: [UInt8]

  /// - Parameter format: 1 for unsigned integers, 2 for signed, 3 for floating-point numbers.
  public init(_ samples: [UInt8], width: Int, height: Int, bits: Int, format: Int = 1, tags: [Int: [Int]] = [:]) {
    self.samples = samples
    self.tags = [
      256: [width], 257: [height], 258: [bits], 259: [1], 262: [1], 277: [1], 278: [height], 279: [samples.count], 339: [format],
    ].merging(tags) { $1 }
  }

  public static func file(_ pages: [TIFFPage]) -> [UInt8] {
    var bytes: [UInt8] = [0x49, 0x49, 42, 0, 0, 0, 0, 0]
    var link = 4  // where the place of the next directory stands
    for page in pages {
      var tags = page.tags
      tags[273] = [bytes.count]
      if let text = page.description { tags[270] = Array(text.utf8).map(Int.init) + [0] }
      bytes += page.samples + (page.samples.count % 2 == 1 ? [0] : [])
      var entries: [UInt8] = []
      for (tag, values) in tags.sorted(by: { $0.key < $1.key }) {
        let isText = tag == 270
        let type = isText ? 2 : values.count > 2 ? 3 : 4
        entries += little(tag, 2) + little(type, 2) + little(values.count, 4)
        if values.count == 1 {
          entries += little(values[0], 4)
        } else {
          entries += little(bytes.count, 4)
          bytes += values.flatMap { little($0, isText ? 1 : values.count > 2 ? 2 : 4) }
        }
      }
      bytes.replaceSubrange(link..<link + 4, with: little(bytes.count, 4))
      bytes += little(tags.count, 2) + entries
      link = bytes.count
      bytes += little(0, 4)
    }
    return bytes
  }
}

/// Integers in 16 bits, little-endian.
public func shorts(_ values: [Int]) -> [UInt8] { values.flatMap { little($0, 2) } }
/// Numbers in single precision, little-endian.
public func floats(_ values: [Float]) -> [UInt8] { values.flatMap { little(Int($0.bitPattern), 4) } }
