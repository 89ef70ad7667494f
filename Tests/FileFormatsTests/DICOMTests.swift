// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Platform
import Tensors
import TestSupport
import Testing

@Suite struct DICOMTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func readsWhatPydicomWrites() throws {
    let path = try folder.write(DICOMFixture.ct, as: "a.dcm")
    let file = try DICOM(contentsOf: path)
    let expected = (0..<12).map { Double(2 * (300 * $0 - 1800) - 1024) }
    #expect(identical(file.values, Tensor(expected, shape: [1, 3, 4])))
    #expect(file.isSigned && file.bitsStored == 16 && !file.isInverted && file.transferSyntax == "Little Endian Explicit")
    let frame = try #require(file.frames.first)
    #expect(file.frames.count == 1 && frame.slope == 2 && frame.intercept == -1024)
    #expect(frame.pixelSpacing == [0.5, 0.75] && frame.sliceThickness == 2.5)
    #expect(frame.position == [-10, 20.5, 30] && frame.orientation == [1, 0, 0, 0, 1, 0])
    let image = try readImage(path)
    let levels = (0..<12).map { Double(300 * $0 - 1800 + 32768) / 65535 }
    #expect(image.values == Tensor(levels, shape: [3, 4]) && image.bitDepth == 16)
    #expect(try FileKind.detect(path) == .dicom)
    let arrays = try readArrays(path)
    #expect(arrays.map(\.name) == ["a"] && arrays[0].value.real == file.values)
  }

  /// (0028,0120) SS −1800, the first sample, after (0028,0103); pydicom's `pixel_array` holds the number too.
  @Test func paddingIsNamed() throws {
    var data = bytes(DICOMFixture.ct)
    let sign = try #require(data.range(of: Data([0x28, 0, 0x03, 0x01, 0x55, 0x53, 2, 0, 1, 0])))
    data.insert(contentsOf: [0x28, 0, 0x20, 0x01, 0x53, 0x53, 2, 0, 0xf8, 0xf8], at: sign.upperBound)
    let found = try Remarks.collected { try DICOM(decoding: data, path: "a.dcm") }
    #expect(try found.result.values == DICOM(decoding: bytes(DICOMFixture.ct), path: "a.dcm").values)
    #expect(found.remarks.count == 1 && found.remarks[0].contains("1 pixels of the padding value"), "\(found.remarks)")
  }

  /// A preamble may be the beginning of a TIFF file (DICOM PS3.10, 7.1): pydicom's CT_small.dcm has one.
  @Test func aPreambleOfTIFF() throws {
    var data = bytes(DICOMFixture.ct)
    data.replaceSubrange(data.startIndex..<data.startIndex + 8, with: [0x49, 0x49, 0x2a, 0, 0x54, 0x01, 0, 0])
    let path = folder.path + "/dual.dcm"
    try data.write(to: URL(fileURLWithPath: path))
    #expect(try FileKind.detect(path) == .dicom)
    #expect(try DICOM(contentsOf: path).values == DICOM(decoding: bytes(DICOMFixture.ct), path: "a.dcm").values)
  }

  @Test func bitsSignsAndByteOrder() throws {
    let inverted = try DICOM(decoding: bytes(DICOMFixture.inverted), path: "a.dcm")
    #expect(inverted.values == Tensor((0..<9).map { Double(31 * $0) }, shape: [1, 3, 3]) && inverted.isInverted)
    #expect(inverted.frames[0].pixelSpacing == nil && inverted.frames[0].position == nil)
    let image = try readImage(folder.write(DICOMFixture.inverted, as: "a"))
    #expect(image.values == Tensor((0..<9).map { 1 - Double(31 * $0) / 255 }, shape: [3, 3]) && image.bitDepth == 8)
    let big = try DICOM(decoding: bytes(DICOMFixture.bigEndian), path: "a.dcm")
    #expect(big.values == Tensor([1, 256, 513, 65535] as [Double], shape: [1, 2, 2]))
  }

  @Test func compressedAndSeveralFrames() throws {
    let ramp = (0..<64).map { Double($0 / 3 * 5) }
    for fixture in [DICOMFixture.jpegLossless, DICOMFixture.jpegLS] {
      let file = try DICOM(decoding: bytes(fixture), path: "a.dcm")
      #expect(file.values == Tensor(ramp, shape: [1, 8, 8]), "\(file.transferSyntax)")
    }
    let series = try DICOM(decoding: bytes(DICOMFixture.frames), path: "a.dcm")
    var second = [Double](repeating: 7, count: 64)
    for row in 2..<5 { second[8 * row + 3] = 4000 }
    #expect(series.values == Tensor(ramp + second, shape: [2, 8, 8]) && series.frames.count == 2)
    #expect(throws: FileFormatError.self) { try series.image(path: "a.dcm") }
    let enhanced = try DICOM(decoding: bytes(DICOMFixture.enhanced), path: "a.dcm")
    #expect(enhanced.values == Tensor([3, 5, 7, 9, -0.5, 0, 0.5, 1] as [Double], shape: [2, 2, 2]))
    #expect(enhanced.frames.map(\.position) == [[0, 0, 0], [0, 0, 4]])
    #expect(enhanced.frames.allSatisfy { $0.pixelSpacing == [1.5, 1.25] && $0.sliceThickness == 3 })
  }

  /// A set of unknown type and length before the pixels, with another in it; read by pydicom 3.0.2 and dcmdump 3.6.7.
  @Test func setsOfUnknownType() throws {
    let set = """
      OQABEFVOAAD//////v8A4P////8JAAIQAgAAAEFCCQADEP/////+/wDgCgAAAAkABBACAAAAWFn+/93gAAAAAP7/DeAAAAAA/v/d4AAAAAA=
      """
    let valid = bytes(DICOMFixture.ct)
    var file = valid
    file.insert(contentsOf: bytes(set), at: try #require(valid.range(of: Data([0xe0, 0x7f, 0x10, 0, 0x4f, 0x57]))).lowerBound)
    #expect(try DICOM(decoding: file, path: "a.dcm") == DICOM(decoding: valid, path: "a.dcm"))
  }

  /// Places beyond a frame's run lengths would be read by DCMTK 3.6.7.
  @Test(arguments: [[2, 64, 0x0400_0050], [2, 80, 64], [2, 60, 80], [16, 64, 80], [0, 0, 0], [.max, 64, 80]] as [[UInt32]])
  func impossibleRunLengthsAreRefused(words: [UInt32]) throws {
    var file = bytes(DICOMFixture.frames)
    let place = try #require(file.range(of: Data([2, 0, 0, 0, 64, 0, 0, 0, 80, 0, 0, 0])))
    file.replaceSubrange(place, with: words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    #expect(refusal(FileFormatError.self) { try DICOM(decoding: file, path: "a.dcm") }.contains("run lengths"))
  }

  /// One line for each; no length in the file is believed beyond its end.
  @Test func otherFilesAreRefused() throws {
    let valid = bytes(DICOMFixture.ct)
    var files = [bytes(DICOMFixture.colour), valid.dropLast(), valid.dropLast(30), valid.prefix(200), valid.prefix(132), Data()]
    func changed(_ element: [UInt8], _ value: [UInt8]) throws {  // an element's head, and what is to stand behind it
      var file = valid
      let place = try #require(file.range(of: Data(element)))
      file.replaceSubrange(place.upperBound..<place.upperBound + value.count, with: value)
      files.append(file)
    }
    let pixels: [UInt8] = [0xe0, 0x7f, 0x10, 0, 0x4f, 0x57, 0, 0]
    for length in [[26, 0, 0, 0], [0xf0, 0xff, 0xff, 0xff], [22, 0, 0, 0], [0xff, 0xff, 0xff, 0xff]] as [[UInt8]] {
      try changed(pixels, length)
    }
    try changed([0x28, 0, 0x10, 0, 0x55, 0x53, 2, 0], [0xff, 0xff])  // rows
    try changed([0x28, 0, 0x11, 0, 0x55, 0x53, 2, 0], [0, 0])  // columns
    try changed([0x28, 0, 0x00, 1, 0x55, 0x53, 2, 0], [32, 0])  // bits allocated
    try changed([0x28, 0, 0x01, 1, 0x55, 0x53, 2, 0], [17, 0])  // bits stored
    try changed([0x28, 0, 0x02, 1, 0x55, 0x53, 2, 0], [3, 0])  // high bit
    for (k, file) in files.enumerated() {
      #expect(refusal(FileFormatError.self) { try DICOM(decoding: Data(file), path: "a.dcm") }.hasPrefix("a.dcm: "), "\(k)")
    }
  }
}
