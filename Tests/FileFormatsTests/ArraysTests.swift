// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ArraysTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private let real = NamedArray(name: "a", value: Tensor([1, .nan, 3, 4] as [Double], shape: [2, 2]))
  private let complex = NamedArray(name: "z", value: ComplexTensor(pairs: Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 2])))

  @Test(arguments: [("npz", FileKind.npz), ("mat", .mat5), ("h5", .hdf5), ("hdf5", .hdf5), ("NPZ", .npz)])
  func severalArrays(name: String, kind: FileKind) throws {
    let path = folder.file("file." + name)
    try writeArrays([real, complex], to: path)
    #expect(try FileKind.detect(path) == kind)
    let read = try readArrays(path)
    #expect(read.map(\.name) == ["a", "z"])
    #expect(identical(read[0].value.stored, real.value.stored) && identical(read[1].value.stored, complex.value.stored))
  }

  @Test func oneArrayAndRealOnes() throws {
    try writeArrays([complex], to: folder.file("z.npy"))
    #expect(try readArrays(folder.file("z.npy")) == [complex])
    try writeArrays([real], to: folder.file("a.safetensors"))
    let read = try readArrays(folder.file("a.safetensors"))
    #expect(read.map(\.name) == ["a"] && identical(read[0].value.stored, real.value.stored))
    #expect(try FileKind.detect(folder.file("a.safetensors")) == .safetensors && FileKind.detect(folder.file("z.npy")) == .npy)
    #expect(throws: FileFormatError.self) { try writeArrays([real, complex], to: folder.file("b.npy")) }
    #expect(throws: FileFormatError.self) { try writeArrays([complex], to: folder.file("b.safetensors")) }
    #expect(throws: FileFormatError.self) { try writeArrays([real], to: folder.file("b.csv")) }
    #expect(folder.names == ["a.safetensors", "z.npy"])
  }

  @Test func namesOfWeightsBecomeMATLABs() throws {
    let path = folder.file("w.mat")
    try writeArrays([NamedArray(name: "stages.0.stepSize", value: real.value), NamedArray(name: "0", value: real.value)], to: path)
    #expect(try readArrays(path).map(\.name) == ["stages_0_stepSize", "x0"])
    #expect(throws: FileFormatError.self) {
      try writeArrays([NamedArray(name: "a.b", value: real.value), NamedArray(name: "a_b", value: real.value)], to: path)
    }
  }

  @Test func kindsByContent() throws {
    for (fixture, kind) in [
      (ImageFixture.pngGray8, FileKind.png), (ImageFixture.jpegGray, .jpeg), (ImageFixture.tiffLZW, .tiff),
      (ImageFixture.tiffPlanarBig, .tiff),
      (ImageFixture.tiffBigStrips, .tiff), (ArrayFixture.hdf5, .hdf5), (ArrayFixture.mat5, .mat5), (ArrayFixture.mat4, .mat4),
      (ArrayFixture.npyBool, .npy), (ArrayFixture.npzStored, .npz), (TorchFixture.stream, .torch),
      (TorchFixture.streamProtocol1, .torch), (TorchFixture.streamProtocol5, .torch), (TorchFixture.zip, .torch),
    ] {
      #expect(try FileKind.detect(folder.write(fixture, as: "x")) == kind)
    }
    try NPZ.write([NamedArray(name: "folder/data", value: real.value)], to: folder.file("x"))
    #expect(try FileKind.detect(folder.file("x")) == .npz)
    try MATFile.write([real], to: folder.file("x"), version: .v73)
    #expect(try FileKind.detect(folder.file("x")) == .mat73)
    let events = try EventFile(folder.file("e"))
    try events.flush()
    #expect(try FileKind.detect(folder.file("e")) == .events)
    for text in ["", "{", "a,b\n1,2\n", "MATLAB 5.0 MAT-file"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file("x")))
      #expect(try FileKind.detect(folder.file("x")) == .unknown)
      #expect(throws: FileFormatError.self) { try readArrays(folder.file("x")) }
      #expect(throws: FileFormatError.self) { try readImage(folder.file("x")) }
    }
    #expect(throws: FileFormatError.self) { try FileKind.detect(folder.file("missing")) }
  }
}
