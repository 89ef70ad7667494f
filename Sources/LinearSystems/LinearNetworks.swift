// SPDX-License-Identifier: Apache-2.0
import WeightFiles
import Networks
import Operators
import Problems
import Tensors
import Training
import _Differentiation

/// The networks of any operator, by name. Those to images are of A / ‖A‖ and begin at Aᴴ y / ‖A‖²; those to vectors need a dense matrix.
public enum LinearNetwork: Sendable, Hashable {
  case image(ImageNetwork)
  case vector(VectorNetwork)

  public static let all =
    [ImageNetwork.istaNetPlus, .fistaNet, .admmNet, .modl, .scNet, .plugAndPlay].map(LinearNetwork.image)
    + VectorNetwork.allCases.map(LinearNetwork.vector)

  /// - Throws: ``InputError`` that lists the names.
  public init(name: String) throws {
    guard let found = Self.all.first(where: { $0.name == name }) else {
      let names = Self.all.map(\.name)
      let guess = nearest(name, among: names).map { ": did you mean \($0)?" } ?? ""
      throw InputError("found no network \(name); expected one of \(names.joined(separator: ", "))\(guess)")
    }
    self = found
  }

  public var name: String {
    switch self {
    case .image(let kind): kind.rawValue
    case .vector(let kind): kind.rawValue
    }
  }
  public var title: String {
    switch self {
    case .image(let kind): kind.published.title
    case .vector(let kind): kind.published.title
    }
  }
  public var source: String {
    switch self {
    case .image(let kind): kind.published.source
    case .vector(let kind): kind.published.source
    }
  }
  /// What can be chosen, with the usual values.
  public var architecture: Architecture {
    switch self {
    case .image(let kind): Architecture(depth: kind == .admmNet ? 9 : nil).over(kind.published.architecture)
    case .vector: Architecture(depth: 16)
    }
  }

  /// - Throws: ``InputError`` where a file of a denoiser's weights is given for a network that has none.
  public func check(denoiserWeights file: String?) throws {
    if let file, self != .image(.plugAndPlay) {
      throw InputError("found --denoiser-weights \(file) for \(name), which has no denoiser; leave it out")
    }
  }

  /// The network before training.
  ///
  /// - Parameter ffdNet: the denoiser of unfolded plug and play.
  /// - Throws: ``InputError`` for a system that it is not for.
  public func untrained(
    _ system: LinearSystem, _ shape: Architecture, ffdNet: FFDNet? = nil, precision: Precision = .single, seed: UInt64
  ) throws -> any Network {
    let shape = shape.over(architecture)
    switch self {
    case .vector(let kind): return try kind.untrained(system, depth: shape.depth ?? 16, precision: precision)
    case .image(let kind):
      guard let size = system.domain.image else {
        throw InputError(
          "found vectors of \(system.domain.count) for \(kind.rawValue), which is for images; expected a shape [h, w]")
      }
      let filters = Double(shape.depth ?? 1) * Double(shape.channels ?? 1) * Double(shape.channels ?? 1)
      guard filters <= 0x1p24 else {
        throw InputError(
          "found \(shape.depth ?? 1) stages of \(shape.channels ?? 1) channels; expected up to 2^24 pairs of channels in all stages"
        )
      }
      if kind == .scNet, system.domain.isComplex || system.domain.shape.count > 2 {
        throw InputError("found signals of \(system.domain) for scnet, which is for real images; expected another network")
      }
      func made<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> any Network {
        if kind == .scNet {
          let A: OnArrays<Tensor, Measurement> = system.normalised(precision: precision)
          return try ImageNetwork.scNet(A, shape, precision: precision, seed: seed)
        }
        let A: OnArrays<Signal, Measurement> = system.normalised(precision: precision)
        if kind == .plugAndPlay {
          let noise = if case .deviation(let sigma) = system.noise { sigma } else { 0.0 }
          return ImageNetwork.plugAndPlay(
            A, ffdNet, noise: noise, unit: system.unit, height: size.height, width: size.width, shape,
            precision: precision, seed: seed)
        }
        return try kind.network(A, height: size.height, width: size.width, shape, precision: precision, seed: seed)
      }
      return try made(system.signals, system.measurements)
    }
  }

