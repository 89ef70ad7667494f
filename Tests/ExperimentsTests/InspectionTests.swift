// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// `inspect` says what a reader will do with a file: axes, units, sizes of pixels, order, what part is taken.
@Suite struct InspectionTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  private func expect(_ name: String, _ lines: [String]) throws {
    let text = try FileInspection(folder.file(name)).text.split(separator: "\n").map(String.init)
    for line in lines { #expect(text.contains { $0.hasPrefix(line) }, "\(name): \(line) in \(text)") }
  }

  @Test func images() throws {
    try writePNG(Tensor([0, 0.2] as [Double], shape: [1, 2]), to: folder.file("a.png"))
    try expect(
      "a.png", ["2 × 1 pixels, gray, 8 bits", "pixels: 0.0 to 0.2, fractions", "pixel size: none is read; ct takes 0.8 mm"])
    let pages = [TIFFPage(shorts([-1000, 40]), width: 2, height: 1, bits: 16, format: 2)]
    try folder.write(TIFFPage.file(pages + pages), as: "a.tif")
    try expect("a.tif", ["pages: 2; a volume where volumes are read", "pixels: -1000.0 to 40.0, as in the file"])
  }

  @Test func volumes() throws {
    try folder.write(
      DICOMBytes([1, 2, 3, 4], height: 2, width: 2, spacing: "0.5\\0.75", position: "1\\2\\3", number: 7).file, as: "a.dcm")
    try expect(
      "a.dcm",
      [
        "axes: frames, rows, columns", "pixel spacing [mm]: 0.5, 0.75", "slice position [mm]: 1.0, 2.0, 3.0", "modality: CT",
        "instance number: 7", "samples: 16 bits, signed", "numbers: slope · sample + intercept, 1.0 and 0.0",
      ])
    try folder.write(DICOMBytes([1, 2], height: 1, width: 2).file, as: "b.dcm")
    try expect("b.dcm", ["pixel size: not said; ct takes 0.8 mm"])
    let series = Tensor((0..<24).map(Float.init), shape: [2, 3, 2, 2])
    try NIfTI(values: .real(series), voxelSize: [1, 2, 3], frameDuration: 1.5).write(to: folder.file("a.nii"))
    try expect(
      "a.nii",
      [
        "axes: t, z, y, x; x, y, z grow towards RAS", "voxel size [mm]: 1.0, 2.0, 3.0", "frame duration [s]: 1.5",
        "values: all finite",
        "place in space: ",
      ])
  }

  @Test func kSpace() throws {
    let shape = [2, 3, 4, 6]
    let kSpace = ComplexTensor(pairs: .zeros(shape + [2], precision: .single))
    try BARTFile.write(ComplexTensor(pairs: .zeros([4, 1, 6, 8, 2], precision: .single)), to: folder.file("a.cfl"))
    try expect("a.cfl", ["axes: coils, phase 2, phase 1, readout", "BART's dimensions: 8 6 1 4"])
    try ISMRMRDFile(kSpace: kSpace).write(to: folder.file("a.h5"))
    try expect(
      "a.h5",
      [
        "axes of kspace: slices, coils, height (phase encoding), width (readout)", "lines: 8 of 8 are measured",
        "reconstruct: takes the middle 4 × 6 points of 4 × 6, all of them",
      ])
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    let image = try #require(bytes.range(of: Data("<reconSpace>".utf8))).upperBound..<bytes.endIndex
    bytes.replaceSubrange(try #require(bytes.range(of: Data("<x>6<".utf8), in: image)), with: Data("<x>3<".utf8))
    try folder.write([UInt8](bytes), as: "b.h5")
    try expect("b.h5", ["reconstruct: takes the middle 4 × 3 points of 4 × 6, the rest is oversampling"])
  }

  @Test func matlab() throws {
    try writeArrays([NamedArray(name: "x", value: Tensor([1, 2] as [Double], shape: [1, 2]))], to: folder.file("a.mat"))
    try expect("a.mat", ["x      1 × 2", "shapes: MATLAB's sizes, rows first"])
  }

  /// Scans of 32 × 32 pixels of 1 mm: whole, of a detector too narrow for the image on both sides, and over too few angles.
  @Test(arguments: [
    (47, 180, 180.0, "fbp: takes it"), (20, 180, 180, "fbp: rays reach 9.5 mm from the axis, the image 15"),
    (47, 90, 90, "fbp: refuses it: found parallel beams over 90°"), (47, 180, 10_313, "reconstruct ct: refuses it"),
  ]) func scans(bins: Int, views: Int, range: Double, line: String) throws {
    let angles = Tensor((0..<views).map { Double($0) / Double(views) * range * .pi / 180 }, shape: [views])
    try HDF5File(
      arrays: [NamedArray(name: "sinogram", value: .zeros([views, bins])), NamedArray(name: "angles", value: angles)],
      attributes: ["problem": "ct", "geometry": "parallel", "height": "32", "width": "32", "pixel_size": "1", "bin_width": "1"]
    ).write(to: folder.file("a.h5"))
    let facts = ["geometry: parallel", "projections: 1 × \(views) views × \(bins) bins", "pixel size: 1.0 mm"]
    try expect("a.h5", [line] + (range > 360 ? [] : facts))
  }
}
