// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Recipes
import Tensors
import TestSupport
import Testing

@Suite struct SparseMeasurementTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private func image(_ height: Int, _ width: Int, seed: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    return .uniform([height, width], using: &generator)
  }

  /// Written and read, nothing is lost: bit for bit.
  @Test(arguments: [nil, 25] as [Double?]) func fileHoldsEverything(noise: Double?) throws {
    let images = [("a.png", image(23, 30, seed: 1)), ("b.png", image(10, 11, seed: 2))]
    let start = try SparseMeasurement(
      images: images.map { (name: $0.0, image: $0.1) }, dictionary: Matrix(.identity(100)), noiseDecibel: noise, seed: 42,
      keepingGroundTruth: true)
    try start.write(to: folder.file("m.h5"))
    let end = try SparseMeasurement(contentsOf: folder.file("m.h5"))
    #expect(end.problem == .sparseCoding && end.seed == 42 && end.noiseDecibel == noise && end.alpha == 0.5 && end.A == start.A)
    #expect(end.samples.doubles == start.samples.doubles && end.samples.shape == [9 + 2, 100])
    #expect(end.images.map(\.name) == ["a.png", "b.png"])
    for (image, given) in zip(end.images, images) { #expect(image.groundTruth?.doubles == given.1.doubles) }
  }

  /// Codes equal to the samples give the images back, as the dictionary is the identity.
  @Test func assemblyInvertsTheCut() throws {
    let images = [image(23, 30, seed: 1), image(10, 11, seed: 2)]
    let measurement = try SparseMeasurement(
      images: images.map { (name: "x", image: $0) }, dictionary: Matrix(.identity(100)), seed: 1, keepingGroundTruth: false)
    for (found, expected) in zip(measurement.assemble(measurement.samples), images) {
      #expect(found.shape == expected.shape && (found - expected).maximumMagnitude < 1e-12)
    }
  }

  /// The noise of an image has std(image) · 10^(−SNR/20).
  @Test func noiseOfImages() throws {
    let clean = image(100, 100, seed: 5)
    let measurement = try SparseMeasurement(
      images: [("x", clean)], dictionary: Matrix(.identity(100)), noiseDecibel: 20, seed: 1, keepingGroundTruth: true)
    let noise = measurement.assemble(measurement.samples)[0] - clean
    // A uniform image has standard deviation 1/√12.
    let deviation = (noise.inner(noise) / 10_000).squareRoot()
    #expect(abs(deviation * 10 * 12.0.squareRoot() - 1) < 0.05)
  }

  @Test func sparseRecoveryFile() throws {
    let A = Matrix.gaussian(rows: 4, columns: 6, seed: 1)
    let codes = Tensor((0..<18).map { Double($0 % 5) }, shape: [3, 6])
    let start = try SparseMeasurement(codes: codes, A: A, noiseDecibel: 30, seed: 9, keepingGroundTruth: true)
    try start.write(to: folder.file("r.h5"))
    let end = try SparseMeasurement(contentsOf: folder.file("r.h5"))
    #expect(
      end.problem == .sparseRecovery && end.A == A && end.codes?.doubles == codes.doubles
        && end.samples.doubles == start.samples.doubles)
    #expect(end.noiseDecibel == 30 && end.alpha == nil && end.images.isEmpty)
  }
}
