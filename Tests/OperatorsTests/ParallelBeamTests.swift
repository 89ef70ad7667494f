// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Operators
import Tensors
import TestSupport
import Testing

/// Large images take minutes without optimisation.

@Suite struct ParallelBeamTests {
  /// The sinogram of a centred disc of value 1 and radius r: 2 √(r² − s²), every ray averaged over its bin.
  private func discSinogram(radius r: Double, _ geometry: ParallelBeamGeometry) -> Tensor {
    func primitive(_ s: Double) -> Double {  // of 2 √(r² − s²)
      let u = min(max(s / r, -1), 1)
      return r * r * (u * (1 - u * u).squareRoot() + asin(u))
    }
    let d = geometry.binWidth
    let row = (0..<geometry.bins).map { b in
      let s = (Double(b) - Double(geometry.bins - 1) / 2) * d
      return (primitive(s + d / 2) - primitive(s - d / 2)) / d
    }
    return Tensor(geometry.angles.flatMap { _ in row }, shape: [geometry.angles.count, geometry.bins])
  }

  /// A centred disc, the part of every pixel inside it by 16 × 16 points.
  private func disc(radius: Double, side: Int) -> Tensor {
    let fine = 16
    let values = (0..<side * side).map { i in
      let (x, y) = (Double(i % side) - Double(side) / 2, Double(i / side) - Double(side) / 2)
      guard abs(hypot(x + 0.5, y + 0.5) - radius) < 1 else { return hypot(x + 0.5, y + 0.5) < radius ? 1.0 : 0 }
      var inside = 0
      for a in 0..<fine {
        for b in 0..<fine
        where hypot(x + (Double(a) + 0.5) / Double(fine), y + (Double(b) + 0.5) / Double(fine)) < radius { inside += 1 }
      }
      return Double(inside) / Double(fine * fine)
    }
    return Tensor(values, shape: [side, side])
  }

  private static let geometries: [ParallelBeamGeometry] = [
    ParallelBeamGeometry(side: 16, views: 7), ParallelBeamGeometry(side: 33, views: 12, pixelSize: 0.4),
    ParallelBeamGeometry(
      height: 9, width: 21, angles: [0.1, 0.7, 0.8, 1.5, 2.9, 4], bins: 17, pixelSize: 0.7, binWidth: 1.1, axisOffset: 0.3),
    ParallelBeamGeometry(height: 12, width: 5, angles: [0, Double.pi / 2, -1, 3 * Double.pi / 4], bins: 40, binWidth: 0.2),
    ParallelBeamGeometry(height: 6, width: 30, angles: [0.3, 2], bins: 5, binWidth: 4),
  ]

  /// Re⟨A x, y⟩ = Re⟨x, Aᴴ y⟩ of the projector and of filtered back-projection, in both precisions.
  @Test(arguments: 0..<5) func adjoint(index: Int) {
    let geometry = Self.geometries[index]
    for precision in Precision.allCases {
      var generator = RandomGenerator(seed: UInt64(index))
      let x = Tensor.normal([2, geometry.height, geometry.width], precision: precision, using: &generator)
      let y = Tensor.normal([2, geometry.angles.count, geometry.bins], precision: precision, using: &generator)
      let A = ParallelBeam(geometry)
      #expect(A.adjointError(x, y) <= (precision == .double ? 1e-12 : 1e-5))
      for window in FilteredBackProjection.Window.allCases {
        #expect(FilteredBackProjection(geometry, window: window).adjointError(y, x) <= (precision == .double ? 1e-12 : 1e-5))
      }
      #expect(A.forward(x).norm * A.forward(x).norm <= A.lipschitz * x.inner(x) * (1 + 1e-5))
    }
  }

  /// Single precision, by vectors, against the sum over all pairs of a pixel and a bin in double.
  @Test(arguments: 0..<5, InstructionSet.allCases) func vectorsAreTheDefinition(index: Int, set: InstructionSet) {
    let geometry = Self.geometries[index]
    var generator = RandomGenerator(seed: 3)
    for positions in [LineResampling.Positions.ofElements, .ofPixels] {
      let views = (0..<4).map { v in
        LineResampling.View(
          alongRows: v % 2 == 0, start: -2 + 3 * generator.uniform(), shift: 0.7 * (generator.uniform() - 0.5),
          step: (v < 2 ? 1 : -1) * (0.3 + 1.9 * generator.uniform()), weight: 0.5 + generator.uniform())
      }
      let shape = LineResampling(
        height: geometry.height, width: geometry.width, elements: geometry.bins, views: views, positions: positions)
      let x = Tensor.normal([geometry.height, geometry.width], using: &generator)
      var expected = [Double](repeating: 0, count: 4 * geometry.bins)
      Reference.forward(shape, x.doubles, into: &expected)
      var found = [Float](repeating: .nan, count: expected.count)
      InstructionSet.with(set) { shape.forward(x.converted(to: .single).floats, into: &found, batch: 1) }
      let difference = Tensor(found.map(Double.init)) - Tensor(expected)
      #expect(difference.norm <= 2e-6 * Tensor(expected).norm, "\(positions), \(set): \(difference.norm)")
    }
  }

  /// 512 × 512 pixels, 60 views: within 0.5 % of the closed form; without optimisation on 128 × 128, within 1 %.
  @Test func discHasItsSinogram() {
    let side = isOptimised ? 512 : 128
    let geometry = ParallelBeamGeometry(side: side, views: 60)
    let image = disc(radius: 0.35 * Double(side), side: side)
    let (expected, found) = (discSinogram(radius: 0.35 * Double(side), geometry), ParallelBeam(geometry).forward(image))
    let error = (found - expected).norm / expected.norm
    #expect(error <= (isOptimised ? 0.005 : 0.01), "\(error)")
    let single = ParallelBeam(geometry).forward(image.converted(to: .single)).converted(to: .double)
    #expect((single - found).norm <= 5e-6 * found.norm)
  }

  /// From 720 views a disc comes back as 1 ± 0.02 where it is, but for its rim, and 0 ± 0.02 around it.
  @Test(arguments: FilteredBackProjection.Window.allCases) func discComesBack(window: FilteredBackProjection.Window) {
    let side = 128
    let geometry = ParallelBeamGeometry(side: side, views: 720, pixelSize: 0.3)
    let image = FilteredBackProjection(geometry, window: window).forward(discSinogram(radius: 40 * 0.3, geometry))
    for i in 0..<side * side {
      let r = hypot(Double(i % side) - 63.5, Double(i / side) - 63.5)
      if r < 36 { #expect(abs(image[flat: i] - 1) <= 0.02) }
      if r > 44 && r < 63 { #expect(abs(image[flat: i]) <= 0.02) }
    }
  }

  /// One pixel, seen from 0 and from π/2: its column and its row.
  @Test func orientation() {
    let geometry = ParallelBeamGeometry(height: 5, width: 5, angles: [0, Double.pi / 2], bins: 5)
    var pixels = [Double](repeating: 0, count: 25)
    pixels[1 * 5 + 3] = 2  // row 1 from the top, y = 1; column 3, x = 1
    let y = ParallelBeam(geometry).forward(Tensor(pixels, shape: [5, 5]))
    let expected = Tensor([0, 0, 0, 2, 0, 0, 0, 0, 2, 0], shape: [2, 5])
    #expect((y - expected).norm <= 1e-14)
    #expect(ParallelBeamGeometry(side: 512, views: 60).bins == 727 && ParallelBeamGeometry(side: 256, views: 60).bins == 365)
  }
}
