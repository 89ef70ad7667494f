// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors

/// Training and test sets of electromagnetic and electrical impedance tomography, with the matrix and the initial map of their model.
///
/// Phantoms are ``DiscPhantom``s, no phantom in two parts. Measurements are those of the sensitivity matrix, but of impedance tomography
/// the test parts' come from finite elements (``FiniteElementModel``), where the conductivity is 1 + contrast · value in the shapes
/// themselves and not in their pixels: a reconstruction is not tested on the model it inverts.
///
/// As an HDF5 file: `A` `[M, count]`, rows of unit norm; `initial_map` `[count, M]`; of every part `PART/b` `[samples, M]` and `PART/x`
/// `[samples, count]`; the settings as text attributes. Samples are in single, matrices in double precision.
public struct TomographyData: Sendable {
  public enum Part: String, Sendable, CaseIterable, Codable {
    case training = "train"
    case validation
    case test
    /// Ellipses and rectangles, which training never sees, in more noise.
    case unseenShapes = "unseen_shapes"

    public var isTest: Bool { self == .test || self == .unseenShapes }
  }

  public struct Settings: Sendable, Equatable {
    public var model: SensitivityModel
    /// Pixels along a side of the image.
    public var side = 64
    public var seed: UInt64 = 1
    public var trainingCount = 2000
    public var validationCount = 200
    /// Of each of both test parts.
    public var testCount = 200
    /// Signal-to-noise ratio in dB, and that of the unseen shapes.
    public var noiseDecibel = 50.0
    /// Of training and validation; those of the tests are discs, and ellipses and rectangles.
    public var trainingShapes = DiscPhantom.Shapes.discs
    /// Where it is given, the ratio of every phantom for training and validation is drawn between it and ``noiseDecibel``.
    public var lowestNoiseDecibel: Double?
    public var unseenNoiseDecibel = 30.0
    /// Of the Laplacian in the initial map.
    public var weight = 1e-3
    /// Conductivity less 1 of the value 1 in the finite-element model. At 0.1 voltages leave the linear model by some 5 % and the initial
    /// image loses 0.1 dB, at 1 it is 32 % and 2.4 dB (32 phantoms, by an independent program).
    public var contrast = 0.1
    /// Of the mesh; a multiple of 8, so that there is a node at each of 16 electrodes.
    public var rings = 48

    public init(_ model: SensitivityModel) { self.model = model }

    /// `emt` or `eit`.
    public var problem: String { model == .emt28 ? "emt" : "eit" }

    public func count(_ part: Part) -> Int {
      switch part {
      case .training: trainingCount
      case .validation: validationCount
      case .test, .unseenShapes: testCount
      }
    }

    /// Nil where every phantom has its own.
    public func noiseDecibel(_ part: Part) -> Double? {
      switch part {
      case .training, .validation: lowestNoiseDecibel == nil ? noiseDecibel : nil
      case .test: noiseDecibel
      case .unseenShapes: unseenNoiseDecibel
      }
    }

    public func shapes(_ part: Part) -> DiscPhantom.Shapes {
      switch part {
      case .training, .validation: trainingShapes
      case .test: .discs
      case .unseenShapes: .ellipsesAndRectangles
      }
    }

    /// That of one phantom.
    func noiseDecibel(_ part: Part, using generator: inout RandomGenerator) -> Double {
      if let same = noiseDecibel(part) { return same }
      let lowest = lowestNoiseDecibel ?? noiseDecibel
      return lowest + (noiseDecibel - lowest) * generator.uniform()
    }

    /// The measurements of this part come from finite elements.
    public func usesFiniteElements(_ part: Part) -> Bool { model == .eit104 && part.isTest }

