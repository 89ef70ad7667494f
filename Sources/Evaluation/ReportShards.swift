// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import WeightFiles

/// A part of a set of images: every `count`-th from the one of this number on.
public struct Shard: Sendable, Hashable, CustomStringConvertible {
  /// From 1.
  public let number: Int
  public let count: Int

  /// - Throws: ``InputError`` for a number that is not 1 to `count`.
  public init(_ number: Int, of count: Int) throws {
    guard count >= 1, count <= 1_000_000, (1...count).contains(number) else {
      throw InputError("found the shard \(number)/\(count); expected one from 1/N to N/N")
    }
    (self.number, self.count) = (number, count)
  }

  /// `K/N`, or `array`: the task of a job array of Slurm.
  public init(parsing text: String, _ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    if text == "array" {
      func value(_ name: String) throws -> Int {
        guard let number = environment["SLURM_ARRAY_TASK_" + name].flatMap({ Int($0) }) else {
          throw InputError(
            "found no SLURM_ARRAY_TASK_\(name) for the shard “array”; expected a job of sbatch --array, or a shard K/N")
        }
        return number
      }
      let (first, last, count) = (try value("MIN"), try value("MAX"), try value("COUNT"))
      guard last - first + 1 == count else {
        throw InputError("found an array of \(count) tasks from \(first) to \(last); expected one without a step or a gap")
      }
      try self.init(value("ID") - first + 1, of: count)
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else {
      throw InputError("found the shard “\(text)”; expected K/N such as 3/16, or array")
    }
    try self.init(number, of: count)
  }

  public var description: String { "\(number)/\(count)" }

  /// Which of so many it has, in their order.
  public func members(of total: Int) -> [Int] { Array(stride(from: number - 1, to: total, by: count)) }
}

extension EvaluationReport {
  /// The report of a whole set from those of its shards, in any order.
  ///
  /// - Throws: ``InputError`` for reports that are not all the shards of one evaluation.
  public init(joining parts: [(name: String, json: JSONValue)]) throws {
    let shards = try parts.map { try Part($0.name, $0.json) }.sorted { $0.shard.number < $1.shard.number }
    guard let first = shards.first else { throw InputError("found no reports; expected those of every shard") }
    guard shards.map(\.shard.number) == Array(1...first.shard.count), shards.allSatisfy({ $0.shard.count == first.shard.count })
    else {
      throw InputError(
        "found the shards \(shards.map { "\($0.shard)" }.joined(separator: ", ")); expected each of 1/\(first.shard.count) to \(first.shard.count)/\(first.shard.count) once"
      )
    }
    for other in shards where other.settings != first.settings {
      throw InputError(
        "\(other.name): found another evaluation than in \(first.name); expected shards of one, the same but for --shard")
    }
    let total = shards.reduce(0) { $0 + $1.images.count }
    for part in shards where part.images.count != part.shard.members(of: total).count {
      throw InputError(
        "\(part.name): found \(part.images.count) of \(total) images in the shard \(part.shard); expected another number")
    }
    try self.init(
      method: first.method, problem: first.problem, protocol: first.scoring,
      images: (0..<total).map { shards[$0 % shards.count].images[$0 / shards.count] }, parameters: first.parameters,
      weights: first.weights, seed: first.seed)
    remarks = shards.reduce(into: []) { all, part in all += part.remarks.filter { !all.contains($0) } }
  }

  /// One of them.
  private struct Part {
    let name: String
    let shard: Shard
    let method: String
    let problem: JSONValue
    let scoring: ScoringProtocol
    let images: [ImageScore]
    let parameters: Int
    let weights: String?
    let seed: UInt64
    let remarks: [String]
    /// What all shards have in common.
    let settings: [JSONValue]

    init(_ name: String, _ json: JSONValue) throws {
      func fail(_ what: String) -> InputError { InputError("\(name): found \(what); expected the JSON of evaluate --shard") }
      guard let method = json["method"]?.stringValue, let problem = json["problem"], let scoring = json["protocol"],
        let rows = json["images"]?.elements
      else { throw fail("no report of an evaluation") }
      guard let shard = json["shard"]?.stringValue else { throw fail("no “shard”") }
      self.name = name
      self.shard = try Shard(parsing: shard)
      (self.method, self.problem, weights) = (method, problem, json["weights"]?.stringValue)
      guard let parameters = json["parameters"]?.integerValue else { throw fail("no “parameters”") }
      self.parameters = parameters
      switch json["seed"] {
      case .integer(let number)? where number >= 0: seed = UInt64(number)
      case .unsigned(let number)?: seed = number
      default: throw fail("no “seed”")
      }
      images = try rows.map { row in
        guard let title = row["name"]?.stringValue else { throw fail("an image without a name") }
        guard let scores = Scores(row) else { throw fail("a score of \(title) that is no number") }
        return ImageScore(name: title, scores: scores)
      }
      self.scoring = ScoringProtocol(scoring)
      remarks = (json["remarks"]?.elements ?? []).compactMap(\.stringValue)
      settings = [.string(method), problem, scoring, .integer(parameters), json["weights"] ?? .null, .unsigned(seed)]
    }
  }
}
