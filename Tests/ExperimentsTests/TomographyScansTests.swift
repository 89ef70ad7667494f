// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

@Suite struct TomographyScansTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// A disc of value 1 and radius 0.6 of half the side, its edge as wide as a pixel.
  private static func disc(_ n: Int) -> NamedImage {
    let middle = Double(n - 1) / 2
    let values = (0..<n * n).map { p -> Double in
      let r = hypot(Double(p / n) - middle, Double(p % n) - middle)
      return min(max(0.3 * Double(n) - r + 0.5, 0), 1)
    }
    return NamedImage(name: "disc", value: Tensor(values, shape: [n, n]))
  }

  private static func setup(_ scan: CTScan, photons: Double? = nil, electronic: Double? = nil) -> CT.Setup {
    .set { ($0.scan, $0.photons, $0.electronic) = (scan, photons, electronic) }
  }

  private func write<E: ImageExperiment>(_ experiment: E, _ scans: Scans<E>, keepingGroundTruth: Bool) throws -> String {
    let path = folder.file(E.name + ".h5")
    try MeasurementFile.write(
      scans, of: experiment, setup: experiment.setup, seed: experiment.seed, keepingGroundTruth: keepingGroundTruth, to: path)
    return path
  }

  /// What was written is read, for both beams, and its reconstruction is that of before.
  @Test(arguments: [false, true]) func roundTrip(fan: Bool) throws {
    var scan = CTScan(fan ? .fan : .parallel, views: 40)
    scan.pixelSize = 1.5
    if fan { scan.halfScan = true }
    let ct = try CT(Self.setup(scan, photons: 1e5, electronic: 3), seed: 7)
    let scans = try ct.scans(of: [Self.disc(48)])
    let all = try CT.open(write(ct, scans, keepingGroundTruth: true), .init())
    let (read, written) = (try all[0], try scans[0])
    #expect(all.names == ["disc"] && read.system.geometry == written.system.geometry)
    #expect((read.measured - written.measured).norm <= 1e-6 * written.measured.norm)
    #expect((try #require(read.groundTruth).display - written.groundTruth!.display).norm < 1e-6)
    let image = try Solver(CT.named("fbp"), read.system).solve(read.measured)
    // Inside the disc filtered back-projection of 40 views is near 1.
    let v = image.display.doubles
    var inner = 0.0
    for i in 20..<28 {
      for j in 20..<28 { inner += v[48 * i + j] / 64 }
    }
    #expect(abs(inner - 1) < 0.03, "\(inner)")
    #expect(try #require(image.residual) < 0.2)
  }

  /// Line integrals in the file are in millimetres: the middle ray of a disc of 1 is as long as its diameter.
  @Test func lengthsAreMillimetres() throws {
    var scan = CTScan(views: 4)
    scan.pixelSize = 0.5
    let ct = try CT(Self.setup(scan), seed: 0)
    let path = try write(ct, ct.scans(of: [Self.disc(64)]), keepingGroundTruth: false)
    let sinogram = try #require(try readArrays(path).first { $0.name == "measurement/0" }?.value.real)
    #expect(abs(sinogram.maximumMagnitude - 2 * 0.3 * 64 * 0.5) < 0.3)
    #expect(try CT.open(path, .init())[0].groundTruth == nil)
  }

  /// Coils and electrodes: voltages of an image, written and read.
  @Test func phantoms() throws {
    func check<Around: Sensor>(_: DiscTomography<Around>.Type) throws {
      let experiment = try DiscTomography<Around>(.set { $0.noiseSnr = 60 }, seed: 1)
      let scans = try experiment.scans(of: [Self.disc(16)])
      let path = try write(experiment, scans, keepingGroundTruth: true)
      #expect(try MeasurementFile(path).problem == (Around.model == .emt28 ? "emt" : "eit"))
      let (read, written) = (try DiscTomography<Around>.open(path, .init())[0], try scans[0])
      #expect((read.measured - written.measured).norm <= 1e-6 * written.measured.norm)
      let solved = try Solver(DiscTomography<Around>.named("fista-tv"), read.system).solve(read.measured).display
      let truth = try #require(read.groundTruth).display
      #expect(truth == written.groundTruth?.display && (solved - truth).norm < 0.7 * truth.norm)
    }
    try check(EMT.self)
    try check(EIT.self)
  }

  /// Where contrasts have no scale, a network sees them at its own: a weaker voltage is a weaker image of the same shape, and at the
  /// network's own scale it is the network's image.
  @Test func contrastsWithoutScale() throws {
    let problem = ImpedanceTomography(.emt28, side: 16)
    func solver(_ maximum: Double?) throws -> (Tensor) throws -> Tensor {
      let solver = try Solver(
        EMT.named("fista-net"), TomographySystem(problem, usualMaximum: maximum),
        options: .set { ($0.depth, $0.untrained) = (3, true) })
      return { try solver.solve($0).display }
    }
    let b = try EMT(.set { $0.noiseSnr = 60 }, seed: 1).scans(of: [Self.disc(16)])[0].measured
    let usual = problem.initialMap().forward(b.converted(to: .double)).doubles.max()!
    let (free, fixed) = (try solver(usual), try solver(nil))
    let (image, weak) = (try free(b), try free(0.1 * b))
    #expect((try image - fixed(b)).norm <= 1e-5 * image.norm)
    #expect((10 * weak - image).norm <= 1e-5 * image.norm)
    #expect((try 10 * fixed(0.1 * b) - image).norm > 1e-3 * image.norm)
  }

  /// Total variation is closer than filtered back-projection, where few views meet few photons.
  @Test func totalVariationHelps() throws {
    let scans = try CT(Self.setup(CTScan(views: 12), photons: 1e4), seed: 3).scans(of: [Self.disc(48)])
    func psnr(_ method: String) throws -> Double { try Runner(CT.named(method)).evaluation(scans, seed: 3).pooledPSNR }
    #expect(try psnr("fista-tv") > psnr("fbp") + 4)
  }

  /// Hounsfield units: air −1000 is 0, water 0.192/0.8, metal is cut at 1.
  @Test func unitsOfImages() throws {
    let path = folder.file("volume.npy")
    try NPY.write(.real(Tensor([-1000, 0, 1000, 30000, -2000, 0, 0, 0], shape: [2, 2, 2])), to: path)
    let images = try NamedImage.slices(of: path, units: .hounsfield)
    #expect(images.map(\.name) == ["volume-0", "volume-1"])
    for (found, expected) in zip(images[0].value.display.doubles, [0, 0.24, 0.48, 1]) { #expect(abs(found - expected) < 1e-12) }
    #expect(images[1].value.display[flat: 0] == 0)
    let reduced = NamedImage(name: "", value: Tensor([1, 2, 9, 3, 4, 9, 9, 9, 9], shape: [3, 3])).reduced(by: 2)
    #expect(reduced.value.display == Tensor([2.5], shape: [1, 1]))
  }

  @Test func faults() throws {
    var scan = CTScan(.fan)
    scan.sourceDistance = 10
    #expect(throws: InputError.self) { try scan.made(height: 64, width: 64) }
    let ct = try CT(Self.setup(CTScan(views: 4)), seed: 0)
    #expect(throws: InputError.self) { try ct.scans(of: [String]()) }
    let system = try ct.system(height: 8, width: 8)
    #expect(throws: InputError.self) { try Solver(CT.named("fbp"), system, options: .set { $0.knobs.lambda = 1 }) }
    #expect(throws: InputError.self) { try Solver(CT.named("fista-tv"), system, options: .set { $0.knobs.window = .hann }) }
    #expect(throws: InputError.self) { try CT(Self.setup(CTScan(views: 4), photons: -1), seed: 0) }
  }
}

@Suite struct StageFiguresTests {
  /// Steps, thresholds and momenta are those of the schedule, residuals those of the trace; a broken network is named.
  @Test func ofFISTANet() throws {
    let system = try CT(.set { $0.scan.views = 6 }, seed: 0).system(height: 12, width: 12)
    let network = try #require(CT.network("fista-net", system, depth: 3, channels: 4) as? FISTANet<Tensor, Tensor>)
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
