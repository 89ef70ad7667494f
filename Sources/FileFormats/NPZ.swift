// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// NumPy's archive of arrays: a zip file whose members are `NAME.npy`.
///
/// Read: stored and deflated members, with or without the 64-bit extension; sparse matrices of SciPy; text, objects and structures
/// are passed over, with a remark that names them. Written: stored, in the order given, without times, so that equal content gives equal bytes.
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
      common.append(littleEndian: content.withUnsafeBytes(Zip.checksum))
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

  // MARK: Reading

  /// The arrays; a sparse matrix is written out.
  static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedArray] {
    try matrices(bytes, path: path).dense(path: path)
  }

  /// The full arrays; members of text, objects and structures are passed over.
  static func arrays(_ members: [Zip.Member], _ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedMatrix] {
    var names: Set<String> = []
    var passedOver = PassedOver()
    var found: [NamedMatrix] = []
    for member in members {
      guard member.name.hasSuffix(".npy") else {
        if !member.name.hasSuffix("/") { passedOver.add(member.name, "no array") }
        continue
      }
      let name = String(member.name.dropLast(4))
      guard names.insert(name).inserted else {
        throw FileFormatError("\(path): two arrays are named \(name); the archive is damaged.")
      }
      do {
        try member.content(of: bytes, path: path).withUnsafeBytes { content in
          if let type = try NPY.otherType(content, path: "\(path): \(name)") {
            passedOver.add(name, type)
          } else {
            found.append(NamedMatrix(name: name, contents: .dense(try NPY.decode(content, path: "\(path): \(name)"))))
          }
        }
      } catch let error as FileFormatError {
        passedOver.add(name, error)
      }
    }
    try passedOver.check(isOnly: found.isEmpty)
    passedOver.note(path)
    return found
  }
}
