// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ImageFilesTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private func slice(_ value: Int, position: String? = nil, number: Int? = nil, series: String = "1.2.3", size: Int = 2) -> [UInt8]
  {
    DICOMBytes(
      [Int](repeating: value, count: size * size), height: size, width: size, position: position, number: number, series: series
    ).file
  }

  /// The μ of the slices' first pixels as Hounsfield units.
  private func order(_ path: String) throws -> (values: [Double], remarks: [String]) {
    let found = try Remarks.collected { try NamedImage.slices(of: path) }
    return (found.result.map { ($0.value.real!.doubles[0] * 0.8 / 0.192 * 1000 - 1000).rounded() }, found.remarks)
  }

  @Test func slicesByPosition() throws {
    // z falls while the names' numbers rise; IM10 comes before IM2 letter by letter.
    for k in 1...12 { try folder.write(slice(k, position: "0\\0\\\(-2 * k)", number: 13 - k), as: "IM\(k).dcm") }
    let found = try order(folder.path)
    #expect(found.values == (1...12).reversed().map(Double.init) && found.remarks.isEmpty)
  }

  @Test func slicesByNumberElseByName() throws {
    for k in 1...11 { try folder.write(slice(k, number: k), as: "x\(20 - k)") }
    #expect(try order(folder.path).values == (1...11).map(Double.init))
    let plain = try Folder()
    for k in 1...11 { try plain.write(slice(k), as: "x\(k)") }
    let found = try order(plain.path)
    #expect(found.values == (1...11).map(Double.init) && found.remarks.count == 1)
  }

  @Test func severalSeriesAreNamed() throws {
    for k in 1...3 { try folder.write(slice(k, position: "0\\0\\\(k)", series: k == 2 ? "1.9" : "1.2"), as: "a\(k).dcm") }
    let found = try order(folder.path)
    #expect(found.values == [1, 3, 2] && found.remarks.count == 1 && found.remarks[0].contains("2 series"))
  }

  @Test func hiddenFilesAreNoImages() throws {
    let image = Image(values: .filled(0.5, shape: [2, 2]))
    for name in ["b10.png", "b9.png"] { try writePNG(image, to: folder.file(name)) }
    for name in ["._b9.png", ".DS_Store", "Thumbs.db", "readme.txt"] { try folder.write([0, 5, 22, 7], as: name) }
    let found = try Remarks.collected { try ImageFolder.imageNames(folder.path) }
    #expect(found.result == ["b9.png", "b10.png"])
    #expect(found.remarks == ["\(folder.path): 1 of 3 files are no images and not read: readme.txt"])
  }

  @Test func everyBrokenImageIsNamed() throws {
    for k in 1...4 { try writePNG(Image(values: .filled(0.5, shape: [2, 2])), to: folder.file("\(k).png")) }
    for k in [2, 4] { try folder.write([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0], as: "\(k).png") }
    let line = refusal(InputError.self) { try ImageFolder(folder.path) }
    #expect(line.contains("2 of 4") && line.contains("2.png") && line.contains("4.png"))
  }

  @Test(
    arguments: [
      ([0, 255], "divide by"), ([0, 100], "divide by"), ([-1000, 1000], "scale them"), ([0, 1e-5], "stretch"),
      ([0, 1 / 255.0], "stretch"),
      ([0, .nan], "1 NaN of 2"), ([0, 1], ""), ([0, 0], ""), ([-0.05, 1.05], ""),
    ] as [([Double], String)])
  func ranges(pixels: [Double], word: String) {
    let line = refusal(InputError.self) { try ImageRange.check(Tensor(pixels, shape: [1, 2]), path: "a.tif") }
    #expect(word.isEmpty ? line.isEmpty : line.hasPrefix("a.tif: ") && line.contains(word), "\(line)")
  }

  @Test func overshootIsCounted() throws {
    let remarks = try Remarks.collected {
      try ImageRange.check(Tensor([-0.05, 0.5, 1.05] as [Double], shape: [1, 3]), path: "a.npy")
    }.remarks
    #expect(remarks.count == 1 && remarks[0].contains("2 of 3"))
  }

  @Test func hounsfieldUnitsOfTIFF() throws {
    let page = TIFFPage(shorts([-1000, 0, 3166, 4000]), width: 2, height: 2, bits: 16, format: 2)
    let path = try folder.write(TIFFPage.file([page, page]), as: "ct.tif")
    let found = try Remarks.collected { try NamedImage.slices(of: path, units: .hounsfield) }
    #expect(found.result.count == 2 && found.remarks == ["\(path): 2 of 8 pixels are clipped to −1000 to 3167 HU"])
    // 0 HU is water, 0.192 / cm, of 0.8 / cm at most.
    #expect(abs(found.result[1].value.real!.doubles[1] - 0.24) < 1e-12)
    #expect(refusal(InputError.self) { try NamedImage.slices(of: path) }.contains("--quantity hounsfield"))
  }

  @Test func imagesOfOtherKindsAreNotHounsfieldUnits() throws {
    let file = DICOMBytes([1, 2, 3, 4], height: 2, width: 2, modality: "MR")
    let path = try folder.write(file.file, as: "a.dcm")
    #expect(refusal(InputError.self) { try NamedImage.slices(of: path) }.contains("modality MR"))
  }
}
