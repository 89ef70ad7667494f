// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Networks
import Tensors
import Training

/// What may be chosen of a method; nil takes the default.
public struct SolverOptions<Knobs: Settings>: Sendable {
  /// A file of weights; those that ship by default.
  public var weights: String?
  /// Stages of a network; all that its weights have by default.
  public var depth: Int?
  /// A network as it is before training.
  public var untrained = false
  public var knobs = Knobs()

  public init() {}
}

/// Any method of any experiment made ready for one system: a classical algorithm, or a network with its weights.
public struct Solver<E: Experiment>: Sendable {
  public let method: Method<E>
  /// Nil for a classical method.
  public let network: (any Network)?
  /// Stages that are run; 0 of a classical method.
  public let depth: Int
  /// The file of weights; nil for a classical method and for an untrained network.
  public let weights: String?
  private let reconstructor: Reconstructor<E>

  /// What a reader of the result should know.
  public var remarks: [String] { reconstructor.remarks }
  /// What the method was told or took by itself.
  public var facts: [JSONMember] { reconstructor.facts }
  /// Number of learnable numbers.
  public var parameterCount: Int { network?.parameterCount ?? 0 }

  /// What was measured, reconstructed; results do not depend on the number of threads.
  public func solve(_ measured: E.Measured) throws -> Reconstruction { try reconstructor.solve(measured) }

  /// - Parameter library: where weights that ship lie.
  /// - Throws: ``InputError`` when an option is not for the method, or the weights are another network's or another system's.
  public init(
    _ method: Method<E>, _ system: E.System, options: SolverOptions<E.Knobs> = .init(), library: ModelLibrary = .standard
  ) throws {
    self.method = method
    try options.check(for: method)
    let system = try E.adjusted(system, options.knobs)
    guard case .network(let known) = method.kind else {
      guard case .classical(let make) = method.kind else { preconditionFailure("a method of neither kind") }
      (network, depth, weights) = (nil, 0, nil)
      reconstructor = try make(system, options.knobs)
      return
    }
    let stored = options.untrained ? nil : try StoredWeights(method, known, system, options, library)
    var shape = (stored?.shape ?? Architecture()).over(known.architecture)
    if stored == nil || stored?.sharesStages == true, let wanted = options.depth { shape.depth = wanted }
    let untrained = try known.make(system, shape, stored?.weights, 0)
    network = try stored.map { try $0.weights.filled(untrained, file: $0.path) } ?? untrained
    depth = options.depth ?? shape.depth ?? 1
    weights = stored?.path
    var made = try E.reconstructor(of: network ?? untrained, method, stages: depth, for: system, options.knobs)
    if let stored, let notes = stored.notes { made.remarks += E.remarks(on: stored.weights, notes: notes, for: system) }
    reconstructor = made
  }
}

/// A network's weights as a file has them, found and held against what is asked of them.
private struct StoredWeights {
  let path: String
  let weights: Weights
  let shape: Architecture
  /// Of the recipe, where there is one.
  let notes: [String: String]?
  /// Its stages have no parameters of their own: any number of them will do.
  let sharesStages: Bool

  init<E: Experiment>(
    _ method: Method<E>, _ network: NetworkMethod<E>, _ system: E.System, _ options: SolverOptions<E.Knobs>, _ library: ModelLibrary
  ) throws {
    let shipped = library.file(E.weightsName(of: method, for: system, depth: options.depth))
    path = try options.weights ?? library.existing(shipped)
    let read = try Weights(anyFile: path).withHouseNames
    let recipe = try read.recipe.map(Recipe.init(json:))
    notes = recipe?.notes
    if let recipe {
      let known = recipe.notes["problem"] ?? "another problem"
      guard recipe.network == method.name, known == E.name || E.alsoServedByWeights.contains(known) else {
        throw InputError(
          "\(path): found weights of \(recipe.network) for \(known); expected \(method.name) for \(E.name), choose other weights")
      }
    }
    weights = try E.completed(read, method, for: system, options.knobs, file: path)
    let stages = weights.stageCount
    sharesStages = stages == nil
    let own = Architecture(of: weights)
    var shape = own.over(recipe?.architecture ?? Architecture())
    if stages != nil, shape.channels == nil, network.architecture.channels != nil {
      throw InputError("\(path): found no parameters of \(method.name); expected its weights, choose others")
    }
    if let wanted = options.depth, let stages, wanted > stages {
      throw InputError("\(path): found weights of \(stages) stages; expected a depth of up to \(stages), not \(wanted)")
    }
    if network.architecture.depth == nil { shape.depth = nil } else if shape.depth == nil { shape.depth = options.depth }
    if network.requiresDepth, shape.depth == nil {
      throw InputError("\(path): found weights that do not say their number of stages; expected --depth N")
    }
    self.shape = shape
  }
}

extension SolverOptions {
  /// - Throws: ``InputError`` naming the first option given that is not for the method, or that is out of range.
  func check<E: Experiment>(for method: Method<E>) throws where E.Knobs == Knobs {
    let given = try knobs.changed()
    if let wrong = given.sorted().first(where: { !method.knobs.contains($0) }) {
      throw InputError("found \(optionName(wrong)) for \(method.name), which has no such choice; leave it out")
    }
    guard let network = method.network else {
      if weights != nil || depth != nil || untrained {
        let name = weights != nil ? "weights" : depth != nil ? "depth" : "untrained"
        throw InputError("found --\(name) for \(method.name), a classical method; leave it out")
      }
      return
    }
    if untrained, weights != nil { throw InputError("found --untrained and --weights; expected one of them") }
    if let depth, !(1...1000).contains(depth) { throw InputError("found --depth \(depth); expected 1 to 1000") }
    if let depth, network.architecture.depth == nil, depth != 1 {
      throw InputError("found --depth \(depth); expected 1, \(method.name) has no stages")
    }
  }
}

extension Weights {
  /// A network of any type with these weights of a file, whatever the format made of names and shapes.
  public func filled<N: Network>(_ network: N, file path: String) throws -> any Network {
    try fitted(to: network).filled(network, path: path)
  }
}
