// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import TestSupport
import Testing

@Suite struct DiscPhantomsTests {
  /// The stated ranges, kept and used.
  @Test func discs() {
    var (radii, values, counts): ([Double], [Double], [Int: Int]) = ([], [], [:])
    for index in 0..<400 as Range<UInt64> {
      let shapes = DiscPhantom(.discs, seed: 7, index: index).inclusions
      counts[shapes.count, default: 0] += 1
      for (i, a) in shapes.enumerated() {
        #expect(a.form == .disc && a.halfAxes.x == a.halfAxes.y && a.outerRadius == a.halfAxes.x)
        #expect((a.centre * a.centre).sum().squareRoot() + a.outerRadius <= 0.9 + 1e-12)
        for b in shapes[..<i] {
          let d = a.centre - b.centre
          #expect((d * d).sum().squareRoot() >= a.outerRadius + b.outerRadius)
        }
        radii.append(a.outerRadius)
        values.append(a.value)
      }
    }
    #expect(counts == [1: 100, 2: 100, 3: 100, 4: 100])
    #expect(radii.allSatisfy { 0.12...0.28 ~= $0 } && radii.min()! < 0.123 && radii.max()! > 0.275)
    #expect(values.allSatisfy { 0.5...1 ~= $0 } && values.min()! < 0.505 && values.max()! > 0.995)
  }

  @Test func unseenShapes() {
    var forms: [Inclusion.Form: Int] = [:]
    for index in 0..<200 as Range<UInt64> {
      for a in DiscPhantom(.ellipsesAndRectangles, seed: 7, index: index).inclusions {
        forms[a.form, default: 0] += 1
        let ratio = a.halfAxes.y / a.halfAxes.x
        #expect(a.form == .ellipse ? 0.4...0.7 ~= ratio : 0.4...1 ~= ratio)
        #expect(0.16 - 1e-12...0.32 + 1e-12 ~= a.outerRadius && 0.5...1 ~= a.value)
        #expect((a.centre * a.centre).sum().squareRoot() + a.outerRadius <= 0.9 + 1e-12)
      }
    }
    // 500 shapes, either with the chance 1/2: four standard deviations are 45.
    #expect(forms[.disc] == nil && abs(forms[.ellipse]! - 250) < 45 && abs(forms[.rectangle]! - 250) < 45)
  }

  @Test func blobs() {
    var count = (disc: 0, blob: 0)
    for index in 0..<200 as Range<UInt64> {
      let shapes = DiscPhantom(.discsAndBlobs, seed: 7, index: index).inclusions
      for (i, a) in shapes.enumerated() {
        if a.form == .disc { count.disc += 1 } else { count.blob += 1 }
        #expect(a.form == .disc ? 0.12...0.28 ~= a.outerRadius : 0.16 - 1e-12...0.32 + 1e-12 ~= a.outerRadius)
        #expect((a.centre * a.centre).sum().squareRoot() + a.outerRadius <= 0.9 + 1e-12)
        for b in shapes[..<i] {
          let d = a.centre - b.centre
          #expect((d * d).sum().squareRoot() >= a.outerRadius + b.outerRadius - 1e-12)
        }
      }
    }
    // 500 shapes; large ones find room less often.
    #expect(count.disc + count.blob == 500 && count.blob > 150 && count.disc > 200)
    // The area within r(φ) = a (1 + Σ …) is πa² (1 + ½ Σ (c² + s²)); the outline along φ = 0.5.
    let harmonics = [SIMD2(0.1, -0.15), SIMD2(0, 0.1)]
    let shape = Inclusion(.blob, centre: SIMD2(0.1, 0), halfAxes: SIMD2(0.3, 0.3), angle: 0.4, value: 1, harmonics: harmonics)
    let inside = DiscPhantom([shape]).image(side: 400).doubles.count { $0 == 1 }
    #expect(abs(4 * Double(inside) / 160_000 - Double.pi * 0.09 * (1 + 0.5 * 0.0425)) < 0.002)
    let outline = 0.3 * (1 + 0.1 * cos(1.0) - 0.15 * sin(1.0) + 0.1 * sin(1.5))
    for (factor, isInside) in [(0.999, true), (1.001, false)] {
      #expect(shape.contains(SIMD2(0.1, 0) + factor * outline * SIMD2(cos(0.9), sin(0.9))) == isInside)
    }
  }

