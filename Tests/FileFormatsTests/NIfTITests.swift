// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Files in base64 made by nibabel 5.4.2.
enum NIfTIFixture {
  /// Big-endian int16 −5 … 6, the last axis fastest, of 3 × 2 × 2; slope 1/2, intercept −1; an oblique sform.
  static let scaled = """
    AAABXAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADAAMAAgACAAEAAQABAAEAAAAAAAAAAAAAAAAAAAAEABAAAL+AAABAAAAAQEAAAECA/wI/gAAA
    P4AAAD+AAAA/gAAAQ7AAAD8AAAC/gAAAAAAACgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAC/f+BVPP6jVEEgAADBoAAAQKgAAMAAAAAAAAAA
    AAAAAEEgAAAAAAAAQEAAAD8AAADBoAAAAAAAAAAAAABAgAAAQKgAAAAAAAAAAAAAAAAAAAAAAABuKzEAAAAAAP/7//8AA//9AAEABf/8AAAABP/+AAIABg==
    """
  /// float32 0, 1/4, … 23/4 of 2 × 3 × 2 × 2, the first axis fastest; 2 × 3 × 4.5 mm, 1.5 s; a qform that turns x into −y; no sform.
  static let series = """
    H4sIAAAAAAACA4thZCAKsDAwMTADMRMDIxiiAgEGBTDdYA8kHIAIiCcA8QF7iBgMb3CGqgEBLoYBBsi++Mxiuh/V/ZSBPG1DJF6DHZAAmu0ADYcF9pCweQC1TwCIFYDY
    AGp3ABAnAHEBEDcAcQc0PGcA8QIgXgHEG4B4hwMALqlZycABAAA=
    """
  /// NIfTI-2: complex64 [1+2i, 3−4i, 0.5i] of 3 × 1; 0.001, 0.002 and 0.003 metres.
  static let complex = """
    H4sIAAAAAAACA5NhYmDI0zZi4OWS4lJgcGAAcsGAGUozkkjjBx/s/6z8eMk3KQBKJ9j/qsvaUzI5wx4mj4tWYEI1h2EIACYy9MDChzh1CQTVoYYvKXEFAw0gvQ5ABMQN
    B6CC9gA2zaeGOAIAAA==
    """
}

@Suite struct NIfTITests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func readsWhatNibabelWrites() throws {
    let scaled = try NIfTI(contentsOf: folder.write(NIfTIFixture.scaled, as: "a.nii"))
    // nibabel's get_fdata(), x fastest.
    let expected = [-3.5, -1.5, 0.5, -2.5, -0.5, 1.5, -3, -1, 1, -2, 0, 2]
    #expect(identical(try #require(scaled.values.real), Tensor(expected, shape: [2, 2, 3])))
    #expect(scaled.affine == [[-2, 0, 0, 10], [0, 3, 0.5, -20], [0, 0, 4, 5.25], [0, 0, 0, 1]])
    #expect(zip(scaled.voxelSize, [2, 3, 4.0311289]).allSatisfy { abs($0 - $1) < 1e-6 } && scaled.frameDuration == 0)

    let series = try NIfTI(contentsOf: folder.write(NIfTIFixture.series, as: "b.nii.gz"))
    #expect(identical(try #require(series.values.real), Tensor((0..<24).map { Float($0) / 4 }, shape: [2, 2, 3, 2])))
    #expect(series.voxelSize == [2, 3, 4.5] && series.frameDuration == 1.5)
    let turned: [[Double]] = [[0, 3, 0, 1], [-2, 0, 0, 2], [0, 0, 4.5, 3], [0, 0, 0, 1]]
    #expect(zip(series.affine.joined(), turned.joined()).allSatisfy { abs($0 - $1) < 1e-6 })

