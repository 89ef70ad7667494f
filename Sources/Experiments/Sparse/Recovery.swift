// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import FileFormats
import Foundation
import Kernels
import LinearSystems
import Networks
import Operators
import Problems
import Tensors
import Training

/// Sparse signals from few measurements, b = A x + ε.
public struct Recovery: LassoExperiment {
  public struct Setup: Settings {
    /// A file of A; the benchmark's own, drawn from the seed, without it.
    public var matrix: String?
    /// Extents of the benchmark's A.
    public var rows: Int?
    public var columns: Int?
    /// Signal-to-noise ratio in dB; nil: no noise.
    public var noiseSnr: Double?
    public init() {}
  }
  public struct Knobs: LassoKnobs {
    /// λ of ista and fista, 0.1 without; of step-lista what it was trained for.
    public var lambda: Double?
    public var iterations: Int?
    public var precision: Precision?
    public init() {}
  }
  public struct Test: Settings {
    /// A file of codes, one a row; the benchmark's 1 000 test samples without it.
    public var data: String?
    public init() {}
  }
  public typealias System = LassoSystem
  /// b, one a row.
  public typealias Measured = Tensor

  public static let name = "sparse-recovery"
  public static let title = "Sparse x from b = A x + noise, A of 250 × 500, 10 % non-zeros"
  public static let source = "Chen, Liu, Wang & Yin, NeurIPS 2018; Liu, Chen, Wang & Yin, ICLR 2019"
  /// Of the weights that ship.
  public static let standardSeed: UInt64 = 20_190_501
  public static var scoring: ScoringProtocol { ScoringProtocol() }
  public static let makesImages = false
  public static var tables: [PublishedTable] { [ALISTATable.table] }

  public static var methods: [Method<Recovery>] {
    return classicalMethods
      + VectorNetwork.allCases.map { kind in
        network(kind.rawValue, kind.published.title, kind.published.source) { try kind.untrained($0, depth: $1) }
      } + [
        network("step-lista", "ISTA with learned step sizes", "Ablin, Moreau, Massias & Gramfort, NeurIPS 2019", knobs: ["lambda"])
        {
          StepLISTA(unfolding: $0.problem, depth: $1)
        },
        network("hyperlista", "LISTA with three numbers, tuned in place of training", "Chen, Liu, Wang & Yin, NeurIPS 2021") {
          HyperLISTA(unfolding: $0.problem, depth: $1, weight: try $0.analyticWeight())
        },
      ]
  }

  /// λ where networks begin; Step-LISTA aims at the LASSO minimiser at one λ, and so has its bias.
  static let startLambda = VectorNetwork.startLambda
  static let stepLambda = 0.1

  private static func network(
    _ name: String, _ title: String, _ source: String, knobs: Set<String> = [],
    _ make: @escaping @Sendable (LassoSystem, _ depth: Int) throws -> any Network
  ) -> Method<Recovery> {
    Method(
      name, title, source: source, knobs: knobs.union(["precision"]), Architecture(depth: 16), isConvolutional: false,
      requiresDepth: name == "hyperlista"
    ) { system, shape, weights, _ in
      var system = system
      if name == "step-lista", let trained = try weights?.trainedLambda { system.weight = trained }
      return try make(system, shape.depth ?? 16)
    }
  }

  public let setup: Setup
  public let seed: UInt64
  /// A with its noise.
  public let problem: SparseRecovery

  public init(_ setup: Setup, seed: UInt64) throws {
    try checkDecibel(setup.noiseSnr)
    if let path = setup.matrix {
      if setup.rows != nil || setup.columns != nil {
        throw InputError("found --matrix with --rows or --columns; expected the matrix alone, it has a size")
      }
      problem = SparseRecovery(A: try readMatrix(path), noise: Noise(snr: setup.noiseSnr))
    } else {
      let (rows, columns) = (setup.rows ?? 250, setup.columns ?? 500)
      guard rows >= 2, rows <= columns, columns <= 100_000 else {
        throw InputError("found --rows \(rows) and --columns \(columns); expected 2 rows at least, and no more rows than columns")
      }
      problem = .benchmark(rows: rows, columns: columns, seed: seed, noise: Noise(snr: setup.noiseSnr))
    }
    (self.setup, self.seed) = (setup, seed)
  }

  /// A problem of one's own.
  public init(_ problem: SparseRecovery, seed: UInt64 = standardSeed) {
    (self.problem, self.seed, setup) = (problem, seed, Setup())
  }

  public var system: LassoSystem { LassoSystem(A: problem.A) }

