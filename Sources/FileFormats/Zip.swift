// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The reading of zip archives: stored and deflated members, with or without the 64-bit extension. What is unpacked is at most 1032
/// times the file, deflate's bound.
enum Zip {
  /// The archive's directory, in its order. - Throws: ``FileFormatError``.
  static func members(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [Member] {
    let notZip = FileFormatError("\(path): found no zip directory at the end; expected a whole zip archive, get the file again.")
    // The end record is 22 bytes and a comment of at most 65535.
    var end = bytes.count - 22
    let stop = max(0, end - 0xffff)
    while end >= stop, bytes.loadUnaligned(fromByteOffset: max(end, 0), as: UInt32.self).littleEndian != 0x0605_4b50 { end -= 1 }
    guard end >= stop, end >= 0 else { throw notZip }
    var reader = ByteReader(bytes, path: path, at: end + 10)
    var count = UInt64(try reader.integer(UInt16.self, "zip directory"))
    var size = UInt64(try reader.integer(UInt32.self, "zip directory"))
    var start = UInt64(try reader.integer(UInt32.self, "zip directory"))
    if count == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff, end >= 20 {
      var locator = ByteReader(bytes, path: path, at: end - 20)
      if try locator.integer(UInt32.self, "zip directory") == 0x0706_4b50 {
        try locator.skip(4, "zip directory")
        let offset = try locator.integer(UInt64.self, "zip directory")
        guard offset <= UInt64(bytes.count) else { throw notZip }
        var record = ByteReader(bytes, path: path, at: Int(offset))
        guard try record.integer(UInt32.self, "zip directory") == 0x0606_4b50 else { throw notZip }
        try record.skip(28, "zip directory")
        count = try record.integer(UInt64.self, "zip directory")
        size = try record.integer(UInt64.self, "zip directory")
        start = try record.integer(UInt64.self, "zip directory")
      }
    }
    guard size <= UInt64(end), start <= UInt64(end) - size, count <= size / 46 else { throw notZip }
    var directory = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(start + size)]), path: path)
    var members: [Member] = []
    var total = 0
    for _ in 0..<count {
      let member = try Member(&directory)
      total += member.compressedSize  // at most the file's size each, and bounded here: members that overlap cannot add up
      guard member.compressedSize <= bytes.count, total <= bytes.count else {
        throw FileFormatError("\(path): the archive's members take more bytes than it has; it is damaged.")
      }
      members.append(member)
    }
    return members
  }

  /// A file of the archive.
  struct Member {
    let name: String
    let size: Int
    fileprivate let compressedSize: Int
    private let method: UInt16
    private let checksum: UInt32
    private let offset: Int

    fileprivate init(_ directory: inout ByteReader) throws {
      guard try directory.integer(UInt32.self, "zip directory") == 0x0201_4b50 else {
        throw FileFormatError("\(directory.path): the zip directory is damaged.")
      }
      try directory.skip(4, "zip directory")
      let flags = try directory.integer(UInt16.self, "zip directory")
      method = try directory.integer(UInt16.self, "zip directory")
      try directory.skip(4, "zip directory")
      checksum = try directory.integer(UInt32.self, "zip directory")
      var compressed = UInt64(try directory.integer(UInt32.self, "zip directory"))
      var plain = UInt64(try directory.integer(UInt32.self, "zip directory"))
      let nameLength = Int(try directory.integer(UInt16.self, "zip directory"))
      let extraLength = Int(try directory.integer(UInt16.self, "zip directory"))
      let commentLength = Int(try directory.integer(UInt16.self, "zip directory"))
      try directory.skip(8, "zip directory")
      var start = UInt64(try directory.integer(UInt32.self, "zip directory"))
      name = String(decoding: try directory.take(nameLength, "zip directory"), as: UTF8.self)
      var extra = ByteReader(try directory.take(extraLength, "zip directory"), path: directory.path)
      try directory.skip(commentLength, "zip directory")
      while extra.remaining >= 4 {
        let identifier = try extra.integer(UInt16.self, "zip directory")
        let length = Int(try extra.integer(UInt16.self, "zip directory"))
        var field = ByteReader(try extra.take(length, "zip directory"), path: directory.path)
        guard identifier == 1 else { continue }  // the 64-bit extension holds only those values that did not fit, in this order
        if plain == 0xffff_ffff { plain = try field.integer(UInt64.self, "zip directory") }
        if compressed == 0xffff_ffff { compressed = try field.integer(UInt64.self, "zip directory") }
        if start == 0xffff_ffff { start = try field.integer(UInt64.self, "zip directory") }
      }
      guard flags & 1 == 0, method == 0 || method == 8 else {
        throw FileFormatError(
          "\(directory.path): \(name): found an encrypted member or compression method \(method), expected stored or "
            + "deflated; save it again without."
        )
      }
      // Deflate cannot expand by more than 1032.
      let limit: UInt64 = 1 << 48
      guard compressed < limit, start < limit, plain <= (method == 0 ? compressed : compressed * 1032) else {
        throw FileFormatError(
          "\(directory.path): \(name): found a size of \(plain) bytes in \(compressed), which is not possible; the archive "
            + "is damaged."
        )
      }
      (compressedSize, size, offset) = (Int(compressed), Int(plain), Int(start))
    }

    /// The member's bytes, unpacked and with the checksum of the directory. - Throws: ``FileFormatError``.
    func content(of bytes: UnsafeRawBufferPointer, path: String) throws -> [UInt8] {
      guard offset <= bytes.count else { throw FileFormatError("\(path): \(name) begins behind the end; the archive is damaged.") }
      var reader = ByteReader(bytes, path: path, at: offset)
      guard try reader.integer(UInt32.self, "zip member") == 0x0403_4b50 else {
        throw FileFormatError("\(path): \(name) has no header where the directory says; the archive is damaged.")
      }
      try reader.skip(22, "zip member")
      let nameLength = Int(try reader.integer(UInt16.self, "zip member"))
      let extraLength = Int(try reader.integer(UInt16.self, "zip member"))
      try reader.skip(nameLength + extraLength, "zip member")
      let packed = try reader.take(compressedSize, "zip member")
      guard let content = method == 0 ? Array(packed) : Inflate.raw(packed, size: size) else {
        throw FileFormatError("\(path): \(name): the deflated bytes are damaged.")
      }
      guard content.count == size, content.withUnsafeBytes(Zip.checksum) == checksum else {
        throw FileFormatError("\(path): \(name): size or checksum is not that of the directory; the archive is damaged.")
      }
      return content
    }
  }

  /// CRC-32.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
