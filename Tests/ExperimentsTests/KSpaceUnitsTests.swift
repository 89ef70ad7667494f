// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// k-space in any unit: figures are those of the image of maximum 1.
@Suite struct KSpaceUnitsTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private static func image(_ unit: Double) -> Tensor {
    Tensor(
      (0..<1024).map { p -> Double in
        let r = hypot(Double(p / 32) - 15.5, Double(p % 32) - 12.5)
        return unit * (r < 5 ? 1 : r < 11 ? 0.4 : 0)
      }, shape: [32, 32])
  }

  private func scores(_ method: String, _ unit: Double) throws -> (evaluated: Scores, reconstructed: Scores, remarks: [String]) {
    let file = folder.file("\(method)-\(unit).npy")
    try NPY.write(.real(Self.image(unit)), to: file)
    let experiment = try KSpace(.set { ($0.ratio, $0.mask) = (0.5, "random") }, seed: 1)
    let (evaluated, remarks) = try Remarks.collected {
      try Runner(KSpace.named(method)).run(experiment.testScans(.set { $0.images = file })[0]).scores
    }
    let measurement = folder.file("m.h5")
    _ = try experiment.simulate([file], to: measurement, keepingGroundTruth: true)
    let opened = try KSpace.open(measurement, .init())[0]
    let done = try Runner(KSpace.named(method)).run(opened)
    // Arrays are in the units of the file.
    let back = done.reconstruction.inFileUnits.display
    #expect((back - Self.image(unit)).norm < 0.5 * Self.image(unit).norm)
    return (try #require(evaluated), try #require(done.scores), remarks)
  }

  @Test(arguments: ["zero-filling", "tv", "recpf", "sidwt", "pfista", "pbdw", "bm3d-mri"]) func anyUnit(method: String) throws {
    let usual = try scores(method, 1)
    #expect(usual.remarks.isEmpty)
    for unit in [1e-5, 0.3, 1e5] {
      let other = try scores(method, unit)
      #expect(other.remarks.contains { $0.contains("not in [0, 1]") } == (unit != 0.3))
      // At 0.3 the peak is 1.
      let peak = unit == 0.3 ? -20 * log10(0.3) : 0
      for (a, b) in [(usual.evaluated, other.evaluated), (usual.reconstructed, other.reconstructed)] {
        #expect(abs(a.psnr! - (b.psnr! - peak)) < 0.01 && abs(a.nmse! - b.nmse!) <= 1e-3 * a.nmse!, "\(unit)")
      }
      #expect(abs(other.evaluated.psnr! - other.reconstructed.psnr!) < 0.1)
    }
  }

  /// In HDF5 without a header.
  @Test func withoutHeader() throws {
    let path = folder.file("k.h5")
    let kSpace = ComplexTensor(pairs: .filled(1, shape: [1, 4, 6, 2]))
    try HDF5File(arrays: [NamedArray(name: "kspace", value: kSpace)], attributes: [:]).write(to: path)
    #expect(refusal { try KSpace.open(path, .init()) }.contains("without a header"))
  }
}