    /// - Throws: ``InputError`` for the first number out of its range.
    func check() throws {
      let isInRange = [noiseDecibel, unseenNoiseDecibel, lowestNoiseDecibel ?? 0].allSatisfy { abs($0) <= 300 }
      for (name, found, isRight, expected) in [
        ("image side", "\(side)", (4...256).contains(side), "4 to 256 pixels"),
        ("number of samples", "\(Part.allCases.map(count))", Part.allCases.allSatisfy { count($0) >= 1 }, "at least 1 a part"),
        (
          "noise", "\(lowestNoiseDecibel ?? noiseDecibel), \(noiseDecibel) and \(unseenNoiseDecibel) dB", isInRange,
          "-300 to 300 dB"
        ),
        ("weight", "\(weight)", weight >= 1e-6 && weight.isFinite, "at least 1e-6"),
        ("contrast", "\(contrast)", contrast > 0 && contrast <= 100, "above 0, at most 100"),
        ("number of rings", "\(rings)", rings >= 8 && rings <= 256 && rings % 8 == 0, "a multiple of 8, 8 to 256"),
      ] where !isRight {
        throw InputError("tomography: found a \(name) of \(found); expected \(expected), change it")
      }
    }
  }

  public struct Samples: Sendable, Equatable {
    /// b, `[samples, M]`.
    public let measurement: Tensor
    /// x, `[samples, count]`.
    public let groundTruth: Tensor
  }

  public let settings: Settings
  public let pixels: PixelDisc
  /// `[M, count]`, rows of unit norm.
  public let A: Matrix
  /// ``ImpedanceTomography/initialMap(weight:)``, `[count, M]`.
  public let initialMap: Matrix
  /// In the order of ``Part``.
  private let parts: [Samples]

  public subscript(part: Part) -> Samples { parts[Part.allCases.firstIndex(of: part)!] }

  /// Simulates all parts, a pure function of the settings; samples are spread over the threads.
  ///
  /// - Throws: ``InputError`` for settings out of their range.
  public init(_ settings: Settings) throws {
    try settings.check()
    self.settings = settings
    let problem = ImpedanceTomography(settings.model, side: settings.side)
    pixels = problem.pixels
    A = problem.A
    initialMap = problem.initialMap(weight: settings.weight)
    let elements = settings.model == .eit104 ? FiniteElementModel(mesh: DiscMesh(rings: settings.rings)) : nil
    parts = Part.allCases.enumerated().map { order, part in
      let samples = Parallel.map(settings.count(part)) { i -> (b: Tensor, x: Tensor) in
        let stream = UInt64(order) << 32 | UInt64(i)
        let phantom = DiscPhantom(settings.shapes(part), seed: settings.seed, index: stream)
        let x = phantom.values(on: problem.pixels)
        var clean = problem.A.forward(x)
        if let elements, settings.usesFiniteElements(part) {
          let conductivity = elements.conductivity { 1 + settings.contrast * phantom.value(at: $0) }
          clean = Tensor(
            elements.measurement(conductivity: conductivity, contrast: settings.contrast, rowNorms: problem.rowNorms))
        }
        var generator = RandomGenerator(seed: settings.seed, stream: 1 << 62 | stream)
        var noisy = problem
        noisy.noise = .decibel(settings.noiseDecibel(part, using: &generator))
        return (noisy.noisy(clean, using: &generator).converted(to: .single), x.converted(to: .single))
      }
      return Samples(measurement: .stacked(samples.map(\.b)), groundTruth: .stacked(samples.map(\.x)))
    }
  }

  // MARK: Files

  static let format = "unfold tomography 1"

  /// Writes the HDF5 file atomically. - Throws: the writer's error.
  public func write(to path: String) throws {
    var arrays = [NamedArray(name: "A", value: A.entries), NamedArray(name: "initial_map", value: initialMap.entries)]
    for part in Part.allCases {
      arrays.append(NamedArray(name: part.rawValue + "/b", value: self[part].measurement))
      arrays.append(NamedArray(name: part.rawValue + "/x", value: self[part].groundTruth))
    }
    var attributes = [
      "format": Self.format, "model": settings.model.rawValue, "side": "\(settings.side)", "seed": "\(settings.seed)",
      "noise_snr_db": "\(settings.noiseDecibel)", "unseen_noise_snr_db": "\(settings.unseenNoiseDecibel)",
      "weight": "\(settings.weight)", "contrast": "\(settings.contrast)", "rings": "\(settings.rings)",
    ]
    if settings.trainingShapes != .discs { attributes["training_shapes"] = settings.trainingShapes.rawValue }
    attributes["lowest_noise_snr_db"] = settings.lowestNoiseDecibel.map { "\($0)" }
    try HDF5File(arrays: arrays, attributes: attributes).write(to: path)
  }

