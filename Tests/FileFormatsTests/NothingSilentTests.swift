// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Nothing is passed over silently: for every format, files that hold something which the reader does not take beside what it does. Either a
/// remark that begins with the file's name says what, and the numbers are read, or the file is refused.
@Suite struct NothingSilentTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private struct Row {
    let path: String
    /// The first numbers that are read; nil: the file is refused.
    var numbers: [Double]?
    /// Words of the remark or of the refusal.
    let words: String
  }

  /// A new format has no row until one is written here.
  private func rows(_ kind: FileKind) throws -> [Row] {
    switch kind {
    case .npy:
      try NPY.write(Tensor([1, 2] as [Double]), to: folder.file("a.npy"))
      let one = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a.npy"))))
      return [
        Row(
          path: try folder.write(one + one, as: "b.npy"), numbers: [1, 2], words: "144 bytes behind the array, which begin another"),
        Row(path: try folder.write(one + [0], as: "c.npy"), numbers: [1, 2], words: "found 1 bytes behind the array, they"),
      ]
    case .npz: return [Row(path: try folder.write(PassedOverFixture.npz, as: "a.npz"), numbers: [1, 2], words: "name (text)")]
    case .safetensors:
      let kinds = [("F8_E4M3", 1), ("C64", 8), ("F4", 1)]
      return try kinds.map { type, size in
        let header = Array(
          ##"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"\##(type)","shape":[1],"data_offsets":[4,\##(4 + size)]}}"##
            .utf8)
        let bytes = [UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header + floats([7]) + [UInt8](repeating: 0, count: size)
        return Row(path: try folder.write(bytes, as: "\(type).safetensors"), numbers: [7], words: "b (numbers of type \(type))")
      }
    case .torch:
      return [Row(path: try folder.write(PassedOverFixture.torch, as: "a.pt"), numbers: [1, 2, 3, -4], words: "counter")]
    case .mat4:
      func matrix(_ name: String, type: Int, _ value: Double) -> [UInt8] {
        let words = [type, 1, 1, 0, 2].map { shorts([$0, 0]) }.joined()
        return words + Array(name.utf8) + [0] + withUnsafeBytes(of: value) { Array($0) }
      }
      let matrices = matrix("x", type: 0, 5) + matrix("t", type: 1, 65)
      return [Row(path: try folder.write(matrices, as: "a.mat"), numbers: [5], words: "t (char)")]
    case .mat5:
      return [Row(path: try folder.write(ArrayFixture.mat5Compressed, as: "a.mat"), numbers: [0, 0.125], words: "t (char)")]
    case .mat73:
      let path = try folder.unpack(PassedOverFixture.mat73, as: "a.mat")
      return [Row(path: path, numbers: [0, 0, 0, 5], words: "f (function_handle)")]
    case .matrixMarket:
      let text = "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 5\n2 2 6\n"
      return [Row(path: try folder.write(Array(text.utf8), as: "a.mtx"), words: "more than the 1 entries")]
    case .hdf5:
      let path = try folder.unpack(PassedOverFixture.links, as: "a.h5")
      // The second array's head is damaged, which its checksum shows.
      var spoilt = try Data(contentsOf: URL(fileURLWithPath: path))
      let place = try #require(spoilt.range(of: Data("spoil".utf8)))
      spoilt[place.lowerBound] = 0x53
      return [
        "x (attributes units)", "y (attributes spoil)", "again (a link, another name)", "other (a link to another file)",
        "list (an attribute that is no single text or number)",
      ].map { Row(path: path, numbers: [1, 2], words: $0) }
        + [Row(path: try folder.write([UInt8](spoilt), as: "b.h5"), numbers: [1, 2], words: "y (cannot be read)")]
    case .fastMRI:
      let path = try folder.unpack(PassedOverFixture.fastMRI, as: "a.h5")
      return [Row(path: path, numbers: [0, 1, 1, 1], words: "noise (of another kind), reconstruction_esc (of another kind)")]
    case .ismrmrd:
      let path = try folder.unpack(PassedOverFixture.ismrmrd, as: "a.h5")
      return [Row(path: path, numbers: [0, 1, 2, 3], words: "image_0 (of another kind), waveforms (of another kind)")]
    case .bart:
      try BARTFile.write(ComplexTensor(pairs: .zeros([2, 3, 2], precision: .single)), to: folder.file("a.cfl"))
      let numbers = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a.cfl"))))
      return [Row(path: try folder.write(numbers + [0], as: "a.cfl"), words: "found 49 bytes, expected 48")]
    case .nifti:
      try NIfTI(values: .real(Tensor([1, 2] as [Float], shape: [1, 2]))).write(to: folder.file("a.nii"))
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a.nii"))))
      let behind = Row(
        path: try folder.write(bytes + [0, 0, 0], as: "b.nii"), numbers: [1, 2], words: "found 3 bytes behind the numbers")
      bytes.replaceSubrange(348..<352, with: [1, 0, 0, 0, 16, 0, 0, 0, 6, 0, 0, 0] + Array("a note. ".utf8))
      bytes.replaceSubrange(108..<112, with: floats([368]))
      let note = Row(path: try folder.write(bytes, as: "c.nii"), numbers: [1, 2], words: "extensions of the header")
      let gzip = Process()
      gzip.executableURL = URL(fileURLWithPath: "/bin/sh")
      gzip.arguments = ["-c", "gzip < b.nii > b.nii.gz; gzip < c.nii > c.nii.gz"]
      gzip.currentDirectoryURL = URL(fileURLWithPath: folder.path)
      try gzip.run()
      gzip.waitUntilExit()
      return [
        behind, note, Row(path: folder.file("b.nii.gz"), numbers: [1, 2], words: "bytes behind the numbers"),
        Row(path: folder.file("c.nii.gz"), numbers: [1, 2], words: "extensions of the header"),
      ]
    case .png:
      let gray = Array(bytes(ImageFixture.pngGray8))
      let animated = gray[..<33] + pngBlock("acTL", [0, 0, 0, 2, 0, 0, 0, 0]) + gray[33...]
      let clear = gray[..<33] + pngBlock("tRNS", [0, 2]) + gray[33...]
      return [
        Row(path: try folder.write(ImageFixture.pngRGBA, as: "a.png"), numbers: [], words: "an alpha channel"),
        Row(path: try folder.write(Array(clear), as: "b.png"), numbers: [0, 1 / 255.0], words: "transparent colours"),
        Row(path: try folder.write(Array(animated), as: "c.png"), numbers: [0, 1 / 255.0], words: "an animation of 2 images"),
        Row(path: try folder.write(gray + [1, 2], as: "d.png"), numbers: [0, 1 / 255.0], words: "2 bytes behind the image"),
      ]
    case .jpeg:
      return try [ImageFixture.jpegGray, ImageFixture.jpegProgressive420].enumerated().flatMap { k, fixture in
        let photo = Array(bytes(fixture))
        return [
          Row(
            path: try folder.write(photo + [0, 0, 0], as: "a\(k).jpg"), numbers: [], words: "found 3 bytes behind the image, they"),
          Row(
            path: try folder.write(photo + photo, as: "b\(k).jpg"), numbers: [],
            words: "found \(photo.count) bytes behind the image, which begin another image"),
        ]
      }
    case .tiff:
      let page = TIFFPage([51, 102], width: 2, height: 1, bits: 8)
      var parent = page
      parent.tags[330] = [8]  // the place of a directory within the page
      var stack = page
      stack.description = "ImageJ=1.54f\nimages=3\n"
      return [
        Row(
          path: try folder.write(TIFFPage.file([page, page]), as: "a.tif"), numbers: [0.2, 0.4], words: "2 pages, the first is read"
        ),
        Row(path: try folder.write(TIFFPage.file([parent]), as: "b.tif"), numbers: [0.2, 0.4], words: "1 images within its pages"),
        Row(
          path: try folder.write(TIFFPage.file([stack]), as: "c.tif"), numbers: [0.2, 0.4], words: "ImageJ says that it holds 3"),
        Row(
          path: try folder.write(
            TIFFPage.file([TIFFPage([51, 1, 102, 1], width: 2, height: 1, bits: 8, tags: [277: [2], 338: [2]])]), as: "d.tif"),
          numbers: [0.2, 0.4], words: "(alpha) passed over"),
      ]
    case .dicom:
      let plain = DICOMBytes([3, 4], height: 1, width: 2)
      var drawn = plain
      drawn.insert((0x6000, 0x10), "US", shorts([1]))
      drawn.insert((0x6000, 0x3000), "OW", [1, 0])
      return [
        Row(path: try folder.write(plain.file + [0, 7], as: "a.dcm"), numbers: [3, 4], words: "2 bytes behind the pixels"),
        Row(path: try folder.write(drawn.file, as: "b.dcm"), numbers: [3, 4], words: "1 overlays"),
      ]
    case .events:
      let path = folder.file("a.tfevents")
      let file = try EventFile(path)
      try file.add(tag: "loss", value: 0.5, step: 1, wallTime: 1)
      try file.flush()
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      // A value of another kind: its second field, the number, becomes the eighth, a tensor, that is 4 bytes long.
      let text = Array("loss".utf8)
      let message: [UInt8] = [0x0a, 4] + text + [0x42, 2, 1, 1]
      let event: [UInt8] = [0x2a, UInt8(message.count + 2), 0x0a, UInt8(message.count)] + message
      let length: [UInt8] = [UInt8(event.count), 0, 0, 0, 0, 0, 0, 0]
      let record = length + masked(length) + event + masked(event)
      return [
        Row(path: try folder.write(whole + record, as: "b.tfevents"), numbers: [0.5], words: "1 values that are no scalars (loss)"),
        Row(
          path: try folder.write(whole + record.dropLast(3), as: "c.tfevents"), numbers: [0.5],
          words: "a last record that is cut off"),
      ]
    case .unknown: return [Row(path: try folder.write(Array("a text".utf8), as: "a.txt"), words: "a file of unknown format")]
    }
  }

  /// TensorFlow's check of records: CRC-32C (RFC 3720, polynomial 0x1edc6f41), turned by 15 bits, and a constant.
  private func masked(_ bytes: [UInt8]) -> [UInt8] {
    let sum = ~bytes.reduce(~0 as UInt32) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { s, _ in s >> 1 ^ (s & 1 == 1 ? 0x82f6_3b78 : 0) }
    }
    let mask = (sum >> 15 | sum << 17) &+ 0xa282_ead8
    return (0..<4).map { UInt8(truncatingIfNeeded: mask >> (8 * $0)) }
  }

  private func numbers(_ path: String, _ kind: FileKind) throws -> [Double] {
    switch kind {
    case .png, .jpeg, .tiff: try readImage(path).values.doubles
    case .events: try EventFile.read(path).map(\.value)
    case .fastMRI: try FastMRIFile(contentsOf: path).kSpace(slice: 0).pairs.doubles
    default: try readArrays(path)[0].value.stored.doubles
    }
  }

  @Test(arguments: FileKind.allCases) func whatIsNotReadIsNamed(kind: FileKind) throws {
    let rows = try rows(kind)
    #expect(!rows.isEmpty)
    for row in rows {
      #expect(try FileKind.detect(row.path) == kind, "\(row.path)")
      guard let expected = row.numbers else {
        let line = refusal(FileFormatError.self) { try numbers(row.path, kind) }
        #expect(line.hasPrefix(row.path) && line.contains(row.words), "\(line)")
        continue
      }
      let (found, remarks) = try Remarks.collected { try numbers(row.path, kind) }
      #expect(!found.isEmpty && Array(found.prefix(expected.count)) == expected, "\(row.path): \(found.prefix(4))")
      #expect(remarks.contains { $0.hasPrefix(row.path) && $0.contains(row.words) }, "\(row.words): \(remarks)")
    }
  }
}
