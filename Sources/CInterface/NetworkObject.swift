// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import LinearSystems
import Networks
import Operators
import Platform
import Problems
import Tensors
import Training
import WeightFiles

/// A network with the operator it is of.
final class NetworkObject: Sendable {
  let kind: LinearNetwork
  let op: OperatorObject
  let options: TrainingOptions
  let seed: UInt64
  let precision: Precision
  let ffdNet: FFDNet?
  private let lock = Lock()
  nonisolated(unsafe) private var current: State

  /// The network with what a file of its weights says.
  struct State {
    var network: any Network
    var recipe: Recipe? = nil
    var operators: [NamedParameter] = []
    /// Of a network that is neither read nor trained it is told when it is written.
    var provenance: Provenance? = nil

    /// Without a training the recipe still says what the weights are of.
    func weights(of object: NetworkObject) throws -> Weights {
      let known =
        try recipe
        ?? .adam(
          network: object.kind.name, object.kind.architecture, steps: 1, batchSize: 1, seed: object.seed,
          notes: object.op.system().notes)
      func weights(_ network: some Network) throws -> Weights {
        try Weights(of: network, operators: operators, recipe: known, provenance: provenance ?? Provenance(of: network))
      }
      return try weights(self.network)
    }
  }

  init(
    _ kind: LinearNetwork, _ op: OperatorObject, _ state: State, options: TrainingOptions, seed: UInt64, precision: Precision,
    ffdNet: FFDNet? = nil
  ) {
    (self.kind, self.op, self.options, self.seed, self.precision) = (kind, op, options, seed, precision)
    self.ffdNet = ffdNet
    current = state
  }

  var state: State {
    get { lock.withLock { current } }
    set { lock.withLock { current = newValue } }
  }

  func stages(_ wanted: Int32) throws -> Int {
    let depth = state.network.depth
    guard (0...depth).contains(Int(wanted)) else { throw InputError("found \(wanted) stages; expected 0, for all, to \(depth)") }
    return wanted == 0 ? depth : Int(wanted)
  }

  var facts: [JSONMember] {
    let (network, recipe) = (state.network, state.recipe)
    return [
      JSONMember("name", .string(kind.name)), JSONMember("stages", .integer(network.depth)),
      JSONMember("parameters", .integer(network.parameterCount)), JSONMember("precision", .string(precision.rawValue)),
      JSONMember("trained", .bool(recipe != nil)),
      JSONMember(
        "shapes",
        .object(
          network.parametersAndBuffers.map { JSONMember($0.name, .array($0.value.shape.map(JSONValue.integer))) })),
    ]
  }
}

extension FFDNet {
  /// With the weights of a file, safetensors.
  init(weights path: String) throws {
    try self.init(Weights(contentsOf: path), path: path)
  }
}

private func network(_ handle: Int64) throws -> NetworkObject { try Objects.all.object(handle, NetworkObject.self, "network") }

@c @implementation
public func unf_network(
  _ op: Int64, _ name: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let A = try operatorObject(op)
    let out = try place(out, "the network")
    let kind = try LinearNetwork(name: text(name, "name of a network"))
    let reader = try CInterface.options(options, ["stages", "channels", "seed", "precision", "denoiser_weights"])
    var training = TrainingOptions()
    training.depth = try reader.integer("stages", 1...1000)
    training.channels = try reader.integer("channels", 1...1024)
    let (seed, precision) = (UInt64(try reader.integer("seed", 0...Int.max) ?? 1), try reader.precision(.single))
    try training.check(kind.name, kind.architecture)
    let denoiser = try reader.text("denoiser_weights")
    try kind.check(denoiserWeights: denoiser)
    let ffdNet = try denoiser.map { try FFDNet(weights: $0) }
    let made = NetworkObject(
      kind, A,
      try A.state.running {
        NetworkObject.State(
          network: try kind.untrained(
            A.system(), Architecture(depth: training.depth, channels: training.channels), ffdNet: ffdNet, precision: precision,
            seed: seed))
      }, options: training, seed: seed, precision: precision, ffdNet: ffdNet)
    return Objects.all.give(made, to: out).facts
  }
}

