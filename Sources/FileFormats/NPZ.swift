// SPDX-License-Identifier: Apache-2.0
import CZlib
import Foundation
import Tensors

/// NumPy's archive of arrays: a zip file whose members are `NAME.npy`.
///
/// Read: stored and deflated members, with or without the 64-bit extension. Written: stored, in the order given, without times, so
/// that equal content gives equal bytes.
public enum NPZ {
  /// Reads every array, in the order of the archive's directory. - Throws: ``FileFormatError``.
  public static func read(_ path: String) throws -> [NamedArray] {
    try readFile(path).withUnsafeBytes { try decode($0, path: path) }
  }

  /// Reads an archive's bytes; `path` names it in errors.
  public static func read(decoding data: Data, path: String) throws -> [NamedArray] {
    try data.withUnsafeBytes { try decode($0, path: path) }
  }

  /// Writes an archive atomically.
  ///
  /// - Throws: ``FileFormatError`` when a name occurs twice, the archive would pass 4 GiB, or the disk refuses.
  public static func write(_ arrays: [NamedArray], to path: String) throws {
    try checkStorable(arrays, path: path)
    try AtomicFile.write(encode(arrays, path: path), to: path)
  }

  private static func encode(_ arrays: [NamedArray], path: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    guard arrays.count < 0xffff else {
      throw FileFormatError("\(path): found \(arrays.count) arrays, expected fewer than 65535; use safetensors.")
    }
    for array in arrays {
      let content = NPY.encode(array.value)
      let name = Array((array.name + ".npy").utf8)
      guard name.count <= 0xffff, content.count + bytes.count < 0xffff_0000 else {
        throw FileFormatError(
          "\(path): the archive or the name of \(String(array.name.prefix(40))) is too large, expected at most 4 GiB; use "
            + "safetensors."
        )
      }
      var common: [UInt8] = []  // what the local header and the directory share: version, UTF-8 flag, stored, 1 January 1980, sizes
      for field in [20, 0x800, 0, 0, 0x21] as [UInt16] { common.append(littleEndian: field) }
      common.append(littleEndian: content.withUnsafeBytes(crc))
      common.append(littleEndian: UInt32(content.count))
      common.append(littleEndian: UInt32(content.count))
      common.append(littleEndian: UInt16(name.count))
      common.append(littleEndian: UInt16(0))
      directory.append(littleEndian: UInt32(0x0201_4b50))
      directory.append(littleEndian: UInt16(20))
      directory += common
      directory += [UInt8](repeating: 0, count: 10)
      directory.append(littleEndian: UInt32(bytes.count))
      directory += name
      bytes.append(littleEndian: UInt32(0x0403_4b50))
      bytes += common + name + content
    }
    let start = bytes.count
    bytes += directory
    bytes.append(littleEndian: UInt32(0x0605_4b50))
    bytes += [0, 0, 0, 0]
    bytes.append(littleEndian: UInt16(arrays.count))
    bytes.append(littleEndian: UInt16(arrays.count))
    bytes.append(littleEndian: UInt32(directory.count))
    bytes.append(littleEndian: UInt32(start))
    bytes += [0, 0]
    return bytes
  }

  private static func crc(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  // MARK: Reading

  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedArray] {
    var names: Set<String> = []
    return try members(bytes, path: path).compactMap { member in
      guard member.name.hasSuffix(".npy") else { return nil }
      let name = String(member.name.dropLast(4))
      guard names.insert(name).inserted else {
        throw FileFormatError("\(path): two arrays are named \(name); the archive is damaged.")
      }
      let content = try member.content(of: bytes, path: path)
      return NamedArray(name: name, value: try content.withUnsafeBytes { try NPY.decode($0, path: "\(path): \(name)") })
    }
  }

  /// The zip directory.
  private static func members(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [Member] {
    let notZip = FileFormatError("\(path): found no zip directory at the end; not an NPZ file, or cut off.")
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

  private struct Member {
    var name: String
    var method: UInt16
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var offset: Int

    init(_ directory: inout ByteReader) throws {
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
            + "deflated; save it again with numpy.savez."
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
        throw FileFormatError("\(path): \(name): the deflated numbers are damaged.")
      }
      guard content.count == size, content.withUnsafeBytes(NPZ.crc) == checksum else {
        throw FileFormatError("\(path): \(name): size or checksum is not that of the directory; the archive is damaged.")
      }
      return content
    }
  }
}
