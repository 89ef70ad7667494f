// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Recipes
import Tensors
import TestSupport
import Testing

@Suite struct TomographyScansTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// A disc of value 1 and radius 0.6 of half the side, its edge as wide as a pixel.
  private static func disc(_ n: Int) -> CTImage {
    let middle = Double(n - 1) / 2
    let values = (0..<n * n).map { p -> Double in
      let r = hypot(Double(p / n) - middle, Double(p % n) - middle)
      return min(max(0.3 * Double(n) - r + 0.5, 0), 1)
    }
    return CTImage(name: "disc", value: Tensor(values, shape: [n, n]))
  }

  /// What was written is read, for both beams, and its reconstruction is that of before.
  @Test(arguments: [false, true]) func roundTrip(fan: Bool) throws {
    var scan = CTScan(fan ? .fan : .parallel, views: 40)
    scan.pixelSize = 1.5
    if fan { scan.isHalfScan = true }
    let scans = try TomographyScans([Self.disc(48)], scan: scan, photons: 1e5, electronic: 3, seed: 7)
    let path = folder.file("ct.h5")
    try scans.write(to: path, keepingGroundTruth: true)
    let read = try TomographyScans(MeasurementFile(path))
    #expect(read.names == ["disc"] && read.system.geometry == scans.system.geometry)
    #expect((read.measurement - scans.measurement).norm <= 1e-6 * scans.measurement.norm)
    #expect((try #require(read.groundTruth) - scans.groundTruth!).norm < 1e-6)
    let solver = try TomographySolver(.fbp, read.system)
    let image = solver.solve(read.measurement)
    // Inside the disc filtered back-projection of 40 views is near 1.
    let v = image.doubles
    var inner = 0.0
    for i in 20..<28 {
      for j in 20..<28 { inner += v[48 * i + j] / 64 }
    }
    #expect(abs(inner - 1) < 0.03, "\(inner)")
    #expect(solver.residuals(image, read.measurement)[0] < 0.2)
  }

  /// Line integrals in the file are in millimetres: the middle ray of a disc of 1 is as long as its diameter.
  @Test func lengthsAreMillimetres() throws {
    var scan = CTScan(views: 4)
    scan.pixelSize = 0.5
    let scans = try TomographyScans([Self.disc(64)], scan: scan, photons: nil, seed: 0)
    let path = folder.file("ct.h5")
    try scans.write(to: path, keepingGroundTruth: false)
    let sinogram = try #require(try readArrays(path).first { $0.name == "sinogram" }?.value.real)
    #expect(abs(sinogram.maximumMagnitude - 2 * 0.3 * 64 * 0.5) < 0.3)
    #expect(try TomographyScans(MeasurementFile(path)).groundTruth == nil)
  }

  /// Coils and electrodes: voltages of an image, written and read.
  @Test(arguments: [SensitivityModel.emt28, .eit104]) func phantoms(model: SensitivityModel) throws {
    let scans = try TomographyScans([Self.disc(16)], model, noiseDecibel: 60, seed: 1)
    let path = folder.file("scan.h5")
    try scans.write(to: path, keepingGroundTruth: true)
    let read = try TomographyScans(MeasurementFile(path))
    #expect(read.system.problem == (model == .emt28 ? .emt : .eit))
    #expect((read.measurement - scans.measurement).norm <= 1e-6 * scans.measurement.norm)
    let solved = try TomographySolver(.fistaTV, read.system).solve(read.measurement)
    #expect((solved - scans.groundTruth!).norm < 0.7 * scans.groundTruth!.norm)
  }

  /// Where contrasts have no scale, a network sees them at its own: a weaker voltage is a weaker image of the same shape, and at the
  /// network's own scale it is the network's image.
  @Test func contrastsWithoutScale() throws {
    let problem = ImpedanceTomography(.emt28, side: 16)
    func solver(_ maximum: Double?) throws -> TomographySolver {
      var options = TomographySolver.Options()
      (options.depth, options.isUntrained) = (3, true)
      return try TomographySolver(
        .fistaNet,
        TomographySystem(
          .emt, A: problem.A, pixels: problem.pixels, initialMap: problem.initialMap(), usualMaximum: maximum), options: options)
    }
    let b = try TomographyScans([Self.disc(16)], .emt28, noiseDecibel: 60, seed: 1).measurement
    let usual = problem.initialMap().forward(b.converted(to: .double)).doubles.max()!
    let (free, fixed) = (try solver(usual), try solver(nil))
    let (image, weak) = (free.solve(b), free.solve(0.1 * b))
    #expect((image - fixed.solve(b)).norm <= 1e-5 * image.norm)
    #expect((10 * weak - image).norm <= 1e-5 * image.norm)
    #expect((10 * fixed.solve(0.1 * b) - image).norm > 1e-3 * image.norm)
  }

  /// Total variation is closer than filtered back-projection, where few views meet few photons.
  @Test func totalVariationHelps() throws {
    let scans = try TomographyScans([Self.disc(48)], scan: CTScan(views: 12), photons: 1e4, seed: 3)
    func psnr(_ method: TomographyMethod) throws -> Double {
      try #require(try TomographyEvaluation(TomographySolver(method, scans.system), scans, seed: 3).pooled.psnr)
    }
    #expect(try psnr(.fistaTV) > psnr(.fbp) + 4)
  }

  /// Hounsfield units: air −1000 is 0, water 0.192/0.8, metal is cut at 1.
  @Test func unitsOfImages() throws {
    let path = folder.file("volume.npy")
    try NPY.write(.real(Tensor([-1000, 0, 1000, 30000, -2000, 0, 0, 0], shape: [2, 2, 2])), to: path)
    let images = try CTImage.read(path, units: .hounsfield)
    #expect(images.map(\.name) == ["volume-0", "volume-1"])
    for (found, expected) in zip(images[0].value.doubles, [0, 0.24, 0.48, 1]) { #expect(abs(found - expected) < 1e-12) }
    #expect(images[1].value[flat: 0] == 0)
    let reduced = CTImage(name: "", value: Tensor([1, 2, 9, 3, 4, 9, 9, 9, 9], shape: [3, 3])).reduced(by: 2)
    #expect(reduced.value == Tensor([2.5], shape: [1, 1]))
  }

  @Test func faults() throws {
    var scan = CTScan(.fan)
    scan.sourceToCentre = 10
    #expect(throws: RecipeError.self) { try scan.geometry(height: 64, width: 64) }
    #expect(throws: RecipeError.self) { try TomographyScans([], scan: CTScan(), photons: nil, seed: 0) }
    let system = try CTProblem(CTScan(views: 4).geometry(height: 8, width: 8), photons: nil).system
    var options = TomographySolver.Options()
    options.weight = 1
    #expect(throws: RecipeError.self) { try TomographySolver(.fbp, system, options: options) }
    options = TomographySolver.Options()
    options.window = .hann
    #expect(throws: RecipeError.self) { try TomographySolver(.fistaTV, system, options: options) }
    #expect(throws: RecipeError.self) { try CTProblem(CTScan(views: 4).geometry(height: 8, width: 8), photons: -1) }
  }
}