  /// The network with weights of a file, of this package or of one whose names are known.
  ///
  /// - Parameters: `recipe`, that of the weights where they have one; `file`, what errors call it.
  /// - Throws: ``InputError`` or `TrainingError` for weights of another network or problem.
  public func loaded(
    _ weights: Weights, _ recipe: Recipe?, for system: LinearSystem, precision: Precision = .single, file: String
  ) throws -> any Network {
    if let recipe {
      let known = recipe.notes["problem"] ?? "another problem"
      guard recipe.network == name, [LinearSystem.problem, "cs-mri"].contains(known) else {
        throw InputError("\(file): found weights of \(recipe.network) for \(known); expected \(name) for a linear problem")
      }
    }
    if let broken = (weights.parameters + weights.operators).first(where: { !$0.value.isFinite }) {
      throw InputError("\(file): found NaN or infinity in \(broken.name); expected finite weights, get the file again")
    }
    let shape = Architecture(of: weights).over(recipe?.architecture ?? Architecture())
    guard (1...1000).contains(shape.depth ?? 1), (1...1024).contains(shape.channels ?? 1) else {
      throw InputError("\(file): found weights of \(shape.values); expected up to 1000 stages of up to 1024 channels")
    }
    func filled<N: Network>(_ network: N) throws -> any Network { try weights.filled(network, path: file) }
    return try filled(untrained(system, shape, precision: precision, seed: 0))
  }

  /// What measurements are multiplied by for the network.
  public func unit(for system: LinearSystem) -> Double { if case .image = self { system.unit } else { 1 } }

  /// Of images one fills the cache; vectors share the matrices they are multiplied by.
  private var samplesAtATime: Int { if case .image = self { 1 } else { 125 } }

  /// The estimates of measurements `[samples]` + the codomain's numbers, `[samples]` + the domain's, in double precision.
  ///
  /// - Parameters: `precision`, that the network was made in; `cotangent`, where it is given, the pullback of it, `[samples]` + the codomain's
  ///   numbers, in the estimates' place.
  public func run(
    _ network: any Network, _ y: Tensor, stages: Int, for system: LinearSystem, precision: Precision = .single,
    pullbackOf cotangent: Tensor? = nil
  ) throws -> Tensor {
    let unit = unit(for: system)
    func made<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) throws -> Tensor {
      guard let network = network as? any Network<Measurement, Signal> else {
        throw InputError("\(name) is a network between other spaces than those of \(system.name); expected another one")
      }
      func run<N: Network<Measurement, Signal>>(_ network: N) -> Tensor {
        let given = Measurement(
          numbers: (unit == 1 ? y : unit * y).converted(to: precision), shape: [y.shape[0]] + system.codomain.shape)
        guard let cotangent else {
          return network.predict(given, stages: stages, samplesAtATime: samplesAtATime).numbers.converted(to: .double)
        }
        let v = Signal(numbers: cotangent.converted(to: precision), shape: [y.shape[0]] + system.domain.shape)
        let back = pullback(at: given) { network($0, stages: stages) }(v)
        return back.isShapelessZero ? .zeros(y.shape) : unit * back.numbers.converted(to: .double)
      }
      let found = run(network)
      return found.reshaped([y.shape[0]] + (cotangent == nil ? system.domain : system.codomain).numbers)
    }
    return try made(system.signals, system.measurements)
  }
}

/// The networks from the measurements of vectors by a dense matrix to the vectors.
public enum VectorNetwork: String, CaseIterable, Sendable {
  case lista
  case cp = "lista-cp"
  case ss = "lista-ss"
  case cpss = "lista-cpss"
  case tilista
  case alista

  /// λ of ISTA, where networks begin before they are trained.
  public static let startLambda = 0.4

