// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import Tensors
import Training

/// The user's own problem: y = A x + ε with an operator from a file.
public struct Linear: Experiment {
  public struct Setup: Settings {
    /// A matrix, or a description of steps in YAML.
    public var `operator`: String?
    /// Of one signal, in the place of what the operator's file says.
    public var shape: [Int] = []
    /// The matrix's name in a file of several.
    public var variable: String?
    /// Standard deviation of the noise.
    public var noise: Double?
    /// Signal-to-noise ratio in dB.
    public var noiseSnr: Double?
    public init() {}
  }
  public typealias Opening = Setup
  public struct Test: Settings {
    /// A folder of images, or a file of arrays: signals, one a row.
    public var images: String?
    public init() {}
  }
  public typealias System = LinearSystem
  /// `[samples]` + the operator's codomain.
  public typealias Measured = NumericArray

  public static let name = LinearSystem.problem
  public static let title = "Vectors and images from y = A x + noise, A from a file: a matrix, or a description of steps"
  public static let source = "Daubechies, Defrise & De Mol, Comm. Pure Appl. Math. 57 (2004)"

  public let setup: Setup
  public let seed: UInt64
  let description: OperatorDescription
  let noise: Noise

  public init(_ setup: Setup, seed: UInt64) throws {
    guard let path = setup.operator else {
      throw InputError("found no --operator; expected a file of a matrix, or a YAML description such as those of Examples/problems")
    }
    if setup.noise != nil, setup.noiseSnr != nil { throw InputError("found --noise and --noise-snr; expected one of them") }
    if let sigma = setup.noise, !(sigma >= 0 && sigma.isFinite) { throw InputError("found --noise \(sigma); expected 0 or more") }
    try checkDecibel(setup.noiseSnr)
    description = try OperatorDescription(
      file: path, shape: setup.shape.isEmpty ? nil : setup.shape, variable: setup.variable)
    noise =
      setup.noise.map { $0 == 0 ? .none : .deviation($0) } ?? setup.noiseSnr.map { .decibel($0) } ?? description.noise
    (self.setup, self.seed) = (setup, seed)
  }

  /// Of one signal, where the operator says it.
  public var shape: [Int]? { description.shape }

  /// The operator for signals of a shape.
  public func system(shape: [Int]) throws -> LinearSystem { try LinearSystem(description, shape: shape, noise: noise) }

  // MARK: Measurements

  public func scans(of files: [String]) throws -> Scans<Linear> { try scans(of: signals(of: files)) }

  public func testScans(_ test: Test) throws -> Scans<Linear> {
    guard let images = test.images else {
      throw InputError("found no --images; expected a folder of images, or a file of signals, to evaluate on")
    }
    return try scans(of: [images])
  }

  /// Measurements in double precision, the noise of each of a stream of its own.
  public func scans(of signals: [NamedSignal]) throws -> Scans<Linear> {
    let systems = Pool<[Int], LinearSystem>()
    let (description, noise, seed) = (description, noise, seed)
    @Sendable func system(_ shape: [Int]) throws -> (number: Int, value: LinearSystem) {
      try systems.value(shape) { try LinearSystem(description, shape: shape, noise: noise) }
    }
    let first = try signals.first.map { try system($0.shape(of: description)).value }
    return Scans(signals.map(\.name), facts: first.map(Self.facts) ?? []) { i in
      let (number, system) = try system(signals[i].shape(of: description))
      guard let x = signals[i].value.samples(of: system.domain) else {
        throw InputError(
          "\(signals[i].name): found \(signals[i].value.isComplex ? "complex" : "real") numbers of shape \(signals[i].value.shape); expected "
            + "\(system.domain)")
      }
      var generator = RandomGenerator(seed: seed, stream: UInt64(i))
      let clean = system.double.forward(x.converted(to: .double))
      let y = system.noise.added(to: clean, support: system.double.support, using: &generator)
      return Scan(
        name: signals[i].name, system: system, systemNumber: number,
        measured: NumericArray(numbers: y, isComplex: system.codomain.isComplex), groundTruth: signals[i].value)
    }
  }

