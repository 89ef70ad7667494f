// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// Any method of block compressive sensing made ready for one Φ: a classical algorithm, or a network with its weights.
public struct BlockSolver: Sendable {
  /// What may be chosen; nil takes the default.
  public struct Options: Sendable {
    /// Stages of a network; all that its weights have by default.
    public var depth: Int?
    /// A file of weights; those that ship by default.
    public var weights: String?
    /// A file of Q_init, for weights that do not hold it.
    public var initial: String?
    /// The mean over the eight flips and turns of the image, the operator turned with it; for networks on whole images.
    public var selfEnsemble = false
    public init() {}
  }

  public let method: BlockMethod
  public let sensing: CompressiveSensing
  /// Nil for a classical method.
  public let network: (any TensorNetwork)?
  /// Stages that are run.
  public let depth: Int
  /// The file of weights; nil for a classical method.
  public let weights: String?
  /// Q_init of an unfolded network, side² × M: x⁽⁰⁾ = Q_init y; nil for others.
  public let initial: Tensor?

  /// What runs a network on whole images; nil for methods that take block by block.
  let wholeImage: WholeImageSolver?
  /// What a reader of the result should know, such as a Φ whose rows were made orthonormal first; nil: nothing.
  public var remark: String? { wholeImage?.remark }

  /// The network to take for a Φ where nothing is said, and why.
  ///
  /// - Throws: ``RecipeError`` where no weights that ship serve it.
  public static func usualMethod(
    for sensing: CompressiveSensing, seed: UInt64?, library: ModelLibrary = .standard
  ) throws -> (method: BlockMethod, reason: String) {
    func ships(_ method: BlockMethod) -> Bool {
      FileManager.default.fileExists(atPath: library.block(method, ratio: sensing.ratio))
    }
    if ships(.istaNetPlus), (try? BlockSolver(.istaNetPlus, sensing: sensing, seed: seed, library: library)) != nil {
      return (.istaNetPlus, "its weights are for this Φ")
    }
    let pixels = CompressiveSensing.blockSide * CompressiveSensing.blockSide
    guard sensing.phi.columns == pixels else {
      throw RecipeError(
        "found blocks of \(sensing.side) × \(sensing.side) pixels and no method; expected tval3, or \(pixels) pixels for weights that ship"
      )
    }
    guard ships(.scNet) else {
      throw RecipeError("found no weights for this Φ in \(library.path) and no method; expected one before the measurement")
    }
    return (.scNet, "no weights ship for this Φ alone, and its own serve every Φ of \(pixels) columns")
  }

  /// Number of learnable numbers.
  public var parameterCount: Int { network?.parameterCount ?? 0 }

  /// - Parameters: `seed`, which Φ was drawn from, nil for a given one; `library`, where weights that ship lie.
  /// - Throws: ``RecipeError`` when an option is not for the method, or the weights are another network's or another Φ's.
  public init(
    _ method: BlockMethod, sensing: CompressiveSensing, seed: UInt64?, options: Options = Options(),
    library: ModelLibrary = .standard
  ) throws {
    self.method = method
    self.sensing = sensing
    if let depth = options.depth, !(1...1000).contains(depth) { throw RecipeError("found --depth \(depth); expected 1 to 1000") }
    guard method.isTrained else {
      let given = [
        ("--weights", options.weights != nil), ("--depth", options.depth != nil), ("--initial", options.initial != nil),
        ("--self-ensemble", options.selfEnsemble),
      ]
      for (name, isGiven) in given where isGiven {
        throw RecipeError("found \(name) for \(method.rawValue), a classical method; leave it out")
      }
      (network, weights, depth, initial, wholeImage) = (nil, nil, 0, nil, nil)
      return
    }
    if options.selfEnsemble, !method.isWholeImage {
      throw RecipeError("found --self-ensemble for \(method.rawValue); leave it out, it is for networks on whole images")
    }
    let stored = try StoredBlockWeights(method, sensing, seed: seed, options, library)
    weights = stored.path
    network = try stored.network(method, sensing)
    initial = method.hasInitial ? stored.initial : nil
    depth = options.depth ?? stored.depth
    wholeImage = try (network as? any WholeImageNetwork).map { [depth] in
      try WholeImageSolver($0, sensing: sensing, depth: depth, selfEnsemble: options.selfEnsemble)
    }
  }

  /// Blocks from measurements `[blocks, M]` of a method that takes block by block, `[blocks, side²]` in single precision, spread over the
  /// threads; results do not depend on their number.
  public func solve(_ measurements: Tensor) -> Tensor {
    let y = measurements.converted(to: .single)
    guard let network else {
      return TVAL3(sensing.phi.converted(to: .single), height: sensing.side, width: sensing.side).reconstruct(y).estimate
    }
    return network.predict(y, stages: depth, samplesAtATime: Self.blocksAtATime)
  }

