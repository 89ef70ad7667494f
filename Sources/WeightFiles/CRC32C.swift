// SPDX-License-Identifier: Apache-2.0

/// The CRC-32C checksum (Castagnoli polynomial 0x1EDC6F41, reflected), as TensorBoard's records use it. RFC 3720, appendix B.4.
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    var remainder = UInt32(byte)
    for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82f6_3b78 : remainder >> 1 }
    return remainder
  }

  /// - Parameter known: the checksum of what stands before these bytes.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, after known: UInt32 = 0) -> UInt32 {
    var crc = ~known
    table.withUnsafeBufferPointer { table in
      for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xff)] ^ crc >> 8 }
    }
    return ~crc
  }

  /// The checksum rotated and shifted, so that a checksum of bytes that hold checksums stays useful.
  package static func masked(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let crc = checksum(bytes)
    return (crc >> 15 | crc << 17) &+ 0xa282_ead8
  }
}
