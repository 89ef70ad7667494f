// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import WeightFiles

/// Where a training run stands, as a file: resuming from it gives the bytes of a run that was never interrupted.
///
/// One safetensors file. Tensors are named `parameter.NAME`, `optimiser.NAME`, `average.NAME`, `best.NAME` and `operator.NAME`; the
/// metadata hold the recipe and the position as JSON.
public struct Checkpoint: Sendable {
  public var recipe: Recipe
  public var position: Position
  /// Parameters, and buffers beside them; so too the average and the best weights.
  public var parameters: [NamedParameter]
  public var optimiser: [NamedParameter]
  /// Averaged weights; empty without averaging.
  public var average: [NamedParameter]
  /// The weights with the lowest validation error of the phase; empty when there are none.
  public var best: [NamedParameter]
  public var operators: [NamedParameter]
  /// What the samples and the operator were made of, by setting; empty where nobody said. See ``CheckpointPolicy/sources``.
  public var sources: [String: String] = [:]
  /// ``Weights/history(file:)`` of the weights that the run started from.
  public var before: String?
  /// What the run took so far, over all interruptions; 0 where nobody said.
  public var seconds = 0.0

  public struct Position: Sendable, Hashable, Codable {
    /// Index of the phase; the number of phases when training is over.
    public var phase: Int
    /// Steps done in the phase.
    public var step: Int
    /// The last validation error.
    public var validation: Double?
    public var bestValidation: Double?
    public var bestStep: Int?
  }

  private static let kind = "unfold checkpoint 1"

  /// Writes the file atomically: a kill at any moment leaves the old checkpoint or the new one.
  public func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    func text(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
    var metadata = ["kind": Self.kind, "recipe": try recipe.json, "position": try text(position)]
    if !sources.isEmpty { metadata["sources"] = try text(sources) }
    metadata["before"] = before
    if seconds > 0 { metadata["seconds"] = "\(seconds)" }
    let parts = [
      ("parameter.", parameters), ("optimiser.", optimiser), ("average.", average), ("best.", best), ("operator.", operators),
    ]
    let tensors = parts.flatMap { prefix, tensors in tensors.map { NamedParameter(name: prefix + $0.name, value: $0.value) } }
    try SafeTensors(tensors: tensors, metadata: metadata).write(to: path)
  }

  /// Reads a file.
  ///
  /// - Throws: `FileFormatError` when it is not a safetensors file, ``TrainingError/checkpoint(_:)`` when it is no checkpoint.
  public init(contentsOf path: String) throws {
    try self.init(SafeTensors(contentsOf: path), path: path)
  }

  /// - Throws: ``TrainingError/checkpoint(_:)`` when the run was made of something else than these ``sources``; one that does not say passes.
  public func check(sources here: [String: String]) throws {
    guard !sources.isEmpty, let name = Set(here.keys).union(sources.keys).sorted().first(where: { here[$0] != sources[$0] })
    else { return }
    throw TrainingError.checkpoint(
      "the checkpoint is of another run: \(name) is \(sources[name] ?? "not given") in the file, \(here[name] ?? "not given") here; "
        + "begin anew without resuming.")
  }

  /// Reads the bytes of a file; `path` names it in errors.
  public init(decoding data: Data, path: String) throws {
    try self.init(SafeTensors(decoding: data, path: path), path: path)
  }

