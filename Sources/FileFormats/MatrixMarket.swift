// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Matrix Market's text files, plain or gzip: a first line `%%MatrixMarket matrix FORMAT FIELD SYMMETRY`, comments, sizes, one entry a line.
///
/// Read: `coordinate` (row, column, value, counted from 1; entries of one place are added) and `array` (all numbers, column by column); `real`,
/// `integer` and `pattern` (every entry 1); `general`, `symmetric` and `skew-symmetric`, of which the file has the lower triangle. Numbers are
/// in double precision. Complex and Hermitian matrices are refused. Boisvert, Pozo & Remington, NISTIR 5935 (1996).
public enum MatrixMarket {
  /// Reads a file. - Throws: ``FileFormatError``.
  public static func read(_ path: String) throws -> MatrixContents {
    try readFile(path).withUnsafeBytes { try decode($0, path: path) }
  }

  /// Reads a file's bytes; `path` names it in errors.
  public static func read(decoding data: Data, path: String) throws -> MatrixContents {
    try data.withUnsafeBytes { try decode($0, path: path) }
  }

  private static let mark = Array("%%matrixmarket".utf8)

  static func isBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if Gzip.isBeginning(bytes) { return Gzip.prefix(bytes, count: mark.count).map(lowercased) == mark }
    return bytes.prefix(mark.count).map(lowercased) == mark
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> MatrixContents {
    guard Gzip.isBeginning(bytes) else {
      var text = MatrixMarketText(bytes, path: path)
      return try text.matrix(fileBytes: bytes.count)
    }
    return try Inflate.zlib(bytes, windowBits: 31, limit: .max, path: path).withUnsafeBytes {
      var text = MatrixMarketText($0, path: path)
      return try text.matrix(fileBytes: bytes.count)
    }
  }

  fileprivate static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte + 0x20 : byte }
}

/// The lines of a file, read from the first to the last.
private struct MatrixMarketText {
  private enum Field { case real, integer, pattern }
  private enum Symmetry { case general, symmetric, skewSymmetric }

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private var position = 0
  /// Of the line read last.
  private var lineNumber = 0

  init(_ bytes: UnsafeRawBufferPointer, path: String) { (self.bytes, self.path) = (bytes, path) }

  private func error(_ what: String) -> FileFormatError { FileFormatError("\(path): line \(lineNumber): \(what)") }

  private func text(_ word: Range<Int>) -> String { String(decoding: bytes[word].prefix(30), as: UTF8.self) }

  /// The words of the next line that has some, in place of those of `words`; none at the end.
  private mutating func nextLine(_ words: inout [Range<Int>]) {
    words.removeAll(keepingCapacity: true)
    while position < bytes.count, words.isEmpty {
      lineNumber += 1
      var start = position
      while position < bytes.count, bytes[position] != 0x0a {
        if bytes[position] == 0x20 || bytes[position] == 0x09 || bytes[position] == 0x0d {
          if start < position { words.append(start..<position) }
          start = position + 1
        }
        position += 1
      }
      if start < position { words.append(start..<position) }
      position += 1
      if lineNumber > 1, let first = words.first, bytes[first.lowerBound] == 0x25 { words.removeAll(keepingCapacity: true) }
    }
  }

