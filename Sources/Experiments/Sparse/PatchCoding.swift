// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// Sparse codes of image patches; images are the dictionary times their codes, put together.
public struct PatchCoding: LassoExperiment {
  public struct Setup: Settings {
    /// A file of a dictionary of 100 rows; that of LISTA's weights which ship, or in training a learned one, without it.
    public var dictionary: String?
    /// Atoms of the dictionary.
    public var units: Int?
    /// Signal-to-noise ratio of images in dB; nil: no noise.
    public var noiseSnr: Double?
    public init() {}
  }
  public struct Knobs: LassoKnobs {
    public var iterations: Int?
    public var precision: Precision?
    public init() {}
  }
  /// An image cut into patches, with their optimal codes where methods are to be held to them.
  public struct Measured: Sendable {
    public let grid: PatchGrid
    var optimal: Tensor?

    public init(grid: PatchGrid) { self.grid = grid }
  }
  public typealias System = LassoSystem

  public static let name = "sparse-coding"
  public static let title = "Codes Z of image patches, argmin ½‖X − W_d Z‖² + α‖Z‖₁; images are W_d Z put together"
  public static let source = "Olshausen & Field, Nature 381 (1996); Gregor & LeCun, ICML 2010"
  public static let standardSeed: UInt64 = 2010
  public static var tables: [PublishedTable] { [LISTATable.table] }
  public static let alpha = 0.5

  public static var methods: [Method<PatchCoding>] {
    let paper = "Gregor & LeCun, ICML 2010"
    return classicalMethods + [
      classical(
        "cod", "Coordinate descent for sparse coding",
        "Li & Osher, Inverse Probl. Imaging 3 (2009); Gregor & LeCun, ICML 2010, alg. 2"
      ) {
        solve(
          CoordinateDescent($0), measurement: $0.dictionary.adjoint($1), until: certified($0, $1, every: 20, atMost: $2),
          .iterations($2))
      },
      network("tanh-encoder", "Encoder D tanh(W_e X)", paper, Architecture()) { problem, _ in TanhEncoder(problem) },
      network("double-tanh-encoder", "Encoder D (tanh(W_e X + u) + tanh(W_e X − u))", paper, Architecture()) { problem, _ in
        DoubleTanhEncoder(problem)
      },
      network("shrinkage-encoder", "Encoder h_θ(W_e X)", paper, Architecture()) { problem, _ in ShrinkageEncoder(problem) },
      network("lista", "Learned ISTA", paper, Architecture(depth: 4)) { problem, shape in
        LISTA(unfolding: problem, iterations: (shape.depth ?? 4) - 1)
      },
    ]
  }

  private static func network(
    _ name: String, _ title: String, _ source: String, _ shape: Architecture,
    _ make: @escaping @Sendable (SparseCoding, Architecture) -> any Network
  ) -> Method<PatchCoding> {
    Method(name, title, source: source, knobs: ["precision"], shape, isConvolutional: false, requiresDepth: name == "lista") {
      system, shape, _, _ in make(system.problem, shape)
    }
  }

  public let setup: Setup
  public let seed: UInt64

  public init(_ setup: Setup, seed: UInt64) throws {
    if setup.units != nil, setup.dictionary != nil { throw InputError("found --units and --dictionary; expected one of them") }
    if let units = setup.units, units < 1 { throw InputError("found --units \(units); expected at least 1") }
    try checkDecibel(setup.noiseSnr)
    (self.setup, self.seed) = (setup, seed)
  }

  /// The dictionary that was given, or that of the weights of LISTA that ship.
  public func dictionary(library: ModelLibrary = .standard) throws -> Matrix {
    if let path = setup.dictionary { return try readDictionary(path, patchSize: 100) }
    let path = try library.existing(library.file("sparse-coding/lista-3-\(setup.units ?? 100)"), instead: "--dictionary")
    return try Weights(contentsOf: path).matrix("dictionary", file: path)
  }

  // MARK: Measurements

  public func scans(of files: [String]) throws -> Scans<PatchCoding> {
    let images = try files.flatMap { try ImageFolder($0).entries }
    let system = LassoSystem(dictionary: try dictionary(), alpha: Self.alpha)
    var facts = [JSONMember("units", .integer(system.A.columns)), JSONMember("alpha", .number(Self.alpha))]
    if let noise = setup.noiseSnr { facts.append(JSONMember("noise_snr", .number(noise))) }
    return Scans(images.map(\.name), facts: facts) { i in
      let image = images[i].image
      do {
        let grid = try PatchGrid(noisy(image, stream: UInt64(i)))
        return Scan(name: images[i].name, system: system, measured: Measured(grid: grid), groundTruth: .real(image))
      } catch let error as InputError { throw InputError("\(images[i].name): \(error.description)") }
    }
  }

