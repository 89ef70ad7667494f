// SPDX-License-Identifier: Apache-2.0
import CZlib

/// gzip files with bounded memory.
enum Gzip {
  /// Deflate cannot expand by more.
  static let ratio = 1032

  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0x1f, 0x8b, 8]) }

  /// The first `count` bytes unpacked, or as many as there are.
  static func prefix(_ packed: UnsafeRawBufferPointer, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { out, filled in _ = Inflate.run(packed, windowBits: 31, into: out, &filled) }
  }

  /// The first `count` bytes unpacked; with the checksum where they are all.
  static func content(_ packed: UnsafeRawBufferPointer, count: Int, path: String) throws -> [UInt8] {
    var isWhole = false
    let content = [UInt8](unsafeUninitializedCapacity: count + 1) { out, filled in  // one more shows whether there is more
      isWhole = Inflate.run(packed, windowBits: 31, into: out, &filled)
    }
    guard content.count > count || isWhole && content.count == count else {
      throw FileFormatError(
        "\(path): found \(content.count) bytes that can be unpacked, expected \(count); the file is cut off or damaged.")
    }
    return content
  }

  /// Packs and writes a file atomically.
  static func write(_ bytes: [UInt8], to path: String) throws {
    try AtomicFile.replace(path) { temporary in
      guard let file = gzopen(temporary, "wb") else { throw systemError(path, "cannot be written") }
      let isWritten = bytes.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 1 << 30).allSatisfy { start in  // zlib counts in 32 bits
          let count = UInt32(min(1 << 30, bytes.count - start))
          return gzwrite(file, bytes.baseAddress! + start, count) == Int32(count)
        }
      }
      let isClosed = gzclose(file) == Z_OK
      guard isWritten, isClosed else { throw systemError(path, "cannot be written") }
    }
  }
}