  mutating func matrix(fileBytes: Int) throws -> MatrixContents {
    var words: [Range<Int>] = []
    nextLine(&words)
    let header = words.map { String(decoding: bytes[$0].prefix(30).map(MatrixMarket.lowercased), as: UTF8.self) }
    guard header.count == 5, header[0] == "%%matrixmarket", header[1] == "matrix", ["coordinate", "array"].contains(header[2])
    else {
      throw error(
        "found \(header.prefix(6).joined(separator: " ")); expected %%MatrixMarket matrix, coordinate or array, field, symmetry.")
    }
    let fields: [String: Field] = ["real": .real, "double": .real, "integer": .integer, "pattern": .pattern]
    guard let field = fields[header[3]], header[2] != "array" || field != .pattern else {
      throw error(
        "found the field \(header[3]) of \(header[2]); expected real, integer or, of coordinate, pattern, convert the matrix.")
    }
    let symmetries: [String: Symmetry] = ["general": .general, "symmetric": .symmetric, "skew-symmetric": .skewSymmetric]
    guard let symmetry = symmetries[header[4]] else {
      throw error("found the symmetry \(header[4]); expected general, symmetric or skew-symmetric, convert the matrix.")
    }
    nextLine(&words)
    let count = header[2] == "array" ? 2 : 3
    let sizes = words.compactMap { integer($0) }
    guard words.count == count, sizes.count == count else {
      throw error(
        "found \(words.isEmpty ? "no sizes" : "the sizes \(words.prefix(4).map(text).joined(separator: " "))"); expected "
          + (count == 2 ? "rows and columns." : "rows, columns and entries."))
    }
    try SparseArray.checkSize(sizes[0], sizes[1], bytes: fileBytes, name: path)
    guard symmetry == .general || sizes[0] == sizes[1] else {
      throw error("found a \(header[4]) matrix of \(sizes[0]) × \(sizes[1]); expected as many rows as columns.")
    }
    return count == 2
      ? .dense(.real(try array(sizes[0], sizes[1], symmetry)))
      : .sparse(try coordinates(sizes[0], sizes[1], entries: sizes[2], field, symmetry))
  }

  private mutating func coordinates(
    _ rows: Int, _ columns: Int, entries: Int, _ field: Field, _ symmetry: Symmetry
  ) throws -> SparseArray {
    guard entries >= 0 else { throw error("found \(entries) entries; expected their number.") }
    var (rowIndices, columnIndices, values) = ([Int32](), [Int32](), [Double]())
    // An entry takes four bytes at least.
    let likely = min(entries, (bytes.count - position) / 4 + 1) * (symmetry == .general ? 1 : 2)
    rowIndices.reserveCapacity(likely)
    columnIndices.reserveCapacity(likely)
    values.reserveCapacity(likely)
    var words: [Range<Int>] = []
    for k in 0..<entries {
      nextLine(&words)
      if words.isEmpty { throw tooFew(k, entries) }
      guard words.count == (field == .pattern ? 2 : 3), let i = integer(words[0]), let j = integer(words[1]) else {
        throw error(
          "found \(words.prefix(4).map(text).joined(separator: " ")); expected row, column\(field == .pattern ? "" : " and value")."
        )
      }
      guard (1...rows).contains(i), (1...columns).contains(j) else {
        throw error("found row \(i), column \(j); expected rows from 1 to \(rows) and columns from 1 to \(columns).")
      }
      let value = field == .pattern ? 1 : try value(words[2], row: i, column: j)
      rowIndices.append(Int32(i - 1))
      columnIndices.append(Int32(j - 1))
      values.append(value)
      if symmetry == .general { continue }
      guard i > j || i == j && symmetry == .symmetric else {
        throw error("found row \(i), column \(j); expected entries below the diagonal, the others follow by symmetry.")
      }
      if i > j {
        rowIndices.append(Int32(j - 1))
        columnIndices.append(Int32(i - 1))
        values.append(symmetry == .symmetric ? value : 0 - value)
      }
    }
    try expectEnd(entries)
    return try SparseArray(
      rows: rows, columns: columns, rowIndices: rowIndices, columnIndices: columnIndices, values: Tensor(values), name: path)
  }