  @Test func polygons() {
    var forms: [Inclusion.Form: Int] = [:]
    var counts: [Int: Int] = [:]
    for index in 0..<400 as Range<UInt64> {
      for a in DiscPhantom(.discsBlobsAndPolygons, seed: 7, index: index).inclusions {
        forms[a.form, default: 0] += 1
        #expect((a.centre * a.centre).sum().squareRoot() + a.outerRadius <= 0.9 + 1e-12)
        guard a.form == .polygon else { continue }
        counts[a.corners.count, default: 0] += 1
        #expect(0.16...0.32 ~= a.halfAxes.x && 0.4...1 ~= a.halfAxes.y / a.halfAxes.x)
        #expect(a.corners.allSatisfy { abs(($0 * $0).sum() - 1) < 1e-12 })
        guard index < 40 else { continue }
        // Its area by counting pixels is that of the corners by the shoelace formula, so that corners are in order and all count.
        let inside = Double(DiscPhantom([a]).image(side: 100).doubles.count { $0 > 0 })
        let area = a.corners.indices.reduce(0) { sum, i in
          let (p, q) = (a.corners[i] * a.halfAxes, a.corners[(i + 1) % a.corners.count] * a.halfAxes)
          return sum + (p.x * q.y - q.x * p.y) / 2
        }
        #expect(area > 0.01 && abs(inside * 4e-4 - area) < 0.005, "\(inside * 4e-4), \(area)")
      }
    }
    // 1000 shapes; large ones find room less often.
    #expect(Set(forms.keys) == [.disc, .blob, .polygon] && forms.values.allSatisfy { $0 > 250 && $0 < 450 }, "\(forms)")
    #expect(Set(counts.keys) == [3, 5, 6] && counts.values.allSatisfy { $0 > 60 }, "\(counts)")
    // A triangle, upright in its own axes.
    let shape = Inclusion(
      .polygon, centre: SIMD2(0.1, 0), halfAxes: SIMD2(0.3, 0.15), angle: Double.pi / 2, value: 1,
      corners: [SIMD2(1, 0), SIMD2(-1, 0), SIMD2(0, -1)])
    #expect(shape.contains(SIMD2(0.1005, 0.298)) && !shape.contains(SIMD2(0.1005, 0.301)))
    #expect(shape.contains(SIMD2(0.249, 0)) && !shape.contains(SIMD2(0.251, 0)) && !shape.contains(SIMD2(0.09, 0)))
  }

  /// Seed and index alone decide, also in another thread's order.
  @Test func pureFunction() {
    let first = (0..<20).map { DiscPhantom(.discs, seed: 3, index: $0) }
    let again = (0..<20).reversed().map { DiscPhantom(.discs, seed: 3, index: $0) }
    #expect(first == again.reversed())
    #expect(Set(first.flatMap { $0.inclusions.map(\.centre) }).count == first.reduce(0) { $0 + $1.inclusions.count })
    #expect(DiscPhantom(.discs, seed: 4, index: 0) != first[0])
  }

  /// Areas by counting pixels: πr², πab, 4ab; a point of each shape's own axes.
  @Test func shapes() {
    let (centre, half) = (SIMD2(0.2, -0.3), SIMD2(0.3, 0.15))
    let side = 400
    for (form, area) in [(Inclusion.Form.ellipse, Double.pi * 0.045), (.rectangle, 0.18), (.disc, Double.pi * 0.09)] {
      let shape = Inclusion(form, centre: centre, halfAxes: form == .disc ? SIMD2(0.3, 0.3) : half, angle: 0.5, value: 0.7)
      let image = DiscPhantom([shape]).image(side: side)
      let inside = image.doubles.count { $0 == 0.7 }
      #expect(abs(4 * Double(inside) / Double(side * side) - area) < 0.002)
      #expect(image.doubles.allSatisfy { $0 == 0.7 || $0 == 0 })
      let along = SIMD2(cos(0.5), sin(0.5))
      #expect(shape.contains(centre + 0.299 * along) && !shape.contains(centre + 0.301 * along))
      let across = 0.15 * SIMD2(-sin(0.5), cos(0.5))
      #expect(shape.contains(centre + 0.99 * across) && shape.contains(centre + 1.01 * across) == (form == .disc))
    }
  }

