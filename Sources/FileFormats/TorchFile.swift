// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// PyTorch's checkpoints as `torch.save` writes them: the stream of the versions before 1.6 and the zip archive since.
///
/// Read: every tensor in nested dictionaries, lists and tuples, in the order of the file, under its keys joined by dots (`module.` of
/// parallel training stays); a tensor alone has the file's name without folder and extension, a storage alone is a vector. Types:
/// float16, bfloat16, float32, float64, complex numbers of the same, bool and integers, in the precisions of NPY. Views of a storage are
/// read as they are, with any strides. Numbers, text, arrays of NumPy, namespaces, types and other plain values beside tensors are
/// passed over, with a remark that names them. Nothing is run: a whole model, or any other object, is refused by name.
///
/// Bounds: 2²¹ instructions, 64 levels, names of 512 bytes; what distinct views take, at most 4 times the storages and 256 KiB.
public enum TorchFile {
  /// Reads a file. - Throws: ``FileFormatError``.
  public static func read(_ path: String) throws -> [NamedArray] {
    try readFile(path).withUnsafeBytes { try decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public static func read(decoding data: Data, path: String) throws -> [NamedArray] {
    try data.withUnsafeBytes { try decode($0, path: path) }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedArray] {
    if isStream(bytes) { return try stream(bytes, path: path) }
    guard isArchive(bytes) else {
      throw FileFormatError("\(path): the first bytes are not those of a PyTorch checkpoint; check the file.")
    }
    return try archive(bytes, path: path)
  }

  // MARK: Containers

  /// Begins with the number 0x1950a86a20f9469cfc6c as a pickle of its own.
  static func isStream(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.starts(with: "L119547037146038801333356L\n.".utf8) { return true }
    guard bytes.count > 11, bytes[0] == 0x80 else { return false }
    let number: [UInt8] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    return bytes.dropFirst(bytes[2] == 0x95 ? 11 : 2).starts(with: number)  // protocols 4 and 5 put a frame around it
  }

  /// A zip archive whose first member lies in a folder and is no array of NumPy.
  static func isArchive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.starts(with: [0x50, 0x4b, 0x03, 0x04]), bytes.count > 30 else { return false }
    let length = Int(bytes.loadUnaligned(fromByteOffset: 26, as: UInt16.self).littleEndian)
    let name = bytes.dropFirst(30).prefix(length)
    return name.contains(UInt8(ascii: "/")) && !name.suffix(4).elementsEqual(".npy".utf8)
  }

  private static func stream(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedArray] {
    var reader = ByteReader(bytes, path: path)
    _ = try Pickle(&reader)
    guard try Pickle(&reader).root == .integer(1001) else {
      throw FileFormatError("\(path): found another version of PyTorch's stream, expected 1001; save it again with torch.save.")
    }
    // The types of the machine that wrote it. The numbers of a stream are little-endian on any machine.
    _ = try Pickle(&reader)
    var tensors = try TorchTensors(Pickle(&reader, allowing: TorchTensors.globals), path: path)
    let keys = try Pickle(&reader)
    for case .text(let key) in keys.elements(keys.root) ?? [] {
      guard let (count, size) = tensors.extent(of: key), try reader.integer(Int64.self, "storage \(key)") == Int64(count) else {
        throw FileFormatError("\(path): storage \(key) is not as the tensors say; the file is damaged.")
      }
      try tensors.fill(key, Array(reader.take(count * size, "storage \(key)")))
    }
    if reader.remaining > 0 { Remarks.note("\(path): found \(reader.remaining) bytes behind the tensors, they are passed over") }
    return try tensors.arrays()
  }

  private static func archive(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [NamedArray] {
    var members: [String: Zip.Member] = [:]
    for member in try Zip.members(bytes, path: path) {
      guard members.updateValue(member, forKey: member.name) == nil else {
        throw FileFormatError("\(path): two members are named \(member.name); the archive is damaged.")
      }
    }
    guard let pickled = members.values.first(where: { $0.name.hasSuffix("/data.pkl") && $0.name.count { $0 == "/" } == 1 }) else {
      throw FileFormatError("\(path): found a zip archive without data.pkl, expected one of torch.save; choose another file.")
    }
    let folder = pickled.name.dropLast("data.pkl".count)
    var isBigEndian = false
    if let order = try members[folder + "byteorder"]?.content(of: bytes, path: path) {
      isBigEndian = order.elementsEqual("big".utf8)
      guard isBigEndian || order.elementsEqual("little".utf8) else {
        throw FileFormatError("\(path): found an unknown order of bytes, expected little or big; the archive is damaged.")
      }
    }
    let pickle = try pickled.content(of: bytes, path: path).withUnsafeBytes { content in
      var reader = ByteReader(content, path: path)
      return try Pickle(&reader, allowing: TorchTensors.globals)
    }
    var tensors = try TorchTensors(pickle, path: path, isBigEndian: isBigEndian)
    for key in tensors.keys {
      guard let member = members[folder + "data/" + key] else {
        throw FileFormatError("\(path): found no storage \(key), expected one in the archive; it is damaged.")
      }
      try tensors.fill(key, try member.content(of: bytes, path: path))
    }
    return try tensors.arrays()
  }
}
