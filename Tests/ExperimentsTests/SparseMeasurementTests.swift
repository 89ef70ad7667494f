// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct SparseMeasurementTests {
  private let folder: Folder
  init() throws {
    folder = try Folder()
    try NPY.write(Tensor.identity(100), to: folder.file("dictionary.npy"))
  }

  private func image(_ height: Int, _ width: Int, seed: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    return .uniform([height, width], using: &generator)
  }

  /// With the identity as the dictionary.
  private func coding(noise: Double? = nil, seed: UInt64) throws -> PatchCoding {
    try PatchCoding(.set { ($0.dictionary, $0.noiseSnr) = (folder.file("dictionary.npy"), noise) }, seed: seed)
  }

  /// Written and read, nothing is lost: bit for bit.
  @Test(arguments: [nil, 25] as [Double?]) func fileHoldsEverything(noise: Double?) throws {
    let images = try folder.writeImages([image(23, 30, seed: 1), image(10, 11, seed: 2)], to: "images")
    let coding = try coding(noise: noise, seed: 42)
    let start = try coding.scans(of: [images]).all()
    _ = try coding.simulate([images], to: folder.file("m.h5"), keepingGroundTruth: true)
    let file = try MeasurementFile(folder.file("m.h5"))
    #expect(try file.problem == "sparse-coding" && file.seed == 42 && file.setup(PatchCoding.Setup.self).noiseSnr == noise)
    let end = try PatchCoding.open(folder.file("m.h5"), .init()).all()
    #expect(end.map(\.name) == ["0.png", "1.png"] && end[0].measured.grid.patches.shape == [9, 100])
    #expect(end[1].measured.grid.patches.shape == [2, 100])
    for (a, b) in zip(end, start) {
      #expect(a.system.weight == 0.5 && a.system.A == b.system.A && a.measured.grid.patches == b.measured.grid.patches)
      #expect(a.measured.grid.means == b.measured.grid.means && a.measured.grid.deviations == b.measured.grid.deviations)
      #expect(try #require(a.groundTruth).display == b.groundTruth?.display)
    }
    for (k, scan) in end.enumerated() {
      #expect(try scan.groundTruth?.display == readImage("\(images)/\(k).png").grayscale.converted(to: .double))
    }
  }

  /// Codes equal to the samples give the images back, as the dictionary is the identity.
  @Test func assemblyInvertsTheCut() throws {
    let images = try folder.writeImages([image(23, 30, seed: 1), image(10, 11, seed: 2)], to: "images")
    for scan in try coding(seed: 1).scans(of: [images]).all() {
      let found = scan.measured.grid.assemble(scan.system.A.forward(scan.measured.grid.patches))
      let expected = try #require(scan.groundTruth).display
      #expect(found.shape == expected.shape && (found - expected).maximumMagnitude < 1e-12)
    }
  }

  /// The noise of an image has std(image) · 10^(−SNR/20).
  @Test func noiseOfImages() throws {
    let images = try folder.writeImages([image(100, 100, seed: 5)], to: "images")
    let scan = try coding(noise: 20, seed: 1).scans(of: [images])[0]
    let noise = scan.measured.grid.assemble(scan.measured.grid.patches) - (try #require(scan.groundTruth)).display
    // A uniform image has standard deviation 1/√12.
    let deviation = (noise.inner(noise) / 10_000).squareRoot()
    #expect(abs(deviation * 10 * 12.0.squareRoot() - 1) < 0.05)
  }

  @Test func sparseRecoveryFile() throws {
    let A = Matrix.gaussian(rows: 4, columns: 6, seed: 1)
    let codes = Tensor((0..<18).map { Double($0 % 5) }, shape: [3, 6])
    try NPY.write(A.entries, to: folder.file("A.npy"))
    try NPY.write(codes, to: folder.file("codes.npy"))
    let recovery = try Recovery(.set { ($0.matrix, $0.noiseSnr) = (folder.file("A.npy"), 30) }, seed: 9)
    let start = try recovery.scans(of: [folder.file("codes.npy")])[0]
    _ = try recovery.simulate([folder.file("codes.npy")], to: folder.file("r.h5"), keepingGroundTruth: true)
    let file = try MeasurementFile(folder.file("r.h5"))
    let scans = try Recovery.open(folder.file("r.h5"), .init())
    let end = try scans[0]
    #expect(scans.count == 1 && file.problem == "sparse-recovery" && end.system.A == A)
    #expect(end.groundTruth?.display == codes && end.measured == start.measured)
    #expect(try file.setup(Recovery.Setup.self).noiseSnr == 30 && file.seed == 9)
  }
}
