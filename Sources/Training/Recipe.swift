// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// All that decides the weights besides the samples: with the same recipe and samples, training gives the same bytes.
public struct Recipe: Sendable, Hashable, Codable {
  /// The network's name, as its users know it.
  public var network: String
  public var seed: UInt64
  public var phases: [Phase]
  /// Steps between validations; the last step of a phase is always validated. Nil: no validation.
  public var validationInterval: Int?
  /// The network's shape; nil where its users know it.
  public var architecture: Architecture?
  /// What else made the weights, for the reader of the file: problem, ratio, data set.
  public var notes: [String: String]

  public init(
    network: String, seed: UInt64, architecture: Architecture? = nil, phases: [Phase], validationInterval: Int? = nil,
    notes: [String: String] = [:]
  ) {
    self.network = network
    self.seed = seed
    self.architecture = architecture
    self.phases = phases
    self.validationInterval = validationInterval
    self.notes = notes
  }

  /// A part of training with its own trainable parameters and a fresh optimiser.
  public struct Phase: Sendable, Hashable, Codable {
    public var name: String
    public var steps: Int
    /// Stages of the network that the loss runs; nil for all.
    public var depth: Int?
    /// Samples a step; nil for all samples.
    public var batchSize: Int?
    /// Samples a piece of work for one core. Part of the recipe, since it decides the order of sums.
    public var chunkSize: Int
    public var optimiser: OptimiserChoice
    public var learningRate: LearningRate
    public var groups: ParameterGroups
    /// Largest norm of the gradient; longer ones are scaled to it.
    public var clipNorm: Double?
    public var earlyStopping: EarlyStopping?
    /// Decay of an exponential average of the weights, which is then what is validated and what the phase ends with.
    public var averaging: Double?

    public init(
      _ name: String = "training", steps: Int, depth: Int? = nil, batchSize: Int?, chunkSize: Int = 8,
      optimiser: OptimiserChoice = .adam(), learningRate: LearningRate, groups: ParameterGroups = [], clipNorm: Double? = nil,
      earlyStopping: EarlyStopping? = nil, averaging: Double? = nil
    ) {
      self.name = name
      self.steps = steps
      self.depth = depth
      self.batchSize = batchSize
      self.chunkSize = chunkSize
      self.optimiser = optimiser
      self.learningRate = learningRate
      self.groups = groups
      self.clipNorm = clipNorm
      self.earlyStopping = earlyStopping
      self.averaging = averaging
    }
  }

  /// Keeps the weights with the lowest validation error of the phase, where it begins counted: the phase ends with them.
  public struct EarlyStopping: Sendable, Hashable, Codable {
    /// The phase ends when the best validation is this many steps old; nil: only at its last step.
    public var patience: Int?

    public init(patience: Int?) { self.patience = patience }
  }

  /// The recipe as JSON with sorted keys: equal recipes give equal text.
  public var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      do { return String(decoding: try encoder.encode(self), as: UTF8.self) } catch {
        throw TrainingError.recipe("the recipe holds a number that is not finite; give finite ones.")
      }
    }
  }

  public init(json: String) throws {
    do { self = try JSONDecoder().decode(Recipe.self, from: Data(json.utf8)) } catch {
      throw TrainingError.recipe("the recipe is not one of this version of the program, or damaged.")
    }
    architecture = architecture ?? Architecture(takenFrom: &notes)
  }
}

