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

/// Measurements that no `simulate` wrote: plain arrays with what options say.
@Suite struct UsersMeasurementsTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  private func write(_ value: Tensor, _ name: String) throws -> String {
    try NPY.write(.real(value), to: folder.file(name))
    return folder.file(name)
  }

  /// A disc of value 1 and radius 8 at the middle of 32 × 32 pixels of 1 mm: 2 √(64 − s²), whatever the angle.
  private static let views = 180, bins = 47
  private static let row: [Double] = (0..<bins).map { b -> Double in
    // The mean over the bin.
    (0..<20).reduce(0.0) { sum, k in
      let s = Double(b - 23) + (Double(k) - 9.5) / 20
      return sum + 0.1 * max(64 - s * s, 0).squareRoot()
    }
  }
  private static let sinogram: Tensor = Tensor((0..<views).flatMap { _ in row }, shape: [views, bins])
  private static let degrees = Tensor((0..<views).map(Double.init), shape: [views])

  private func expectDisc(_ path: String, _ opening: CT.Opening) throws {
    let scan = try CT.open(path, opening)[0]
    let image = try Solver(CT.named("fbp"), scan.system).solve(scan.measured).display
    #expect(image.shape == [32, 32])
    let inner = (12..<20).flatMap { i in (12..<20).map { image[flat: 32 * i + $0] } }
    // At the middle of all edges the ramp rings.
    #expect(abs(inner.reduce(0, +) / 64 - 1) < 0.015 && abs(image[flat: 32 * 16 + 2]) < 0.02)
  }

  @Test func projectionsInAnArray() throws {
    let path = try write(Self.sinogram, "s.npy")
    let angles = try write(Self.degrees, "a.npy")
    var opening = CT.Opening.set { ($0.angles, $0.pixelSize, $0.size) = (angles, 1, [32]) }
    #expect(refusal { try CT.open(path, opening) }.contains("found angles from 0 to 179; expected radians"))
    opening.angleUnit = .degrees
    try expectDisc(path, opening)
    opening.angleUnit = nil
    opening.angles = try write((.pi / 180) * Self.degrees, "r.npy")
    try expectDisc(path, opening)
    opening.angles = nil
    #expect(refusal { try CT.open(path, opening) }.contains("--angles"))
    opening.angles = angles
    let turned = try write(Self.sinogram.transposed, "t.npy")
    #expect(refusal { try CT.open(turned, opening) }.contains("transpose it"))
    opening = .set { ($0.angles, $0.angleUnit, $0.geometry) = (angles, .degrees, .fan) }
    #expect(refusal { try CT.open(path, opening) }.contains("--source-distance"))
  }

  /// What lies beside the projections and the angles in their files is named; angles among several rows are found by their name.
  @Test func arraysBesideTheOneThatIsRead() throws {
    let (path, angles) = (folder.file("s.npz"), folder.file("a.npz"))
    func named(_ name: String, _ value: Tensor) -> NamedArray { NamedArray(name: name, value: value) }
    try NPZ.write([named("sinogram", Self.sinogram), named("dark", .zeros([Self.bins]))], to: path)
    let rows = [named("times", Self.degrees), named("theta", (.pi / 180) * Self.degrees)]
    try NPZ.write(rows, to: angles)
    let opening = CT.Opening.set { ($0.angles, $0.pixelSize, $0.size) = (angles, 1, [32]) }
    let remarks = try Remarks.collected { try expectDisc(path, opening) }.remarks
    #expect(remarks.contains("\(path): passed over: dark (47)"), "\(remarks)")
    #expect(remarks.contains("\(angles): passed over: times (180)"), "\(remarks)")
    try NPZ.write([rows[0], named("more", Self.degrees)], to: angles)
    #expect(refusal { try CT.open(path, opening) }.contains("found 2 rows"))
    // An image, a table and a volume, each beside something else.
    let image = folder.file("i.npz")
    try NPZ.write([named("x", .filled(0.5, shape: [4, 4])), named("v", .zeros([3]))], to: image)
    for read in [{ _ = try NamedImage(image) }, { _ = try NamedImage.slices(of: image) }, { _ = try readTable(image) }] {
      let remarks = try Remarks.collected(read).remarks
      #expect(remarks.contains("\(image): passed over: v (3)"), "\(remarks)")
    }
    try writePNG(Image(values: .filled(0.5, shape: [3, 4, 4])), to: folder.file("c.png"))
    let colour = try Remarks.collected { try NamedImage(folder.file("c.png")) }.remarks
    #expect(colour == ["\(folder.file("c.png")): found colours, their luminance is taken"])
    try writePNG(Image(values: .filled(0.5, shape: [4, 4])), to: folder.file("g.png"))
    let colours = try Remarks.collected { try ImageFolder(folder.path) }.remarks
    #expect(colours.contains("\(folder.path): found colours in 1 of 2 images, their luminance is taken"), "\(colours)")
  }

  /// An HDF5 file that says its geometry in attributes.
  @Test func projectionsThatSayTheirGeometry() throws {
    let path = folder.file("s.h5")
    let arrays = [
      NamedArray(name: "sinogram", value: Self.sinogram), NamedArray(name: "angles", value: (.pi / 180) * Self.degrees),
    ]
    var attributes = ["problem": "ct", "geometry": "parallel", "height": "32", "width": "32", "pixel_size": "1", "bin_width": "1"]
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
    try expectDisc(path, .init())
    attributes["problem"] = "emt"
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
    #expect(refusal { try CT.open(path, .init()) }.contains("of emt"))
  }

  /// The words of `Documentation/FISTANet.md`, written by hand.
  @Test(arguments: [false, true]) func fileOfThePage(areDegrees: Bool) throws {
    let path = folder.file("s.h5")
    let angles = Self.degrees.doubles.map { areDegrees ? $0 : $0 * .pi / 180 }
    let setup = "{\"scan\": {\"pixelSize\": 1, \"bins\": \(Self.bins), \"angles\": \(angles)}}"
    try HDF5File(
      arrays: [
        NamedArray(name: "measurement/0", value: Self.sinogram), NamedArray(name: "size/0", value: Tensor([32, 32], shape: [2])),
      ], attributes: ["format": "unfold measurement 2", "problem": "ct", "seed": "1", "names": "disc", "setup": setup]
    ).write(to: path)
    if areDegrees { #expect(refusal { try CT.open(path, .init()) }.contains("expected radians")) }
    try expectDisc(path, .set { if areDegrees { $0.angleUnit = .degrees } })
    #expect(refusal { try CT.open(path, .set { $0.pixelSize = 2 }) }.contains("--pixel-size"))
  }

  /// A scan whose name its angles contradict is reconstructed by them, with a word.
  @Test func anglesCountAndNotTheName() throws {
    var scan = CTScan(.fan)
    scan.pixelSize = 1
    scan.halfScan = true
    scan.angles = (0..<200).map { -2 * .pi * Double($0) / 200 }
    let values = (0..<1024).map { p -> Double in hypot(Double(p / 32) - 15.5, Double(p % 32) - 15.5) < 8 ? 1 : 0 }
    let disc = NamedImage(name: "disc", value: Tensor(values, shape: [32, 32]))
    let ct = try CT(.set { $0.scan = scan }, seed: 0)
    let path = folder.file("s.h5")
    try MeasurementFile.write(ct.scans(of: [disc]), of: ct, setup: ct.setup, seed: 0, keepingGroundTruth: false, to: path)
    let (found, remarks) = try Remarks.collected { try CT.open(path, .init()) }
    #expect(remarks.contains { $0.contains("half scan by name") && $0.contains("360°") })
    let image = try Solver(CT.named("fbp"), found[0].system).solve(found[0].measured).display
    #expect(abs(image[flat: 32 * 16 + 16] - 1) < 0.05)
  }

  /// Views that miss lines are refused by `fbp` alone.
  @Test func missingViews() throws {
    var scan = CTScan()
    scan.angles = (0..<60).map { 2 * Double($0) / 60 }
    let system = try CT(.set { $0.scan = scan }, seed: 0).system(height: 16, width: 16)
    #expect(refusal { try Solver(CT.named("fbp"), system) }.contains("or use fista-tv"))
    #expect(refusal { try Solver(CT.named("fista-tv"), system) } == "")
  }

  /// Numbers that would become sizes and ends of loops.
  @Test(
    arguments: [
      { $0.pixelSize = 1e-300 }, { $0.pixelSize = 1e20 }, { $0.pixelSize = .nan }, { $0.binWidth = 1e-300 }, { $0.binWidth = 1e20 },
      { ($0.pixelSize, $0.binWidth) = (1e9, 1e-9) }, { $0.axisOffset = 1e300 }, { $0.axisOffset = .nan },
      { ($0.views, $0.bins) = (100_000, 100_000) }, { $0.angles = [0, .infinity] }, { $0.angles = [] },
      { ($0.geometry, $0.sourceDistance) = (.fan, 1e300) }, { ($0.geometry, $0.detectorDistance) = (.fan, 1e300) },
      { ($0.geometry, $0.sourceDistance, $0.detectorDistance) = (.fan, .nan, .nan) },
    ] as [@Sendable (inout CTScan) -> Void]) func rangesOfNumbers(change: @Sendable (inout CTScan) -> Void)
  {
    var scan = CTScan()
    change(&scan)
    #expect(refusal(InputError.self) { try scan.made(height: 32, width: 32) } != "")
  }

  /// y = Φ x of four blocks.
  @Test func measurementsOfBlocks() throws {
    let phi = Matrix.orthonormalRows(rows: 16, columns: 16, seed: 3)
    var generator = RandomGenerator(seed: 1)
    let image = Tensor.uniform([8, 8], using: &generator)
    let y = CompressiveSensing(phi: phi).sampling(height: 8, width: 8).forward(image)
    let (path, given) = (try write(y, "y.npy"), try write(phi.entries, "phi.npy"))
    let scan = try Blocks.open(path, .set { ($0.phi, $0.size) = (given, [8, 8]) })[0]
    #expect(scan.measured.grid == BlockGrid(height: 8, width: 8, side: 4) && scan.measured.y == y)
    #expect(refusal { try Blocks.open(path, .set { ($0.phi, $0.size) = (given, [8, 12]) }) }.contains("expected 6 × 16"))
    #expect(refusal { try Blocks.open(path, .set { $0.phi = given }) }.contains("--size"))
  }

  /// Voltages in the units of the sensor: of a contrast, the linear model's, whose rows are not of unit norm.
  @Test func voltages() throws {
    func check<Around: Sensor>(_: DiscTomography<Around>.Type) throws {
      let problem = ImpedanceTomography(Around.model, side: 16)
      var generator = RandomGenerator(seed: 4)
      let x = Tensor.uniform([problem.pixels.count], using: &generator)
      let b = problem.A.forward(x)
      let raw = Tensor(zip(b.doubles, problem.rowNorms).map { $0 * $1 }, shape: b.shape)
      let scan = try DiscTomography<Around>.open(write(raw, "\(Around.problem.name).npy"), .set { $0.side = 16 })[0]
      #expect((scan.measured.reshaped(b.shape).converted(to: .double) - b).norm <= 1e-5 * b.norm)
      let short = try write(Tensor([1, 2, 3], shape: [3]), "short.npy")
      #expect(refusal { try DiscTomography<Around>.open(short, .init()) }.contains("finite voltages"))
    }
    try check(EMT.self)
    try check(EIT.self)
  }
}
