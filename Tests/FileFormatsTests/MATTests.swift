// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct MATTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private func array(_ arrays: [NamedArray], _ name: String) throws -> NumericArray {
    try #require(arrays.first { $0.name == name }?.value, "\(name)")
  }

  @Test func readsWhatSciPyWrites() throws {
    let path = try folder.write(ArrayFixture.mat5Compressed, as: "a.mat")
    let arrays = try MATFile.read(path)
    #expect(Set(arrays.map(\.name)) == ["A", "z", "i", "s", "L", "net.layers.0", "net.layers.2", "net.rate", "c3"])
    let eighths = Tensor([0, 0.125, 0.25, 0.375, 0.5, 0.625] as [Double], shape: [2, 3])
    #expect(identical(try #require(try array(arrays, "A").real), eighths))
    let z = try array(arrays, "z").complex
    #expect(z.shape == [2, 1] && z.pairs.doubles == [1, 2, 3, -4])
    #expect(identical(try #require(try array(arrays, "i").real), Tensor([1, -2] as [Double], shape: [1, 2])))
    #expect(identical(try #require(try array(arrays, "s").real), Tensor([0.5] as [Float], shape: [1, 1])))
    #expect(identical(try #require(try array(arrays, "L").real), Tensor([1, 0] as [Float], shape: [1, 2])))
    #expect(identical(try #require(try array(arrays, "c3").real), Tensor((0..<8).map(Double.init), shape: [2, 2, 2])))
    #expect(try array(arrays, "net.layers.0").real?.doubles == [1, 2] && array(arrays, "net.layers.2").real?.doubles == [3])
    #expect(try MATFile.read(path, name: "net.rate").real?.doubles == [0.25])
    #expect(throws: FileFormatError.self) { try MATFile.read(path, name: "t") }
    let variables = try MATFile.variables(path)
    #expect(variables.first { $0.name == "t" }.map { $0.kind == "char" && !$0.isNumeric && $0.shape == [1, 4] } == true)
    #expect(variables.first { $0.name == "z" }.map { $0.isComplex && $0.isNumeric && $0.kind == "double" } == true)
    #expect(variables.count == 11)
    let plain = try MATFile.read(folder.write(ArrayFixture.mat5, as: "b.mat"))
    #expect(identical(try #require(try array(plain, "u").real), Tensor([200, 1] as [Float], shape: [1, 2])))
  }

  @Test func sparseArraysAndVersion4() throws {
    let identity = try MATFile.read(folder.write(ArrayFixture.mat5Sparse, as: "a.mat"))
    #expect(identity[0].value.real == Tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], shape: [3, 3]))
    #expect(try MATFile.variables(folder.file("a.mat")).map(\.kind) == ["sparse"])
    let eighths = Tensor([0, 0.125, 0.25, 0.375, 0.5, 0.625] as [Double], shape: [2, 3])
    #expect(try MATFile.read(folder.write(ArrayFixture.mat4, as: "b.mat"))[0].value.real == eighths)
  }

  /// Class names padded by zeros, a logical, a cell, a sparse matrix, and what is passed over, by h5py.
  @Test func version73OfOtherWriters() throws {
    let path = try folder.unpack(PassedOverFixture.mat73, as: "a.mat")
    let (arrays, remarks) = try Remarks.collected { try MATFile.read(path) }
    #expect(arrays.map(\.name) == ["S", "c.0", "ok", "phi"])
    #expect(try array(arrays, "phi").real == Tensor([0, 3, 1, 4, 2, 5] as [Double], shape: [3, 2]))
    #expect(identical(try #require(try array(arrays, "ok").real), Tensor([1, 0] as [Float], shape: [2, 1])))
    #expect(try array(arrays, "c.0").real?.doubles == [7] && array(arrays, "S").real?.doubles == [0, 0, 0, 5])
    #expect(remarks.contains("\(path): passed over: f (function_handle), t (char)"))
    let kinds = Dictionary(uniqueKeysWithValues: try MATFile.variables(path).map { ($0.name, $0.kind) })
    #expect(kinds["ok"] == "logical" && kinds["phi"] == "double" && kinds["f"] == "function_handle")
  }

  /// Written and read here.
  @Test(arguments: [MATFile.Version.v5, .v73]) func writtenThenReadIsBitExact(version: MATFile.Version) throws {
    let arrays = [
      NamedArray(name: "real", value: Tensor([.nan, -0.0, 1e300, .infinity, 5, 6] as [Double], shape: [3, 2])),
      NamedArray(name: "single3", value: Tensor((0..<24).map { Float($0) / 7 }, shape: [2, 3, 4])),
      NamedArray(name: "z", value: ComplexTensor(pairs: Tensor((0..<12).map { Double($0) / 3 }, shape: [2, 3, 2]))),
      NamedArray(name: "z32", value: ComplexTensor(pairs: Tensor([1, .nan] as [Float], shape: [1, 1, 2]))),
      NamedArray(name: "empty", value: Tensor([] as [Double], shape: [0, 3])),
    ]
    let path = folder.file("a.mat")
    try MATFile.write(arrays, to: path, version: version)
    let read = try MATFile.read(path)
    #expect(read.count == arrays.count)
    for expected in arrays {
      let found = try array(read, expected.name)
      #expect(identical(found.stored, expected.value.stored), "\(expected.name)")
    }
    let first = try Data(contentsOf: URL(fileURLWithPath: path))
    try MATFile.write(arrays, to: path, version: version)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
    try MATFile.write(
      [
        NamedArray(name: "s", value: Tensor([2] as [Double], shape: [])), NamedArray(name: "v", value: Tensor([1, 2] as [Double])),
      ], to: path,
      version: version)
    #expect(try MATFile.read(path).map(\.value.shape) == [[1, 1], [1, 2]])
  }

  @Test(arguments: ["", "1a", "a.b", "ä", "a b", String(repeating: "a", count: 64)]) func refusesNamesThatMATLABDoesNotTake(
    name: String
  ) {
    #expect(throws: FileFormatError.self) {
      try MATFile.write([NamedArray(name: name, value: Tensor([1] as [Double]))], to: folder.file("a.mat"))
    }
    #expect(folder.names.isEmpty)
  }

  /// The authors' containers against the same arrays converted to NPY: identical elements.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func realFiles() throws {
    let data = dataFolder
    let originals = data + "/original-containers/"
    let Q = try #require(try MATFile.read(originals + "Initialization_Matrix_10.mat", name: "Qinit").real)
    #expect(identical(Q, try #require(try NPY.read(data + "/block-cs/qinit_10.npy").real)))
    let phi = try #require(try MATFile.read(originals + "phi_0_10_1089.mat").first?.value.real)
    #expect(identical(phi, try #require(try NPY.read(data + "/block-cs/phi_10.npy").real)))
    let mask = try #require(try MATFile.read(originals + "mask_20.mat").first?.value.real)
    let mask73 = try #require(try MATFile.read(originals + "mask_20_v73.mat").first?.value.real)
    #expect(mask == (try NPY.read(data + "/mri/masks/pseudo-radial_20.npy").real))
    // The other file has the zero frequency in the centre: the same mask, shifted by half its size.
    let (corner, centred) = (mask.doubles, mask73.doubles)
    #expect(mask73.shape == [256, 256] && mask73.precision == .double)
    func shifted(_ i: Int) -> Int { (i / 256 + 128) % 256 * 256 + (i + 128) % 256 }
    #expect((0..<65536).allSatisfy { (i: Int) -> Bool in centred[shifted(i)] == corner[i] })
    let network = try MATFile.read(originals + "admm-net_20_stage07_v73.mat")
    let weights = try NPZ.read(data + "/mri/checkpoints/admm-net_20_stage07.npz")
    // The NPZ names are LL.type.i, LL the layer; the values are the same ones.
    for weight in weights {
      let (layer, index) = (weight.name.prefix(2), weight.name.split(separator: ".").last!)
      let candidates = network.filter { $0.name.hasPrefix("net.layers.") && $0.name.hasSuffix(".weights.\(index)") }
      #expect(candidates.contains { $0.value == weight.value }, "\(layer) \(weight.name)")
    }
  }
}
