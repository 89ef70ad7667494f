// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

private func decode(_ base64: String) throws -> NumericArray { try NPY.read(decoding: bytes(base64), path: "a.npy") }
private let eighths = Tensor([0, 0.125, 0.25, 0.375, 0.5, 0.625] as [Double], shape: [2, 3])

@Suite struct NumPyTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func readsWhatNumPyWrites() throws {
    func expectReal(_ fixture: String, _ tensor: Tensor, _ comment: Comment) throws {
      #expect(identical(try #require(try decode(fixture).real), tensor), comment)
    }
    try expectReal(ArrayFixture.npyFloat64, eighths, "float64")
    try expectReal(ArrayFixture.npyFortran, Tensor((0..<24).map(Float.init), shape: [2, 3, 4]), "Fortran order")
    try expectReal(ArrayFixture.npyBool, Tensor([1, 0] as [Float], shape: [2, 1]), "bool")
    try expectReal(ArrayFixture.npyBigEndian, Tensor([1, -2, 1_099_511_627_776] as [Double]), "big-endian")
    try expectReal(ArrayFixture.npyBigFloat, Tensor([0.1, -0.5] as [Float]), "big-endian float")
    try expectReal(ArrayFixture.npyScalar, Tensor([0.1] as [Float], shape: []), "scalar")
    try expectReal(ArrayFixture.npyVersion2, Tensor([1.5] as [Float]), "version 2")
    try expectReal(ArrayFixture.npyVersion3, Tensor([255, 0] as [Float]), "version 3")
    try expectReal(ArrayFixture.npyEmpty, Tensor([] as [Float], shape: [0, 5]), "empty")
    try expectReal(ArrayFixture.npyUInt64, Tensor([9_223_372_036_854_775_808, 1] as [Double]), "uint64")
    let complex = try decode(ArrayFixture.npyComplexFortran).complex
    #expect(
      complex.shape == [2, 3] && complex.real.floats == [0, 1, 2, 3, 4, 5] && complex.imaginary.floats == [5, 4, 3, 2, 1, 0])
    let double = try decode(ArrayFixture.npyComplex128).complex
    #expect(double.imaginary.doubles == [2, -1] && double.real[flat: 0] == 1 && double.real[flat: 1].isNaN)
  }

  @Test(arguments: [ArrayFixture.npyText, ArrayFixture.npyStructured]) func refusesWhatIsNoNumber(fixture: String) {
    #expect(throws: FileFormatError.self) { try decode(fixture) }
  }

  /// The header NumPy writes, byte for byte, and the numbers behind it.
  @Test func bytesEqualNumPys() throws {
    let path = folder.file("a.npy")
    for fixture in [
      ArrayFixture.npyFloat64, ArrayFixture.npyComplex128, ArrayFixture.npyScalar, ArrayFixture.npyEmpty,
    ] {
      try NPY.write(decode(fixture), to: path)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes(fixture))
    }
  }

  @Test func writtenThenReadIsBitExact() throws {
    let path = folder.file("a.npy")
    let single = Tensor([.nan, -0.0, .infinity, .leastNonzeroMagnitude, .pi, 1] as [Float], shape: [1, 3, 2])
    try NPY.write(single, to: path)
    #expect(identical(try #require(try NPY.read(path).real), single))
    let complex = ComplexTensor(pairs: single.converted(to: .double))
    try NPY.write(complex, to: path)
    #expect(identical(try NPY.read(path).complex, complex))
    #expect(throws: FileFormatError.self) { try NPY.write(Tensor.zero, to: path) }
    #expect(folder.names == ["a.npy"])
  }

  @Test(arguments: [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",  // the size product overflows
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",  // more than there is
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", "{'descr': '<f8', 'fortran_order': False, }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|f8', 'fortran_order': False, 'shape': (1,), }", "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", "{'descr': '<f8", "", "[]",
    "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }",
  ]) func damagedHeadersAreErrors(header: String) {
    var file = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0])
    file += Data(header.utf8) + Data(count: 16)
    #expect(refusal(FileFormatError.self) { try NPY.read(decoding: file, path: "x.npy") }.hasPrefix("x.npy: "))
  }

  // MARK: NPZ

  @Test func readsWhatSavezWrites() throws {
    let stored = try NPZ.read(decoding: bytes(ArrayFixture.npzStored), path: "a.npz")
    #expect(stored.map(\.name) == ["weight", "net.é"])
    #expect(identical(try #require(stored[0].value.real), eighths.converted(to: .single)))
    #expect(stored[1].value.complex.pairs.doubles == [1, 1])
    let deflated = try NPZ.read(decoding: bytes(ArrayFixture.npzDeflated), path: "a.npz")
    #expect(deflated.map(\.name) == ["zeros", "ramp"])
    #expect(identical(try #require(deflated[0].value.real), .zeros([10, 10])))
    #expect(identical(try #require(deflated[1].value.real), Tensor((0..<300).map(Double.init))))
  }

  @Test func archivesAreWrittenAndReadBitExactly() throws {
    let path = folder.file("a.npz")
    let arrays = [
      NamedArray(name: "b", value: Tensor([.nan, 2] as [Double])),
      NamedArray(name: "a/ü", value: Tensor([1] as [Float], shape: [1, 1])),
      NamedArray(name: "z", value: ComplexTensor(pairs: Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))),
    ]
    try NPZ.write(arrays, to: path)
    let read = try NPZ.read(path)
    #expect(read.map(\.name) == ["b", "a/ü", "z"])
    for (a, b) in zip(read, arrays) { #expect(identical(a.value.complex, b.value.complex)) }
    let first = try Data(contentsOf: URL(fileURLWithPath: path))
    try NPZ.write(arrays, to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
    try NPZ.write([], to: path)
    #expect(try NPZ.read(path).isEmpty)
    #expect(throws: FileFormatError.self) { try NPZ.write([arrays[0], arrays[0]], to: path) }
  }

  @Test func aChangedNumberIsFoundByItsChecksum() throws {
    var file = bytes(ArrayFixture.npzStored)
    file[file.startIndex + 180] ^= 1
    let (rest, remarks) = try Remarks.collected { try NPZ.read(decoding: file, path: "a.npz") }
    #expect(rest.map(\.name) == ["net.é"] && remarks.contains { $0.contains("(cannot be read)") }, "\(remarks)")
  }

  // MARK: Real files

  /// The authors' weights: names, shapes and one value read with numpy.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func realCheckpoint() throws {
    let file = dataFolder + "/block-cs/checkpoints/ista-net-plus_25.npz"
    let arrays = try readArrays(file)
    #expect(arrays.count == 72)  // 9 phases of 8
    #expect(arrays.first { $0.name == "fcs.0.conv_D" }?.value.shape == [32, 1, 3, 3])
    #expect(arrays.reduce(0) { $0 + $1.value.stored.count } == 336_978)
    let matrix = try #require(try NPY.read(dataFolder + "/block-cs/phi_25.npy").real)
    #expect(matrix.shape == [272, 1089] && matrix.precision == .double)
    #expect(abs(matrix.row(0).norm - 1) < 1e-13)
    #expect(try NPY.read(dataFolder + "/mri/complex/brain_cdata1.npy").complex.shape.count == 2)
  }
}

extension NumericArray {
  var stored: Tensor { real ?? complex.pairs }
}
