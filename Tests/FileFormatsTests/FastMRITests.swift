// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct FastMRITests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private let header = "<?xml version=\"1.0\"?><ismrmrdHeader xmlns=\"http://www.ismrm.org/ISMRMRD\"><encoding/></ismrmrdHeader>"

  @Test func readsWhatH5pyWrites() throws {
    let path = try folder.unpack(MRIFixture.fastMRI, as: "a.h5")
    let file = try FastMRIFile(contentsOf: path)
    #expect(file.shape == [2, 2, 3, 4] && file.isMulticoil && file.sliceCount == 2)
    #expect(identical(try #require(file.mask), Tensor([1, 0, 1, 1] as [Float])))
    #expect(file.reconstructionName == "reconstruction_rss" && file.header == header)
    #expect(file.attributes["acquisition"] == "AXT2" && file.attributes["max"] == "1.75")
    #expect(file.attributes["patient_id"] == "synthetic" && file.attributes.count == 4)
    for slice in 0..<2 {
      let pairs = (24 * slice..<24 * slice + 24).flatMap { [Float($0), Float(47 - $0)] }
      #expect(identical(try file.kSpace(slice: slice).pairs, Tensor(pairs, shape: [2, 3, 4, 2])))
      let image = (4 * slice..<4 * slice + 4).map { Float($0) / 4 }
      #expect(identical(try #require(try file.reconstruction(slice: slice)), Tensor(image, shape: [2, 2])))
    }
    #expect(try FileKind.detect(path) == .fastMRI)
    #expect(try readArrays(path).map(\.name) == ["kspace", "mask", "reconstruction_rss"])
  }

  @Test func readsOneCoil() throws {
    let file = try FastMRIFile(contentsOf: folder.unpack(MRIFixture.fastMRISingleCoil, as: "a.h5"))
    #expect(file.shape == [2, 1, 3, 4] && !file.isMulticoil && file.mask == nil && file.reconstructionName == "reconstruction_esc")
    let pairs = (24..<36).flatMap { [Float($0), Float(47 - $0)] }
    #expect(identical(try file.kSpace(slice: 1).pairs, Tensor(pairs, shape: [1, 3, 4, 2])))
    #expect(try file.reconstruction(slice: 1)?.floats == [1, 1.25, 1.5, 1.75])
  }

  /// Read by h5py 3.16.0 with the same numbers and texts.
  @Test(arguments: [[3, 2, 4, 5], [3, 4, 5]]) func writtenThenReadIsBitExact(shape: [Int]) throws {
    let path = folder.file("a.h5")
    var pairs = (0..<2 * shape.reduce(1, *)).map { Float($0) / 7 }
    pairs[3] = .nan
    let kSpace = ComplexTensor(pairs: Tensor(pairs, shape: shape + [2]))
    let images = Tensor((0..<3 * 4).map { Float($0) / 3 }, shape: [3, 2, 2])
    let text = ["acquisition": "AXFLAIR", "patient_id": "é"]
    func write() throws {
      try FastMRIFile.write(
        kSpace: kSpace, mask: Tensor([1, 0, 0, 1, 1] as [Float]), reconstruction: images, attributes: text, header: header, to: path
      )
    }
    try write()
    let file = try FastMRIFile(contentsOf: path)
    let rowCount = kSpace.count / 3 * 2
    for slice in 0..<3 {
      let expected = Array(pairs[slice * rowCount..<(slice + 1) * rowCount])
      #expect(identical(try file.kSpace(slice: slice).pairs, Tensor(expected, shape: Array(file.shape[1...]) + [2])))
      #expect(identical(try #require(try file.reconstruction(slice: slice)), images.row(slice)))
    }
    #expect(file.header == header && file.isMulticoil == (shape.count == 4) && file.mask?.floats == [1, 0, 0, 1, 1])
    #expect(file.attributes["patient_id"] == "é" && file.attributes["max"] == "\(Double(Float(11) / 3))")
    let norm = images.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(file.attributes["norm"] == "\(norm)")
    let first = try Data(contentsOf: URL(fileURLWithPath: path))
    try write()
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
    #expect(folder.names == ["a.h5"])
  }

  @Test func otherFilesAreRefused() throws {
    let path = folder.file("a.h5")
    let kSpace = NamedArray(name: "kspace", value: ComplexTensor(pairs: .zeros([2, 3, 4, 2])))
    let mask = NamedArray(name: "mask", value: Tensor.zeros([5]))
    let images = NamedArray(name: "reconstruction_rss", value: Tensor.zeros([1, 3, 4]))
    for arrays in [
      [], [NamedArray(name: "kspace", value: Tensor.zeros([2, 3, 4]))], [kSpace, mask], [kSpace, images],
      [NamedArray(name: "kspace", value: ComplexTensor(pairs: .zeros([2, 3, 2])))],
      [NamedArray(name: "kspace/x", value: mask.value)],
      [NamedArray(name: "kspace", value: ComplexTensor(pairs: .zeros([0, 3, 4, 2])))],
    ] {
      try HDF5File(arrays: arrays).write(to: path)
      #expect(refusal(FileFormatError.self) { try FastMRIFile(contentsOf: path) }.hasPrefix(path))
    }
    try Data("no HDF5".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: FileFormatError.self) { try FastMRIFile(contentsOf: path) }
    #expect(throws: FileFormatError.self) { try FastMRIFile(contentsOf: folder.file("missing.h5")) }
  }

  /// As for files in memory: an object of size 0 in the heap of the texts would be an endless loop in HDF5 1.10.
  @Test func endlessHeapsAreRefused() throws {
    let path = try folder.unpack(MRIFixture.fastMRI, as: "a.h5")
    var file = try Data(contentsOf: URL(fileURLWithPath: path))
    let heap = try #require(file.range(of: Data("GCOL".utf8) + [1, 0, 0, 0])).lowerBound + 16
    file.replaceSubrange(heap..<heap + 2, with: [0, 0])
    file.replaceSubrange(heap + 8..<heap + 16, with: [UInt8](repeating: 0, count: 8))
    // Across the border of two pieces of a megabyte too: the bytes before belong to nothing.
    try file.write(to: URL(fileURLWithPath: path))
    #expect(refusal(FileFormatError.self) { try FastMRIFile(contentsOf: path) }.contains("heap"))
    for shift in [(1 << 20) - heap, (1 << 20) - heap + 8, (1 << 20) - heap + 17] {
      try (Data(count: shift) + file).write(to: URL(fileURLWithPath: path))
      #expect(refusal(FileFormatError.self) { try FastMRIFile(contentsOf: path) }.contains("heap"), "\(shift)")
    }
  }
}
