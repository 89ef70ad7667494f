// SPDX-License-Identifier: Apache-2.0
import Platform
import Kernels
import Operators
import Tensors

extension CoilSensitivities {
  /// The receive sensitivities of circular loops on a cylinder around the image, by the law of Biot and Savart.
  ///
  /// The image is the plane z = 0, its longer side 2 units; loop c of `coils` has its centre at 1.6 units from the middle, faces it, and
  /// is 0.5 units in radius; both and its direction vary by some per cent from loop to loop, and each has a receive phase of its own,
  /// drawn from the seed. S_c = B_x − i B_y of a unit current, ∮ dl × r / |r|³. The sensitivities are divided by their root sum of
  /// squares, Σ_c |S_c|² = 1 in every pixel. Smooth maps with known values to test against, no model of a scanner.
  public static func simulated(coils: Int, height: Int, width: Int, seed: UInt64) -> CoilSensitivities {
    precondition(coils > 0 && height > 0 && width > 0, "\(coils) coils around an image of \(height) × \(width)")
    var generator = RandomGenerator(seed: seed)
    let loops = (0..<coils).map { c in
      Loop(
        angle: 2 * Double.pi * (Double(c) + 0.2 * (generator.uniform() - 0.5)) / Double(coils),
        distance: 1.6 + 0.1 * (generator.uniform() - 0.5), radius: 0.5 + 0.1 * (generator.uniform() - 0.5),
        phase: 2 * Double.pi * generator.uniform())
    }
    let half = Double(max(height, width)) / 2
    let rows = Parallel.map(height) { i in
      (0..<width).map { j in
        let (x, y) = ((Double(j) - Double(width - 1) / 2) / half, (Double(i) - Double(height - 1) / 2) / half)
        let fields = loops.map { $0.field(x, y) }
        let norm = fields.reduce(0) { $0 + $1.re * $1.re + $1.im * $1.im }.squareRoot()
        return fields.map { (re: $0.re / norm, im: $0.im / norm) }
      }
    }
    var maps: [Double] = []
    maps.reserveCapacity(2 * coils * height * width)
    for c in 0..<coils { for row in rows { for pixel in row { maps += [pixel[c].re, pixel[c].im] } } }
    return CoilSensitivities(maps: ComplexTensor(pairs: Tensor(maps, shape: [coils, height, width, 2])))
  }
}

/// A circular wire that faces the axis, cut into straight pieces.
private struct Loop {
  /// Middles of the pieces, and the pieces.
  private let points: [(x: Double, y: Double, z: Double)]
  private let pieces: [(x: Double, y: Double, z: Double)]
  private let turn: (re: Double, im: Double)

  init(angle: Double, distance: Double, radius: Double, phase: Double) {
    let count = 24
    let steps = (0..<count).map { 2 * Double.pi * Double($0) / Double(count) }
    points = steps.map { s in
      (distance * cos(angle) - radius * sin(angle) * cos(s), distance * sin(angle) + radius * cos(angle) * cos(s), radius * sin(s))
    }
    let length = 2 * Double.pi * radius / Double(count)
    pieces = steps.map { s in (length * sin(angle) * sin(s), -length * cos(angle) * sin(s), length * cos(s)) }
    turn = (cos(phase), sin(phase))
  }

  /// (B_x − i B_y) exp(i phase) at (x, y, 0).
  func field(_ x: Double, _ y: Double) -> (re: Double, im: Double) {
    var (bx, by) = (0.0, 0.0)
    for i in points.indices {
      let (p, d) = (points[i], pieces[i])
      let (rx, ry, rz) = (x - p.x, y - p.y, -p.z)
      let squared = rx * rx + ry * ry + rz * rz
      let cube = 1 / (squared * squared.squareRoot())
      bx += (d.y * rz - d.z * ry) * cube
      by += (d.z * rx - d.x * rz) * cube
    }
    return (bx * turn.re + by * turn.im, bx * turn.im - by * turn.re)
  }
}
