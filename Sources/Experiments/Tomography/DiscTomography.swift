// SPDX-License-Identifier: Apache-2.0
import Communication
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Problems
import Tensors
import Training

/// What stands around the disc.
public protocol Sensor: Sendable {
  static var model: SensitivityModel { get }
  static var problem: (name: String, title: String, source: String) { get }
  static var tables: [PublishedTable] { get }
  /// λ of FISTA-TV.
  static var lambda: Double { get }
}

/// Eight coils, 28 pairs.
public enum Coils: Sensor {
  public static let model = SensitivityModel.emt28
  public static let problem = (
    name: "emt", title: "Contrasts of 3,228 pixels of a disc from the voltages of 28 pairs of coils, b = A x",
    source: "Griffiths, Meas. Sci. Technol. 12 (2001); \(Papers.fistaNet)"
  )
  public static var tables: [PublishedTable] { [TomographyTable.phantoms] }
  public static let lambda = 5e-5
}

/// 16 electrodes, 104 voltages.
public enum Electrodes: Sensor {
  public static let model = SensitivityModel.eit104
  public static let problem = (
    name: "eit", title: "Contrasts of 3,228 pixels of a disc from 104 voltages between electrodes, b = A x",
    source: "Cheney, Isaacson & Newell, SIAM Rev. 41 (1999); \(Papers.fistaNet)"
  )
  public static let tables: [PublishedTable] = []
  public static let lambda = 1e-3
}

/// Electromagnetic tomography.
public typealias EMT = DiscTomography<Coils>
/// Electrical impedance tomography.
public typealias EIT = DiscTomography<Electrodes>

/// Contrasts of the pixels of a disc from what coils or electrodes around it measure.
public struct DiscTomography<Around: Sensor>: TomographyExperiment {
  public struct Setup: Settings {
    /// Of measurements of images, in dB; nil: no noise.
    public var noiseSnr: Double?
    /// Of simulated sets: phantoms for training, their shapes, and the lowest ratio, up to 50 dB, that they are drawn with.
    public var phantoms: Int?
    public var shapes: DiscPhantom.Shapes?
    public var lowestNoiseSnr: Double?
    public init() {}
  }
  public struct Knobs: TomographyKnobs {
    public var lambda: Double?
    public var iterations: Int?
    public init() {}
  }
  public struct Opening: Settings {
    /// Of voltages in an array: pixels along a side of the image; nil: 64.
    public var side: Int?
    public init() {}
  }
  public struct Test: Settings {
    /// Sets that `simulate` wrote; nil: those of the seed.
    public var data: String?
    public var part: TomographyData.Part?
    public init() {}
  }
  public struct TrainingSetup: Settings {
    /// Sets that `simulate` wrote; nil: those of the seed.
    public var data: String?
    public var gradient: GradientKind?
    public init() {}
  }

  public static var name: String { Around.problem.name }
  public static var title: String { Around.problem.title }
  public static var source: String { Around.problem.source }
  public static var tables: [PublishedTable] { Around.tables }
  public static var methods: [Method<Self>] {
    [
      Method(
        "laplacian", "Least squares with a Laplacian, one matrix",
        source: "Vauhkonen, Vadász, Karjalainen, Somersalo & Kaipio, IEEE Trans. Med. Imaging 17 (1998)"
      ) { system, _ in classical(system) { system.gradient.initial.forward($0) } },
      fistaTV,
    ] + networks
  }

  public let setup: Setup
  public let seed: UInt64

  public init(_ setup: Setup, seed: UInt64) throws {
    if let phantoms = setup.phantoms, !(1...1_000_000).contains(phantoms) {
      throw InputError("found --phantoms \(phantoms); expected 1 to 1 000 000")
    }
    try checkDecibel(setup.noiseSnr)
    (self.setup, self.seed) = (setup, seed)
  }

  public func system(height: Int, width: Int) throws -> TomographySystem {
    guard height == width, (4...256).contains(height) else {
      throw InputError("found \(height) × \(width) pixels; expected square images of one size, 4 to 256 pixels")
    }
    return TomographySystem(ImpedanceTomography(Around.model, side: height, noise: Noise(snr: setup.noiseSnr)))
  }

  public func facts(of system: TomographySystem) -> [JSONMember] {
    setup.noiseSnr.map { [JSONMember("noise_snr", .number($0))] } ?? []
  }

  public func images(of files: [String]) throws -> [NamedImage] { try files.flatMap { try NamedImage.slices(of: $0) } }

  /// Images are measured; without any, the sets are simulated.
  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    let strange = [
      ("phantoms", setup.phantoms != nil), ("shapes", setup.shapes != nil), ("lowest-noise-snr", setup.lowestNoiseSnr != nil),
    ]
    guard files.isEmpty else {
      if let wrong = strange.first(where: \.1) {
        throw InputError("found --\(wrong.0) with images; leave it out, it is for sets of phantoms")
      }
      return try simulated(files, setup: setup, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
    }
    if keepingGroundTruth || setup.noiseSnr != nil {
      throw InputError("found --ground-truth or --noise-snr without images; leave it out, sets have both of their own")
    }
    let data = try sets()
    try World.onFirst { try data.write(to: path) }
    let settings = data.settings
    return (
      [
        JSONMember("training", .integer(settings.trainingCount)), JSONMember("validation", .integer(settings.validationCount)),
        JSONMember("test", .integer(settings.testCount)), JSONMember("size", .integer(data.A.rows)),
        JSONMember("columns", .integer(data.A.columns)),
      ],
      "\(path): \(settings.trainingCount) phantoms for training, \(settings.validationCount) for validation, twice \(settings.testCount) for "
        + "tests, \(data.A.rows) numbers each, seed \(settings.seed)"
    )
  }

