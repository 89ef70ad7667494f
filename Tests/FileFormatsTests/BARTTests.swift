// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct BARTTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// i + 10 j + (100 + i/2) k of 3 × 2 × 1 × 2, made by BART 0.8.00 from `bart index` and `bart saxpy`.
  private static let numbers = """
    AAAAAAAAAAAAAIA/AAAAAAAAAEAAAAAAAAAgQQAAAAAAADBBAAAAAAAAQEEAAAAAAADIQgAAAD8AAMpCAAAAPwAAzEIAAAA/AADcQgAAAD8AAN5CAAAAPwAA4EIA
    AAA/
    """
  private static let header = """
    IyBEaW1lbnNpb25zCjMgMiAxIDIgMSAxIDEgMSAxIDEgMSAxIDEgMSAxIDEgCiMgQ29tbWFuZApzYXhweSAtLSAxMDArMC41aSBjMyBzMSBzIAojIEZpbGVzCiA+
    cyA8czEgPGMzCiMgQ3JlYXRvcgpCQVJUIHYwLjguMDAK
    """

  @Test func readsWhatBARTWrites() throws {
    _ = try folder.write(Self.header, as: "s.hdr")
    _ = try folder.write(Self.numbers, as: "s.cfl")
    for name in ["s", "s.cfl", "s.hdr"] {
      let values = try BARTFile.read(folder.file(name))
      #expect(values.shape == [2, 1, 2, 3] && values.precision == .single)
      let expected = (0..<12).flatMap { n in
        let (i, j, k) = (Float(n % 3), Float(n / 3 % 2), Float(n / 6))
        return [i + 10 * j + 100 * k, 0.5 * k]
      }
      #expect(values.pairs.floats == expected)
    }
    for name in ["s.cfl", "s.hdr"] {
      #expect(try FileKind.detect(folder.file(name)) == .bart)
      #expect(try readArrays(folder.file(name)).map(\.name) == ["s"])
    }
  }

  /// Read by `bart show` and `bart fft` of BART 0.8.00: the header's line is the one it writes.
  @Test func writtenThenReadIsBitExact() throws {
    for (shape, sizes, back) in [
      ([2, 1, 2, 3], "3 2 1 2", [2, 1, 2, 3]), ([5], "5 1 1 1", [1, 5]), ([], "1 1 1 1", [1, 1]),
      ([1, 1, 4, 1], "1 4 1 1", [4, 1]),
      ([Int](repeating: 1, count: 15) + [2], "2 1 1 1", [1, 2]), ([2] + [Int](repeating: 1, count: 15), "1 1 1 1", nil),
    ] as [([Int], String, [Int]?)] {
      var pairs = (0..<2 * shape.reduce(1, *)).map { Float($0) / 7 }
      pairs.replaceSubrange(0..<2, with: [-0.0, .nan])
      let values = ComplexTensor(pairs: Tensor(pairs, shape: shape + [2]))
      try BARTFile.write(values, to: folder.file("a"))
      let header = try String(contentsOfFile: folder.file("a.hdr"), encoding: .utf8).split(separator: "\n")
      #expect(header[0] == "# Dimensions" && header[1].hasPrefix(sizes) && header[1].split(separator: " ").count == 16)
      #expect(identical(try BARTFile.read(folder.file("a")).pairs, values.pairs.reshaped((back ?? shape) + [2])))
    }
    #expect(folder.names == ["a.cfl", "a.hdr"])
    try writeArrays([NamedArray(name: "x", value: Tensor([1, 2] as [Double], shape: [1, 2]))], to: folder.file("b.cfl"))
    #expect(try readArrays(folder.file("b.cfl"))[0].value.complex.pairs.floats == [1, 0, 2, 0])
  }

  @Test func whatCannotBeStoredIsRefused() {
    for shape in [[0, 3], [Int](repeating: 1, count: 17)] {
      #expect(throws: FileFormatError.self) {
        try BARTFile.write(ComplexTensor(pairs: .zeros(shape + [2])), to: folder.file("a.cfl"))
      }
    }
    #expect(throws: FileFormatError.self) { try BARTFile.write(.zero, to: folder.file("a.cfl")) }
    #expect(throws: FileFormatError.self) { try writeArrays([NamedArray(name: "a", value: Tensor.zero)], to: folder.file("a.cfl")) }
    #expect(folder.names.isEmpty)
  }

  /// Sizes that the numbers do not fill are refused before anything is allocated.
  @Test(arguments: [
    "", "# Dimensions", "# Dimensions\n", "# Dimensions\n\n3", "# Dimensions\n3 x", "# Dimensions\n3 -1", "# Dimensions\n0",
    "# Dimensions\n3 2 1 3", "# Dimensions\n3 2 1", "# Dimensions\n1099511627776 1099511627776", "# Dimensions\n1099511627776",
    "# Dimensions\n1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 12", "# Dimensions\n9223372036854775808",
  ]) func impossibleHeadersAreRefused(header: String) throws {
    try Data(header.utf8).write(to: URL(fileURLWithPath: folder.file("s.hdr")))
    _ = try folder.write(Self.numbers, as: "s.cfl")
    #expect(refusal(FileFormatError.self) { try BARTFile.read(folder.file("s")) }.contains(folder.path))
    #expect(throws: FileFormatError.self) {
      try BARTFile.read(header: Data(header.utf8), numbers: bytes(Self.numbers), path: "s")
    }
  }

  @Test func aMissingHalfIsRefused() throws {
    _ = try folder.write(Self.numbers, as: "s.cfl")
    #expect(throws: FileFormatError.self) { try BARTFile.read(folder.file("s.cfl")) }
    #expect(throws: FileFormatError.self) { try FileKind.detect(folder.file("missing.cfl")) }
  }
}