  /// With the optimal codes of every patch, of which the answer gives the largest relative duality gap.
  public func testScans(_ test: TestImages) throws -> Scans<PatchCoding> {
    guard let images = test.images else { throw InputError("found no --images; expected a folder of images for sparse-coding") }
    let scans = try scans(of: [images])
    let coded = try Parallel.map(scans.count) { i in
      var scan = try scans[i]
      let optimal = CodedPatches(scan.system.problem, patches: scan.measured.grid.patches)
      scan.measured.optimal = optimal.codes
      return (scan: scan, gap: optimal.largestGap)
    }
    let gap = coded.map(\.gap).max() ?? 0
    return Scans(coded.map(\.scan), facts: scans.facts + [JSONMember("optimal_gap", .number(gap))])
  }

  /// White noise of standard deviation std(image) · 10^(−SNR/20).
  private func noisy(_ image: Tensor, stream: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed, stream: stream)
    return Noise(snr: setup.noiseSnr).added(to: image, width: image.count, relativeTo: .standardDeviation, using: &generator)
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    var stored = setup
    stored.dictionary = nil  // it is in the file
    return try simulated(files, setup: stored, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  /// `measurement/K`, the normalised patches of image K, one a row; their `means/K` and `deviations/K`; `size/K`, height and width;
  /// `dictionary`.
  public func store(_ scan: Scan<PatchCoding>, number k: Int, in file: inout MeasurementContents) {
    let grid = scan.measured.grid
    if k == 0 { file.add("dictionary", scan.system.A.entries) }
    file.add("measurement/\(k)", grid.patches)
    file.add("means/\(k)", Tensor(grid.means))
    file.add("deviations/\(k)", Tensor(grid.deviations))
    file.add("size/\(k)", Tensor([Double(grid.height), Double(grid.width)]))
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<PatchCoding> {
    let dictionary = Matrix(try file.real("dictionary", nil, nil))
    let side = Int(Double(dictionary.rows).squareRoot())
    guard side * side == dictionary.rows else {
      throw file.damaged("found a dictionary of \(dictionary.rows) rows; expected the pixels of a square patch")
    }
    let system = LassoSystem(dictionary: dictionary, alpha: alpha)
    return Scans(
      try file.names.enumerated().map { k, name in
        let size = try file.real("size/\(k)", 2).doubles
        guard size.allSatisfy({ (1...65_500).contains($0) && $0 == $0.rounded() }) else {
          throw file.damaged("found size/\(k) of \(size); expected height and width")
        }
        let patches = try file.real("measurement/\(k)", nil, dictionary.rows)
        let (means, deviations) = (
          try file.real("means/\(k)", patches.shape[0]), try file.real("deviations/\(k)", patches.shape[0])
        )
        do {
          let grid = try PatchGrid(
            patches: patches, means: means.doubles, deviations: deviations.doubles, height: Int(size[0]), width: Int(size[1]),
            side: side)
          return Scan(
            name: name, system: system, measured: Measured(grid: grid),
            groundTruth: try file.groundTruth(k, shape: [Int(size[0]), Int(size[1])]))
        } catch let error as InputError { throw file.damaged("\(error)") }
      })
  }

  // MARK: Methods

  static func rows(of measured: Measured) -> Tensor { measured.grid.patches }

  /// The image W_d Z, patches side by side, overlaps averaged; its codes beside it.
  static func reconstruction(_ codes: Tensor, _ measured: Measured, _ system: LassoSystem) -> Reconstruction {
    var found = Reconstruction(.real(measured.grid.assemble(system.A.forward(codes))))
    found.extras = [NamedArray(name: "codes", value: codes)]
    return found
  }

  public static func scores(
    _ found: Reconstruction, _ truth: NumericArray, of scan: Scan<PatchCoding>, clip: Bool
  ) throws -> Scores {
    var scores = try Scores.ofImage(found.display, truth.display, clip: clip)
    if let optimal = scan.measured.optimal, let codes = found.extras.first?.value.real {
      scores.codeError = try codeError(codes, optimal)
    }
    return scores
  }

  /// Of LISTA by its iterations T, one less than its stages.
  public static func weightsName(of method: Method<PatchCoding>, for system: LassoSystem, depth: Int?) -> String {
    "sparse-coding/\(method.name)\(method.name == "lista" ? "-\((depth ?? 4) - 1)" : "")-\(system.A.columns)"
  }

  public static func completed(
    _ weights: Weights, _ method: Method<PatchCoding>, for system: LassoSystem, _ knobs: Knobs, file: String
  ) throws -> Weights {
    try weights.checkMatrix("dictionary", is: system.A, file: file)
    return weights
  }
}

/// Patches with their optimal codes.
public struct CodedPatches: Sendable {
  /// X, `[count, n]`.
  public let patches: Tensor
  /// Z*, `[count, m]`.
  public let codes: Tensor
  /// The largest duality gap relative to max(1, E) among them: the certificate of the codes.
  public let largestGap: Double

  public init(_ problem: SparseCoding, patches: Tensor, tolerance: Double = 1e-6) {
    let optimal = OptimalCodes(problem, patches: patches, tolerance: tolerance)
    self.patches = patches
    codes = optimal.codes
    largestGap = zip(optimal.gaps, optimal.energies).reduce(0) { max($0, $1.0 / max(1, $1.1)) }
  }

  /// Both in single precision.
  var pairs: SamplePairs { SamplePairs(measurement: patches.converted(to: .single), groundTruth: codes.converted(to: .single)) }
}
