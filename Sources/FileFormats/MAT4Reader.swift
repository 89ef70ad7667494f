// SPDX-License-Identifier: Apache-2.0
import Tensors

/// MATLAB's version 4: one matrix after another, each a header of five words, a name and numbers by columns.
///
/// The words: type `MOPT` as a decimal number, rows, columns, whether there are imaginary parts, bytes of the name. M is the machine
/// (0 little-endian, 1 big-endian, above it machines without IEEE numbers), O is 0, P the type of the numbers, T 0 for a full matrix, 1
/// for text and 2 for a sparse one. MathWorks, *MAT-File Format*.
enum MAT4Reader {
  private struct Header {
    var machine: Int
    var element: ElementType
    /// 0 full, 1 text, 2 sparse.
    var storage: Int
    var rows: Int
    var columns: Int
    var isComplex: Bool
    var nameSize: Int

    /// Nil for words that no matrix begins with.
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
      guard bytes.count - position >= 20 else { return nil }
      func words(swapped: Bool) -> [Int] {
        (0..<5).map {
          let word = bytes.loadUnaligned(fromByteOffset: position + 4 * $0, as: Int32.self).littleEndian
          return Int(swapped ? word.byteSwapped : word)
        }
      }
      var stored = words(swapped: false)
      if !(0..<5000 ~= stored[0]) { stored = words(swapped: true) }
      let type = stored[0]
      let types: [ElementType] = [.float64, .float32, .int32, .int16, .uint16, .uint8]
      guard 0..<5000 ~= type, type / 100 % 10 == 0, type / 10 % 10 < types.count, type % 10 <= 2, stored[1] >= 0, stored[2] >= 0,
        0...1 ~= stored[3], 1...512 ~= stored[4]
      else { return nil }
      (machine, element, storage) = (type / 1000, types[type / 10 % 10], type % 10)
      (rows, columns, isComplex, nameSize) = (stored[1], stored[2], stored[3] == 1, stored[4])
    }
  }

  /// A file has no mark: the first words are those of a matrix, and a name of printed characters with a zero behind it follows.
  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let header = Header(bytes, at: 0), bytes.count >= 20 + header.nameSize else { return false }
    let name = bytes[20..<20 + header.nameSize]
    let text = name.prefix { $0 != 0 }
    return !text.isEmpty && text.allSatisfy { 0x21...0x7e ~= $0 } && name.last == 0
      && name.dropFirst(text.count).allSatisfy { $0 == 0 }
  }

  static func parts(_ bytes: UnsafeRawBufferPointer, path: String) throws -> [MATPart] {
    var reader = ByteReader(bytes, path: path)
    var parts: [MATPart] = []
    while reader.remaining > 0 {
      guard let header = Header(bytes, at: reader.offset) else {
        throw FileFormatError("\(path): found no matrix at byte \(reader.offset), expected one; the file is cut off or damaged.")
      }
      guard header.machine <= 1 else {
        let machine = ["VAX (D)", "VAX (G)", "Cray"][header.machine - 2]
        throw FileFormatError(
          "\(path): found numbers of a \(machine), expected those of IEEE 754; load and save it with MATLAB on today's machines.")
      }
      try reader.skip(20, "header")
      let name = String(decoding: try reader.take(header.nameSize, "name").prefix { $0 != 0 }, as: UTF8.self)
      parts.append(try part(header, name, &reader))
      guard parts.count <= 100_000 else { throw FileFormatError("\(path): found over 100000 variables; the file is damaged.") }
    }
    return parts
  }

  private static func part(_ header: Header, _ name: String, _ reader: inout ByteReader) throws -> MATPart {
    let shape = [header.rows, header.columns]
    let size = header.element.size
    let count = try checkedCount(
      shape, bytesPerElement: size * (header.isComplex ? 2 : 1), available: reader.remaining, name, path: reader.path)
    func numbers(_ what: String) throws -> Tensor {
      header.element.decode(try reader.take(count * size, what), shape: [count], bigEndian: header.machine == 1)
    }
    let real = try numbers(name)
    let imaginary = header.isComplex ? try numbers(name) : nil
    switch header.storage {
    case 0: return MATPart(name, "\(header.element)", shape: shape, real: real, imaginary: imaginary)
    case 1: return MATPart(name, passedOver: "char", shape: shape)
    default: return try sparse(header, name, real, reader.path)
    }
  }

  /// Columns row, column (from 1), real and perhaps imaginary part; the last row holds the size.
  private static func sparse(_ header: Header, _ name: String, _ stored: Tensor, _ path: String) throws -> MATPart {
    let label = "\(path): \(name)"
    guard header.rows >= 1, 3...4 ~= header.columns, !header.isComplex else {
      throw FileFormatError(
        "\(label): found a sparse matrix of \(header.rows) × \(header.columns) numbers; expected three or four columns, the file is "
          + "damaged.")
    }
    func column(_ k: Int) -> [Double] { Array(stored.doubles[k * header.rows..<(k + 1) * header.rows]) }
    func indices(_ k: Int) throws -> [Int] {
      try SparseArray.integers(Tensor(column(k)), k == 0 ? "row" : "column", name: label)
    }
    let (rows, columns) = (try indices(0), try indices(1))
    let values = (2..<header.columns).map {
      Tensor(Array(column($0).dropLast())).converted(to: header.element.precision)
    }
    return try MATFile.sparse(
      name, rows: rows[header.rows - 1], columns: columns[header.rows - 1], rowIndices: rows.dropLast().map { $0 - 1 },
      columnIndices: columns.dropLast().map { $0 - 1 }, real: values[0], imaginary: values.count > 1 ? values[1] : nil, path: path)
  }
}