  public var published: (title: String, source: String) {
    switch self {
    case .lista: ("Learned ISTA", "Gregor & LeCun, ICML 2010")
    case .cp: ("LISTA with weight coupling", "Chen, Liu, Wang & Yin, NeurIPS 2018")
    case .ss: ("LISTA with support selection", "Chen, Liu, Wang & Yin, NeurIPS 2018")
    case .cpss: ("LISTA with weight coupling and support selection", "Chen, Liu, Wang & Yin, NeurIPS 2018")
    case .tilista: ("LISTA with one coupled weight for all stages", "Liu, Chen, Wang & Yin, ICLR 2019")
    case .alista: ("LISTA with analytic weight", "Liu, Chen, Wang & Yin, ICLR 2019")
    }
  }

  func untrained(_ system: LinearSystem, depth: Int, precision: Precision) throws -> any Network {
    guard let A = system.matrix else {
      throw InputError("found \(system.name) for \(rawValue); expected one dense matrix on vectors, or a network for images")
    }
    return try untrained(lasso(A, precision), depth: depth)
  }

  /// The network for A, which begins where the system says.
  public func untrained(_ system: LassoSystem, depth: Int) throws -> any Network<Tensor, Tensor> {
    let (problem, start) = (system.problem, system.start)
    switch self {
    case .lista: return UntiedLISTA(unfolding: problem, depth: depth, from: start)
    case .cp: return LISTACP(unfolding: problem, depth: depth, from: start)
    case .ss: return LISTASS(unfolding: problem, depth: depth, from: start)
    case .cpss: return LISTACPSS(unfolding: problem, depth: depth, from: start)
    case .tilista: return TiLISTA(unfolding: problem, depth: depth, from: start)
    case .alista:
      let weight = try start.map { Matrix($0.weight) } ?? system.analyticWeight()
      return ALISTA(unfolding: problem, depth: depth, weight: weight, thresholds: start?.thresholds)
    }
  }

  /// The network, the recipe and the loss of a training: all stages by the logarithm of the error from ``GeometricThresholds``, or, where A has no
  /// analytic weight, stage by stage by half the square from ISTA.
  ///
  /// - Parameters: `samples`, training samples to find the thresholds by; `jointSteps`, in place of the budget's.
  package func training(
    _ A: Matrix, precision: Precision, _ shape: Architecture, samples: SamplePairs, seed: UInt64, budget: TrainingBudget,
    jointSteps: Int?, notes: [String: String]
  ) throws -> (network: any Network<Tensor, Tensor>, recipe: Recipe, loss: PairLoss) {
    var system = lasso(A, precision)
    let depth = shape.depth ?? 16
    guard let weight = try? system.analyticWeight() else {
      return (
        try untrained(system, depth: depth),
        .stagewise(
          rawValue, shape, depth: depth, seed: seed, budget: budget, jointSteps: jointSteps, lambda: system.weight, notes: notes),
        PairLoss(.halfSquaredNorm)
      )
    }
    let thresholds = GeometricThresholds(
      bestFor: system, weight: weight, samples.measurement.converted(to: precision), samples.groundTruth.converted(to: precision),
      depth: depth, selects: selectsSupport, seed: seed)
    system.start = RecoveryStart(weight: weight.entries, thresholds: thresholds.values(depth))
    return (
      try untrained(system, depth: depth),
      .geometric(rawValue, shape, thresholds, depth: depth, seed: seed, budget: budget, steps: jointSteps, notes: notes),
      PairLoss(.logarithmicError)
    )
  }

  private var selectsSupport: Bool { self != .lista && self != .cp }

  private func lasso(_ A: Matrix, _ precision: Precision) -> LassoSystem {
    var system = LassoSystem(A: A, lambda: Self.startLambda)
    system.precision = precision
    return system
  }
}

extension FFDNet {
  /// - Parameters: `weights`, the authors' or the package's own; `path`, what errors call them.
  public init(_ weights: Weights, path: String) throws {
    self = try weights.withHouseNames.filled(FFDNet(seed: 0), path: path)
  }
}
