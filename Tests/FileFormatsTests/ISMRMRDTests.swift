// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ISMRMRDTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func readsWhatItsPythonPackageWrites() throws {
    let path = try folder.unpack(MRIFixture.ismrmrd, as: "a.h5")
    let file = try ISMRMRDFile(contentsOf: path)
    #expect(file.header.encodedSpace == .init(matrixSize: [8, 4, 1], fieldOfView: [300, 200, 5]))
    #expect(file.header.reconSpace == .init(matrixSize: [4, 4, 1], fieldOfView: [150, 200, 5]))
    #expect(file.header.center == 1 && file.header.trajectory == "cartesian" && file.header.xml.contains("63870000"))
    #expect(file.measuredLines == [[false, true, true, true], [false, false, true, true]])
    var expected = [Float](repeating: 0, count: 2 * 2 * 2 * 4 * 8)
    for (slice, line, scale) in [(0, 0, 1), (0, 1, 2), (0, 2, 1), (1, 1, 1), (1, 2, 1)] as [(Int, Int, Float)] {
      for coil in 0..<2 {
        for k in 0..<8 {
          let position = 2 * (((slice * 2 + coil) * 4 + line + 1) * 8 + k)
          expected[position] = scale * Float(100 * slice + 10 * line + coil)
          expected[position + 1] = scale * Float(k)
        }
      }
    }
    #expect(identical(file.kSpace.pairs, Tensor(expected, shape: [2, 2, 4, 8, 2])))
    let second = try ISMRMRDFile(contentsOf: path, selecting: .init(repetition: 1))
    #expect(second.kSpace.shape == [1, 2, 4, 8] && second.measuredLines == [[false, false, false, true]])
    #expect(second.kSpace.pairs[flat: 2 * 3 * 8] == 140)
    #expect(try FileKind.detect(path) == .ismrmrd)
    #expect(try readArrays(path).map(\.name) == ["kspace", "mask"])
    #expect(throws: FileFormatError.self) { try ISMRMRDFile(contentsOf: path, selecting: .init(contrast: 1)) }
    #expect(throws: FileFormatError.self) { try ISMRMRDFile(contentsOf: path, group: "other") }
  }

  /// Read by ismrmrd-python 1.15.0 with the same numbers; its schema takes the header.
  @Test(arguments: [[1, 1, 1, 1], [2, 3, 4, 6], [3, 2, 5, 7]]) func writtenThenReadIsBitExact(shape: [Int]) throws {
    var pairs = (0..<2 * shape.reduce(1, *)).map { Float($0) / 7 }
    pairs[1] = .nan
    let kSpace = ComplexTensor(pairs: Tensor(pairs, shape: shape + [2]))
    let file = ISMRMRDFile(kSpace: kSpace, fieldOfView: [220, 180.5, 4])
    try file.write(to: folder.file("a.h5"))
    let read = try ISMRMRDFile(contentsOf: folder.file("a.h5"))
    #expect(identical(read.kSpace, kSpace) && read.measuredLines == file.measuredLines && read.header == file.header)
    try read.write(to: folder.file("a.h5"))
    #expect(identical(try ISMRMRDFile(contentsOf: folder.file("a.h5")).kSpace, kSpace))
    #expect(folder.names == ["a.h5"])
  }

  @Test func linesThatWereNotMeasured() throws {
    let kSpace = ComplexTensor(pairs: Tensor((1...2 * 24).map(Float.init), shape: [2, 1, 3, 4, 2]))
    try ISMRMRDFile(kSpace: kSpace, measuredLines: [[true, false, true], [false, true, true]]).write(to: folder.file("a.h5"))
    let read = try ISMRMRDFile(contentsOf: folder.file("a.h5"))
    #expect(read.measuredLines == [[true, false, true], [false, true, true]])
    var expected = kSpace.pairs.floats
    for missing in [8..<16, 24..<32] { for k in missing { expected[k] = 0 } }
    #expect(read.kSpace.pairs.floats == expected)
  }

  /// The middle of the image, by sums written out here.
  @Test(arguments: [(8, 4), (9, 5), (8, 5), (9, 4)]) func oversamplingIsRemoved(width: Int, wanted: Int) throws {
    func transform(_ x: [Double], _ n: Int) -> [Float] {  // 1/√n Σⱼ x[j] exp(−2πi (j − ⌊n/2⌋) (k − ⌊n/2⌋) / n)
      (0..<n).flatMap { k -> [Float] in
        var (re, im) = (0.0, 0.0)
        for j in 0..<n {
          let angle = -2 * Double.pi * Double((j - n / 2) * (k - n / 2)) / Double(n)
          re += x[j] * cos(angle)
          im += x[j] * sin(angle)
        }
        return [Float(re / Double(n).squareRoot()), Float(im / Double(n).squareRoot())]
      }
    }
    let image = (0..<width).map { sin(Double(3 * $0 + 1)) }
    let line = transform(image, width)
    let start = width / 2 - wanted / 2
    let expected = transform(Array(image[start..<start + wanted]), wanted)
    let file = ISMRMRDFile(kSpace: ComplexTensor(pairs: Tensor(line + line, shape: [1, 1, 2, width, 2])), fieldOfView: [10, 2, 1])
    try file.write(to: folder.file("a.h5"))
    // The header asks for fewer points.
    let xml = file.header.xml.replacing(
      "</encodedSpace>\n<reconSpace><matrixSize><x>\(width)<", with: "</encodedSpace>\n<reconSpace><matrixSize><x>\(wanted)<")
    #expect(xml != file.header.xml)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    let place = try #require(bytes.range(of: Data(file.header.xml.utf8)))
    bytes.replaceSubrange(place, with: Data(xml.utf8))
    try bytes.write(to: URL(fileURLWithPath: folder.file("a.h5")))
    let read = try ISMRMRDFile(contentsOf: folder.file("a.h5"), removingOversampling: true)
    #expect(read.kSpace.shape == [1, 1, 2, wanted] && read.header.encodedSpace.matrixSize == [wanted, 2, 1])
    #expect(zip(read.kSpace.pairs.floats, expected + expected).allSatisfy { abs($0 - $1) < 1e-6 })
    try read.write(to: folder.file("b.h5"))
    #expect(try ISMRMRDFile(contentsOf: folder.file("b.h5")).kSpace == read.kSpace)
  }

  /// A file of which some bytes are others, as often as they occur or in some lines alone.
  private func changed(_ path: String, _ change: (inout Data) -> Void) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file(path)))
    change(&bytes)
    try bytes.write(to: URL(fileURLWithPath: folder.file(path)))
  }

  /// Oversampling that fields of view say and matrices do not, along the readout and along the phase.
  @Test func oversamplingByTheFieldOfView() throws {
    var generator = RandomGenerator(seed: 2)
    let kSpace = ComplexTensor(pairs: .uniform([1, 2, 6, 8, 2], precision: .single, using: &generator))
    let file = ISMRMRDFile(kSpace: kSpace, fieldOfView: [40, 60, 5])
    try file.write(to: folder.file("a.h5"))
    try changed("a.h5") { bytes in
      let image = bytes.range(of: Data("<reconSpace>".utf8))!.upperBound..<bytes.endIndex
      bytes.replaceSubrange(bytes.range(of: Data("<x>40.0<".utf8), in: image)!, with: Data("<x>20.0<".utf8))
      bytes.replaceSubrange(bytes.range(of: Data("<y>60.0<".utf8), in: image)!, with: Data("<y>30.0<".utf8))
    }
    let read = try ISMRMRDFile(contentsOf: folder.file("a.h5"), removingOversampling: true)
    #expect(read.kSpace.shape == [1, 2, 6, 4] && read.imageSize == [3, 4])
  }

  /// Lines of calibration alone, bit 20 of the flags: 32 bytes before the number of samples, as the packed head of ISMRMRD 1.x has it.
  @Test func calibrationApart() throws {
    var generator = RandomGenerator(seed: 3)
    let kSpace = ComplexTensor(pairs: .uniform([1, 3, 5, 17, 2], precision: .single, using: &generator))
    try ISMRMRDFile(kSpace: kSpace).write(to: folder.file("a.h5"))
    try changed("a.h5") { bytes in
      var (start, number) = (bytes.startIndex, 0)
      while let place = bytes.range(of: Data([17, 0, 3, 0, 3, 0]), in: start..<bytes.endIndex) {
        if number == 1 || number == 3 { bytes[place.lowerBound - 32 + 2] |= 1 << 3 }  // flag 20 is bit 19
        (start, number) = (place.upperBound, number + 1)
      }
      #expect(number == 5)
    }
    let read = try ISMRMRDFile(contentsOf: folder.file("a.h5"))
    #expect(read.measuredLines == [[true, false, true, false, true]])
    let calibration = try #require(read.calibration).pairs.floats
    for (i, value) in kSpace.pairs.floats.enumerated() {
      let isApart = [1, 3].contains(i / 34 % 5)
      #expect(calibration[i] == (isApart ? value : 0) && read.kSpace.pairs.floats[i] == (isApart ? 0 : value))
    }
  }

  /// The header says half the points of the lines: oversampling that it does not know.
  @Test func oversamplingUnknownToTheHeader() throws {
    var generator = RandomGenerator(seed: 4)
    let kSpace = ComplexTensor(pairs: .uniform([1, 1, 3, 16, 2], precision: .single, using: &generator))
    let file = ISMRMRDFile(kSpace: kSpace, fieldOfView: [40, 30, 5])
    try file.write(to: folder.file("a.h5"))
    try changed("a.h5") { bytes in
      while let place = bytes.range(of: Data("<x>16<".utf8)) { bytes.replaceSubrange(place, with: Data("<x>08<".utf8)) }
    }
    let (read, remarks) = try Remarks.collected { try ISMRMRDFile(contentsOf: folder.file("a.h5"), removingOversampling: true) }
    #expect(read.kSpace.shape == [1, 1, 3, 8] && remarks.contains { $0.contains("16 samples for 8 points") })
  }

  /// Centres that were left at 0, 138 bytes behind the number of samples: 6 of counts, 128 of the coils' mask, 4 of what is thrown away.
  @Test(arguments: [16, 17]) func centresLeftAtZero(width: Int) throws {
    var generator = RandomGenerator(seed: 5)
    let kSpace = ComplexTensor(pairs: .uniform([1, 3, 5, width, 2], precision: .single, using: &generator))
    try ISMRMRDFile(kSpace: kSpace).write(to: folder.file("a.h5"))
    try changed("a.h5") { bytes in
      var (start, number) = (bytes.startIndex, 0)
      while let place = bytes.range(of: Data([UInt8(width), 0, 3, 0, 3, 0]), in: start..<bytes.endIndex) {
        #expect(bytes[place.lowerBound + 138] == UInt8(width / 2))
        bytes[place.lowerBound + 138] = 0
        (start, number) = (place.upperBound, number + 1)
      }
      #expect(number == 5)
    }
    let (read, remarks) = try Remarks.collected { try ISMRMRDFile(contentsOf: folder.file("a.h5")) }
    #expect(identical(read.kSpace, kSpace))
    #expect(remarks.count == 1 && remarks[0].contains("sample 0 as the centre"))
  }

  /// What a line's head claims is held against what the line has.
  @Test func impossibleHeadsAreRefused() throws {
    let file = ISMRMRDFile(kSpace: ComplexTensor(pairs: .zeros([1, 3, 1, 17, 2], precision: .single)))
    try file.write(to: folder.file("a.h5"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    // number_of_samples, available and active channels of the only line.
    let place = try #require(whole.range(of: Data([17, 0, 3, 0, 3, 0])))
    for change in [[16, 0, 3, 0, 3, 0], [255, 255, 3, 0, 3, 0], [17, 0, 3, 0, 255, 255], [17, 0, 3, 0, 0, 0]] as [[UInt8]] {
      var damaged = whole
      damaged.replaceSubrange(place, with: Data(change))
      try damaged.write(to: URL(fileURLWithPath: folder.file("b.h5")))
      #expect(refusal(FileFormatError.self) { try ISMRMRDFile(contentsOf: folder.file("b.h5")) } != "", "\(change)")
    }
  }

  @Test(arguments: [
    ("<x>6<", "<x>70000<"), ("<x>6<", "<x>-6<"), ("<x>6<", "<x>six<"), ("<x>6<", "<x><"), ("cartesian", "radial"),
    ("<z>1<", "<z>9<"), ("<?xml", "<<?xml"), ("</encoding>", ""), ("<x>6<", "<x>5<"), ("<y>4<", "<y>3<"), ("<y>4<", "<y>65535<"),
  ]) func impossibleHeadersAreRefused(old: String, new: String) throws {
    let file = ISMRMRDFile(kSpace: ComplexTensor(pairs: .zeros([1, 1, 4, 6, 2], precision: .single)))
    try file.write(to: folder.file("a.h5"))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    let place = try #require(bytes.range(of: Data(file.header.xml.utf8)))
    var xml = Data(file.header.xml.replacing(old, with: new).utf8.prefix(place.count))
    xml += Data(repeating: 0, count: place.count - xml.count)
    bytes.replaceSubrange(place, with: xml)
    try bytes.write(to: URL(fileURLWithPath: folder.file("a.h5")))
    #expect(refusal(FileFormatError.self) { try ISMRMRDFile(contentsOf: folder.file("a.h5")) } != "")
  }
}