@c @implementation
public func unf_network_load(
  _ op: Int64, _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?, _ options: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let A = try operatorObject(op)
    let out = try place(out, "the network")
    let path = try text(path, "path")
    let reader = try CInterface.options(options, ["precision"])
    let weights = try Weights(contentsOf: path).withHouseNames
    let recipe = try weights.recipe.map(Recipe.init(json:))
    guard let wanted = try name.map({ try text($0, "name of a network") }) ?? recipe?.network else {
      throw InputError("\(path): found weights that do not say their network; expected its name, such as ista-net-plus")
    }
    let kind = try LinearNetwork(name: wanted)
    let precision = try reader.precision(.single)
    var training = TrainingOptions()
    let shape = Architecture(of: weights).over(recipe?.architecture ?? Architecture())
    (training.depth, training.channels) = (shape.depth, shape.channels)
    let filled = try A.state.running {
      try kind.loaded(weights, recipe, for: A.system(), precision: precision, file: path)
    }
    let made = NetworkObject(
      kind, A, .init(network: filled, recipe: recipe, operators: weights.operators, provenance: weights.provenance),
      options: training, seed: recipe?.seed ?? 1, precision: precision)
    return Objects.all.give(made, to: out).facts
  }
}

@c @implementation
public func unf_network_save(_ handle: Int64, _ path: UnsafePointer<CChar>?) -> Int32 {
  call {
    let object = try network(handle)
    try object.state.weights(of: object).write(to: text(path, "path"))
    return []
  }
}

@c @implementation
public func unf_network_move(_ handle: Int64, _ op: Int64, _ out: UnsafeMutablePointer<Int64>?) -> Int32 {
  call {
    let object = try network(handle)
    let A = try operatorObject(op)
    let out = try place(out, "the network")
    var state = object.state
    let weights = try Weights(of: state.network, operators: state.operators, recipe: state.recipe)
    state.network = try A.state.running {
      try object.kind.loaded(weights, state.recipe, for: A.system(), precision: object.precision, file: object.kind.name)
    }
    let made = NetworkObject(
      object.kind, A, state, options: object.options, seed: object.seed, precision: object.precision, ffdNet: object.ffdNet)
    return Objects.all.give(made, to: out).facts
  }
}

@c @implementation
public func unf_network_facts(_ handle: Int64) -> Int32 { call { try network(handle).facts } }

@c @implementation
public func unf_network_parameter(
  _ handle: Int64, _ name: UnsafePointer<CChar>?, _ set: Int32, _ value: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let object = try network(handle)
    let (name, given) = (try text(name, "name of a parameter"), try GivenArray(value, "the parameter"))
    var state = object.state
    var all = state.network.parametersAndBuffers
    guard let i = all.firstIndex(where: { $0.name == name }) else {
      throw InputError("found no parameter \(name); expected one of \(all.prefix(4).map(\.name).joined(separator: ", ")), …")
    }
    guard given.space == ArraySpace(all[i].value.shape) else {
      throw InputError("found \(given.space) for \(name); expected \(all[i].value.shape)")
    }
    if set == 0 {
      given.fill(all[i].value)
    } else {
      all[i].value = try given.value(name).numbers
      state.network = try Weights(parameters: all).filled(state.network)
      state.provenance?.set(name)
      object.state = state
    }
    return []
  }
}

/// Tells the caller of every step; the caller can stop.
private final class Told: TrainingMonitor {
  private let progress: unf_progress
  private let context: UnsafeMutableRawPointer?
  private let stop: StopRequest

  init(_ progress: unf_progress, _ context: UnsafeMutableRawPointer?, _ stop: StopRequest) {
    (self.progress, self.context, self.stop) = (progress, context, stop)
  }

