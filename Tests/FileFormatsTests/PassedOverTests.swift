// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// What MATLAB's files hold beside arrays, written byte by byte after MathWorks' *MAT-File Format*.
@Suite struct PassedOverTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private static func word(_ value: UInt32, _ isBig: Bool) -> [UInt8] {
    let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0) }
    return isBig ? bytes.reversed() : bytes
  }

  /// An element of version 5, padded to 8 bytes.
  private func element(_ type: UInt32, _ content: [UInt8]) -> [UInt8] {
    Self.word(type, false) + Self.word(UInt32(content.count), false) + content
      + [UInt8](repeating: 0, count: (8 - content.count % 8) % 8)
  }

  private func version5(_ variables: [[UInt8]]) throws -> String {
    let header = Array("MATLAB 5.0 MAT-file".utf8) + [UInt8](repeating: 0x20, count: 105) + [0, 1, 0x49, 0x4d]
    let path = folder.file("a.mat")
    try Data(header + variables.flatMap { element(14, $0) }).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func flags(_ code: UInt32) -> [UInt8] { element(6, Self.word(code, false) + Self.word(0, false)) }
  private func doubles(_ values: [Double]) -> [UInt8] { values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } } }

  /// 1, 2, 3 with sizes of other types of integers: miUINT32 is 6, miINT16 3, miUINT8 2, miINT64 12.
  @Test(
    arguments: [
      (UInt32(5), [1, 0, 0, 0, 3, 0, 0, 0]), (6, [1, 0, 0, 0, 3, 0, 0, 0]), (3, [1, 0, 3, 0]), (2, [1, 3]),
      (12, [1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]),
    ] as [(UInt32, [UInt8])]) func sizesOfAnyIntegers(type: UInt32, size: [UInt8]) throws
  {
    let path = try version5([flags(6) + element(type, size) + element(1, Array("x".utf8)) + element(9, doubles([1, 2, 3]))])
    let arrays = try MATFile.read(path)
    #expect(arrays.map(\.name) == ["x"] && arrays[0].value.real == Tensor([1, 2, 3] as [Double], shape: [1, 3]))
  }

  @Test func objectsHandlesAndSubsystemDataBesideNumbers() throws {
    let one = element(5, [1, 0, 0, 0, 1, 0, 0, 0])
    func name(_ text: String) -> [UInt8] { element(1, Array(text.utf8)) }
    let path = try version5([
      flags(17) + name("words") + name("MCOS") + name("string") + element(14, flags(13) + one + name("")),
      flags(6) + one + name("x") + element(9, doubles([7])),
      flags(16) + one + name("f") + element(14, []),
      flags(9) + one + name("") + element(2, [1]),
    ])
    let (arrays, remarks) = try Remarks.collected { try MATFile.read(path) }
    #expect(arrays.map(\.name) == ["x"] && arrays[0].value.real?.doubles == [7])
    #expect(
      remarks == [
        "\(path): passed over: words (string), f (function_handle), (without a name) (subsystem data of objects and function handles)"
      ])
  }

  /// One variable that cannot be read does not close the file; the only one does.
  @Test func damagedVariablesBesideOthers() throws {
    let one = element(5, [1, 0, 0, 0, 1, 0, 0, 0])
    let whole = flags(6) + one + element(1, Array("x".utf8)) + element(9, doubles([7]))
    let cut = flags(6) + element(5, [9, 0, 0, 0, 9, 0, 0, 0]) + element(1, Array("y".utf8)) + element(9, doubles([7]))
    let path = try version5([cut, whole])
    let (arrays, remarks) = try Remarks.collected { try MATFile.read(path) }
    #expect(arrays.map(\.name) == ["x"] && remarks.contains("\(path): passed over: variable 1 (cannot be read)"), "\(remarks)")
    #expect(refusal(FileFormatError.self) { try MATFile.read(version5([cut])) }.contains("y"))
    // An archive whose second member does not fit its checksum: the last number of its array is another.
    let archive = folder.file("a.npz")
    let both = [NamedArray(name: "a", value: Tensor([1, 2] as [Double])), NamedArray(name: "b", value: Tensor([3.25]))]
    try NPZ.write(both, to: archive)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: archive))
    let place = try #require(bytes.range(of: Data(doubles([3.25]))))
    bytes[place.lowerBound] ^= 1
    try bytes.write(to: URL(fileURLWithPath: archive))
    let (rest, said) = try Remarks.collected { try NPZ.read(archive) }
    #expect(rest.map(\.name) == ["a"] && said.contains("\(archive): passed over: b (cannot be read)"), "\(said)")
  }

  /// MATLAB stores the entries of a logical sparse matrix as bytes and calls them doubles (9), as SciPy's logical_sparse.mat shows: ones at
  /// (1, 1) and (2, 2).
  @Test func logicalSparse() throws {
    func words(_ values: [UInt32]) -> [UInt8] { values.flatMap { Self.word($0, false) } }
    let path = try version5([
      flags(0x205) + element(5, words([2, 2])) + element(1, Array("S".utf8)) + element(5, words([0, 1]))
        + element(5, words([0, 1, 2]))
        + element(9, [1, 1])
    ])
    #expect(try MATFile.read(path)[0].value.real?.floats == [1, 0, 0, 1])
  }

  /// 2 × 2 by columns, complex; text beside it; a sparse matrix 2 × 3 of 5 at (2, 3). M of `MOPT` is 1 for big-endian.
  @Test(arguments: [false, true]) func version4(isBig: Bool) throws {
    func matrix(_ type: UInt32, _ rows: UInt32, _ columns: UInt32, _ isComplex: UInt32, _ name: String, _ values: [Double])
      -> [UInt8]
    {
      [(isBig ? 1000 : 0) + type, rows, columns, isComplex, UInt32(name.utf8.count + 1)].flatMap { Self.word($0, isBig) }
        + Array(name.utf8) + [0]
        + values.flatMap { value in isBig ? doubles([value]).reversed() : doubles([value]) }
    }
    let bytes =
      matrix(0, 2, 2, 1, "z", [1, 2, 3, 4, 5, 6, 7, 8]) + matrix(1, 1, 2, 0, "t", [65, 66])
      + matrix(2, 2, 3, 0, "S", [2, 2, 3, 3, 5, 0])
    let path = folder.file("a.mat")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let (found, remarks) = try Remarks.collected { try MatrixFile.contents(path) }
    #expect(found.map(\.name) == ["z", "S"])
    guard case .dense(let z) = found[0].contents else {
      Issue.record("z is full")
      return
    }
    let pairs = z.complex.pairs
    #expect(z.shape == [2, 2] && pairs.doubles == [1, 5, 3, 7, 2, 6, 4, 8])
    guard case .sparse(let sparse) = found[1].contents else {
      Issue.record("S is sparse")
      return
    }
    #expect(sparse.rows == 2 && sparse.columns == 3 && sparse.dense.doubles == [0, 0, 0, 0, 0, 5])
    #expect(remarks == ["\(path): passed over: t (char)"])
    var vax = bytes
    vax.replaceSubrange(0..<4, with: Self.word(2000, isBig))
    try Data(vax).write(to: URL(fileURLWithPath: path))
    #expect(throws: FileFormatError.self) { try MATFile.read(path) }
  }

  @Test func textObjectsAndStructuresInAnArchive() throws {
    let path = try folder.write(PassedOverFixture.npz, as: "a.npz")
    let (arrays, remarks) = try Remarks.collected { try readArrays(path) }
    #expect(arrays.map(\.name) == ["image"] && arrays[0].value.real?.doubles == [1, 2])
    #expect(remarks == ["\(path): passed over: name (text), what (objects), table (structures)"])
  }

  @Test func plainValuesBesideTensors() throws {
    let path = try folder.write(PassedOverFixture.torch, as: "a.pt")
    let (arrays, remarks) = try Remarks.collected { try readArrays(path) }
    #expect(arrays.map(\.name) == ["x"] && arrays[0].value.real == nil && arrays[0].value.stored.floats == [1, 2, 3, -4])
    #expect(remarks.count == 1)
    for name in ["counter", "args (argparse.Namespace)", "scalar", "array", "names", "bytes", "type (torch.float32)", "epoch"] {
      #expect(remarks.first?.contains(name) == true, "\(name): \(remarks)")
    }
  }

  @Test func complexCompoundsOfAnyNames() throws {
    let path = try folder.write(PassedOverFixture.hdf5, as: "a.h5")
    let (arrays, remarks) = try Remarks.collected { try readArrays(path) }
    #expect(arrays.map(\.name) == ["half", "k"] && arrays.allSatisfy { $0.value.real == nil })
    #expect(arrays.map(\.value.stored.floats) == [[1, 2], [1, 2, 3, -4]])
    #expect(remarks == ["\(path): passed over: o (opaque), t (text)"])
  }
}