  private mutating func array(_ rows: Int, _ columns: Int, _ symmetry: Symmetry) throws -> Tensor {
    func first(_ j: Int) -> Int {
      switch symmetry {
      case .general: 0
      case .symmetric: j
      case .skewSymmetric: j + 1
      }
    }
    let (size, isTooLarge) = rows.multipliedReportingOverflow(by: columns)
    let entries: Int =
      switch symmetry {
      case .general: size
      case .symmetric: size / 2 + (rows + 1) / 2
      case .skewSymmetric: size / 2 - rows / 2
      }
    guard !isTooLarge, entries <= (bytes.count - position + 1) / 2 else {  // a number and the end of its line
      throw error(
        "found \(bytes.count - position) bytes for a matrix of \(rows) × \(columns); expected a number a line, the file is cut off or "
          + "damaged.")
    }
    var values = [Double](repeating: 0, count: size)
    var (words, k) = ([Range<Int>](), 0)
    for j in 0..<columns {
      for i in first(j)..<max(rows, first(j)) {
        nextLine(&words)
        if words.isEmpty { throw tooFew(k, entries) }
        guard words.count == 1 else {
          throw error("found \(words.prefix(4).map(text).joined(separator: " ")); expected one number a line.")
        }
        let value = try value(words[0], row: i + 1, column: j + 1)
        values[i * columns + j] = value
        if symmetry != .general, i != j { values[j * columns + i] = symmetry == .symmetric ? value : 0 - value }
        k += 1
      }
    }
    try expectEnd(entries)
    return Tensor(values, shape: [rows, columns])
  }

  private func tooFew(_ found: Int, _ expected: Int) -> FileFormatError {
    FileFormatError("\(path): found \(found) entries; expected \(expected) as the sizes say, the file is cut off or damaged.")
  }

  private mutating func expectEnd(_ entries: Int) throws {
    var words: [Range<Int>] = []
    nextLine(&words)
    guard words.isEmpty else { throw error("found more than the \(entries) entries that the sizes say; the file is damaged.") }
  }

  // MARK: Numbers

  private func integer(_ word: Range<Int>) -> Int? {
    var (value, place) = (0, word.lowerBound)
    let isNegative = bytes[place] == 0x2d
    if isNegative || bytes[place] == 0x2b { place += 1 }
    guard place < word.upperBound, word.upperBound - place <= 18 else { return nil }
    while place < word.upperBound {
      guard case let digit = bytes[place] &- 0x30, digit < 10 else { return nil }
      value = 10 * value + Int(digit)
      place += 1
    }
    return isNegative ? -value : value
  }

  private func value(_ word: Range<Int>, row: Int, column: Int) throws -> Double {
    guard let value = decimal(word) ?? Double(String(decoding: bytes[word], as: UTF8.self)) else {
      throw error("found \(text(word)) in row \(row), column \(column); expected a number.")
    }
    guard value.isFinite else { throw error("found \(value) in row \(row), column \(column); expected finite numbers.") }
    return value
  }

  private static let powers: [Double] = (0...22).map { (0..<$0).reduce(1) { power, _ in 10 * power } }

  /// A decimal number of at most 15 digits and a power of ten up to 22, which one product or quotient of exact numbers rounds correctly; nil for
  /// any other.
  private func decimal(_ word: Range<Int>) -> Double? {
    var (place, end) = (word.lowerBound, word.upperBound)
    let isNegative = bytes[place] == 0x2d
    if isNegative || bytes[place] == 0x2b { place += 1 }
    var exponent = 0
    if let e = bytes[place..<end].firstIndex(where: { $0 == 0x65 || $0 == 0x45 }) {
      guard e + 1 < end, let stated = integer(e + 1..<end), abs(stated) < 1000 else { return nil }
      (exponent, end) = (stated, e)
    }
    var (digits, mantissa, isFraction) = (0, 0, false)
    while place < end {
      let byte = bytes[place]
      if byte == 0x2e {
        if isFraction { return nil }
        isFraction = true
      } else {
        guard case let digit = byte &- 0x30, digit < 10, digits < 15 else { return nil }
        mantissa = 10 * mantissa + Int(digit)
        digits += 1
        if isFraction { exponent -= 1 }
      }
      place += 1
    }
    guard digits > 0, abs(exponent) <= 22 else { return nil }
    let magnitude = exponent < 0 ? Double(mantissa) / Self.powers[-exponent] : Double(mantissa) * Self.powers[exponent]
    return isNegative ? -magnitude : magnitude
  }
}
