// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Kernels
import Synchronization
import Tensors

/// One thing that was measured.
public struct Scan<E: Experiment>: Sendable {
  public var name: String
  public var system: E.System
  /// Scans of one number have one system.
  public var systemNumber: Int
  public var measured: E.Measured
  /// The image or the codes, where they are known.
  public var groundTruth: NumericArray?

  public init(name: String, system: E.System, systemNumber: Int = 0, measured: E.Measured, groundTruth: NumericArray? = nil) {
    self.name = name
    self.system = system
    self.systemNumber = systemNumber
    self.measured = measured
    self.groundTruth = groundTruth
  }
}

/// Scans one after another; each is read or measured when it is asked for.
public struct Scans<E: Experiment>: Sendable {
  /// What each is called.
  public var names: [String]
  /// What answers say of the measurement.
  public var facts: [JSONMember]
  /// What was passed over, scaled or guessed.
  public var remarks: [String] = []
  private let scan: @Sendable (Int) throws -> Scan<E>

  public init(_ names: [String], facts: [JSONMember] = [], scan: @escaping @Sendable (Int) throws -> Scan<E>) {
    self.names = names
    self.facts = facts
    self.scan = scan
  }

  public init(_ scans: [Scan<E>], facts: [JSONMember] = []) {
    self.init(scans.map(\.name), facts: facts) { scans[$0] }
  }

  public var count: Int { names.count }

  /// A part of them.
  public func part(_ shard: Shard) throws -> Scans {
    let members = shard.members(of: count)
    guard !members.isEmpty else { throw InputError("found \(count) images for the shard \(shard); expected as many at least") }
    var part = Scans(members.map { names[$0] }, facts: facts) { try scan(members[$0]) }
    part.remarks = remarks
    return part
  }

  public subscript(index: Int) -> Scan<E> {
    get throws { try scan(index) }
  }

  /// All of them.
  public func all() throws -> [Scan<E>] { try Parallel.map(count) { try scan($0) } }
}

/// Things that are made once for each key, and numbered; safe to share between threads.
public final class Pool<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let made = Mutex<[Key: (number: Int, value: Value)]>([:])

  public init() {}

  public func value(_ key: Key, _ make: () throws -> Value) rethrows -> (number: Int, value: Value) {
    try made.withLock { made in
      if let known = made[key] { return known }
      let new = (number: made.count, value: try make())
      made[key] = new
      return new
    }
  }
}

/// What a method made of a measurement.
public struct Reconstruction: Sendable {
  /// An image `[height, width]` or `[3, height, width]`, or codes, one a row; in double precision.
  public var value: NumericArray
  /// What else was found, by name.
  public var extras: [NamedArray] = []
  /// Iterations that were run, and whether all of a measurement met the rule for ending; nil where a method has no such rule.
  public var iterations: Int?
  public var converged: Bool?
  /// ‖A x̂ − y‖ / ‖y‖, where it is known.
  public var residual: Double?
  /// What was minimised, and why a run ended, where there is such a thing.
  public var objective: Double?
  public var ending: String?
  /// What was chosen for this measurement, for the answer, and in words.
  public var facts: [JSONMember] = []
  public var remarks: [String] = []
  /// What the value is to be multiplied by to be in the units of the file that was reconstructed.
  public var scale = 1.0

  public init(_ value: NumericArray) { self.value = value }

  /// What is shown.
  public var display: Tensor { value.display }

  public var inFileUnits: NumericArray { scale * value }
}

/// What makes reconstructions of measurements of one system, and what its user should know.
public struct Reconstructor<E: Experiment>: Sendable {
  public var remarks: [String] = []
  /// What the method was told or took by itself, for the answer.
  public var facts: [JSONMember] = []
  public let solve: @Sendable (E.Measured) throws -> Reconstruction

  public init(remarks: [String] = [], _ solve: @escaping @Sendable (E.Measured) throws -> Reconstruction) {
    self.remarks = remarks
    self.solve = solve
  }
}
