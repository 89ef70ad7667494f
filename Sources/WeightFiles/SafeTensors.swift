// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// Named real arrays and text in Hugging Face's `safetensors` format: what weights and checkpoints are kept in.
///
/// Layout: the length of a JSON header (8 bytes, little-endian), the header, the numbers. Tensors are written as F32 or F64, by
/// their precision, or rounded to F16 where asked for; F64 first, then F32, then F16, each sorted by name, and text sorted by key:
/// equal content gives equal bytes.
/// BOOL, U8 … U64, I8 … I64, F16, BF16, F32 and F64 are read; integers of 32 and 64 bits as double precision (64-bit ones beyond
/// 2⁵³ are rounded), everything narrower as single; tensors of other types beside them are passed over by name. NaN and infinity are allowed.
public struct SafeTensors: Sendable, Equatable {
  /// The arrays; after reading, in the order of their numbers in the file.
  public var tensors: [NamedParameter]
  /// Free text by key, the header's `__metadata__`.
  public var metadata: [String: String]
  /// Names of the arrays that are rounded to half precision when written.
  public var roundedToHalf: Set<String> = []

  public init(tensors: [NamedParameter], metadata: [String: String] = [:]) {
    (self.tensors, self.metadata) = (tensors, metadata)
  }

  /// The array named `name`, if there is one.
  public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.value }

  /// Writes the file atomically.
  ///
  /// - Throws: ``FileFormatError`` when a name occurs twice or is `__metadata__`, a tensor is the shapeless zero, or the disk
  /// refuses.
  public func write(to path: String) throws {
    try check(path)
    try AtomicFile.write(encodedBytes, to: path)
  }

  /// The file's bytes. A name that occurs twice, the name `__metadata__` and a shapeless zero are programming errors here.
  public func encoded() -> Data {
    do { try check("safetensors") } catch { preconditionFailure("\(error)") }
    return Data(encodedBytes)
  }

  private func check(_ path: String) throws {
    var names: Set<String> = []
    for tensor in tensors {
      guard tensor.name != "__metadata__" else {
        throw FileFormatError("\(path): a tensor is named __metadata__, which the format reserves; rename it.")
      }
      guard names.insert(tensor.name).inserted else {
        throw FileFormatError("\(path): two tensors are named \(tensor.name), expected distinct names; rename one.")
      }
      guard !tensor.value.isShapelessZero else {
        throw FileFormatError("\(path): tensor \(tensor.name) is a zero without shape and cannot be stored; give it a shape.")
      }
    }
  }

  private var encodedBytes: [UInt8] {
    let ordered = tensors.map { (value: $0.value, name: $0.name, type: storage($0)) }
      .sorted { (-$0.type.bytes, $0.name) < (-$1.type.bytes, $1.name) }
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { JSONValue.quoted($0.key) + ":" + JSONValue.quoted($0.value) }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var end = 0
    for tensor in ordered {
      let start = end
      end += tensor.value.count * tensor.type.bytes
      let shape = tensor.value.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(JSONValue.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.name)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}"
      )
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + end)
    bytes.append(littleEndian: UInt64(header.count))
    bytes += header
    for tensor in ordered {
      if tensor.type.bytes == 2 {
        for value in tensor.value.floats { bytes.append(littleEndian: Float16(value).bitPattern) }
      } else {
        tensor.value.withStoredBytes { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  private func storage(_ tensor: NamedParameter) -> (name: String, bytes: Int) {
    if roundedToHalf.contains(tensor.name) { return ("F16", 2) }
    return tensor.value.precision == .double ? ("F64", 8) : ("F32", 4)
  }

  // MARK: Reading

  /// Reads a file. - Throws: ``FileFormatError``.
  public init(contentsOf path: String) throws {
    self = try readFile(path).withUnsafeBytes { try Self.decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public init(decoding data: Data, path: String) throws {
    self = try data.withUnsafeBytes { try Self.decode($0, path: path) }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> SafeTensors {
    var reader = ByteReader(bytes, path: path)
    let length = try reader.integer(UInt64.self, "header length")
    guard length <= 100_000_000, length <= reader.remaining else {
      throw FileFormatError(
        "\(path): found a header of \(length) bytes, expected at most \(min(100_000_000, reader.remaining)); not a "
          + "safetensors file, or cut off."
      )
    }
    let header = try JSONValue(parsing: reader.take(Int(length), "header"), path: path)
    let data = try reader.take(reader.remaining, "numbers")
    guard case .object(let members) = header else {
      throw FileFormatError("\(path): the header is not a JSON object; not a safetensors file.")
    }
    var metadata: [String: String] = [:]
    var found: [Entry] = []
    for member in members {
      let (name, value) = (member.name, member.value)
      guard case .object(let fields) = value else {
        throw FileFormatError("\(path): \(name): expected a JSON object in the header; the file is damaged.")
      }
      if name == "__metadata__" {
        for field in fields {
          let key = field.name
          guard case .string(let text) = field.value else {
            throw FileFormatError("\(path): __metadata__.\(key): expected text; the file is damaged.")
          }
          metadata[key] = text
        }
      } else {
        found.append(try tensor(name, fields, data, path))
      }
    }
    found.sort { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
    // As the reference reader demands: no gaps, no overlaps, nothing behind. It also bounds memory by the file's size.
    var end = 0
    for entry in found {
      guard entry.start == end else {
        throw FileFormatError("\(path): \(entry.name) starts at byte \(entry.start), expected \(end); the file is damaged.")
      }
      end = entry.end
    }
    guard end == data.count else {
      throw FileFormatError("\(path): the tensors take \(end) bytes, found \(data.count); the file is damaged.")
    }
    let others = found.filter { $0.value == nil }.map { "\($0.name.prefix(80)) (numbers of type \($0.type.prefix(20)))" }
    if !others.isEmpty {
      let expected = "expected \(elementTypes.keys.sorted().joined(separator: ", ")); convert it first"
      guard others.count < found.count else { throw FileFormatError("\(path): found \(others[0]), \(expected).") }
      Remarks.note(
        "\(path): passed over: \(others.prefix(12).joined(separator: ", "))"
          + (others.count > 12 ? " and \(others.count - 12) more" : "") + ", \(expected)")
    }
    return SafeTensors(
      tensors: found.compactMap { entry in entry.value.map { NamedParameter(name: entry.name, value: $0) } }, metadata: metadata)
  }

  /// A tensor and its place among the numbers; without a value where its type is not known.
  private struct Entry {
    let start: Int, end: Int
    let name: String, type: String
    let value: Tensor?
  }

  private static func tensor(
    _ name: String, _ fields: [JSONMember], _ data: UnsafeRawBufferPointer, _ path: String
  ) throws -> Entry {
    func integers(_ field: String) throws -> [Int] {
      guard case .array(let elements)? = fields.first(where: { $0.name == field })?.value else {
        throw FileFormatError("\(path): \(name): no \(field) in the header; the file is damaged.")
      }
      return try elements.map {
        guard case .integer(let n) = $0, n >= 0 else {
          throw FileFormatError("\(path): \(name): \(field) holds something that is not a size; the file is damaged.")
        }
        return n
      }
    }
    guard case .string(let code)? = fields.first(where: { $0.name == "dtype" })?.value else {
      throw FileFormatError("\(path): \(name): no dtype in the header; the file is damaged.")
    }
    let (shape, offsets) = (try integers("shape"), try integers("data_offsets"))
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= data.count else {
      throw FileFormatError(
        "\(path): \(name): found data_offsets \(offsets), expected two rising ones up to \(data.count); the file is cut off "
          + "or damaged."
      )
    }
    guard let type = elementTypes[code] else {
      return Entry(start: offsets[0], end: offsets[1], name: name, type: code, value: nil)
    }
    let count = try checkedCount(shape, bytesPerElement: type.size, available: offsets[1] - offsets[0], name, path: path)
    guard count * type.size == offsets[1] - offsets[0] else {
      throw FileFormatError(
        "\(path): \(name): \(shape) of \(code) takes \(count * type.size) bytes, found \(offsets[1] - offsets[0]); the file "
          + "is damaged."
      )
    }
    let bytes = UnsafeRawBufferPointer(rebasing: data[offsets[0]..<offsets[1]])
    return Entry(
      start: offsets[0], end: offsets[1], name: name, type: code, value: type.decode(bytes, shape: shape))
  }

  private static let elementTypes: [String: ElementType] = [
    "BOOL": .bool, "I8": .int8, "U8": .uint8, "I16": .int16, "U16": .uint16, "I32": .int32, "U32": .uint32, "I64": .int64,
    "U64": .uint64, "F16": .float16, "BF16": .bfloat16, "F32": .float32, "F64": .float64,
  ]
}