  /// Sets of a file, or those of the seed.
  func sets(_ path: String? = nil) throws -> TomographyData {
    guard let path else {
      var settings = TomographyData.Settings(Around.model)
      settings.seed = seed
      settings.trainingCount = setup.phantoms ?? settings.trainingCount
      settings.trainingShapes = setup.shapes ?? settings.trainingShapes
      settings.lowestNoiseDecibel = setup.lowestNoiseSnr
      return try TomographyData(settings)
    }
    let data = try TomographyData(contentsOf: path)
    guard data.settings.model == Around.model else {
      throw InputError("\(path): found sets of \(data.settings.problem); expected \(Self.name), choose others")
    }
    return data
  }

  static func system(_ data: TomographyData) -> TomographySystem {
    TomographySystem(ImpedanceTomography(sensitivity: data.A, pixels: data.pixels), initialMap: data.initialMap)
  }

  public func testScans(_ test: Test) throws -> Scans<Self> {
    if setup.noiseSnr != nil { throw InputError("found --noise-snr for \(Self.name); expected --data FILE, or none") }
    return Self.scans(try sets(test.data), test.part ?? .test)
  }

  /// A part of sets.
  static func scans(_ data: TomographyData, _ part: TomographyData.Part) -> Scans<Self> {
    let (samples, system) = (data[part], system(data))
    let facts = data.settings.noiseDecibel(part).map { [JSONMember("noise_snr", .number($0))] } ?? []
    return Scans((0..<samples.measurement.shape[0]).map { "\(part.rawValue)-\($0)" }, facts: facts) { i in
      Scan(
        name: "\(part.rawValue)-\(i)", system: system, measured: samples.measurement.rows(i..<i + 1),
        groundTruth: .real(data.pixels.adjoint(samples.groundTruth.rows(i..<i + 1)).row(0).converted(to: .double)))
    }
  }

  /// A measurement of `simulate`, the folder of a sensor, the object at several frequencies, or an array of voltages.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<Self> {
    if ImageFolder.isFolder(path), Around.model == .emt28 {
      if opening.side != nil { throw InputError("\(path): found --side for a sensor that says its own; leave it out") }
      return scans(try MeasuredEMT(contentsOf: path))
    }
    if case .hdf5 = try FileKind.detect(path), let file = try? MeasurementFile(path) {
      try file.check(problem: name)
      if opening.side != nil { throw InputError("\(path): found --side for a measurement that says its own; leave it out") }
      return try scans(from: file)
    }
    let count = Around.model.measurements
    let arrays = try readArrays(path)
    guard arrays.count == 1, let found = arrays[0].value.real, found.shape.last == count || found.shape == [count, 1],
      found.isFinite
    else {
      let shapes = arrays.prefix(4).map { "\($0.name) \($0.value.shape)" }.joined(separator: ", ")
      throw InputError(
        "\(path): found \(shapes.isEmpty ? "no arrays" : shapes); expected one array of \(count) finite voltages, or [samples, \(count)]"
      )
    }
    let side = opening.side ?? 64
    guard (4...256).contains(side) else { throw InputError("found --side \(side); expected 4 to 256 pixels") }
    return scans(
      ImpedanceTomography(Around.model, side: side), found.reshaped([found.count / count, count]), named: fileTitle(path))
  }

  static func scans(_ sensor: MeasuredEMT) -> Scans<Self> {
    scans(ImpedanceTomography(sensitivity: sensor.A, pixels: sensor.pixels), sensor.measurement, named: "frequency")
  }

  /// Voltages `[samples, M]` in the units of the sensor, not those of A's rows of unit norm.
  private static func scans(_ problem: ImpedanceTomography, _ voltages: Tensor, named name: String) -> Scans<Self> {
    // Mean of the largest value of the initial images of phantoms as networks are trained on (0.51 of 200, 30 to 50 dB).
    let system = TomographySystem(problem, usualMaximum: 0.5)
    let b = problem.normalised(voltages).converted(to: .single)
    return Scans((0..<b.shape[0]).map { Scan(name: "\(name)-\($0)", system: system, measured: b.rows($0..<$0 + 1)) })
  }

  public static func totalVariation(of system: TomographySystem) -> (lambda: Double, iterations: Int) { (Around.lambda, 500) }

  /// On the training and validation parts of sets.
  public func training(_ request: TrainingRequest<Self>) throws -> Training {
    try request.refuse(("noise-snr", setup.noiseSnr != nil))
    let data = try sets(request.setup.data)
    func pairs(_ part: TomographyData.Part) -> SamplePairs {
      SamplePairs(measurement: data[part].measurement, groundTruth: data.pixels.adjoint(data[part].groundTruth))
    }
    return try training(
      request, Self.system(data), DrawnPairs(pairs(.training)), validation: pairs(.validation), gradient: request.setup.gradient,
      steps: 10_000)
  }
}