  // Streams of the seed that are not training's: no test or validation sample is ever drawn for training.
  static let validationStream: UInt64 = 1 << 40
  /// Of the training samples by which thresholds are found.
  static let thresholdStream: UInt64 = 1 << 43
  private static let testStream: UInt64 = 1 << 41

  /// Samples that only tables look at.
  public func testSamples(_ count: Int = 1000) -> (measurement: Tensor, groundTruth: Tensor) {
    problem.samples(count, seed: seed, stream: Self.testStream)
  }

  // MARK: Measurements

  private var facts: [JSONMember] {
    var facts = [JSONMember("rows", .integer(problem.A.rows)), JSONMember("columns", .integer(problem.A.columns))]
    if let noise = setup.noiseSnr { facts.append(JSONMember("noise_snr", .number(noise))) }
    return facts
  }

  public func scans(of files: [String]) throws -> Scans<Recovery> {
    guard files.count == 1 else {
      throw InputError("found \(files.count) inputs; expected one array of codes for sparse-recovery")
    }
    return try scans(of: readTable(files[0], names: ["codes"]), named: (files[0] as NSString).lastPathComponent)
  }

  /// b = A x + ε for codes x, one a row.
  public func scans(of codes: Tensor, named name: String) throws -> Scans<Recovery> {
    let (A, x) = (problem.A, codes.converted(to: .double))
    guard x.shape.count == 2, x.shape[1] == A.columns else {
      throw InputError(
        "found codes of shape \(x.shape) for a matrix of \(A.rows) × \(A.columns); expected [samples, \(A.columns)], one code a row"
          + (x.shape.first == A.columns ? ": transpose them" : ""))
    }
    var generator = RandomGenerator(seed: seed, stream: 1)
    let b = problem.measure(x, using: &generator)
    return Scans(
      [Scan(name: name, system: system, measured: b, groundTruth: .real(x))],
      facts: facts + [JSONMember("samples", .integer(x.shape[0]))])
  }

  public func testScans(_ test: Test) throws -> Scans<Recovery> {
    guard let data = test.data else { return try scans(of: testSamples().groundTruth, named: "benchmark") }
    return try scans(of: [data])
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    var stored = setup
    stored.matrix = nil  // it is in the file
    return try simulated(files, setup: stored, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  /// `measurement/0`, b, one a row; `A`.
  public func store(_ scan: Scan<Recovery>, number k: Int, in file: inout MeasurementContents) {
    file.add("measurement/\(k)", scan.measured)
    file.add("A", scan.system.A.entries)
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<Recovery> {
    let A = Matrix(try file.real("A", nil, nil))
    let b = try file.real("measurement/0", nil, A.rows)
    return Scans([
      Scan(
        name: file.names[0], system: LassoSystem(A: A), measured: b,
        groundTruth: try file.groundTruth(0, shape: [b.shape[0], A.columns]))
    ])
  }

  // MARK: Methods

  public static func adjusted(_ system: LassoSystem, _ knobs: Knobs) throws -> LassoSystem {
    var system = system
    system.precision = knobs.precision ?? .double
    system.weight = knobs.lambda ?? system.weight
    guard system.weight >= 0, system.weight.isFinite else {
      throw InputError("found --lambda \(system.weight); expected a number ≥ 0")
    }
    return system
  }

  static func rows(of measured: Tensor) -> Tensor { measured }
  static func reconstruction(_ codes: Tensor, _ measured: Tensor, _ system: LassoSystem) -> Reconstruction {
    Reconstruction(.real(codes))
  }

  public static func scores(_ found: Reconstruction, _ truth: NumericArray, of scan: Scan<Recovery>, clip: Bool) throws -> Scores {
    let (x, truth) = (found.display, truth.display)
    return Scores(nmse: try nmse(x, truth), nmseDecibel: try nmseDecibel(x, truth), rmse: try rmse(x, truth))
  }

  /// A must be the weights' own; Step-LISTA has its λ.
  public static func completed(
    _ weights: Weights, _ method: Method<Recovery>, for system: LassoSystem, _ knobs: Knobs, file: String
  ) throws -> Weights {
    try weights.checkMatrix("A", is: system.A, file: file)
    if let wanted = knobs.lambda, let trained = try weights.trainedLambda, trained != wanted {
      throw InputError("\(file): found weights trained for lambda \(trained); expected --lambda \(trained), or none")
    }
    return weights
  }
}

extension Weights {
  /// λ that a recipe of Step-LISTA says.
  fileprivate var trainedLambda: Double? {
    get throws { try recipe.map(Recipe.init(json:))?.notes["lambda"].flatMap { Double($0) } }
  }
}
