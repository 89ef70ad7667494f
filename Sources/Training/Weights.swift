// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import WeightFiles

/// Finished weights as a file: parameters and buffers under their names, fixed tensors under `operator.NAME`, the recipe as text.
public struct Weights: Sendable {
  /// Parameters, and buffers beside them.
  public var parameters: [NamedParameter]
  public var operators: [NamedParameter]
  /// The recipe that made them, as JSON; nil for weights made elsewhere.
  public var recipe: String?
  /// What else made them.
  public var provenance: Provenance

  public init(
    parameters: [NamedParameter], operators: [NamedParameter] = [], recipe: String? = nil, provenance: Provenance = Provenance()
  ) {
    self.parameters = parameters
    self.operators = operators
    self.recipe = recipe
    self.provenance = provenance
  }

  /// The weights of `model`.
  public init<Model: Parameterized>(
    of model: Model, operators: [NamedParameter] = [], recipe: Recipe? = nil, provenance: Provenance = Provenance()
  ) throws {
    self.init(parameters: model.parametersAndBuffers, operators: operators, recipe: try recipe?.json, provenance: provenance)
  }

  /// Writes the file atomically. Equal weights give equal bytes.
  public func write(to path: String) throws {
    let fixed = operators.map { NamedParameter(name: "operator." + $0.name, value: $0.value) }
    try SafeTensors(tensors: parameters + fixed, metadata: provenance.facts.merging(recipe.map { ["recipe": $0] } ?? [:]) { $1 })
      .write(to: path)
  }

  /// Reads a file; a checkpoint gives the weights it stands at. - Throws: `FileFormatError`.
  public init(contentsOf path: String) throws {
    let file = try SafeTensors(contentsOf: path)
    if file.metadata["kind"] != nil {
      let checkpoint = try Checkpoint(contentsOf: path)
      self.init(
        parameters: checkpoint.parameters, operators: checkpoint.operators, recipe: try checkpoint.recipe.json,
        provenance: Provenance(of: checkpoint))
      return
    }
    let prefix = "operator."
    self.init(
      parameters: file.tensors.filter { !$0.name.hasPrefix(prefix) },
      operators: file.tensors.filter { $0.name.hasPrefix(prefix) }.map {
        NamedParameter(name: String($0.name.dropFirst(prefix.count)), value: $0.value)
      }, recipe: file.metadata["recipe"], provenance: Provenance(facts: file.metadata.filter { $0.key != "recipe" }))
  }

  /// `model` with these weights, converted to the precision of its parameters.
  ///
  /// - Throws: ``TrainingError/weights(_:)`` naming the first parameter that is missing, surplus or of another shape.
  public func filled<Model: Parameterized>(_ model: Model) throws -> Model {
    var filled = model
    if let fault = filled.take(parameters, exactly: false) {
      throw TrainingError.weights("the weights do not fit the network: \(fault); choose weights of this network and depth.")
    }
    return filled
  }

  /// The weights for a network of as many stages as `model`, to start its training from: of stages too many the first are left out,
  /// where there are too few the first is repeated.
  ///
  /// The first, because a trained net is most like itself then (`Documentation/ADMMNet.md` has figures).
  public func atDepth(of model: some Parameterized) -> Weights {
    guard let own = stageCount, let wanted = Weights(parameters: model.parametersAndBuffers).stageCount, own != wanted else {
      return self
    }
    var result = self
    result.parameters = parameters.flatMap { parameter in
      guard let place = StageName(parameter.name), place.stage < own else { return [parameter] }
      let last = place.stage + wanted - own
      let places = place.stage > 0 ? last..<last + 1 : 0..<max(0, last + 1)
      return places.filter { $0 >= 0 }.map { NamedParameter(name: place.name(at: $0), value: parameter.value) }
    }
    return result
  }

  /// The trainings that made these weights, oldest first, as a JSON list: of each the recipe, the facts of its ``provenance``, and under
  /// `file` what was kept of it. Of weights made elsewhere the file alone.
  ///
  /// - Parameter file: a few words on the file that these are read from, its name and checksum.
  public func history(file: String) throws -> String {
    var facts = provenance.facts
    let before = facts.removeValue(forKey: "before")
    facts["file"] = file
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var last = String(decoding: try encoder.encode(facts), as: UTF8.self)
    if let recipe, let known = try? Recipe(json: recipe) { last = "\(last.dropLast()),\"recipe\":\(try known.json)}" }
    guard let before, before.hasPrefix("["), before.hasSuffix("]") else { return "[\(last)]" }
    return "\(before.dropLast()),\(last)]"
  }

  /// ``filled(_:)`` with weights of a file: what is thrown begins with its `path`.
  public func filled<Model: Parameterized>(_ model: Model, path: String) throws -> Model {
    do { return try filled(model) } catch TrainingError.weights(let text) { throw TrainingError.weights("\(path): \(text)") }
  }

  /// Writes the weights of `model` to `path`.
  public static func save<Model: Parameterized>(
    _ model: Model, recipe: Recipe? = nil, operators: [NamedParameter] = [], provenance: Provenance = Provenance(), to path: String
  ) throws {
    try Weights(of: model, operators: operators, recipe: recipe, provenance: provenance).write(to: path)
  }

  /// `model` with the weights in the file at `path`.
  public static func load<Model: Parameterized>(_ path: String, into model: Model) throws -> Model {
    try Weights(contentsOf: path).filled(model, path: path)
  }
}

extension Parameterized {
  /// Replaces every parameter and every buffer by that of its name in `tensors`, all or none of them.
  ///
  /// - Parameter exactly: the precision must be its own; otherwise it is converted.
  /// - Returns: what does not fit, in a few words.
  mutating func take(_ tensors: [NamedParameter], exactly: Bool) -> String? {
    var waiting = Dictionary(tensors.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    var filled = self
    var fault: String?
    func take(_ kind: String, _ name: String, _ value: inout Tensor) {
      guard fault == nil else { return }
      guard let new = waiting.removeValue(forKey: name) else {
        fault = "\(kind) \(name), of shape \(value.shape), is missing"
        return
      }
      if new.shape != value.shape {
        fault = "\(kind) \(name) has shape \(new.shape), expected \(value.shape)"
      } else if exactly, new.precision != value.precision {
        fault = "\(kind) \(name) is of \(new.precision.rawValue) precision, expected \(value.precision.rawValue)"
      } else {
        value = new.converted(to: value.precision)
      }
    }
    filled.forEachParameter { take("parameter", $0, &$1) }
    filled.visitBuffers("") { take("buffer", $0, &$1) }
    if fault == nil, let surplus = tensors.first(where: { waiting[$0.name] != nil }) {
      fault = "\(surplus.name), of shape \(surplus.value.shape), is no parameter of the network"
    }
    if fault == nil { self = filled }
    return fault
  }
}
