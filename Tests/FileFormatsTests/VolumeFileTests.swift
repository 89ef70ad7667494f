// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// DICOM and NIfTI files as other programs leave them.
@Suite struct VolumeFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }
  private let samples = [-1000, 0, 40, 1, 2, 3000]

  @Test(arguments: [true, false]) func filesWithoutPreamble(isExplicit: Bool) throws {
    var file = DICOMBytes(samples, height: 2, width: 3)
    file.isExplicit = isExplicit
    let path = try folder.write(file.bare, as: "IM0001")
    #expect(try FileKind.detect(path) == .dicom)
    let found = try Remarks.collected { try DICOM(contentsOf: path) }
    #expect(found.result.values == Tensor(samples.map(Double.init), shape: [1, 2, 3]) && found.remarks.isEmpty)
  }

  @Test(arguments: [1, 2, 7, 8, 9, 64, 200]) func bytesBehindThePixels(count: Int) throws {
    for fill: UInt8 in [0, 0x41, 0xff] {
      let file = DICOMBytes(samples, height: 2, width: 3).file + [UInt8](repeating: fill, count: count)
      let path = try folder.write(file, as: "a.dcm")
      let found = try Remarks.collected { try DICOM(contentsOf: path) }
      #expect(found.result.values.doubles == samples.map(Double.init))
      #expect(found.remarks == ["\(path): found \(count) bytes behind the pixels, they are passed over"])
    }
    let cut = try folder.write(Array(DICOMBytes(samples, height: 2, width: 3).file.dropLast(count)), as: "c.dcm")
    #expect(refusal(FileFormatError.self) { try DICOM(contentsOf: cut) } != "")
  }

  @Test func whatAFileSaysOfItsPlace() throws {
    let file = DICOMBytes(samples, height: 2, width: 3, spacing: "0.5\\0.75", position: "1\\2\\-3.5", number: 7, series: "1.2.9")
    let path = try folder.write(file.file, as: "a.dcm")
    let place = try DICOM.Place(contentsOf: path)
    #expect(place.seriesUID == "1.2.9" && place.instanceNumber == 7 && place.position == [1, 2, -3.5])
    #expect(place.height == 2 && place.width == 3 && place.orientation == [1, 0, 0, 0, 1, 0])
    let whole = try DICOM(contentsOf: path)
    #expect(whole.frames[0].pixelSpacing == [0.5, 0.75] && whole.modality == "CT" && whole.seriesUID == "1.2.9")
  }

  /// Frames of one file stay in its order; how they lie along their normal is said, and a disorder is a remark.
  @Test(arguments: [
    ([0, 4, 8], DICOM.FrameOrder.rising), ([8, 4, 0], .falling), ([0, 8, 4], .mixed), ([0, 0, 0], .unknown),
  ]) func orderOfFrames(positions: [Int], order: DICOM.FrameOrder) throws {
    typealias Element = (tag: (Int, Int), type: String, value: [UInt8])
    func text(_ value: String) -> [UInt8] { Array(value.utf8) + (value.utf8.count % 2 == 1 ? [32] : []) }
    let samples = (0..<12).map { 10 * $0 }
    var file = DICOMBytes(samples, height: 2, width: 2, orientation: nil)
    file.insert((0x28, 8), "IS", text("3"))
    let across: Element = ((0x20, 0x37), "DS", text("1\\0\\0\\0\\1\\0"))
    file.insert((0x5200, 0x9229), "SQ", DICOMBytes.items([[((0x20, 0x9116), "SQ", DICOMBytes.items([[across]]))]]))
    let frames: [[Element]] = positions.map { position in
      let place: Element = ((0x20, 0x32), "DS", text("0\\0\\\(position)"))
      return [((0x20, 0x9113), "SQ", DICOMBytes.items([[place]]))]
    }
    file.insert((0x5200, 0x9230), "SQ", DICOMBytes.items(frames))
    let path = try folder.write(file.file, as: "a.dcm")
    let (found, remarks) = try Remarks.collected { try DICOM(contentsOf: path) }
    #expect(found.values == Tensor(samples.map(Double.init), shape: [3, 2, 2]) && found.frameOrder == order)
    #expect(remarks.count == (order == .mixed ? 1 : 0) && remarks.allSatisfy { $0.contains("not in order of their positions") })
  }

  /// A header of NIfTI-1 for int16 of 2 × 3 × 1, from nifti1.h; `mark` is `n+1`, `ni1` or nothing, as in Analyze 7.5.
  private func header(_ mark: String, offset: Float, voxel: Float = 2, scale: Float = 0) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 348)
    func put(_ new: [UInt8], _ at: Int) { bytes.replaceSubrange(at..<at + new.count, with: new) }
    put(shorts([348, 0]), 0)
    put(shorts([2, 2, 3, 1, 1, 1, 1, 1]), 40)
    put(shorts([4, 16]), 70)
    put(floats([1, voxel, voxel, 5]), 76)
    put(floats([offset, scale]), 108)
    put(Array(mark.utf8), 344)
    return bytes
  }

  @Test(arguments: ["ni1", ""]) func pairs(mark: String) throws {
    try folder.write(header(mark, offset: 0), as: "a.hdr")
    try folder.write(shorts([1, 2, 3, 4, 5, -6]), as: "a.img")
    for name in ["a.hdr", "a.img"] {
      #expect(try FileKind.detect(folder.file(name)) == .nifti)
      let found = try NIfTI(contentsOf: folder.file(name))
      #expect(found.values.real?.doubles == [1, 2, 3, 4, 5, -6] && found.values.shape == [3, 2] && found.voxelSize == [2, 2, 5])
    }
    try folder.write(header(mark, offset: 0), as: "alone.hdr")
    #expect(refusal(FileFormatError.self) { try NIfTI(contentsOf: folder.file("alone.hdr")) }.contains(".img"))
  }

  /// SPM writes a scale into Analyze's first unused number (spm_vol_ana.m).
  @Test func scaleOfSPM() throws {
    try folder.write(header("", offset: 0, scale: 0.5), as: "a.hdr")
    try folder.write(shorts([1, 2, 3, 4, 5, -6]), as: "a.img")
    let found = try Remarks.collected { try NIfTI(contentsOf: folder.file("a.img")) }
    #expect(found.result.values.real?.doubles == [0.5, 1, 1.5, 2, 2.5, -3] && found.remarks.count == 1)
  }

  @Test func headersThatSayNothing() throws {
    let numbers = [0, 0, 0, 0] + shorts([1, 2, 3, 4, 5, -6])
    let offset = try Remarks.collected { try NIfTI(contentsOf: folder.write(header("n+1", offset: 0) + numbers, as: "a.nii")) }
    #expect(offset.result.values.real?.doubles == [1, 2, 3, 4, 5, -6])
    #expect(offset.remarks.count == 1 && offset.remarks[0].contains("byte 352") && offset.result.knowsVoxelSize)
    let voxel = try Remarks.collected {
      try NIfTI(contentsOf: folder.write(header("n+1", offset: 352, voxel: 0) + numbers, as: "b.nii"))
    }
    #expect(voxel.result.values.real?.doubles == [1, 2, 3, 4, 5, -6] && !voxel.result.knowsVoxelSize)
    #expect(voxel.remarks.count == 1 && voxel.remarks[0].contains("voxel size of 0"))
  }
}