    let complex = try NIfTI(contentsOf: folder.write(NIfTIFixture.complex, as: "c.nii.gz"))
    #expect(identical(complex.values.complex, ComplexTensor(pairs: Tensor([1, 2, 3, -4, 0, 0.5] as [Float], shape: [1, 3, 2]))))
    #expect(zip(complex.voxelSize, [1, 2, 3]).allSatisfy { abs($0 - $1) < 1e-9 } && abs(complex.affine[1][1] - 2) < 1e-9)
    for name in ["a.nii", "b.nii.gz", "c.nii.gz"] {
      #expect(try FileKind.detect(folder.file(name)) == .nifti)
      #expect(try readArrays(folder.file(name)).map(\.name) == [String(name.prefix(1))])
    }
  }

  /// Read by nibabel 5.4.2 with the same numbers, zooms and affine maps.
  @Test(arguments: ["a.nii", "a.nii.gz"]) func writtenThenReadIsBitExact(name: String) throws {
    let shapes: [[Int]] = [[3, 2], [2, 3, 4], [2, 3, 4, 5], [7], []]
    for shape in shapes {
      let back = [Int](repeating: 1, count: max(0, 2 - shape.count)) + shape
      var numbers = (0..<shape.reduce(1, *)).map { Double($0) / 7 }
      numbers[0] = .nan
      for precision in Precision.allCases {
        let values = Tensor(numbers, shape: shape, precision: precision)
        var image = NIfTI(values: .real(values), voxelSize: [0.5, 1.25, 3], frameDuration: 2)
        image.affine = [[0, -1.25, 0, 7], [0.5, 0, 0, -8], [0, 0, 3, 0.125], [0, 0, 0, 1]]
        try image.write(to: folder.file(name))
        let read = try NIfTI(contentsOf: folder.file(name))
        #expect(identical(try #require(read.values.real), values.reshaped(back)))
        #expect(read.voxelSize == image.voxelSize && read.affine == image.affine)
        #expect(read.frameDuration == (shape.count == 4 ? 2 : 0))
      }
    }
    let pairs = Tensor([1, .nan, -0.0, 4] as [Float], shape: [1, 2, 2])
    try NIfTI(values: .complex(ComplexTensor(pairs: pairs))).write(to: folder.file(name))
    #expect(identical(try NIfTI(contentsOf: folder.file(name)).values.complex.pairs, pairs))
    let long = Tensor([Float](repeating: 1, count: 40_000), shape: [1, 40_000])  // over the 16 bits of NIfTI-1
    try writeArrays([NamedArray(name: "x", value: long)], to: folder.file(name))
    #expect(identical(try #require(try readArrays(folder.file(name))[0].value.real), long))
    #expect(folder.names == [name])
  }

  @Test func whatCannotBeStoredIsRefused() {
    for values in [Tensor.zero, .zeros([0, 3]), .zeros([Int](repeating: 1, count: 8))] {
      #expect(throws: FileFormatError.self) { try NIfTI(values: .real(values)).write(to: folder.file("a.nii")) }
    }
    #expect(folder.names.isEmpty)
  }

  /// A header that promises more than the file holds is refused before anything is allocated.
  @Test func impossibleSizesAreRefused() throws {
    let valid = bytes(NIfTIFixture.scaled)
    for (offset, change) in [
      (42, [0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff]), (42, [0xff, 0xfe]), (42, [0, 0]), (40, [0, 8]), (40, [0, 0]), (70, [0, 128]),
      (108, [0x7f, 0x80, 0, 0]), (108, [0xc3, 0xb0, 0, 0]), (108, [0x4f, 0, 0, 0]), (344, [0x6e, 0x69, 0x31]),
    ] as [(Int, [UInt8])] {
      var file = valid
      file.replaceSubrange(offset..<offset + change.count, with: change)
      #expect(
        refusal(FileFormatError.self) { try NIfTI(decoding: file, path: "a.nii") }.hasPrefix("a.nii: "), "\(offset) \(change)")
    }
    #expect(throws: FileFormatError.self) { try NIfTI(decoding: valid.dropLast(), path: "a.nii") }
    let packed = bytes(NIfTIFixture.series)
    #expect(throws: FileFormatError.self) { try NIfTI(decoding: packed.dropLast(9), path: "a.nii.gz") }
    var checksum = packed
    checksum[checksum.count - 6] ^= 1
    #expect(throws: FileFormatError.self) { try NIfTI(decoding: checksum, path: "a.nii.gz") }
  }

  /// Several gzip members one after another, as block-wise compression makes them.
  @Test func membersOneAfterAnother() throws {
    let image = NIfTI(values: .real(Tensor((0..<600).map(Float.init), shape: [20, 30])))
    try image.write(to: folder.file("a.nii"))
    let plain = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.nii")))
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/bin/sh")
    gzip.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    gzip.arguments = ["-c", "head -c 400 a.nii | gzip > b.nii.gz; tail -c +401 a.nii | gzip >> b.nii.gz"]
    try gzip.run()
    gzip.waitUntilExit()
    #expect(gzip.terminationStatus == 0 && plain.count == 352 + 2400)
    #expect(try NIfTI(contentsOf: folder.file("b.nii.gz")) == image)
  }
}