  /// The estimates x⁽¹⁾, x⁽²⁾, … after every stage of a network, blocks spread over the threads as ``solve(_:)`` does.
  public func trace(_ measurements: Tensor) -> [Tensor] {
    guard let network else { return [] }
    let y = measurements.converted(to: .single)
    let traces = RowPieces(rows: y.shape[0], size: Self.blocksAtATime).map { Array(network.trace(y.rows($0)).prefix(depth)) }
    return (traces.first ?? []).indices.map { k in Tensor.concatenated(traces.map { $0[k] }) }
  }

  /// So many that Φ is read once for all of them, and few enough that their maps stay in the cache.
  static let blocksAtATime = 8
}

/// A network's weights as a file has them, found and held against what is asked of them.
private struct StoredBlockWeights {
  let path: String
  let weights: Weights
  let initial: Tensor
  /// Stages they have.
  let depth: Int
  let channels: Int

  init(
    _ method: BlockMethod, _ sensing: CompressiveSensing, seed: UInt64?, _ options: BlockSolver.Options, _ library: ModelLibrary
  ) throws {
    let shipped = library.block(method, ratio: sensing.ratio)
    let path = try options.weights ?? library.existing(shipped, instead: "--weights")
    let weights = try Weights(anyFile: path).withHouseNames
    self.path = path
    self.weights = weights
    let recipe = try weights.recipe(of: method.rawValue, for: .imageCS, file: path)
    if !method.servesEveryRatio { try Self.check(path, weights, recipe, sensing.phi, seed) }
    if options.initial != nil, !method.hasInitial {
      throw RecipeError("found --initial for \(method.rawValue), which has no Q_init; leave it out")
    }
    guard method.isUnfolded else {
      (initial, depth, channels) = (.zero, 1, 0)
      if let wanted = options.depth, wanted != 1 {
        throw RecipeError("found --depth \(wanted); expected 1, \(method.rawValue) has no stages")
      }
      return
    }
    initial = method.hasInitial ? try Self.initial(path, weights, sensing.phi, options) : .zero
    // Filters of every stage must be there before a network of that size is made.
    guard let (stages, shape) = weights.stages(with: method == .scNet ? "first.weight" : "analysis.1"), shape.count == 4,
      shape == [shape[0], shape[0], 3, 3]
    else {
      throw RecipeError("\(path): found no parameters of \(method.rawValue); expected its weights, choose others")
    }
    if let wanted = options.depth, wanted > stages {
      throw RecipeError("\(path): found weights of \(stages) stages; expected --depth up to \(stages), not \(wanted)")
    }
    depth = stages
    channels = shape[0]
  }

  /// Q_init as given, or of the weights.
  private static func initial(_ path: String, _ weights: Weights, _ phi: Matrix, _ options: BlockSolver.Options) throws -> Tensor {
    if let given = options.initial { return try readInitial(given, for: phi) }
    guard let own = weights.operators.first(where: { $0.name == "initial" })?.value else {
      throw RecipeError("\(path): found no Q_init in the weights; expected --initial FILE with it")
    }
    guard own.shape == [phi.columns, phi.rows] else {
      throw RecipeError(
        "\(path): found weights for \(own.shape.last ?? 0) measurements a block; expected \(phi.rows), choose those of this Φ")
    }
    return own
  }

  /// The weights must be for this Φ, where they say which it was.
  private static func check(_ path: String, _ weights: Weights, _ recipe: Recipe?, _ phi: Matrix, _ seed: UInt64?) throws {
    if let own = weights.operators.first(where: { $0.name == "phi" })?.value.converted(to: .double) {
      guard own.shape == phi.entries.shape, (own - phi.entries.converted(to: .double)).norm <= 1e-5 * phi.entries.norm else {
        throw RecipeError(
          "\(path): found weights for another Φ \(own.shape) than the measurement's \(phi.entries.shape); train anew for it")
      }
    } else if let drawn = recipe?.notes["phi"], drawn != seed.map({ "seed \($0)" }) {
      throw RecipeError(
        "\(path): found weights for the Φ of \(drawn); expected those of \(seed.map { "seed \($0)" } ?? "a given Φ"), train anew for it"
      )
    }
  }

  func network(_ method: BlockMethod, _ sensing: CompressiveSensing) throws -> any TensorNetwork {
    let untrained = method.network(
      phi: sensing.phi.converted(to: .single), initial: initial.converted(to: .single), depth: depth, channels: channels, seed: 0)!
    return try weights.filled(any: untrained, file: path)
  }
}

extension ModelLibrary {
  /// The weights of a network for block compressive sensing at a ratio.
  public func block(_ method: BlockMethod, ratio: Double) -> String {
    file("image-cs/\(method.rawValue)\(method.servesEveryRatio ? "" : "-\(Int((100 * ratio).rounded()))")")
  }
}