@Suite struct StageFiguresTests {
  /// Steps, thresholds and momenta are those of the schedule, residuals those of the trace; a broken network is named.
  @Test func ofFISTANet() throws {
    let system = try CTProblem(CTScan(views: 6).geometry(height: 12, width: 12), photons: nil).system
    let network = try #require(system.network(.fistaNet, depth: 3, channels: 4, seed: 1) as? FISTANet<Tensor, Tensor>)
    var generator = RandomGenerator(seed: 2)
    let b = system.A.forward(.uniform([2, 12, 12], precision: .single, using: &generator))
    let figures = StageFigures(network, system: system, measurement: b)
    #expect(figures.stages.count == 3)
    for (k, stage) in figures.stages.enumerated() {
      #expect(stage.stepSize == network.schedule.stepSize.value(k) && stage.momentum == network.schedule.momentumWeight(k))
      let expected = (0..<2).map { i in
        let y = b.rows(i..<i + 1)
        return (system.A.forward(network.trace(y)[k]) - y).norm / y.norm
      }
      #expect(abs(stage.residual - (expected[0] + expected[1]) / 2) < 1e-6)
    }
    #expect(try figures.followed().count == 12)
    var broken = network
    broken.schedule.prior.prior.reduction.weight = 1e30 * broken.schedule.prior.prior.reduction.weight
    let bad = StageFigures(broken, system: system, measurement: b)
    #expect(refusal { try bad.followed() }.contains("stage 0: ‖A x − b‖"))
  }
}