  static func facts(of system: LinearSystem) -> [JSONMember] {
    var facts = [
      JSONMember("operator", .string(system.name)), JSONMember("domain", .array(system.domain.shape.map(JSONValue.integer))),
      JSONMember("codomain", .array(system.codomain.shape.map(JSONValue.integer))),
      JSONMember("complex", .bool(system.domain.isComplex)), JSONMember("norm", .number(system.lipschitz.squareRoot())),
    ]
    switch system.noise {
    case .none: break
    case .deviation(let sigma): facts.append(JSONMember("noise", .number(sigma)))
    case .decibel(let decibel): facts.append(JSONMember("noise_snr", .number(decibel)))
    case .photons(let photons, _, _): facts.append(JSONMember("photons", .number(photons)))
    }
    return facts
  }

  public func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String) {
    var stored = setup
    stored.operator = URL(fileURLWithPath: setup.operator ?? "").standardizedFileURL.path
    return try simulated(files, setup: stored, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  /// `measurement/K`, `[samples]` + the codomain; `shape/K`, of one signal; the operator by its file, with a digest of it and of what it names.
  public func store(_ scan: Scan<Linear>, number k: Int, in file: inout MeasurementContents) {
    file.add("measurement/\(k)", scan.measured)
    file.add("shape/\(k)", Tensor(scan.system.domain.shape.map(Double.init)))
    if k == 0 { file.attributes["operator_digest"] = try? Self.digest(description.files) }
  }

  public static func scans(from file: MeasurementFile) throws -> Scans<Linear> {
    try scans(from: file, Opening())
  }

  /// - Parameter opening: what stands in the place of the settings that the file keeps, such as where the operator lies now.
  static func scans(from file: MeasurementFile, _ opening: Opening) throws -> Scans<Linear> {
    var setup: Setup = try file.setup()
    if let moved = opening.operator { setup.operator = moved }
    if let own = setup.operator, !FileManager.default.fileExists(atPath: own) {
      throw InputError("\(file.path): found no operator at \(own); expected it there, or name it with --operator")
    }
    let experiment = try Linear(setup, seed: file.seed)
    if let known = file.attribute("operator_digest"), try digest(experiment.description.files) != known {
      throw InputError(
        "\(file.path): found another operator in \(setup.operator ?? "") than was measured with; expected the same files, simulate again"
      )
    }
    let systems = Pool<[Int], LinearSystem>()
    return Scans(
      try file.names.enumerated().map { k, name in
        let extents = try file.real("shape/\(k)", nil).doubles
        guard (1...3).contains(extents.count), extents.allSatisfy({ $0 >= 1 && $0 <= 1e9 && $0 == $0.rounded() }) else {
          throw file.damaged("found shape/\(k) of \(extents); expected one to three extents")
        }
        let shape = extents.map { Int($0) }
        let (number, system) = try systems.value(shape) { try experiment.system(shape: shape) }
        guard let y = try file.array("measurement/\(k)").samples(of: system.codomain) else {
          throw file.damaged("found measurement/\(k) of another shape than \(system.codomain)")
        }
        let truth = file.has("ground_truth/\(k)") ? try file.array("ground_truth/\(k)") : nil
        return Scan(
          name: name, system: system, systemNumber: number,
          measured: NumericArray(numbers: y, isComplex: system.codomain.isComplex), groundTruth: truth)
      })
  }

  /// A measurement of `simulate`, or an array of any format, `[…]` + the operator's codomain, with --operator.
  public static func open(_ path: String, _ opening: Opening) throws -> Scans<Linear> {
    if case .hdf5 = try FileKind.detect(path), let file = try? MeasurementFile(path) {
      try file.check(problem: name)
      return try scans(from: file, opening)
    }
    let experiment = try Linear(opening, seed: 1)
    let found = try measurement(path)
    let system = try experiment.system(shape: experiment.shape(measuredAs: found.value, isPicture: found.isPicture, path))
    let y = try samples(found.value, found.isPicture, path, of: system.codomain).converted(to: .double)
    let isVector = system.domain.shape.count == 1
    let title = (path as NSString).lastPathComponent
    func scan(_ name: String, _ y: Tensor) -> Scan<Linear> {
      Scan(name: name, system: system, measured: NumericArray(numbers: y, isComplex: system.codomain.isComplex))
    }
    if isVector || y.shape[0] == 1 { return Scans([scan(title, y)], facts: facts(of: system)) }
    return Scans((0..<y.shape[0]).map { scan("\(fileTitle(path))-\($0).png", y.rows($0..<$0 + 1)) }, facts: facts(of: system))
  }

  /// Of the signals: as the operator says, or as the measured image where the operator takes any and keeps it.
  private func shape(measuredAs measured: NumericArray, isPicture: Bool, _ path: String) throws -> [Int] {
    if let shape { return shape }
    let own = measured.shape
    if own.count == 2 || own.count == 3 && isPicture, try system(shape: own).codomain.shape == own { return own }
    throw InputError(
      "\(path): found \(own) measured by an operator that does not say the shape of its signals; expected --shape H W or C H W")
  }

  /// The one array of a file, or a picture, `[h, w]` or `[3, h, w]`.
  private static func measurement(_ path: String) throws -> (value: NumericArray, isPicture: Bool) {
    if try FileKind.detect(path).isPicture { return (.real(try readImage(path).values.converted(to: .double)), true) }
    let all = try readArrays(path)
    let arrays = all.filter { !$0.value.shape.isEmpty }
    guard arrays.count == 1, let found = arrays.first?.value else {
      throw InputError("\(path): found \(arrays.count) arrays; expected one, of measurements")
    }
    notePassedOver(all.filter { $0.value.shape.isEmpty }, path: path)
    return (found, false)
  }

  /// The one array of a file, or a picture, as samples of a space.
  static func samples(_ path: String, of space: ArraySpace) throws -> Tensor {
    let found = try measurement(path)
    return try samples(found.value, found.isPicture, path, of: space)
  }

  private static func samples(_ found: NumericArray, _ isPicture: Bool, _ path: String, of space: ArraySpace) throws -> Tensor {
    guard found.isFinite else { throw InputError("\(path): found NaN or infinity; expected finite numbers") }
    if let samples = found.samples(of: space) { return samples }
    let mistake = InputError(
      "\(path): found \(found.isComplex ? "complex" : "real") numbers of shape \(found.shape); expected \(space), or samples of it"
        + (found.shape == space.shape.reversed() ? ": transpose it" : ""))
    guard space.shape.count == 1, !isPicture else { throw mistake }
    // MATLAB's vectors have two axes.
    if found.shape.filter({ $0 > 1 }) == space.shape, let samples = found.viewed(space.shape).samples(of: space) { return samples }
    // What a device has measured in axes of its own, such as views and detectors.
    let last = found.shape.indices.reversed().first { found.shape[$0...].reduce(1, *) == space.count }
    guard let axes = last, axes < found.shape.count - 1 else { throw mistake }
    let own = found.shape[axes...].map(String.init).joined(separator: " × ")
    guard fileExtension(path) != "mat" else {
      throw InputError(
        "\(path): found \(own) numbers measured; expected a vector of \(space.count) in the order of the operator's rows: save y(:)"
      )
    }
    guard let samples = found.viewed(Array(found.shape[..<axes]) + space.shape).samples(of: space) else { throw mistake }
    Remarks.note("\(path): \(own) numbers are read as the \(space.count) measured, the last axis fastest")
    return samples
  }

  /// FNV-1a of files, one after another.
  private static func digest(_ files: [String]) throws -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for file in files {
      guard let data = FileManager.default.contents(atPath: file) else { throw InputError("\(file): cannot be read") }
      for byte in data { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    return String(hash, radix: 16)
  }

  // MARK: Scores

  /// Of images as everywhere; of vectors the errors alone.
  public static func scores(_ found: Reconstruction, _ truth: NumericArray, of scan: Scan<Linear>, clip: Bool) throws -> Scores {
    guard scan.system.domain.image != nil else {
      let (x, truth) = (found.value.numbers, truth.numbers.reshaped(found.value.numbers.shape))
      return Scores(nmse: try nmse(x, truth), nmseDecibel: try nmseDecibel(x, truth), rmse: try rmse(x, truth))
    }
    var scores = try Scores.ofImage(found.display, truth.display, clip: clip)
    if truth.isComplex { scores.nmse = try nmse(found.value.complex.pairs, truth.complex.pairs) }
    return scores
  }

  public static var alsoServedByWeights: [String] { [KSpace.name] }

  public static func remarks(on weights: Weights, notes: [String: String], for system: LinearSystem) -> [String] {
    notes["problem"] == KSpace.name ? ["weights trained by \(KSpace.name)"] : []
  }

  public static func weightsName(of method: Method<Linear>, for system: LinearSystem, depth: Int?) -> String {
    "linear/\(method.name)-\((system.name as NSString).deletingPathExtension)"
  }
}

/// A signal of a file: an image, or vectors, one a row.
public struct NamedSignal: Sendable {
  public let name: String
  public let value: NumericArray

  /// The shape of one of them, as a description sees it.
  func shape(of description: OperatorDescription) -> [Int] { description.shape ?? value.shape }
}

extension Linear {
  /// The signals of files and folders: pictures and arrays of images, colour where the operator's shape asks for three channels; of vectors
  /// every array, one signal a row.
  func signals(of files: [String]) throws -> [NamedSignal] {
    guard !files.isEmpty else { throw InputError("found no input; expected images, or arrays of signals, for \(Self.name)") }
    switch description.shape?.count {
    case 1?: return try files.map { NamedSignal(name: ($0 as NSString).lastPathComponent, value: try vectors($0)) }
    case 3?:
      return try files.flatMap { try NamedImage.paths($0) }.map { path in
        NamedSignal(name: (path as NSString).lastPathComponent, value: try channels(path))
      }
    default:
      return try files.flatMap { try NamedImage.paths($0) }.map { path in
        let image = try NamedImage(inRange: path)
        if image.isComplex, !description.isComplex {
          throw InputError("\(path): found a complex image for real signals; expected “complex: true” in the description")
        }
        return NamedSignal(name: image.name, value: description.isComplex ? .complex(image.value.complex) : image.value)
      }
    }
  }

  private func vectors(_ path: String) throws -> NumericArray {
    let n = description.shape?[0] ?? 0
    let table = try readTable(path, names: ["signals", "codes", "x"])
    if table.shape[1] == n { return .real(table) }
    guard table.count == n else {
      throw InputError(
        "\(path): found signals of shape \(table.shape); expected [samples, \(n)], one a row"
          + (table.shape[0] == n ? ": transpose them" : ""))
    }
    return .real(table.reshaped([1, n]))
  }

  private func channels(_ path: String) throws -> NumericArray {
    let wanted = description.shape ?? []
    let found: Tensor
    if try FileKind.detect(path).isPicture {
      found = try readImage(path).values
    } else {
      let all = try readArrays(path)
      let arrays = all.filter { $0.value.shape.count == 3 }
      guard arrays.count == 1, let real = arrays[0].value.real else {
        throw InputError("\(path): found \(arrays.count) arrays of three axes; expected one of real numbers, \(wanted)")
      }
      notePassedOver(all.filter { $0.value.shape.count != 3 }, path: path)
      found = real
    }
    try ImageRange.check(found, path: path)
    return .real(found.converted(to: .double))
  }
}

extension NumericArray {
  fileprivate func viewed(_ shape: [Int]) -> NumericArray {
    switch self {
    case .real(let x): .real(x.reshaped(shape))
    case .complex(let z): .complex(ComplexTensor(pairs: z.pairs.reshaped(shape + [2])))
    }
  }
}
