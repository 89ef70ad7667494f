// SPDX-License-Identifier: Apache-2.0
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

@Suite struct FanBeamTests {
  private func geometry(side: Int, views: Int, half: Bool = false, detector: FanBeamGeometry.Detector = .arc) -> FanBeamGeometry {
    // The corners are at 0.71 sides from the middle; a source at two sides sees them under 0.37.
    let cells = 2 * side + 1
    var made = FanBeamGeometry(
      height: side, width: side, angles: [], cells: cells, pixelSize: 0.5, cellWidth: 1.6 * Double(side) * 0.5 / Double(cells) * 2,
      sourceToCentre: Double(side), sourceToDetector: 2 * Double(side), detector: detector)
    let range = half ? Double.pi + 2 * made.halfFan : 2 * Double.pi
    made.angles = (0..<views).map { 0.2 + range * Double($0) / Double(views) }
    return made
  }

  /// Re⟨A x, y⟩ = Re⟨x, Aᴴ y⟩ of the projector and of filtered back-projection, in both precisions.
  @Test(arguments: FanBeamGeometry.Detector.allCases, [false, true]) func adjoint(detector: FanBeamGeometry.Detector, half: Bool) {
    let geometry = geometry(side: 11, views: 9, half: half, detector: detector)
    for precision in Precision.allCases {
      var generator = RandomGenerator(seed: 6)
      let x = Tensor.normal([2, 11, 11], precision: precision, using: &generator)
      let y = Tensor.normal([2, 9, geometry.cells], precision: precision, using: &generator)
      #expect(FanBeam(geometry).adjointError(x, y) <= (precision == .double ? 1e-12 : 1e-5))
      let back = FanBackProjection(geometry, window: .hann)
      #expect(back.adjointError(y, x) <= (precision == .double ? 1e-12 : 1e-5))
    }
  }

  /// Rays of a source far away are those of a parallel beam.
  @Test func farSourceIsAParallelBeam() {
    let (side, R) = (24, 1e7)
    let angles = (0..<7).map { 0.4 * Double($0) }
    let fan = FanBeam(
      FanBeamGeometry(
        height: side, width: side, angles: angles, cells: 35, pixelSize: 1, cellWidth: 1, sourceToCentre: R, sourceToDetector: R))
    let parallel = ParallelBeam(ParallelBeamGeometry(height: side, width: side, angles: angles, bins: 35))
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.uniform([side, side], using: &generator)
    let (a, b) = (fan.forward(x), parallel.forward(x))
    #expect((a - b).norm <= 1e-4 * b.norm)
    expectClose(fan.adjoint(.filled(1, shape: [7, 35])), parallel.adjoint(.filled(1, shape: [7, 35])), relative: 1e-4)
  }

  /// A disc beside the middle: 2 √(r² − d²) where the ray passes it at distance d; and its image from that, over a full turn, and over half
  /// a turn and the fan. With the window: where the disc's edge stays at one cell for many views, the ramp alone rings by 0.05.
  @Test(arguments: FanBeamGeometry.Detector.allCases, [false, true]) func discComesBack(
    detector: FanBeamGeometry.Detector, half: Bool
  ) {
    let side = 64
    let geometry = geometry(side: side, views: 500, half: half, detector: detector)
    let (cx, cy, r) = (5.0, -3.0, 8.0)
    let values = geometry.angles.flatMap { beta in
      (0..<geometry.cells).map { b in
        // The mean over the cell.
        (0..<5).reduce(0.0) { sum, k in
          let next = geometry.fanAngle(min(b + 1, geometry.cells - 1)) - geometry.fanAngle(min(b + 1, geometry.cells - 1) - 1)
          let gamma = geometry.fanAngle(b) + (Double(k) - 2) / 5 * next
          let (t, s) = (beta + gamma, geometry.sourceToCentre * sin(gamma))
          let d = cx * cos(t) + cy * sin(t) - s
          return sum + 0.2 * 2 * max(r * r - d * d, 0).squareRoot()
        }
      }
    }
    let image = FanBackProjection(geometry, window: .hann).forward(
      Tensor(values, shape: [500, geometry.cells]))
    var worst = (inside: 0.0, outside: 0.0)
    for i in 0..<side * side {
      let (x, y) = ((Double(i % side) - 31.5) * 0.5, (31.5 - Double(i / side)) * 0.5)
      let distance = hypot(x - cx, y - cy)
      if distance < r - 1.5 { worst.inside = max(worst.inside, abs(image[flat: i] - 1)) }
      if distance > r + 1.5, hypot(x, y) < 15 { worst.outside = max(worst.outside, abs(image[flat: i])) }
    }
    #expect(worst.inside <= 0.02 && worst.outside <= 0.02, "\(worst)")
    // The projector agrees with the closed form as far as pixels of the rim do.
    let pixels = Tensor(
      (0..<side * side).map { i in
        hypot((Double(i % side) - 31.5) * 0.5 - cx, (31.5 - Double(i / side)) * 0.5 - cy) < r ? 1.0 : 0
      }, shape: [side, side])
    let expected = Tensor(values, shape: [500, geometry.cells])
    #expect((FanBeam(geometry).forward(pixels) - expected).norm <= 0.02 * expected.norm)
  }
}
