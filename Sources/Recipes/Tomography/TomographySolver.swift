// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Networks
import Operators
import Tensors
import Training

/// Any method of tomography made ready for one system: a classical algorithm, or a network with its weights.
public struct TomographySolver: Sendable {
  /// What may be chosen; nil takes the default.
  public struct Options: Sendable {
    /// Stages of a network; those it was trained with by default.
    public var depth: Int?
    /// A file of weights; those that ship by default.
    public var weights: String?
    /// True for a network as it is before training.
    public var isUntrained = false
    /// λ of FISTA-TV.
    public var weight: Double?
    /// Iterations of FISTA-TV.
    public var iterations: Int?
    /// Of filtered back-projection.
    public var window: FilteredBackProjection.Window?
    public init() {}
  }

  public let method: TomographyMethod
  public let system: TomographySystem
  /// Nil for a classical method.
  public let network: (any TensorNetwork)?
  /// Stages that are run.
  public let depth: Int
  /// The file of weights; nil for a classical method and for an untrained network.
  public let weights: String?
  /// λ and iterations of FISTA-TV, objective ½‖A x − b‖² + λ TV(x), x ≥ 0.
  public let weight: Double
  public let iterations: Int
  /// Measurements to the initial image, by the window that was chosen.
  private let initial: AnyOperator<Tensor, Tensor>

  /// Number of learnable numbers.
  public var parameterCount: Int { network?.parameterCount ?? 0 }

  /// - Throws: ``RecipeError`` when an option is not for the method, or the weights are another network's.
  public init(
    _ method: TomographyMethod, _ system: TomographySystem, options: Options = Options(), library: ModelLibrary = .standard
  ) throws {
    try Self.check(options, for: method)
    self.method = method
    self.system = system
    weight = options.weight ?? Self.usualWeight(system)
    iterations = options.iterations ?? Self.usualIterations(system)
    initial =
      if let window = options.window, let geometry = system.geometry {
        AnyOperator(Scaled(1 / system.unit, geometry.backProjection(window)))
      } else { system.gradient.initial }
    guard let kind = method.network else {
      (network, weights, depth) = (nil, nil, 0)
      return
    }
    guard !options.isUntrained else {
      depth = options.depth ?? 7
      (network, weights) = (system.network(kind, depth: depth, seed: 0), nil)
      return
    }
    let path = try options.weights ?? library.existing(library.tomography(method, system), instead: "--weights")
    let stored = try Weights(anyFile: path).withHouseNames
    let recipe = try stored.recipe(of: method.rawValue, for: system.problem, file: path)
    let known = recipe?.notes["depth"].flatMap { Int($0) } ?? 7
    let channels = recipe?.notes["channels"].flatMap { Int($0) }
    let system = try recipe?.notes["gradient"].flatMap(GradientKind.init(rawValue:)).map(system.with) ?? system
    if let wanted = options.depth, method == .istaNetPlus, wanted > known {
      throw RecipeError("\(path): found weights of \(known) stages; expected --depth up to \(known), not \(wanted)")
    }
    network = try stored.filled(any: system.network(kind, depth: known, channels: channels, seed: 0), file: path)
    weights = path
    depth = options.depth ?? known
  }

  /// λ by mean PSNR on validation samples; what was tried stands in `Documentation/FISTANet.md`.
  private static func usualWeight(_ system: TomographySystem) -> Double {
    switch system.problem {
    case .emt: 5e-5
    case .eit: 1e-3
    default: 3e-3 / Double(system.measurementShape[0])
    }
  }

  private static func usualIterations(_ system: TomographySystem) -> Int { system.problem == .ct ? 100 : 500 }

  private static func check(_ options: Options, for method: TomographyMethod) throws {
    let given: [(name: String, isGiven: Bool, isRight: Bool)] = [
      ("--weights", options.weights != nil, method.isTrained), ("--depth", options.depth != nil, method.isTrained),
      ("--untrained", options.isUntrained, method.isTrained), ("--lambda", options.weight != nil, method == .fistaTV),
      ("--iterations", options.iterations != nil, method == .fistaTV), ("--window", options.window != nil, method == .fbp),
    ]
    if let wrong = given.first(where: { $0.isGiven && !$0.isRight }) {
      throw RecipeError("found \(wrong.name) for \(method.rawValue), which has no such choice; leave it out")
    }
    if let depth = options.depth, !(1...1000).contains(depth) { throw RecipeError("found --depth \(depth); expected 1 to 1000") }
    if let weight = options.weight, !(weight > 0 && weight.isFinite) {
      throw RecipeError("found --lambda \(weight); expected more than 0")
    }
    if let count = options.iterations, !(1...1_000_000).contains(count) {
      throw RecipeError("found --iterations \(count); expected 1 to 1 000 000")
    }
  }

  /// Images `[n, height, width]` from measurements `[n, …]` in the units of A, in single precision; samples are spread over the threads.
  public func solve(_ b: Tensor) -> Tensor {
    precondition(Array(b.shape.dropFirst()) == system.measurementShape, "measurements \(b.shape) of \(system.measurementShape)")
    let b = b.converted(to: .single)
    if let network {
      let scales = self.scales(b)
      return scaledRows(network.predict(scaledRows(b, scales), stages: depth, samplesAtATime: 1), scales?.map { 1 / $0 })
    }
    let found = Tensor.concatenatedGroups(count: b.shape[0], size: 1) { classical(b.rows($0)) }
    // What nothing was measured of is 0.
    return system.pixels.map { $0.adjoint($0.forward(found)) } ?? found
  }

  private func classical(_ b: Tensor) -> Tensor {
    switch method {
    case .fistaTV:
      let iteration = FISTATV(
        totalVariation: weight, system.A, height: system.height, width: system.width, lower: 0, stepSize: 1 / system.lipschitz,
        iterations: 10)
      let start = initial.forward(b).map { max($0, 0) }
      return Algorithms.solve(iteration, measurement: b, from: start, until: .iterations(iterations)).estimate
    default: return initial.forward(b)
    }
  }

  /// What brings the largest value of every initial image to ``TomographySystem/usualMaximum``.
  private func scales(_ b: Tensor) -> [Double]? {
    system.usualMaximum.map { usual in
      Parallel.map(b.shape[0]) { i in
        let largest = initial.forward(b.rows(i..<i + 1)).doubles.max() ?? 0
        return largest > 0 ? usual / largest : 1
      }
    }
  }

  private func scaledRows(_ t: Tensor, _ scales: [Double]?) -> Tensor {
    scales.map { Tensor.concatenated($0.enumerated().map { $1 * t.rows($0..<$0 + 1) }) } ?? t
  }

  /// Measurements, in single precision, as the network is given them.
  func given(_ b: Tensor) -> Tensor {
    let b = b.converted(to: .single)
    return scaledRows(b, scales(b))
  }

  /// ‖A x̂ − b‖ / ‖b‖ of every sample.
  public func residuals(_ x: Tensor, _ b: Tensor) -> [Double] {
    let b = b.converted(to: .single)
    return Parallel.map(b.shape[0]) { system.residual(x.rows($0..<$0 + 1), b.rows($0..<$0 + 1)) }
  }
}

extension ModelLibrary {
  /// The weights of a network for tomography: of X-rays by the number of views, of a fan by its name too.
  public func tomography(_ method: TomographyMethod, _ system: TomographySystem) -> String {
    let views = system.geometry.map { ($0.name == "fan" ? "-fan" : "") + "-\($0.angles.count)" } ?? ""
    return file("\(system.problem.rawValue)/\(method.rawValue)\(views)")
  }
}
