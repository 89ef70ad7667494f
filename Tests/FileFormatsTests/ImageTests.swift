// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ImageTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private func read(_ fixture: String) throws -> Image { try readImage(folder.write(fixture, as: "image")) }
  private let gray8 = Tensor([0, 1, 2, 127, 254, 255] as [Double], shape: [2, 3])
  private let gray16 = Tensor([0, 1, 256, 32768, 65534, 65535] as [Double], shape: [2, 3])
  private var rgb: Tensor {
    Tensor((0..<3).flatMap { c in ImageFixture.rgb.flatMap { $0.map { $0[c] } } }, shape: [3, 3, 5])
  }
  private func expect(_ image: Image, _ stored: Tensor, maximum: Double, bits: Int, _ comment: Comment) {
    #expect(identical(image.values, stored.map { $0 / maximum }), comment)
    #expect(image.bitDepth == bits, comment)
  }

  @Test func readsPNG() throws {
    expect(try read(ImageFixture.pngGray8), gray8, maximum: 255, bits: 8, "gray")
    expect(try read(ImageFixture.pngGray16), gray16, maximum: 65535, bits: 16, "16 bits")
    expect(try read(ImageFixture.pngRGB), rgb, maximum: 255, bits: 8, "colour")
    expect(try read(ImageFixture.pngRGBA), rgb, maximum: 255, bits: 8, "alpha dropped")
    let palette = Tensor([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0] as [Double], shape: [3, 2, 2])
    expect(try read(ImageFixture.pngPalette), palette, maximum: 1, bits: 8, "palette")
    expect(try read(ImageFixture.pngBinary), Tensor([0, 1, 0, 1, 0, 1] as [Double], shape: [2, 3]), maximum: 1, bits: 8, "1 bit")
  }

  @Test func readsTIFF() throws {
    expect(try read(ImageFixture.tiffLZW), rgb, maximum: 255, bits: 8, "LZW")
    expect(try read(ImageFixture.tiffGray16Deflate), gray16, maximum: 65535, bits: 16, "deflate")
    expect(
      try read(ImageFixture.tiffTiled), Tensor((0..<360).map(Double.init), shape: [20, 18]), maximum: 65535, bits: 16, "tiles")
    expect(try read(ImageFixture.tiffPlanarBig), rgb.map { 257 * $0 }, maximum: 65535, bits: 16, "planes, big-endian")
    expect(try read(ImageFixture.tiffBigStrips), Tensor((0..<15).map(Double.init), shape: [5, 3]), maximum: 255, bits: 8, "strips")
    let white = try read(ImageFixture.tiffWhite)
    #expect(white.values == gray8.map { 1 - $0 / 255 })
    let float = try read(ImageFixture.tiffFloat)
    #expect(float.bitDepth == 32 && float.values[flat: 0] == Double(Float(0.1)) && float.values[flat: 1] == -2.5)
    #expect(float.values[flat: 2].isNaN && float.values[flat: 3] == Double(Float(1e30)))
    #expect(try read(ImageFixture.tiffFloat64).values.doubles == [0.1, 0.2])
    let signed = try read(ImageFixture.tiffSigned)
    #expect(signed.values.doubles == [1, 2] && !signed.isScaled)
  }

  @Test func readsJPEG() throws {
    let gray = try read(ImageFixture.jpegGray)
    expect(gray, Tensor(ImageFixture.jpegGrayPixels.flatMap { $0 }, shape: [9, 13]), maximum: 255, bits: 8, "gray")
    let colour = try read(ImageFixture.jpegProgressive420)
    #expect(colour.values.shape == [3, 9, 13])
    let (v, sums) = (colour.values.doubles.map { $0 * 255 }, [12707, 17165, 10472] as [Double])
    for c in 0..<3 {
      let plane = v[c * 117..<(c + 1) * 117]
      let expected = ImageFixture.jpegColourRows.flatMap { $0.map { $0[c] } }
      #expect(zip(plane, expected).allSatisfy { abs($0 - $1) < 1e-9 })
      #expect(abs(plane.reduce(0, +) - sums[c]) < 1e-6)
    }
    #expect(throws: FileFormatError.self) { try read(ImageFixture.jpegCMYK) }
  }

  /// 0.299 R′ + 0.587 G′ + 0.114 B′ (ITU-R BT.601).
  @Test func luma() throws {
    let image = try read(ImageFixture.pngRGB)
    let first: Double = (0.299 * 241 + 0.587 * 160 + 0.114 * 175) / 255
    #expect(image.grayscale.shape == [3, 5] && abs(image.grayscale[flat: 0] - first) < 1e-14)
    #expect(image.width == 5 && image.height == 3 && image.channels == 3)
    let white = Image(values: .filled(1, shape: [3, 1, 1]))
    #expect(abs(white.grayscale[flat: 0] - 1) < 1e-15)
    #expect(try read(ImageFixture.pngGray8).grayscale == gray8.map { $0 / 255 })
  }

  @Test(arguments: [[7, 5], [3, 7, 5], [1, 1], [3, 1, 1]]) func integersSurviveWritingAndReading(shape: [Int]) throws {
    let count = shape.reduce(1, *)
    for bits in [8, 16] {
      let scale = Double(1 << bits - 1)
      let values = Tensor((0..<count).map { Double($0 * 40503 % (1 << bits)) / scale }, shape: shape)
      try writePNG(values, to: folder.file("a.png"), bitDepth: bits)
      try writeTIFF(Image(values: values), to: folder.file("a.tif"), bitDepth: bits)
      for name in ["a.png", "a.tif"] { expect(try readImage(folder.file(name)), values, maximum: 1, bits: bits, "\(name)") }
    }
    let floats = Tensor((0..<count).map { Double(Float($0) / 3 - 1) }, shape: shape)
    try writeTIFF(Image(values: floats), to: folder.file("f.tif"), bitDepth: 32)
    expect(try readImage(folder.file("f.tif")), floats, maximum: 1, bits: 32, "float")
  }

  @Test func jpegIsClose() throws {
    let ramp = Tensor((0..<3 * 24 * 17).map { Double($0 % 17) / 16 }, shape: [3, 24, 17])
    try writeJPEG(Image(values: ramp), to: folder.file("a.jpg"), quality: 100)
    #expect((try readImage(folder.file("a.jpg")).values - ramp).maximumMagnitude < 0.02)
    try writeJPEG(Image(values: ramp.row(0)), to: folder.file("g.jpg"), quality: 100)
    #expect((try readImage(folder.file("g.jpg")).values - ramp.row(0)).maximumMagnitude < 0.01)
  }

  @Test func clampsAndRefuses() throws {
    let path = folder.file("a.png")
    try writePNG(Tensor([-1, 2, .infinity] as [Double], shape: [1, 3]), to: path)
    #expect(try readImage(path).values.doubles == [0, 1, 1])
    let nan = Image(values: Tensor([Double.nan], shape: [1, 1]))
    #expect(throws: FileFormatError.self) { try writePNG(nan, to: path) }
    #expect(throws: FileFormatError.self) { try writeJPEG(nan, to: path) }
    #expect(throws: FileFormatError.self) { try writeTIFF(nan, to: path, bitDepth: 16) }
    #expect(throws: FileFormatError.self) { try writePNG(Image(values: gray8), to: path, bitDepth: 12) }
    #expect(throws: FileFormatError.self) { try writeJPEG(Image(values: gray8), to: path, quality: 0) }
    #expect(throws: FileFormatError.self) { try writePNG(Tensor([] as [Double], shape: [0, 3]), to: path) }
    #expect(folder.names == ["a.png"])
    #expect(throws: FileFormatError.self) { try readImage(folder.write(ArrayFixture.npyFloat64, as: "a.npy")) }
  }

  /// A header that declares 30000 × 30000 pixels, and one of a possible number of pixels that the file cannot hold.
  @Test(arguments: [[0, 0, 0x75, 0x30], [0, 0, 0x27, 0x10]] as [[UInt8]]) func hugeHeadersAreRefusedBeforeDecoding(side: [UInt8])
    throws
  {
    var file = bytes(ImageFixture.pngGray8)
    file.replaceSubrange(16..<24, with: side + side)
    let checked = file[12..<29]
    var crc: UInt32 = .max
    for byte in checked {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    file.replaceSubrange(29..<33, with: withUnsafeBytes(of: (~crc).bigEndian) { Array($0) })
    let path = folder.file("huge.png")
    try file.write(to: URL(fileURLWithPath: path))
    #expect(refusal(FileFormatError.self) { try readImage(path) }.contains("found an image of"))
  }

  /// Shapes and means from Pillow.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func realImages() throws {
    let folder = dataFolder
    let fingerprint = try readImage(folder + "/natural/set11/fingerprint.png")
    #expect(fingerprint.values.shape == [512, 512] && fingerprint.bitDepth == 8)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/mri/chest").filter { $0.hasSuffix(".png") }
    let chest = try readImage(folder + "/mri/chest/" + #require(names.sorted().first))
    #expect(chest.values.shape == [256, 256] && chest.bitDepth == 16)
    #expect(chest.values.doubles.allSatisfy { ($0 * 65535).rounded() / 65535 == $0 })
  }
}
