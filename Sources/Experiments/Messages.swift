// SPDX-License-Identifier: Apache-2.0
import Communication
import Evaluation
import FileFormats
import Foundation
import Tensors
import WeightFiles

/// What an answer says of a solver.
public struct SolverSummary: Sendable {
  /// Stages that are run; 0 of a classical method.
  public let depth: Int
  /// The file of weights; nil for a classical method and for an untrained network.
  public let weights: String?
  public let parameterCount: Int
  /// What a reader of the result should know.
  public let remarks: [String]
  /// What the method was told or took by itself.
  public let facts: [JSONMember]

  init<E>(_ solver: Solver<E>) {
    (depth, weights, parameterCount) = (solver.depth, solver.weights, solver.parameterCount)
    (remarks, facts) = (solver.remarks, solver.facts)
  }

  fileprivate init(_ json: JSONValue) throws {
    guard let depth = json["depth"]?.integerValue, let count = json["parameters"]?.integerValue,
      let remarks = json["remarks"]?.elements, case .object(let facts)? = json["facts"]
    else { throw MessageFault() }
    (self.depth, weights, parameterCount) = (depth, json["weights"]?.stringValue, count)
    (self.remarks, self.facts) = (remarks.compactMap(\.stringValue), facts)
  }

  fileprivate var json: JSONValue {
    .object([
      "depth": .integer(depth), "weights": weights.map(JSONValue.string), "parameters": .integer(parameterCount),
      "remarks": .array(remarks.map(JSONValue.string)), "facts": .object(facts),
    ])
  }
}

/// Bytes of another process that are none of what was asked for: its program is another.
private struct MessageFault: Error, CustomStringConvertible {
  var description: String { "found the message of another program; expected the same on all processes" }
}

extension JSONValue {
  fileprivate init(message bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, path: "the message of a process") }
  }
  fileprivate var message: [UInt8] { Array(text(indented: false).utf8) }
}

/// What is left of a scan in an evaluation.
struct ScoredScan: Message {
  let scores: Scores
  let solver: SolverSummary

  init(scores: Scores, solver: SolverSummary) { (self.scores, self.solver) = (scores, solver) }

  init(bytes: [UInt8]) throws {
    let json = try JSONValue(message: bytes)
    guard let scores = json["scores"].flatMap(Scores.init), let solver = json["solver"] else { throw MessageFault() }
    (self.scores, self.solver) = (scores, try SolverSummary(solver))
  }

  func bytes() -> [UInt8] { JSONValue.object(["scores": .object(scores.members), "solver": solver.json]).message }
}

/// Arrays, real or complex, and a JSON object: a safetensors whose text it is.
private struct ArrayMessage {
  let arrays: [NamedArray]
  let json: JSONValue

  init(_ arrays: [NamedArray], _ json: JSONValue) { (self.arrays, self.json) = (arrays, json) }

  init(bytes: [UInt8]) throws {
    let file = try SafeTensors(decoding: Data(bytes), path: "the message of a process")
    guard let text = file.metadata["json"] else { throw MessageFault() }
    json = try JSONValue(message: Array(text.utf8))
    // The order of names: numbers stand by themselves in the file, doubles first.
    arrays = try (json["arrays"]?.elements ?? []).enumerated().map { i, entry in
      guard let name = entry["name"]?.stringValue, case .bool(let isComplex)? = entry["complex"], let stored = file["\(i)"] else {
        throw MessageFault()
      }
      return NamedArray(name: name, value: isComplex ? .complex(ComplexTensor(pairs: stored)) : .real(stored))
    }
  }

  func bytes() -> [UInt8] {
    let entries = arrays.map { array in
      JSONValue.object([
        "name": .string(array.name), "complex": .bool({ if case .complex = array.value { true } else { false } }()),
      ])
    }
    guard case .object(let members) = json else { preconditionFailure("a message that is no object") }
    let text = JSONValue.object(members + [JSONMember("arrays", .array(entries))]).text(indented: false)
    let tensors = arrays.enumerated().map { NamedParameter(name: "\($0)", value: $1.value.stored) }
    return Array(SafeTensors(tensors: tensors, metadata: ["json": text]).encoded())
  }
}

extension MeasurementContents: Message {
  public init(bytes: [UInt8]) throws {
    let message = try ArrayMessage(bytes: bytes)
    func texts(_ name: String) -> [String: String] {
      guard case .object(let members)? = message.json[name] else { return [:] }
      return members.reduce(into: [:]) { $0[$1.name] = $1.value.stringValue }
    }
    (arrays, attributes, pieces) = (message.arrays, texts("attributes"), texts("pieces"))
  }

  public func bytes() -> [UInt8] {
    func object(_ texts: [String: String]) -> JSONValue { .object(texts.map { JSONMember($0, .string($1)) }) }
    return ArrayMessage(arrays, .object(["attributes": object(attributes), "pieces": object(pieces)])).bytes()
  }
}

extension Runner.Outcome: Message {
  public init(bytes: [UInt8]) throws {
    let message = try ArrayMessage(bytes: bytes)
    let json = message.json
    guard let value = message.arrays.first?.value, let solver = json["solver"], let scale = json["scale"]?.doubleValue,
      let seconds = json["seconds"]?.doubleValue, case .object(let facts)? = json["facts"]
    else { throw MessageFault() }
    var found = Reconstruction(value)
    found.extras = Array(message.arrays.dropFirst())
    (found.iterations, found.residual, found.objective) = (
      json["iterations"]?.integerValue, json["residual"]?.doubleValue, json["objective"]?.doubleValue
    )
    if case .bool(let converged)? = json["converged"] { found.converged = converged }
    (found.ending, found.facts, found.scale) = (json["ending"]?.stringValue, facts, scale)
    found.remarks = (json["remarks"]?.elements ?? []).compactMap(\.stringValue)
    self.init(
      solver: try SolverSummary(solver), reconstruction: found, scores: json["scores"].flatMap(Scores.init), seconds: seconds)
  }

  public func bytes() -> [UInt8] {
    let found = reconstruction
    let json: JSONValue = .object([
      "solver": solver.json, "scores": scores.map { .object($0.members) }, "seconds": .number(seconds),
      "scale": .number(found.scale),
      "iterations": found.iterations.map(JSONValue.integer), "converged": found.converged.map(JSONValue.bool),
      "residual": found.residual.map(JSONValue.number), "objective": found.objective.map(JSONValue.number),
      "ending": found.ending.map(JSONValue.string), "facts": .object(found.facts),
      "remarks": .array(found.remarks.map(JSONValue.string)),
    ])
    return ArrayMessage([NamedArray(name: "value", value: found.value)] + found.extras, json).bytes()
  }
}