extension Recipe {
  /// - Throws: ``TrainingError/recipe(_:)`` that names what does not fit together, the model or the number of samples.
  func check<Model: Parameterized>(for model: Model, sampleCount: Int, validates: Bool) throws {
    let names = model.parameters.map(\.name)
    let namesInFiles = names + model.buffers.map(\.name)
    if let name = Dictionary(grouping: namesInFiles, by: { $0 }).first(where: { $0.value.count > 1 })?.key {
      throw TrainingError.recipe("the network has two parameters named \(name); names must differ.")
    }
    if let name = namesInFiles.first(where: { $0.hasPrefix("operator.") }) {
      throw TrainingError.recipe("the network has a parameter named \(name); names must not begin with operator.")
    }
    guard !phases.isEmpty else { throw TrainingError.recipe("the recipe has no phases; it needs at least one.") }
    guard sampleCount > 0 else { throw TrainingError.recipe("there are no samples to train on; give at least one.") }
    if let validationInterval, validationInterval < 1 || !validates {
      throw TrainingError.recipe(
        "the recipe validates every \(validationInterval) steps; that must be ≥ 1, with validation samples.")
    }
    for (index, phase) in phases.enumerated() {
      if let fault = phase.fault(parameters: names, sampleCount: sampleCount, validates: validationInterval != nil) {
        throw TrainingError.recipe("phase \(index + 1), \(phase.name): \(fault).")
      }
      if case .muon = phase.optimiser, !model.parameters.contains(where: { Muon.moves($0.value) }) {
        throw TrainingError.recipe("Muon moves filters between 8 channels or more, of which \(network) has none; use Adam.")
      }
    }
  }

  /// The first thing in which the recipe of a file differs, said in a few words; nil when they are equal.
  func difference(from file: Recipe) -> String? {
    if network != file.network { return "network \(file.network) in the file, \(network) here" }
    if architecture != file.architecture { return "a network of another shape in the file" }
    if seed != file.seed { return "seed \(file.seed) in the file, \(seed) here" }
    if phases.count != file.phases.count { return "\(file.phases.count) phases in the file, \(phases.count) here" }
    for (i, (here, there)) in zip(phases, file.phases).enumerated() where here != there {
      if here.steps != there.steps { return "phase \(i + 1) has \(there.steps) steps in the file, \(here.steps) here" }
      return "phase \(i + 1), \(there.name), is trained otherwise"
    }
    if validationInterval != file.validationInterval { return "another validation interval" }
    for key in Set(notes.keys).union(file.notes.keys).sorted() where notes[key] != file.notes[key] {
      return "\(key) is \(file.notes[key] ?? "not given") in the file, \(notes[key] ?? "not given") here"
    }
    return nil
  }
}

extension Recipe.Phase {
  fileprivate func fault(parameters: [String], sampleCount: Int, validates: Bool) -> String? {
    if steps < 1 { return "\(steps) steps; at least 1 is needed" }
    if let depth, depth < 0 { return "depth \(depth); it must be ≥ 0" }
    if chunkSize < 1 { return "chunks of \(chunkSize) samples; at least 1 is needed" }
    if let batchSize, !(1...sampleCount).contains(batchSize) {
      return "batches of \(batchSize) samples; it must be between 1 and \(sampleCount), the number of samples"
    }
    if let clipNorm, !(clipNorm > 0) { return "gradients clipped to norm \(clipNorm); it must be positive" }
    if let averaging, !(0..<1).contains(averaging) { return "weights averaged with decay \(averaging); it must be in [0, 1)" }
    if let patience = earlyStopping?.patience, patience < 1 { return "a patience of \(patience) steps; at least 1 is needed" }
    if earlyStopping != nil, !validates { return "early stopping without validation; set a validation interval" }
    if let fault = learningRate.fault ?? optimiser.fault { return fault }
    for group in groups.groups {
      for pattern in group.names where pattern.text != "*" && !parameters.contains(where: pattern.matches) {
        return "no parameter is named \(pattern); the network has \(parameters.prefix(3).joined(separator: ", ")), …"
      }
      guard group.learningRateFactor >= 0, group.learningRateFactor.isFinite, (group.weightDecay ?? 0) >= 0 else {
        return "the learning-rate factor and the weight decay of a group must be ≥ 0"
      }
      if optimiser.searches, group.learningRateFactor != 1 || group.weightDecay != nil || group.lowerBound != nil {
        return "L-BFGS takes no learning-rate factors, weight decay or bounds; remove them"
      }
    }
    if optimiser.searches, batchSize != nil || clipNorm != nil {
      return "L-BFGS needs all samples at every step and the gradient as it is; remove batch size and clipping"
    }
    if !parameters.contains(where: { groups[$0].isTrainable }) { return "every parameter is frozen; train at least one" }
    return nil
  }
}