  func record(_ report: TrainingReport) {
    let goesOn =
      progress(context, Int64(report.totalStep), Int64(report.totalSteps), report.loss, report.validation ?? .nan) == 0
    if !goesOn { stop.stop() }
  }
  func finish() {}
}

/// What a training is made of: arrays by number, shape and checksum.
private func described(_ data: [String: [NumericArray]]) -> [String: String] {
  data.filter { !$0.value.isEmpty }.mapValues { arrays in
    let checksum = arrays.reduce(0) { known, array in
      array.numbers.converted(to: .double).doubles.withUnsafeBytes { CRC32C.checksum($0, after: known) }
    }
    return "\(arrays.count) of \(arrays[0].shape), CRC-32C \(String(checksum, radix: 16))"
  }
}

/// Where a training's checkpoints go, and the one it goes on from.
///
/// - Parameter sources: what is trained on; a checkpoint of other data is refused.
private func checkpoint(
  _ reader: DescriptionReader, _ sources: [String: String]
) throws -> (policy: CheckpointPolicy?, resuming: Checkpoint?) {
  let (path, every, resumes) = (
    try reader.text("checkpoint"), try reader.integer("checkpoint_every", 1...1_000_000_000), try reader.flag("resume")
  )
  guard let path else {
    guard every == nil, !resumes else { throw InputError("found no --checkpoint; expected a file, written now and then") }
    return (nil, nil)
  }
  try AtomicFile.check(path)
  let policy = CheckpointPolicy(path: path, steps: every, seconds: 60)
  guard resumes else { return (policy, nil) }
  guard FileManager.default.fileExists(atPath: path) else {
    Remarks.note("found no \(path); starting from the beginning")
    return (policy, nil)
  }
  let found = try Checkpoint(contentsOf: path)
  try found.check(sources: sources)
  return (policy, found)
}

