// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Operators
import Tensors
import TestSupport
import Testing
import _Differentiation

/// PANO, PBDW and FDLCP against `Tests/Fixtures/patches.py`, and parts of methods of patches against definitions.
@Suite struct PatchReconstructionTests {
  static let (height, width) = (20, 24)
  /// Rings and an edge.
  static let truth = image { i, j in
    0.4 + 0.2 * sin(0.07 * ((i - 8) * (i - 8) + (j - 10) * (j - 10))) + (3 * i + 2 * j < 50 ? 0.3 : 0)
  }
  static let phase = image { i, j in 0.2 + 0.4 * sin(0.3 * i + 0.2 * j) }
  static let complexTruth = ComplexTensor(
    real: Tensor(zip(truth.doubles, phase.doubles).map { $0 * cos($1) }, shape: [height, width]),
    imaginary: Tensor(zip(truth.doubles, phase.doubles).map { $0 * sin($1) }, shape: [height, width]))
  /// With every frequency its opposite.
  static let mask: SamplingMask = {
    func isDrawn(_ i: Int, _ j: Int) -> Bool {
      (3 * i * i + 5 * j + i * j) % 11 < 4 || min(i, height - i) + min(j, width - j) < 6
    }
    return SamplingMask(
      height: height, width: width,
      isSampled: (0..<height * width).map { k in
        let (i, j) = (k / width, k % width)
        return isDrawn(i, j) || isDrawn((height - i) % height, (width - j) % width)
      })
  }()

  private static func image(_ value: (Double, Double) -> Double) -> Tensor {
    Tensor((0..<height * width).map { value(Double($0 / width), Double($0 % width)) }, shape: [height, width])
  }

  private static let pano: PANO = {
    var model = PANO()
    (model.side, model.groupSize, model.window, model.step) = (4, 4, 9, 3)
    return model
  }()
  private static let directions: PatchDirections = {
    var directions = PatchDirections()
    (directions.side, directions.count, directions.levels, directions.keptShare) = (4, 5, 2, 0.25)
    return directions
  }()
  private static let pbdw: PBDW = {
    var model = PBDW()
    model.directions = directions
    return model
  }()
  private static let fdlcp: FDLCP = {
    var model = FDLCP()
    (model.directions, model.smoothness) = (directions, 0.09)
    (model.learning.threshold, model.learning.rounds) = (0.02, 3)
    return model
  }()

  private func reconstruct<Space: FourierSpace>(_ truth: Space, _ model: some PatchModel) -> Space {
    let A = Space.sampling(Self.mask)
    let y = A.forward(truth)
    let method = PatchReconstruction(
      model, weight: 1e-3, firstThreshold: 0.1, lastThreshold: 0.001, iterations: 4, rounds: 2)
    return method(y, mask: Self.mask, guide: A.adjoint(y))
  }