  /// Reads what ``write(to:)`` wrote.
  ///
  /// - Throws: the reader's error; ``InputError`` naming the first thing that is missing or does not fit.
  public init(contentsOf path: String) throws {
    guard case .hdf5 = try FileKind.detect(path) else {
      throw InputError("\(path): found \(try FileKind.detect(path).name); expected sets of tomography in HDF5, simulate them")
    }
    let file = try HDF5File(contentsOf: path)
    guard file.attributes["format"] == Self.format else {
      throw InputError("\(path): found an HDF5 file without sets of tomography; expected “\(Self.format)”, simulate them")
    }
    func damaged(_ what: String) -> InputError { InputError("\(path): \(what); the file is damaged, simulate it again") }
    func attribute<Value>(_ name: String, _ value: (String) -> Value?) throws -> Value {
      guard let value = file.attributes[name].flatMap(value) else {
        throw damaged("found \(name) “\(file.attributes[name] ?? "")”; expected a model's name or a number")
      }
      return value
    }
    func array(_ name: String, _ rows: Int?, _ columns: Int) throws -> Tensor {
      let shape = file[name]?.shape
      guard let value = file[name]?.real, shape?.count == 2, shape?[0] == rows ?? shape?[0], shape?[1] == columns, value.count > 0
      else {
        throw damaged(
          "found \(name) of shape \(shape?.description ?? "none"); expected [\(rows.map { "\($0)" } ?? "samples"), \(columns)]")
      }
      guard value.isFinite else { throw damaged("found NaN or infinity in \(name); expected finite numbers") }
      return value
    }
    var settings = Settings(try attribute("model", SensitivityModel.init(rawValue:)))
    settings.side = try attribute("side") { Int($0) }
    settings.seed = try attribute("seed") { UInt64($0) }
    settings.noiseDecibel = try attribute("noise_snr_db") { Double($0) }
    settings.unseenNoiseDecibel = try attribute("unseen_noise_snr_db") { Double($0) }
    if file.attributes["training_shapes"] != nil {
      settings.trainingShapes = try attribute("training_shapes", DiscPhantom.Shapes.init(rawValue:))
    }
    if file.attributes["lowest_noise_snr_db"] != nil {
      settings.lowestNoiseDecibel = try attribute("lowest_noise_snr_db") { Double($0) }
    }
    settings.weight = try attribute("weight") { Double($0) }
    settings.contrast = try attribute("contrast") { Double($0) }
    settings.rings = try attribute("rings") { Int($0) }
    do { try settings.check() } catch { throw damaged("\(error)") }
    let (rows, pixels) = (settings.model.measurements, PixelDisc(side: settings.side))
    A = Matrix(try array("A", rows, pixels.count).converted(to: .double))
    initialMap = Matrix(try array("initial_map", pixels.count, rows).converted(to: .double))
    parts = try Part.allCases.map { part in
      let b = try array(part.rawValue + "/b", nil, rows)
      let x = try array(part.rawValue + "/x", b.shape[0], pixels.count)
      return Samples(measurement: b.converted(to: .single), groundTruth: x.converted(to: .single))
    }
    settings.trainingCount = parts[0].measurement.shape[0]
    settings.validationCount = parts[1].measurement.shape[0]
    settings.testCount = parts[2].measurement.shape[0]
    guard parts[3].measurement.shape[0] == settings.testCount else {
      throw damaged("found \(parts[3].measurement.shape[0]) samples of unseen shapes; expected \(settings.testCount), as in test")
    }
    self.settings = settings
    self.pixels = pixels
  }
}