  /// The image at the pixels of the disc is the vector, the top row at y > 0.
  @Test func imagesAndVectors() {
    let phantom = DiscPhantom(.discs, seed: 5, index: 3)
    let pixels = PixelDisc(side: 32)
    let image = phantom.image(side: 32)
    expectClose(pixels.forward(image), phantom.values(on: pixels), relative: 0)
    expectClose(pixels.adjoint(phantom.values(on: pixels)), image, relative: 0)
    let up = DiscPhantom([Inclusion(.disc, centre: SIMD2(0, 0.6), halfAxes: SIMD2(0.2, 0.2), value: 1)]).image(side: 32)
    #expect(up[flat: 6 * 32 + 16] == 1 && up[flat: 25 * 32 + 16] == 0)
  }
}

@Suite struct MeasuredEMTTests {
  /// Two real objects by the Laplacian-regularised estimate, rows scaled to unit norm and weight 1e-4 ‖A‖²: the correlation with their
  /// true places over the sensor's pixels is 0.486, 0.469, 0.478 and 0.476 at the four frequencies by numpy.linalg.solve (NumPy 2.4.6);
  /// objects of 44 pixels are blurred to twice their width. With the rows as they are it is 0.476, 0.464, 0.470 and 0.469.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func objectsAreFound() throws {
    let data = try MeasuredEMT(contentsOf: dataFolder + "/emt")
    #expect(data.A.rows == 144 && data.pixels.count == 3259 && data.measurement.shape == [4, 144])
    let truth = data.pixels.forward(data.reference).doubles
    #expect(data.reference.doubles.reduce(0, +) == 44 && truth.reduce(0, +) == 44)
    let problem = ImpedanceTomography(sensitivity: data.A, pixels: data.pixels)
    let estimate = problem.initialMap(weight: 1e-4 * problem.A.lipschitz).forward(problem.normalised(data.measurement))
    for (frequency, expected) in [0.486, 0.469, 0.478, 0.476].enumerated() {
      let found = correlation(estimate.row(frequency).doubles, truth)
      #expect(abs(found - expected) < 1e-3, "\(found)")
    }
  }

  private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let n = Double(a.count)
    let (ma, mb) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
    let ab = zip(a, b).reduce(0) { $0 + ($1.0 - ma) * ($1.1 - mb) }
    let aa = a.reduce(0) { $0 + ($1 - ma) * ($1 - ma) }
    return ab / (aa * b.reduce(0) { $0 + ($1 - mb) * ($1 - mb) }).squareRoot()
  }

  /// Columns first: a sensor of three pixels of 2 × 2.
  @Test func folder() throws {
    let folder = try Folder()
    func write(_ name: String, _ array: Tensor) throws { try NPY.write(array, to: folder.file(name + ".npy")) }
    func message() -> String { refusal { try MeasuredEMT(contentsOf: folder.path) } }
    try write("sensitivity", Tensor([1, 2, 3, 4, 5, 6] as [Double], shape: [2, 3]))
    try write("voltage_high_snr", Tensor([7, 8] as [Double], shape: [2, 1]))
    try write("pixel_index", Tensor([0, 1, 2] as [Double]))
    #expect(message().contains("reference.npy"))
    try write("reference", Tensor([0, 1, 0, 1] as [Double], shape: [2, 2]))
    let data = try MeasuredEMT(contentsOf: folder.path)
    #expect(data.pixels == PixelDisc(side: 2, indices: [0, 2, 1]) && data.measurement.doubles == [7, 8])
    for (name, good, broken, word) in [
      ("pixel_index", Tensor([0, 1, 2]), Tensor([0, 1, 4]), "beyond 0 … 3"),
      ("pixel_index", Tensor([0, 1, 2]), Tensor([0, 1, 1]), "twice"),
      ("pixel_index", Tensor([0, 1, 2]), Tensor([0, 1]), "[2, 3] for 2 voltages and 2 pixels"),
      ("voltage_high_snr", Tensor([7, 8], shape: [2, 1]), Tensor([7, .nan], shape: [2, 1]), "finite"),
      ("reference", Tensor([0, 1, 0, 1], shape: [2, 2]), Tensor([0, 1], shape: [1, 2]), "square"),
    ] as [(String, Tensor, Tensor, String)] {
      try write(name, broken)
      #expect(message().contains(word), "\(message())")
      try write(name, good)
    }
    #expect(message() == "")
  }
}