  /// ‖x − truth‖ / ‖truth‖ and Σ sin(0.3 i + 0.2) xᵢ.
  private func expect<Space: FourierSpace>(
    _ x: Space, _ truth: Space, error: Double, probes: [Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let weights = wave([Self.height, Self.width], 0.3, 0.2)
    #expect(abs(relativeError(x, truth) - error) < 1e-10, "\(relativeError(x, truth))", sourceLocation: sourceLocation)
    for (part, probe) in zip(x.separateParts, probes) {
      #expect(abs(part.inner(weights) - probe) < 1e-9, "\(part.inner(weights))", sourceLocation: sourceLocation)
    }
  }

  @Test func maskIsThatOfTheFixture() { #expect(Self.mask.count == 280) }

  @Test func pano() {
    expect(
      reconstruct(Self.truth, Self.pano), Self.truth, error: 0.119011734016, probes: [9.195729444402])
    expect(
      reconstruct(Self.complexTruth, Self.pano), Self.complexTruth, error: 0.117585125291, probes: [9.033484553257, 1.074879876823])
  }

  @Test func pbdw() {
    expect(
      reconstruct(Self.truth, Self.pbdw), Self.truth, error: 0.111034563963, probes: [9.383261957590])
    expect(
      reconstruct(Self.complexTruth, Self.pbdw), Self.complexTruth, error: 0.112368093650, probes: [9.130630951057, 1.183712212825])
  }

  @Test func fdlcp() {
    expect(
      reconstruct(Self.truth, Self.fdlcp), Self.truth, error: 0.118089492057, probes: [9.388853606885])
    expect(
      reconstruct(Self.complexTruth, Self.fdlcp), Self.complexTruth, error: 0.118995793847,
      probes: [9.152770193034, 1.184875337525])
  }

  /// The same bytes for one and two threads, images of several chunks.
  @Test(arguments: [0, 1, 2]) func threads(model: Int) {
    let truth = texture(40, 46, 0.37)
    let mask = SamplingMask(height: 40, width: 46, isSampled: (0..<40 * 46).map { $0 % 3 == 0 })
    func run() -> [Double] {
      func reconstruct(_ model: some PatchModel) -> [Double] {
        let A = ComplexTensor.sampling(mask)
        let y = A.forward(complex(truth))
        return PatchReconstruction(model, weight: 1e-3, firstThreshold: 0.1, lastThreshold: 0.01, iterations: 2, rounds: 1)(
          y, mask: mask, guide: A.adjoint(y)
        ).pairs.doubles
      }
      return switch model {
      case 0: reconstruct(Self.pano)
      case 1: reconstruct(Self.pbdw)
      default: reconstruct(Self.fdlcp)
      }
    }
    #expect(Parallel.with(threads: 1, run) == Parallel.with(threads: 2, run))
  }

  /// Patches in a window that holds fewer than a group come again, and every pixel is in a patch.
  @Test func groupsOfFewPatches() {
    var model = PANO()
    (model.side, model.groupSize, model.window, model.step) = (4, 8, 3, 4)
    let A = model.analysis(of: texture(5, 5, 0.4))
    #expect(A.frame.places.count == 4 * 8 && A.multiplicity.allSatisfy { $0 > 0 })
    expectClose(A.adjoint(A.forward(texture(5, 5, 0.7))), A.normal(texture(5, 5, 0.7)), relative: 1e-14)
  }

  /// With a threshold of 0 the shrinkage is the identity, and its derivative is that of the differences of values.
  @Test func shrinkage() {
    let A = Self.pbdw.analysis(of: Self.truth)
    let whole = PatchShrinkage(A, threshold: 0)
    expectClose(whole(Self.truth, recording: false).value, Self.truth, relative: 1e-14)
    let shrinkage = PatchShrinkage(A, threshold: 0.05)
    let v = wave([Self.height, Self.width], 0.7, 0.1)
    expectGradient(at: Self.truth) { innerProduct(shrinkage($0, recording: false).value, v) }
  }

  /// Learning from columns of a known basis with few coefficients finds atoms that are orthonormal and sparser than the cosines.
  @Test func dictionary() {
    let side = 4
    let basis = PatchBasis.directional(side: side, angle: 0.6, levels: 4)
    var generator = RandomGenerator(seed: 5)
    let patches = (0..<400).flatMap { _ -> [Double] in
      let (a, b) = (generator.index(below: 16), generator.index(below: 16))
      let (x, y) = (1 + generator.uniform(), 1 + generator.uniform())
      return (0..<16).map { x * basis[a * 16 + $0] - y * basis[b * 16 + $0] }
    }
    var learning = OrthonormalDictionaryLearning()
    (learning.threshold, learning.rounds) = (0.5, 30)
    let learned = learning.basis(of: patches, from: PatchBasis.cosine(side: side), pixels: 16)
    expectClose(Tensor(gram(learned, 16), shape: [16, 16]), Tensor.identity(16), relative: 1e-12)
    func count(_ basis: [Double]) -> Int {
      (0..<400).reduce(0) { sum, k in
        sum + (0..<16).count { atom in abs((0..<16).reduce(0.0) { $0 + basis[atom * 16 + $1] * patches[k * 16 + $1] }) > 0.1 }
      }
    }
    #expect(count(learned) < count(PatchBasis.cosine(side: side)) / 2, "\(count(learned)), \(count(PatchBasis.cosine(side: side)))")
  }

  private func gram(_ a: [Double], _ n: Int) -> [Double] {
    (0..<n * n).map { k in (0..<n).reduce(0) { $0 + a[k / n * n + $1] * a[k % n * n + $1] } }
  }
}
