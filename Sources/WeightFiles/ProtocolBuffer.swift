// SPDX-License-Identifier: Apache-2.0

/// Protocol Buffers' wire format, the few parts that event files and weight files need.
enum ProtocolBuffer {
  /// One field of a message.
  enum Field {
    case varint(number: Int, UInt64)
    case fixed64(number: Int, UInt64)
    case bytes(number: Int, UnsafeRawBufferPointer)
    case fixed32(number: Int, UInt32)
  }

  static func append(varint: UInt64, to bytes: inout [UInt8]) {
    var rest = varint
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  static func append(field number: Int, varint: UInt64, to bytes: inout [UInt8]) {
    append(varint: UInt64(number << 3), to: &bytes)
    append(varint: varint, to: &bytes)
  }

  static func append(field number: Int, double: Double, to bytes: inout [UInt8]) {
    append(varint: UInt64(number << 3 | 1), to: &bytes)
    bytes.append(littleEndian: double.bitPattern)
  }

  static func append(field number: Int, float: Float, to bytes: inout [UInt8]) {
    append(varint: UInt64(number << 3 | 5), to: &bytes)
    bytes.append(littleEndian: float.bitPattern)
  }

  static func append(field number: Int, bytes payload: [UInt8], to bytes: inout [UInt8]) {
    append(varint: UInt64(number << 3 | 2), to: &bytes)
    append(varint: UInt64(payload.count), to: &bytes)
    bytes += payload
  }

  /// Calls `visit` for every field of the message, in the order of the bytes.
  static func read(_ message: UnsafeRawBufferPointer, path: String, _ visit: (Field) throws -> Void) throws {
    var reader = ByteReader(message, path: path)
    while reader.remaining > 0 {
      let key = try varint(&reader)
      guard key >> 3 > 0, key >> 3 < 1 << 29 else {
        throw FileFormatError("\(path): found a protobuf field numbered \(key >> 3); the file is damaged.")
      }
      let number = Int(key >> 3)
      switch key & 7 {
      case 0: try visit(.varint(number: number, varint(&reader)))
      case 1: try visit(.fixed64(number: number, reader.integer(UInt64.self, "protobuf field")))
      case 2:
        let length = try varint(&reader)
        guard length <= reader.remaining else {
          throw FileFormatError(
            "\(path): found a protobuf field of \(length) bytes, expected at most \(reader.remaining); the file is damaged.")
        }
        try visit(.bytes(number: number, reader.take(Int(length), "protobuf field")))
      case 5: try visit(.fixed32(number: number, reader.integer(UInt32.self, "protobuf field")))
      default: throw FileFormatError("\(path): found protobuf wire type \(key & 7), expected 0, 1, 2 or 5; the file is damaged.")
      }
    }
  }

  private static func varint(_ reader: inout ByteReader) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      let byte = try reader.integer(UInt8.self, "protobuf number")
      value |= UInt64(byte & 0x7f) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw FileFormatError("\(reader.path): found a protobuf number of more than 10 bytes; the file is damaged.")
  }
}