@c @implementation
public func unf_network_fit(
  _ handle: Int64, _ signals: Int32, _ signal: UnsafePointer<unf_array>?, _ validations: Int32,
  _ validation: UnsafePointer<unf_array>?, _ measurements: UnsafePointer<unf_array>?, _ options: UnsafePointer<CChar>?,
  _ progress: unf_progress?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  call {
    let object = try network(handle)
    let reader = try CInterface.options(
      options,
      [
        "steps", "epochs", "batch", "learning_rate", "optimiser", "quick", "recompute", "noise", "warm_start", "checkpoint",
        "checkpoint_every", "resume",
      ])
    var training = object.options
    training.steps = try reader.integer("steps", 1...1_000_000_000)
    training.epochs = try reader.integer("epochs", 1...1_000_000_000)
    training.batch = try reader.integer("batch", 1...1_000_000)
    training.learningRate = try reader.number("learning_rate")
    training.optimiser = try reader.choice("optimiser")
    (training.quick, training.recompute) = (try reader.flag("quick"), try reader.flag("recompute"))
    try training.check(object.kind.name, object.kind.architecture)
    let (noise, isWarm) = (try reader.noise(), try reader.flag("warm_start"))
    let A = object.op
    func arrays(_ count: Int32, _ pointer: UnsafePointer<unf_array>?, _ name: String) throws -> [NumericArray] {
      guard (0...1_000_000).contains(count), count == 0 || pointer != nil else {
        throw InputError("found \(count) \(name); expected arrays of them")
      }
      return try (0..<Int(count)).map { i in try GivenArray(pointer.map { $0 + i }, name).value(name) }
    }
    let given = try arrays(signals, signal, "signals")
    let held = try arrays(validations, validation, "signals for validation")
    for array in given + held where array.isComplex && !A.domain.isComplex {
      throw InputError("found complex signals; expected real ones of \(A.domain)")
    }
    let measured = try measurements.map { try GivenArray($0, "the measurements").value("the measurements") }
    let sources = described(["signals": given, "validation": held, "measurements": measured.map { [$0] } ?? []])
    var (checkpoints, resuming) = try checkpoint(reader, sources)
    // The weights say what checkpoints say, where there are none too.
    var record = checkpoints ?? CheckpointPolicy(path: "")
    (record.sources, record.secondsBefore) = (sources, resuming?.seconds ?? 0)
    record.before =
      try resuming.map(\.before) ?? (isWarm ? object.state.weights(of: object).history(file: "none, in memory") : nil)
    if checkpoints != nil { checkpoints = record }
    let stop = StopRequest()
    let trained = try A.state.running { () -> (network: any Network, training: LinearTraining)? in
      let request = LinearTraining.Request(
        object.kind, try A.system(noise: noise), training, seed: object.seed, precision: object.precision, ffdNet: object.ffdNet)
      var made: LinearTraining
      if let measured {
        guard let y = measured.samples(of: A.codomain) else {
          throw InputError("found measurements of shape \(measured.shape); expected samples of \(A.codomain)")
        }
        let x = try given.map { array in
          guard let samples = array.samples(of: A.domain) else {
            throw InputError("found signals of shape \(array.shape); expected samples of \(A.domain)")
          }
          return samples.converted(to: .double)
        }
        made = try LinearTraining(measurements: y, signals: x.isEmpty ? nil : .concatenated(x), request)
      } else {
        guard !given.isEmpty else { throw InputError("found neither signals nor measurements; expected some to train on") }
        made = try LinearTraining(signals: given, validation: held.isEmpty ? nil : held, request)
      }
      made.recipe.apply(training)
      let monitors = progress.map { [Told($0, context, stop)] } ?? []
      let network = try A.state.training(stop) {
        try made.run(
          from: isWarm ? object.state.network : nil, resuming: resuming, checkpoints: checkpoints, monitors: monitors, stop: stop)
      }
      return network.map { ($0, made) }
    }
    guard let trained else { throw CallError(UNF_STOPPED, "stopped") }
    object.state = .init(
      network: trained.network, recipe: trained.training.recipe, operators: trained.training.samples.operators,
      provenance: try A.state.running { Provenance(of: trained.network, policy: record) })
    return object.facts
  }
}

@c @implementation
public func unf_network_apply(
  _ handle: Int64, _ y: UnsafePointer<unf_array>?, _ stages: Int32, _ x: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let object = try network(handle)
    let (given, result) = (try GivenArray(y, "the measurement"), try GivenArray(x, "the estimate"))
    let measured = try given.samples(of: object.op.codomain, "the measurement").converted(to: .double)
    let stages = try object.stages(stages)
    let found = try object.op.state.running {
      try object.kind.run(object.state.network, measured, stages: stages, for: object.op.system(), precision: object.precision)
    }
    try result.fill(found, of: object.op.domain, like: given, object.op.codomain, "the estimate")
    return []
  }
}

@c @implementation
public func unf_network_pullback(
  _ handle: Int64, _ y: UnsafePointer<unf_array>?, _ stages: Int32, _ v: UnsafePointer<unf_array>?,
  _ out: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let object = try network(handle)
    let A = object.op
    let (given, along, result) = (
      try GivenArray(y, "the measurement"), try GivenArray(v, "the cotangent"), try GivenArray(out, "the gradient")
    )
    let measured = try given.samples(of: A.codomain, "the measurement").converted(to: .double)
    let cotangent = try along.samples(of: A.domain, "the cotangent").converted(to: .double)
    guard measured.shape[0] == cotangent.shape[0] else {
      throw InputError("found \(cotangent.shape[0]) cotangents for \(measured.shape[0]) measurements; expected as many")
    }
    let stages = try object.stages(stages)
    let found = try A.state.running {
      try object.kind.run(
        object.state.network, measured, stages: stages, for: A.system(), precision: object.precision,
        pullbackOf: cotangent)
    }
    try result.fill(found, of: A.codomain, like: given, A.codomain, "the gradient")
    return []
  }
}
