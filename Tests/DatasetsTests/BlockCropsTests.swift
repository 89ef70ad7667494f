// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Tensors
import TestSupport
import Testing

@Suite struct BlockCropsTests {
  /// Pixels that differ everywhere.
  private func image(_ height: Int, _ width: Int, from first: Int = 0) -> Tensor {
    Tensor((0..<height * width).map { Double(first + $0) / 128 }, shape: [height, width])
  }

  /// The eight orientations of every crop, made by quarter turns and a mirror.
  private func everyCrop(_ image: Tensor, side: Int) -> [[Float]] {
    func turned(_ v: [Float]) -> [Float] { (0..<side * side).map { v[$0 % side * side + side - 1 - $0 / side] } }
    func mirrored(_ v: [Float]) -> [Float] { (0..<side * side).map { v[$0 / side * side + side - 1 - $0 % side] } }
    let (height, width, pixels) = (image.shape[0], image.shape[1], image.floats)
    var found: [[Float]] = []
    for row in 0...height - side {
      for column in 0...width - side {
        var crop = (0..<side * side).map { pixels[(row + $0 / side) * width + column + $0 % side] }
        for _ in 0..<4 {
          found += [crop, mirrored(crop)]
          crop = turned(crop)
        }
      }
    }
    return found
  }

  /// 12 positions of one image and 4 of another in 8 orientations, each drawn about as often: χ² with 127 degrees of freedom, whose
  /// 0.999 quantile is 181.99 (scipy.stats.chi2.ppf(0.999, 127)).
  @Test func everyPositionAndOrientationOfEveryImage() throws {
    let images = [image(5, 6), image(2, 40, from: 60), image(4, 4, from: 100)]
    let crops = try BlockCrops(images, side: 3)
    var counts: [[Float]: Int] = [:]
    for crop in everyCrop(images[0], side: 3) + everyCrop(images[2], side: 3) { counts[crop] = 0 }
    #expect(counts.count == 128)
    let drawn = crops.draw(6400, seed: 11).floats
    for k in 0..<6400 {
      let crop = Array(drawn[9 * k..<9 * k + 9])
      guard let count = counts[crop] else {
        Issue.record("\(crop) is no crop")
        return
      }
      counts[crop] = count + 1
    }
    let chi = counts.values.reduce(0.0) { $0 + Double(($1 - 50) * ($1 - 50)) / 50 }
    #expect(chi < 181.99 && counts.values.min()! > 0, "χ² = \(chi)")
  }

  @Test func theSeedAloneDecides() throws {
    let crops = try BlockCrops([image(9, 8)], side: 5)
    let drawn = crops.draw(40, seed: 3)
    #expect(drawn.shape == [40, 25] && drawn.precision == .single)
    #expect(try drawn == BlockCrops([image(9, 8)], side: 5).draw(40, seed: 3) && drawn != crops.draw(40, seed: 4))
    // Drawn one by one they are the same.
    var generator = RandomGenerator(seed: 3)
    #expect((0..<40).flatMap { _ in crops.draw(using: &generator) } as [Float] == drawn.floats)
  }

  /// X Xᵀ / count of the crops that the seed draws, sum by sum, beyond the size of one group.
  @Test func secondMomentIsTheDefinition() throws {
    let crops = try BlockCrops([image(6, 7)], side: 2)
    let count = 2050
    let (X, moment) = (crops.draw(count, seed: 9).doubles, crops.secondMoment(count: count, seed: 9))
    var expected = [Double](repeating: 0, count: 16)
    for k in 0..<count { for i in 0..<4 { for j in 0..<4 { expected[i * 4 + j] += X[4 * k + i] * X[4 * k + j] / Double(count) } } }
    expectClose(moment, Tensor(expected, shape: [4, 4]), relative: 1e-12)
  }

  @Test func smallImagesAreRefusedInOneLine() throws {
    for images in [[image(4, 30), image(30, 4)], []] {
      #expect(refusal(InputError.self) { try BlockCrops(images, side: 5) }.contains("5 × 5"))
    }
    #expect(try BlockCrops([image(4, 30), image(5, 5)], side: 5).draw(1, seed: 1).count == 25)
  }
}
