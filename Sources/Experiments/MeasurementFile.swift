// SPDX-License-Identifier: Apache-2.0
import Communication
import Evaluation
import FileFormats
import Foundation
import Tensors

/// What `simulate` writes: arrays, and the rest as text attributes.
public struct MeasurementContents: Sendable {
  public var arrays: [NamedArray] = []
  public var attributes: [String: String] = [:]
  /// Attributes of which every scan has a piece; joined in the order of the scans.
  public var pieces: [String: String] = [:]

  public mutating func add(_ name: String, _ value: NumericArray) { arrays.append(NamedArray(name: name, value: value)) }
  public mutating func add(_ name: String, _ value: Tensor) { add(name, .real(value)) }
  /// All of another, but for arrays of a name that there is.
  mutating func add(_ other: MeasurementContents) {
    let names = Set(arrays.map(\.name))
    arrays += other.arrays.filter { !names.contains($0.name) }
    attributes.merge(other.attributes) { known, _ in known }
    pieces.merge(other.pieces) { $0 + $1 }
  }
}

/// Measurements of any experiment as an HDF5 file, with all that made them: what `unfold simulate` writes and `unfold reconstruct` reads.
///
/// The attributes `problem`, `seed`, `names` and `setup`, JSON of the experiment's settings; of scan K what ``Experiment/store(_:number:in:)``
/// puts there, and `ground_truth/K` where it was kept.
public struct MeasurementFile: Sendable {
  static let format = "unfold measurement 2"

  public let path: String
  /// The experiment's name.
  public let problem: String
  public let seed: UInt64
  public let names: [String]
  private let file: HDF5File

  /// - Throws: the reader's error; ``InputError`` when the file is no measurement.
  public init(_ path: String) throws {
    let kind = try FileKind.detect(path)
    guard case .hdf5 = kind else {
      throw InputError("\(path): found \(kind.name); expected a measurement, make one with unfold simulate")
    }
    file = try HDF5File(contentsOf: path)
    guard file.attributes["format"] == Self.format, let problem = file.attributes["problem"] else {
      throw InputError("\(path): found an HDF5 file that is no measurement; make one with unfold simulate")
    }
    self.path = path
    self.problem = problem
    names = (file.attributes["names"] ?? "").split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let seed = file.attributes["seed"].flatMap({ UInt64($0) }) else {
      throw InputError("\(path): found no seed; the file is damaged, simulate it again")
    }
    self.seed = seed
  }

  /// Writes measurements atomically. Several processes share the scans out; the first writes.
  public static func write<E: Experiment>(
    _ scans: Scans<E>, of experiment: E, setup: E.Setup, seed: UInt64, keepingGroundTruth: Bool, to path: String
  ) throws {
    var contents = MeasurementContents()
    contents.attributes = [
      "format": format, "problem": E.name, "seed": String(seed), "names": scans.names.joined(separator: "/"),
      "setup": try json(setup),
    ]
    let stored = World.map(scans.count) { k in
      let scan = try scans[k]
      var part = MeasurementContents()
      experiment.store(scan, number: k, in: &part)
      if keepingGroundTruth, let truth = scan.groundTruth { part.add("ground_truth/\(k)", truth) }
      return part
    }
    try World.onFirst {
      for part in stored ?? [] { contents.add(try part.get()) }
      try HDF5File(arrays: contents.arrays, attributes: contents.attributes.merging(contents.pieces) { $1 }).write(to: path)
    }
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// The settings that the measurements were made with.
  public func setup<Setup: Settings>(_: Setup.Type = Setup.self) throws -> Setup {
    guard let setup = Setup(json: attribute("setup") ?? "{}") else { throw damaged("found a setup that is none of \(problem)") }
    return setup
  }

  /// - Throws: ``InputError`` for a measurement of another experiment.
  func check(problem name: String) throws {
    guard problem == name else {
      throw InputError("\(path): found a measurement of \(problem); expected \(name), reconstruct it as that")
    }
  }

  public func damaged(_ what: String) -> InputError { InputError("\(path): \(what); the file is damaged, simulate it again") }

  public func attribute(_ name: String) -> String? { file.attributes[name] }

  /// A whole number among the attributes.
  public func number(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let value = attribute(name).flatMap({ Int($0) }), range.contains(value) else {
      throw damaged("found \(name) “\(attribute(name) ?? "")”; expected \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  public func has(_ name: String) -> Bool { file[name] != nil }

  /// An array of finite numbers, not empty, in double precision.
  public func array(_ name: String) throws -> NumericArray {
    guard let value = file[name], value.shape.allSatisfy({ $0 > 0 }) else { throw damaged("found no array \(name)") }
    guard value.isFinite else {
      throw InputError("\(path): found NaN or infinity in \(name); expected finite numbers, simulate it again")
    }
    switch value {
    case .real(let x): return .real(x.converted(to: .double))
    case .complex(let z): return .complex(z.converted(to: .double))
    }
  }

  /// A real array, nil in `shape` standing for any extent.
  public func real(_ name: String, _ shape: Int?...) throws -> Tensor {
    let found = try array(name)
    guard let value = found.real, value.shape.count == shape.count, zip(value.shape, shape).allSatisfy({ $0 == $1 ?? $0 }) else {
      let wanted = shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw damaged("found \(name) of shape \(found.shape); expected real numbers, [\(wanted)]")
    }
    return value
  }

  /// The ground truth of a scan, where it was kept.
  public func groundTruth(_ number: Int, shape: [Int]) throws -> NumericArray? {
    let name = "ground_truth/\(number)"
    guard has(name) else { return nil }
    let truth = try array(name)
    guard truth.shape == shape else { throw damaged("found \(name) of shape \(truth.shape); expected \(shape)") }
    return truth
  }
}

extension Experiment {
  /// Measures files and writes the measurements.
  func simulated(
    _ files: [String], setup: Setup, seed: UInt64, to path: String, keepingGroundTruth: Bool
  ) throws -> (facts: [JSONMember], text: String) {
    guard !files.isEmpty else { throw InputError("found no input; expected images or arrays for \(Self.name)") }
    return try simulated(scans(of: files), setup: setup, seed: seed, to: path, keepingGroundTruth: keepingGroundTruth)
  }

  /// Writes measurements.
  func simulated(
    _ scans: Scans<Self>, setup: Setup, seed: UInt64, to path: String, keepingGroundTruth: Bool
  ) throws -> (facts: [JSONMember], text: String) {
    try MeasurementFile.write(scans, of: self, setup: setup, seed: seed, keepingGroundTruth: keepingGroundTruth, to: path)
    return (
      [JSONMember("measurements", .integer(scans.count))] + scans.facts,
      "\(path): \(scans.count == 1 ? "a measurement" : "\(scans.count) measurements") of \(Self.name), seed \(seed)"
    )
  }
}