  private init(_ file: SafeTensors, path: String) throws {
    guard file.metadata["kind"] == Self.kind else {
      throw TrainingError.checkpoint("\(path): found no checkpoint of a training run; name the file that training wrote.")
    }
    guard let recipe = file.metadata["recipe"].flatMap({ try? Recipe(json: $0) }),
      let position = file.metadata["position"].flatMap({ try? JSONDecoder().decode(Position.self, from: Data($0.utf8)) })
    else { throw TrainingError.checkpoint("\(path): the recipe or the position is damaged; begin anew without resuming.") }
    self.recipe = recipe
    self.position = position
    if let text = file.metadata["sources"] {
      guard let sources = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8)) else {
        throw TrainingError.checkpoint("\(path): what it says of its data is damaged; begin anew without resuming.")
      }
      self.sources = sources
    }
    before = file.metadata["before"]
    seconds = file.metadata["seconds"].flatMap { Double($0) }.map { $0 >= 0 && $0.isFinite ? $0 : 0 } ?? 0
    var parts: [String: [NamedParameter]] = [:]
    for tensor in file.tensors {
      let words = tensor.name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard words.count == 2, ["parameter", "optimiser", "average", "best", "operator"].contains(words[0]) else {
        throw TrainingError.checkpoint("\(path): found a tensor \(tensor.name) that no checkpoint has; the file is damaged.")
      }
      parts[words[0], default: []].append(NamedParameter(name: words[1], value: tensor.value))
    }
    parameters = parts["parameter"] ?? []
    optimiser = parts["optimiser"] ?? []
    average = parts["average"] ?? []
    best = parts["best"] ?? []
    operators = parts["operator"] ?? []
  }
}

extension Checkpoint {
  /// Steps done since the beginning, phases that ended early counted in full.
  public var totalStep: Int { recipe.phases.prefix(max(position.phase, 0)).reduce(0) { $0 &+ $1.steps } &+ position.step }

  init<Model>(of state: TrainingState<Model>, recipe: Recipe, operators: [NamedParameter]) {
    self.recipe = recipe
    self.operators = operators
    position = Position(
      phase: state.phase, step: state.step, validation: state.validation, bestValidation: state.best?.validation,
      bestStep: state.best?.step)
    parameters = state.model.parametersAndBuffers
    optimiser = state.optimiser.state
    average = state.average?.model.parametersAndBuffers ?? []
    best = state.best?.model.parametersAndBuffers ?? []
  }
}

extension TrainingState {
  /// Stands where `checkpoint` stood.
  ///
  /// - Throws: ``TrainingError/checkpoint(_:)`` when it belongs to another recipe, operator or network, or does not fit together.
  mutating func restore(_ checkpoint: Checkpoint, recipe: Recipe, operators: [NamedParameter]) throws {
    func refuse(_ what: String) -> TrainingError {
      .checkpoint("the checkpoint is of another run: \(what); begin anew without resuming.")
    }
    if let difference = recipe.difference(from: checkpoint.recipe) { throw refuse(difference) }
    guard operators.count == checkpoint.operators.count else { throw refuse("it holds other operators") }
    for op in operators {
      guard checkpoint.operators.contains(where: { $0.name == op.name && $0.value.isIdentical(to: op.value) }) else {
        throw refuse("the operator \(op.name) differs")
      }
    }
    let position = checkpoint.position
    let steps = position.phase >= 0 && position.phase < recipe.phases.count ? recipe.phases[position.phase].steps : 1
    guard (0...recipe.phases.count).contains(position.phase), (0..<steps).contains(position.step),
      (position.bestStep == nil) == checkpoint.best.isEmpty, (position.bestValidation == nil) == checkpoint.best.isEmpty,
      (0...position.step).contains(position.bestStep ?? 0)
    else { throw TrainingError.checkpoint("the checkpoint's position does not fit its recipe; the file is damaged.") }

    (phase, step, validation) = (position.phase, position.step, position.validation)
    if let fault = model.take(checkpoint.parameters, exactly: true) { throw refuse(fault) }
    guard phase < recipe.phases.count else { return }
    let current = recipe.phases[phase]
    optimiser = current.optimiser.makeOptimiser()
    try optimiser.restore(checkpoint.optimiser, for: model, groups: current.groups)
    average = nil
    if let decay = current.averaging {
      var averaged = model
      if let fault = averaged.take(checkpoint.average, exactly: true) { throw refuse("of the average, \(fault)") }
      average = WeightAverage(of: averaged, decay: decay)
    }
    if let bestStep = position.bestStep, let bestValidation = position.bestValidation {
      var kept = model
      if let fault = kept.take(checkpoint.best, exactly: true) { throw refuse("of the best weights, \(fault)") }
      best = Best(validation: bestValidation, step: bestStep, model: kept)
    }
  }
}
