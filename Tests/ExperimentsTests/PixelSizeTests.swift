// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Pixels of X-ray images are as large as their files say.
@Suite struct PixelSizeTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// The largest integral along the rays of one view through 16 × 16 pixels of water.
  private func largest(_ path: String, given: Double? = nil) throws -> Double {
    var setup = CT.Setup()
    (setup.scan.views, setup.pixelSize) = (1, given)
    if !path.hasSuffix("dcm") { setup.quantity = .hounsfield }
    let scan = try CT(setup, seed: 1).scans(of: [path])[0]
    return scan.measured.maximumMagnitude / CT.unit(of: scan.system)
  }

  private func water(spacing: String?) -> [UInt8] {
    DICOMBytes([Int](repeating: 0, count: 256), height: 16, width: 16, spacing: spacing).file
  }

  @Test func ofDICOM() throws {
    // 16 pixels of 0.5 mm of 0.24, which is water.
    let path = try folder.write(water(spacing: "0.5\\0.5"), as: "a.dcm")
    #expect(abs(try largest(path) - 16 * 0.5 * 0.24) < 1e-5)
    let given = try Remarks.collected { try largest(path, given: 0.8) }
    #expect(abs(given.result - 16 * 0.8 * 0.24) < 1e-5 && given.remarks.contains { $0.contains("--pixel-size 0.8") })
    #expect(abs(try largest(folder.write(water(spacing: nil), as: "b.dcm")) - 16 * 0.8 * 0.24) < 1e-5)
    let oblong = try folder.write(water(spacing: "0.5\\0.75"), as: "c.dcm")
    #expect(refusal(InputError.self) { try largest(oblong) }.contains("0.5 × 0.75 mm; expected square"))
    let folder2 = try Folder()
    for (k, size) in ["0.5", "0.6"].enumerated() { try folder2.write(water(spacing: "\(size)\\\(size)"), as: "\(k).dcm") }
    #expect(refusal(InputError.self) { try largest(folder2.path) }.contains("take them apart"))
  }

  @Test func ofNIfTI() throws {
    let path = folder.file("a.nii")
    try NIfTI(values: .real(.zeros([1, 16, 16])), voxelSize: [1.5, 1.5, 3]).write(to: path)
    #expect(abs(try largest(path) - 16 * 1.5 * 0.24) < 1e-5)
    try NIfTI(values: .real(.zeros([1, 16, 16])), voxelSize: [1.5, 2, 3]).write(to: path)
    #expect(refusal(InputError.self) { try largest(path) }.contains("expected square"))
  }

  @Test func filesOfMeasurementsKeepIt() throws {
    let path = try folder.write(water(spacing: "0.5\\0.5"), as: "a.dcm")
    var setup = CT.Setup()
    setup.scan.views = 1
    _ = try CT(setup, seed: 1).simulate([path], to: folder.file("m.h5"), keepingGroundTruth: false)
    let scan = try CT.scans(from: MeasurementFile(folder.file("m.h5")))[0]
    #expect(scan.system.geometry?.pixelSize == 0.5)
  }
}
