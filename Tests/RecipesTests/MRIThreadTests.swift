// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Kernels
import Recipes
import Tensors
import TestSupport
import Testing

/// Images side by side: the numbers are those of one after the other.
@Suite struct MRIThreadTests {
  private static func wave(_ k: Int, height: Int, width: Int) -> Tensor { texture(height, width, 0.07 * Double(k + 1), 0.4) }

  /// Seven of two sizes.
  private static let images = (0..<7).map { k in
    MRIImage(name: "\(k)", value: .real(wave(k, height: k % 3 == 1 ? 16 : 24, width: 20)))
  }

  private static let phased = (0..<5).map { k in
    MRIImage(
      name: "\(k)",
      value: .complex(
        ComplexTensor(real: wave(k, height: 16, width: 16), imaginary: 0.3 * wave(k + 5, height: 16, width: 16))))
  }

  private static func options(_ method: MRIMethod) -> MRISolver.Options {
    var options = MRISolver.Options()
    options.isUntrained = method.isTrained
    options.depth = method.isTrained ? 2 : nil
    options.iterations = method == .tv || method == .sidwt ? 10 : nil
    return options
  }

  @Test(
    arguments: [
      (MRIMethod.zeroFilling, false, 1), (.tv, false, 1), (.sidwt, false, 1), (.admmNet, false, 1), (.istaNetPlus, false, 1),
      (.tv, true, 1), (.tv, true, 4),
    ])
  func evaluation(method: MRIMethod, isComplex: Bool, coils: Int) throws {
    let sampling = try MRISampling(.cartesian, ratio: 0.6, seed: 3)
    var evaluation = MRIEvaluation(
      method, sampling: sampling, options: Self.options(method), noiseDecibel: 30, seed: 3)
    evaluation.coils = coils
    // Coil maps are estimated from at least 8 × 8 frequencies without a gap.
    if coils > 1 { evaluation.sampling = try MRISampling(.cartesian, ratio: 1, seed: 3) }
    let runs = try [1, 2, 3].map {
      try Parallel.with(threads: $0) {
        try evaluation.run(images: isComplex ? Self.phased : Self.images).images.map { image in
          var scores = image.scores
          #expect(scores.seconds! >= 0)
          scores.seconds = nil
          return scores
        }
      }
    }
    #expect(runs[0].count == (isComplex ? 5 : 7) && Set(runs[0].map(\.psnr)).count == runs[0].count)
    #expect(runs[1] == runs[0] && runs[2] == runs[0])
  }

  @Test func scansComeInTheirOrder() throws {
    let sampling = try MRISampling(.cartesian, ratio: 0.6, seed: 3)
    let runs = try [1, 2, 3].map {
      try Parallel.with(threads: $0) {
        let scans = MRIScans(
          try MRIMeasurement(Self.images, sampling: sampling, noiseDecibel: 30, seed: 4, keepingGroundTruth: true))
        var found: [Tensor] = []
        try scans.forEachImage(.tv, options: Self.options(.tv)) { index, reconstruction in
          #expect(index == found.count && reconstruction.scores != nil)
          found.append(reconstruction.image.display)
        }
        return found
      }
    }
    #expect(runs[0].map(\.shape) == Self.images.map { [$0.height, $0.width] })
    #expect(runs[1] == runs[0] && runs[2] == runs[0])
  }

  /// The third image has a phase, which the network is not for: the first two are handed over, no later one.
  @Test func theFirstThatFailsEndsTheScans() throws {
    let sampling = try MRISampling(.cartesian, ratio: 0.6, seed: 3)
    var images = Self.images
    images[2] = Self.phased[0]
    images[5] = Self.phased[1]
    let scans = MRIScans(try MRIMeasurement(images, sampling: sampling, seed: 4, keepingGroundTruth: false))
    let runs = [1, 2, 3].map {
      Parallel.with(threads: $0) {
        var seen: [Int] = []
        #expect(throws: RecipeError.self) {
          try scans.forEachImage(.scNet, options: Self.options(.scNet)) { index, _ in seen.append(index) }
        }
        return seen
      }
    }
    #expect(runs == [[0, 1], [0, 1], [0, 1]])
  }
}
