// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing

/// Images side by side: the numbers are those of one after the other.
@Suite struct MRIThreadTests {
  private static func wave(_ k: Int, height: Int, width: Int) -> Tensor { texture(height, width, 0.07 * Double(k + 1), 0.4) }

  /// Seven of two sizes.
  private static let images = (0..<7).map { k in
    NamedImage(name: "\(k)", value: .real(wave(k, height: k % 3 == 1 ? 16 : 24, width: 20)))
  }

  private static let phased = (0..<5).map { k in
    NamedImage(
      name: "\(k)",
      value: .complex(
        ComplexTensor(real: wave(k, height: 16, width: 16), imaginary: 0.3 * wave(k + 5, height: 16, width: 16))))
  }

  private static func options(_ name: String) throws -> SolverOptions<KSpace.Knobs> {
    let isTrained = try KSpace.named(name).isTrained
    return .set {
      ($0.untrained, $0.depth) = (isTrained, isTrained ? 2 : nil)
      $0.knobs.iterations = name == "tv" || name == "sidwt" ? 10 : nil
    }
  }

  private static func experiment(_ ratio: Double = 0.6, coils: Int = 1, noise: Double? = nil, seed: UInt64) throws -> KSpace {
    try KSpace(
      .set {
        ($0.mask, $0.ratio) = ("cartesian", ratio)
        ($0.coils, $0.noiseSnr) = (coils, noise)
      }, seed: seed)
  }

  @Test(
    arguments: [
      ("zero-filling", false, 1), ("tv", false, 1), ("sidwt", false, 1), ("admm-net", false, 1), ("ista-net-plus", false, 1),
      ("tv", true, 1), ("tv", true, 4), ("pbdw", false, 1), ("pano", false, 1), ("fdlcp", true, 1), ("ista-net-plus", true, 4),
    ])
  func evaluation(method: String, isComplex: Bool, coils: Int) throws {
    let experiment = try Self.experiment(coils: coils, noise: 30, seed: 3)
    let runs = try [1, 2, 3].map {
      try Parallel.with(threads: $0) {
        let runner = try Runner(KSpace.named(method), options: Self.options(method))
        let scans = try experiment.scans(of: isComplex ? Self.phased : Self.images)
        return try runner.evaluation(scans, seed: 3).images.map { image in
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
    let experiment = try Self.experiment(noise: 30, seed: 4)
    let runs = try [1, 2, 3].map {
      try Parallel.with(threads: $0) {
        var found: [Tensor] = []
        try Runner(KSpace.named("tv"), options: Self.options("tv")).forEach(experiment.scans(of: Self.images)) { index, outcome in
          #expect(index == found.count && outcome.scores != nil)
          found.append(outcome.reconstruction.display)
        }
        return found
      }
    }
    #expect(runs[0].map(\.shape) == Self.images.map { [$0.height, $0.width] })
    #expect(runs[1] == runs[0] && runs[2] == runs[0])
  }

  /// The third image has a phase, which the network is not for: the first two are handed over, no later one.
  @Test func theFirstThatFailsEndsTheScans() throws {
    let experiment = try Self.experiment(seed: 4)
    var images = Self.images
    images[2] = Self.phased[0]
    images[5] = Self.phased[1]
    let runs = try [1, 2, 3].map {
      try Parallel.with(threads: $0) {
        let (runner, scans) = (try Runner(KSpace.named("scnet"), options: Self.options("scnet")), try experiment.scans(of: images))
        var seen: [Int] = []
        #expect(throws: InputError.self) { try runner.forEach(scans) { index, _ in seen.append(index) } }
        return seen
      }
    }
    #expect(runs == [[0, 1], [0, 1], [0, 1]])
  }
}
