// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct HDF5Tests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func readsWhatH5pyWrites() throws {
    let file = try HDF5File(decoding: bytes(ArrayFixture.hdf5), path: "a.h5")
    #expect(file.arrays.map(\.name) == ["big", "d", "empty", "g/chunked", "g/z", "mask", "scalar"])
    func real(_ name: String) throws -> Tensor { try #require(file[name]?.real) }
    #expect(identical(try real("d"), Tensor([0, 0.125, 0.25, 0.375, 0.5, 0.625] as [Double], shape: [2, 3])))
    #expect(identical(try real("g/chunked"), Tensor((0..<50).map(Float.init), shape: [10, 5])))
    #expect(identical(try real("mask"), Tensor([1, 0] as [Float])))
    #expect(identical(try real("scalar"), Tensor([0.1] as [Float], shape: [])))
    #expect(identical(try real("big"), Tensor([0, 1, 2] as [Double])))
    #expect(try real("empty").shape == [0, 2])
    #expect(identical(try #require(file["g/z"]).complex, ComplexTensor(pairs: Tensor([1, 2, 3, -4] as [Float], shape: [2, 2]))))
    #expect(file.attributes == ["operator": "Fourier ∘ mask", "seed": "7", "noise": "0.25", "fixed": "abc"])
  }

  @Test func writtenThenReadIsBitExact() throws {
    let path = folder.file("a.h5")
    let file = HDF5File(
      arrays: [
        NamedArray(name: "samples", value: ComplexTensor(pairs: Tensor([.nan, -0.0, 3, 4] as [Double], shape: [2, 1, 2]))),
        NamedArray(name: "g/x/single", value: Tensor([.nan, .infinity, .leastNonzeroMagnitude] as [Float], shape: [1, 3])),
        NamedArray(name: "g/scalar", value: Tensor([0.1] as [Double], shape: [])),
        NamedArray(name: "g/z32", value: ComplexTensor(pairs: Tensor([1, 2] as [Float]))),
        NamedArray(name: "empty", value: Tensor([] as [Float], shape: [4, 0, 2])),
      ], attributes: ["operator": "A = P F ∘ \"x\"\n", "empty": "", "long": String(repeating: "x", count: 50_000)])
    try file.write(to: path)
    let read = try HDF5File(contentsOf: path)
    #expect(read.attributes == file.attributes)
    #expect(read.arrays.map(\.name) == ["empty", "g/scalar", "g/x/single", "g/z32", "samples"])
    for array in file.arrays { #expect(identical(try #require(read[array.name]).stored, array.value.stored), "\(array.name)") }
    let first = try Data(contentsOf: URL(fileURLWithPath: path))
    try HDF5File(arrays: file.arrays.reversed(), attributes: file.attributes).write(to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
    #expect(folder.names == ["a.h5"])
  }

  /// The place of the root's node, in its tree, is where there is none: HDF5 1.10.8 reads it from a null pointer. A child process does.
  @Test func aFileThatHDF5DoesNotSurviveIsRefused() throws {
    let path = folder.file("a.h5")
    try HDF5File(arrays: [NamedArray(name: "x", value: Tensor([1, 2] as [Double]))]).write(to: path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let tree = try #require(bytes.range(of: Data("TREE".utf8))).lowerBound
    bytes.replaceSubrange(tree + 32..<tree + 40, with: [UInt8](repeating: 0xff, count: 8))
    try bytes.write(to: URL(fileURLWithPath: path))
    for read in [{ _ = try HDF5File(contentsOf: path) }, { _ = try MatrixFile.contents(path) }] {
      let error = #expect(throws: FileFormatError.self) { try read() }
      let text = error?.description ?? ""
      #expect(text.contains("which HDF5 does not survive"), "\(text)")
    }
  }

  @Test func whatCannotBeStoredIsRefused() {
    let one = Tensor([1] as [Double])
    for names in [[""], ["/a"], ["a//b"], ["a", "a/b"], ["a", "a"], ["../a"]] {
      #expect(throws: FileFormatError.self, "\(names)") {
        try HDF5File(arrays: names.map { NamedArray(name: $0, value: one) }).write(to: folder.file("a.h5"))
      }
    }
    #expect(throws: FileFormatError.self) { try HDF5File(arrays: [], attributes: ["a": "\0"]).write(to: folder.file("a.h5")) }
    #expect(throws: FileFormatError.self) {
      try HDF5File(arrays: [], attributes: ["a": String(repeating: "x", count: 70_000)]).write(to: folder.file("a.h5"))
    }
    #expect(throws: FileFormatError.self) {
      try HDF5File(arrays: [NamedArray(name: "a", value: Tensor.zero)]).write(to: folder.file("a.h5"))
    }
    #expect(folder.names.isEmpty)
  }

  /// An object of size 0 (or one of nearly 2⁶⁴) in the heap of the text attributes sends HDF5 1.10 round in circles.
  @Test(arguments: [0, .max - 15] as [UInt64]) func endlessHeapsAreRefused(size: UInt64) throws {
    var file = bytes(ArrayFixture.hdf5)
    let heap = try #require(file.range(of: Data("GCOL".utf8) + [1, 0, 0, 0]))
    let first = heap.lowerBound + 16  // behind signature and size: index, count, size of the first object
    if size == 0 { file.replaceSubrange(first..<first + 2, with: [0, 0]) }
    file.replaceSubrange(first + 8..<first + 16, with: withUnsafeBytes(of: size.littleEndian) { Array($0) })
    #expect(refusal(FileFormatError.self) { try HDF5File(decoding: file, path: "a.h5") }.contains("heap"))
  }

  /// Threads take turns in the library.
  @Test func severalThreadsAtOnce() async throws {
    let path = folder.path
    try await withThrowingTaskGroup(of: Void.self) { group in
      for k in 0..<8 {
        group.addTask {
          let value = Tensor([Double](repeating: Double(k), count: 100))
          try HDF5File(arrays: [NamedArray(name: "a", value: value)]).write(to: "\(path)/\(k).h5")
          try MATFile.write([NamedArray(name: "a", value: value)], to: "\(path)/\(k).mat", version: .v73)
          #expect(try HDF5File(contentsOf: "\(path)/\(k).h5")["a"]?.real == value)
          #expect(try MATFile.read("\(path)/\(k).mat")[0].value.real?.doubles == value.doubles)
        }
      }
      try await group.waitForAll()
    }
  }
}
