// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// zlib's format without compression: a head, one stored block of deflate, Adler-32 (RFC 1950 and 1951).
private func packed(_ bytes: [UInt8]) -> [UInt8] {
  let (count, sums) = (bytes.count, bytes.reduce((1, 0)) { (($0.0 + Int($1)) % 65521, ($0.1 + ($0.0 + Int($1))) % 65521) })
  return [0x78, 1, 1, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8 & 255)] + bytes
    + [UInt8(sums.1 >> 8), UInt8(sums.1 & 255), UInt8(sums.0 >> 8), UInt8(sums.0 & 255)]
}

/// Pages, samples and orientations of TIFF and JPEG files as cameras, microscopes and scanners write them.
@Suite struct ImagePagesTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private func gray(_ values: [UInt8], _ tags: [Int: [Int]] = [:]) -> TIFFPage {
    TIFFPage(values, width: 3, height: 2, bits: 8, tags: tags)
  }

  @Test func pagesAreNamedOrRead() throws {
    let pages = (0..<3).map { k in gray((0..<6).map { UInt8(10 * k + $0) }) }
    let path = try folder.write(TIFFPage.file(pages), as: "a.tif")
    let first = try Remarks.collected { try readImage(path) }
    #expect(first.result.values.doubles == (0..<6).map { Double($0) / 255 })
    #expect(first.remarks == ["\(path): found 3 pages, the first is read"])
    let all = try Remarks.collected { try readImagePages(path) }
    #expect(all.result.map { $0.values[flat: 0] } == [0, 10.0 / 255, 20.0 / 255] && all.remarks.isEmpty)
    // A reduced copy (tag 254, bit 0) is no page of its own: TIFF 6.0, page 36.
    let copies = try folder.write(TIFFPage.file([pages[0], gray([1, 2, 3, 4, 5, 6], [254: [1]])]), as: "b.tif")
    let one = try Remarks.collected { try readImagePages(copies) }
    #expect(one.result.count == 1 && one.remarks.count == 1 && one.remarks[0].contains("1 reduced copies"))
  }

  @Test(arguments: [
    (8, 2, [0xff, 0, 5, 6, 7, 0x80] as [UInt8], [-1, 0, 5, 6, 7, -128] as [Double]),
    (16, 2, shorts([-1000, 0, 40, 1, 2, 3000]), [-1000, 0, 40, 1, 2, 3000]),
    (32, 2, [0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 20), [-1, 0, 0, 0, 0, 0]),
    (32, 1, [0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 20), [4_294_967_295, 0, 0, 0, 0, 0]),
    (32, 3, floats([0.5, -2, 255, 0, 0, 1]), [0.5, -2, 255, 0, 0, 1]),
  ])
  func numbersAsTheyAre(bits: Int, format: Int, samples: [UInt8], expected: [Double]) throws {
    let path = try folder.write(TIFFPage.file([TIFFPage(samples, width: 3, height: 2, bits: bits, format: format)]), as: "a.tif")
    let image = try readImage(path)
    #expect(image.values.doubles == expected && !image.isScaled)
  }

  @Test func palettesAndExtraSamples() throws {
    // Red, green and blue of 256 entries each: entry 1 is (255, 128, 0), in 16 bits as TIFF has them.
    var map = [Int](repeating: 0, count: 768)
    (map[1], map[257]) = (0xffff, 0x8080)
    let palette = try readImage(folder.write(TIFFPage.file([gray([0, 1, 0, 0, 0, 0], [262: [3], 320: map])]), as: "p.tif"))
    #expect(
      palette.channels == 3 && palette.values[flat: 1] == 1 && palette.values[flat: 7] == 128.0 / 255
        && palette.values[flat: 13] == 0)
    let path = try folder.write(
      TIFFPage.file([TIFFPage([1, 200, 2, 200], width: 2, height: 1, bits: 8, tags: [258: [8], 277: [2], 338: [2]])]), as: "q.tif")
    let alpha = try Remarks.collected { try readImage(path) }
    #expect(alpha.result.values.doubles == [1.0 / 255, 2.0 / 255] && alpha.remarks.count == 1)
    let cmyk = try folder.write(
      TIFFPage.file([TIFFPage([1, 2, 3, 4], width: 1, height: 1, bits: 8, tags: [262: [5], 277: [4]])]), as: "c.tif")
    #expect(refusal(FileFormatError.self) { try readImage(cmyk) }.contains("CMYK"))
  }

  /// What Pillow 13.0.0 makes of [[1, 2, 3], [4, 5, 6]] by ImageOps.exif_transpose.
  @Test(
    arguments: [
      (1, [1, 2, 3, 4, 5, 6]), (2, [3, 2, 1, 6, 5, 4]), (3, [6, 5, 4, 3, 2, 1]), (4, [4, 5, 6, 1, 2, 3]), (5, [1, 4, 2, 5, 3, 6]),
      (6, [4, 1, 5, 2, 6, 3]), (7, [6, 3, 5, 2, 4, 1]), (8, [3, 6, 2, 5, 1, 4]),
    ] as [(Int, [Double])])
  func orientations(tag: Int, expected: [Double]) throws {
    let path = try folder.write(TIFFPage.file([gray([1, 2, 3, 4, 5, 6], [274: [tag]])]), as: "a.tif")
    let found = try Remarks.collected { try readImage(path) }
    let shape = tag >= 5 ? [3, 2] : [2, 3]
    #expect(found.result.values.map { ($0 * 255).rounded() } == Tensor(expected, shape: shape))
    #expect(found.remarks.count == (tag == 1 ? 0 : 1))
    // The same in a PNG of ImageFixture.pngGray8's pixels, behind its header of 33 bytes.
    let block: [UInt8] =
      Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(tag), 0, 0, 0, 0, 0, 0]
    let picture = Tensor(expected.map { [0, 1, 2, 127, 254, 255][Int($0) - 1] as Double }, shape: shape)
    // ImageMagick's text of the same block (coders/png.c, Magick_png_write_raw_profile), also packed, as it does from 128 letters on.
    let hexadecimal = (Array("Exif\0\0".utf8) + block).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    func profile(_ kind: String) -> [UInt8] { Array("\n\(kind)\n      \(6 + block.count)\n\(hexadecimal)\n".utf8) }
    let packet = { (say: String) in Array("<x tiff:Orientation\(say)".utf8) }
    for (type, content) in [
      ("eXIf", block), ("tEXt", Array("Raw profile type exif\0".utf8) + profile("exif")),
      ("tEXt", Array("Raw profile type APP1\0".utf8) + profile("generic profile")),
      ("zTXt", Array("Raw profile type exif\0\0".utf8) + packed(profile("exif"))),
      ("iTXt", Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet("=\"\(tag)\" x")),
      ("iTXt", Array("XML:com.adobe.xmp\0\0\0en\0x\0".utf8) + packet(">\(tag)</")),
      ("iTXt", Array("XML:com.adobe.xmp\0".utf8) + [1, 0, 0, 0] + packed(packet("=\"\(tag)\""))),
    ] {
      let png = Array(bytes(ImageFixture.pngGray8))
      let path = try folder.write(Array(png[..<33] + pngBlock(type, content) + png[33...]), as: "a.png")
      #expect(try readImage(path).values.map { ($0 * 255).rounded() } == picture, "\(type)")
    }
    // A photograph: the same tag in a block of EXIF, big-endian, behind the beginning of the file.
    let upright = try readImage(folder.write(ImageFixture.jpegGray, as: "u.jpg")).values
    let exif: [UInt8] =
      Array("Exif\0\0MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(tag), 0, 0, 0, 0, 0, 0]
    let photo = Array(bytes(ImageFixture.jpegGray))
    let turned = try readImage(folder.write([0xff, 0xd8, 0xff, 0xe1, 0, UInt8(exif.count + 2)] + exif + photo[2...], as: "t.jpg"))
      .values
    #expect(turned.shape == (tag >= 5 ? [13, 9] : [9, 13]))
    let last = upright.count - 1
    let corner = [1: 0, 2: 12, 3: last, 4: last - 12, 5: 0, 6: last - 12, 7: last, 8: 12][tag] ?? 0
    #expect(turned[flat: 0] == upright[flat: corner])
  }

  /// A stack as ImageJ saves it: pages like any others, or one page and numbers behind it that no page says.
  @Test(arguments: [3, 1]) func stacksOfImageJ(pages: Int) throws {
    var page = gray([1, 2, 3, 4, 5, 6])
    page.description = "ImageJ=1.54f\nimages=3\nslices=3\n"
    let path = try folder.write(TIFFPage.file([page] + Array(repeating: gray([7, 8, 9, 1, 2, 3]), count: pages - 1)), as: "a.tif")
    let found = try Remarks.collected { try readImagePages(path) }
    #expect(found.result.count == pages && found.result[0].values[flat: 0] == 1.0 / 255)
    #expect(found.remarks.count == (pages == 1 ? 1 : 0) && found.remarks.allSatisfy { $0.contains("ImageJ says that it holds 3") })
  }

  /// libjpeg passes such bytes over with a warning; the pixels are those of the file without them.
  @Test func bytesThatBelongToNothing() throws {
    let photo = Array(bytes(ImageFixture.jpegGray))
    let expected = try readImage(folder.write(photo, as: "a.jpg"))
    let length = 2 + 2 + 16  // the beginning and the block of JFIF
    for (k, changed) in [
      photo[..<length] + [0, 7, 0xff, 0] + photo[length...],
      photo[..<(photo.count - 2)] + [UInt8](repeating: 5, count: 80) + photo.suffix(2),
    ]
    .enumerated() {
      let path = try folder.write(Array(changed), as: "b\(k).jpg")
      let found = try Remarks.collected { try readImage(path) }
      #expect(found.result == expected && found.remarks.count == 1, "\(k): \(found.remarks)")
    }
    let cut = try folder.write(Array(photo.dropLast(12)), as: "c.jpg")
    #expect(refusal(FileFormatError.self) { try readImage(cut) }.contains("cannot be decoded"))
  }

  /// libpng 1.6 would make room for the 1.6 GB that a block says.
  @Test(arguments: ["tEXt", "IDAT", "zzzz"]) func blocksLongerThanTheFile(type: String) throws {
    let png = Array(bytes(ImageFixture.pngGray8))
    let path = try folder.write(Array(png[..<33] + [0x61, 0, 0, 0x61] + Array(type.utf8) + png[33...]), as: "a.png")
    #expect(refusal(FileFormatError.self) { try readImage(path) }.contains("found a block of 1627390049 bytes"))
  }

  @Test func clippedPixelsAreCounted() throws {
    let image = Image(values: Tensor([-0.2, 0.5, 1.001, 3] as [Double], shape: [2, 2]))
    let path = folder.file("a.png")
    let remarks = try Remarks.collected { try writePNG(image, to: path) }.remarks
    #expect(remarks == ["\(path): 2 of 4 values outside [0, 1] are clipped, they reach from -0.2 to 3"])
  }
}
