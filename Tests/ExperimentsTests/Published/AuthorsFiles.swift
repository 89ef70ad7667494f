// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport

extension Folder {
  /// A state dictionary as `torch.save` of the versions before 1.6 writes it, a stream of pickles and then the storages; float32.
  func writeTorch(_ weights: [(name: String, value: Tensor)], to name: String) throws -> String {
    var bytes: [UInt8] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, UInt8(ascii: ".")]
    func put(_ text: String) { bytes += Array(text.utf8) }
    func word(_ value: Int) { withUnsafeBytes(of: Int32(value).littleEndian) { bytes += $0 } }
    func string(_ text: String) {
      put("X")
      word(text.utf8.count)
      put(text)
    }
    func integers(_ values: [Int]) {
      put("(")
      for value in values {
        put("J")
        word(value)
      }
      put("t")
    }
    let dictionary = "ccollections\nOrderedDict\n)R"
    bytes += [0x80, 2, UInt8(ascii: "M"), 0xe9, 3, UInt8(ascii: ".")]  // 1001
    bytes += [0x80, 2]
    put("}(")
    string("little_endian")
    bytes.append(0x88)
    put("u.")
    bytes += [0x80, 2]
    put(dictionary + "(")
    for (k, weight) in weights.enumerated() {
      let shape = weight.value.shape
      string(weight.name)
      put("ctorch._utils\n_rebuild_tensor_v2\n((")
      string("storage")
      put("ctorch\nFloatStorage\n")
      string("\(k)")
      string("cpu")
      put("J")
      word(weight.value.count)
      put("NtQJ")
      word(0)
      integers(shape)
      integers(shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
      bytes.append(0x89)
      put(dictionary + "tR")
    }
    put("u.")
    bytes += [0x80, 2]
    put("](")
    for k in weights.indices { string("\(k)") }
    put("e.")
    for weight in weights {
      withUnsafeBytes(of: Int64(weight.value.count).littleEndian) { bytes += $0 }
      weight.value.converted(to: .single).floats.withUnsafeBytes { bytes += $0 }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// `net.layers{k}.type` and `net.layers{k}.weights{j}` in a MAT-file of version 5, as the program of Deep ADMM-Net keeps its network.
  func writeLayers(_ layers: [(type: String, weights: [Tensor])], to name: String) throws -> String {
    let cells = layers.map { layer in
      MATPart.structure([
        ("type", .text(layer.type)), ("weights", .cells(layer.weights.map { .numbers($0) })),
      ])
    }
    var header = Array("MATLAB 5.0 MAT-file".utf8)
    header += [UInt8](repeating: 0x20, count: 124 - header.count) + [0, 1] + Array("IM".utf8)
    let bytes = header + MATPart.structure([("layers", .cells(cells))]).encoded("net")
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// A part of a MAT-file of version 5.
private indirect enum MATPart {
  case numbers(Tensor)
  case text(String)
  case cells([MATPart])
  case structure([(name: String, part: MATPart)])

  func encoded(_ name: String = "") -> [UInt8] {
    let (kind, size): (Int, [Int]) =
      switch self {
      case .numbers(let x): (6, x.shape)
      case .text(let text): (4, [1, text.utf8.count])
      case .cells(let parts): (1, [1, parts.count])
      case .structure: (2, [1, 1])
      }
    var content = Self.element(6, Self.words([kind, 0])) + Self.element(5, Self.words(size)) + Self.element(1, Array(name.utf8))
    switch self {
    case .numbers(let x):
      let columns = x.transposed.doubles  // MATLAB's order
      content += Self.element(9, columns.withUnsafeBytes { Array($0) })
    case .text(let text): content += Self.element(4, text.utf8.flatMap { [$0, 0] })
    case .cells(let parts): for part in parts { content += part.encoded() }
    case .structure(let fields):
      content += Self.words([4 << 16 | 5, 32])  // names of 32 bytes
      content += Self.element(
        1, fields.flatMap { Array($0.name.utf8) + [UInt8](repeating: 0, count: 32 - $0.name.utf8.count) })
      for field in fields { content += field.part.encoded() }
    }
    return Self.element(14, content)
  }

  private static func words(_ values: [Int]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: Int32(value).littleEndian) { Array($0) } }
  }

  private static func element(_ type: Int, _ content: [UInt8]) -> [UInt8] {
    words([type, content.count]) + content + [UInt8](repeating: 0, count: (8 - content.count % 8) % 8)
  }
}
