// SPDX-License-Identifier: Apache-2.0
import CZlib

/// zlib's decompression with bounded memory.
enum Inflate {
  /// Raw deflate data of exactly `size` bytes; nil when they are damaged.
  static func raw(_ packed: UnsafeRawBufferPointer, size: Int) -> [UInt8]? {
    var isWhole = false
    let content = [UInt8](unsafeUninitializedCapacity: size) { out, filled in
      isWhole = run(packed, windowBits: -15, into: out, &filled)
    }
    return isWhole ? content : nil
  }

  /// zlib data, or gzip data for 31 `windowBits`, of unknown size, at most `limit` bytes.
  static func zlib(_ packed: UnsafeRawBufferPointer, windowBits: Int32 = 15, limit: Int, path: String) throws -> [UInt8] {
    // Deflate cannot expand by more than 1032; room is doubled as it is needed.
    let most = max(min(limit, 1032 * packed.count + 64), 0)
    var room = min(most, 8 * packed.count + 64)
    while true {
      var isWhole = false
      let content = [UInt8](unsafeUninitializedCapacity: room) { out, filled in
        isWhole = run(packed, windowBits: windowBits, into: out, &filled)
      }
      if isWhole { return content }
      guard content.count == room, room < most else {
        throw FileFormatError("\(path): the compressed numbers are cut off or damaged.")
      }
      room = min(most, 4 * room)
    }
  }

  /// Fills `out` as far as the data reach; true when they ended properly.
  static func run(
    _ packed: UnsafeRawBufferPointer, windowBits: Int32, into out: UnsafeMutableBufferPointer<UInt8>, _ filled: inout Int
  ) -> Bool {
    var stream = z_stream()
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    var consumed = 0
    var status = Z_OK
    repeat {  // zlib counts in 32 bits
      let (input, room) = (min(packed.count - consumed, 1 << 30), min(out.count - filled, 1 << 30))
      stream.next_in = packed.baseAddress.map {
        UnsafeMutablePointer(mutating: ($0 + consumed).assumingMemoryBound(to: UInt8.self))
      }
      stream.avail_in = UInt32(input)
      stream.next_out = out.baseAddress.map { $0 + filled }
      stream.avail_out = UInt32(room)
      status = inflate(&stream, Z_NO_FLUSH)
      consumed += input - Int(stream.avail_in)
      filled += room - Int(stream.avail_out)
      // gzip (31) may have several members, one after another.
      if status == Z_STREAM_END, windowBits == 31, filled < out.count, consumed + 1 < packed.count, packed[consumed] == 0x1f {
        status = inflateReset(&stream)
      }
    } while status == Z_OK && (consumed < packed.count || filled < out.count)
    return status == Z_STREAM_END
  }
}
