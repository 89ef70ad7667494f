// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// BART's arrays: `NAME.cfl` holds complex numbers in single precision, `NAME.hdr` their sizes as text.
///
/// BART counts up to 16 dimensions, the first fastest: (readout, phase 1, phase 2, coils, maps, …). Here the last axis is the
/// fastest, so the sizes stand in reverse and no number moves: BART's dimension d is axis −1 − d. k-space of 8 coils, 256 × 200
/// for BART with readout 256, is `[8, 1, 200, 256]`, that is `[coils, phase 2, phase 1, readout]`. Trailing dimensions of size 1 are
/// left out on reading, but for the first two; writing fills them up to 16.
public enum BARTFile {
  /// Number of dimensions BART counts.
  public static let dimensionLimit = 16
  private static let bytesPerNumber = 8
  /// What BART's dimensions are, the first first.
  public static let dimensionNames = [
    "readout", "phase 1", "phase 2", "coils", "maps", "echoes", "coefficients", "coefficients 2", "iterations", "shifts", "time",
    "time 2", "levels", "slices", "averages", "batches",
  ]

  /// Reads a pair of files; `path` names either of them, or both without extension. - Throws: ``FileFormatError``.
  public static func read(_ path: String) throws -> ComplexTensor {
    let names = names(path)
    let header = try readFile(names.header, limit: 1 << 20)
    let shape = try header.withUnsafeBytes { try self.shape($0, path: names.header) }
    try checkSize(shape, bytes: try fileSize(names.numbers), path: names.numbers)  // before anything is allocated
    return try readFile(names.numbers).withUnsafeBytes { try decode($0, shape: shape, path: names.numbers) }
  }

  /// Reads the bytes of the two files; `path` names them in errors.
  public static func read(header: Data, numbers: Data, path: String) throws -> ComplexTensor {
    let shape = try header.withUnsafeBytes { try self.shape($0, path: path) }
    return try numbers.withUnsafeBytes { try decode($0, shape: shape, path: path) }
  }

  /// Writes a pair of files, each atomically, the header last; numbers of double precision are rounded to single.
  ///
  /// A kill between the two leaves numbers that do not fit the old header, which reading refuses, unless both have one size.
  /// - Throws: ``FileFormatError`` for an empty array, over 16 axes, and a disk that refuses.
  public static func write(_ values: ComplexTensor, to path: String) throws {
    let names = names(path)
    guard !values.isShapelessZero, values.count > 0, values.shape.count <= dimensionLimit else {
      throw FileFormatError(
        "\(path): found an array of shape \(values.shape), expected 1 to \(dimensionLimit) axes and at least one number for BART.")
    }
    let sizes = values.shape.reversed() + [Int](repeating: 1, count: dimensionLimit - values.shape.count)
    try values.pairs.converted(to: .single).floats.withUnsafeBytes { try AtomicFile.write(Data($0), to: names.numbers) }
    let header = "# Dimensions\n" + sizes.map { "\($0) " }.joined() + "\n# Creator\nUnfold\n"
    try AtomicFile.write(Data(header.utf8), to: names.header)
  }

  static func isHeader(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: "# Dimensions".utf8) }

  private static func names(_ path: String) -> (header: String, numbers: String) {
    let isOne = ["cfl", "hdr"].contains(fileExtension(path))
    let base = isOne ? String(path.dropLast(4)) : path
    return (base + ".hdr", base + ".cfl")
  }

  // MARK: Decoding

  /// The sizes in the line after `# Dimensions`, in reverse.
  private static func shape(_ header: UnsafeRawBufferPointer, path: String) throws -> [Int] {
    let lines = header.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).lazy
    guard let title = lines.firstIndex(where: { $0.starts(with: "# Dimensions".utf8) }), lines.index(after: title) < lines.endIndex
    else { throw FileFormatError("\(path): found no line \"# Dimensions\", expected a header of BART; check the file.") }
    let line = String(decoding: lines[lines.index(after: title)].prefix(1000), as: UTF8.self)
    var sizes: [Int] = []
    for word in line.split(whereSeparator: { " \t\r".contains($0) }) {
      guard let size = Int(word), size > 0, sizes.count < dimensionLimit || size == 1 else {
        throw FileFormatError(
          "\(path): found the sizes \"\(line.prefix(80))\", expected up to \(dimensionLimit) whole numbers above 0; the header is "
            + "damaged.")
      }
      if sizes.count < dimensionLimit { sizes.append(size) }
    }
    guard !sizes.isEmpty else { throw FileFormatError("\(path): found no sizes below \"# Dimensions\"; the header is damaged.") }
    while sizes.count > 2, sizes.last == 1 { sizes.removeLast() }
    if sizes.count == 1 { sizes.append(1) }
    return sizes.reversed()
  }

  private static func checkSize(_ shape: [Int], bytes: Int, path: String) throws {
    let count = try checkedCount(shape, bytesPerElement: bytesPerNumber, available: bytes, "array", path: path)
    guard count * bytesPerNumber == bytes else {
      throw FileFormatError(
        "\(path): found \(bytes) bytes, expected \(count * bytesPerNumber) for the header's sizes \(shape); the two files do not "
          + "belong together.")
    }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, shape: [Int], path: String) throws -> ComplexTensor {
    try checkSize(shape, bytes: bytes.count, path: path)
    return ComplexTensor(pairs: ElementType.float32.decode(bytes, shape: shape + [2]))
  }
}
