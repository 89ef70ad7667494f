// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import Kernels
import Networks
import Operators
import Platform
import Problems
import ProximalMaps
import Tensors
import WeightFiles

/// The classical methods of any operator, by name.
public enum ClassicalMethod: String, CaseIterable, Sendable {
  case leastSquares = "least-squares"
  case ista
  case fista
  case admm
  case plugAndPlay = "plug-and-play"

  var variational: VariationalMethod? {
    switch self {
    case .leastSquares: .leastSquares
    case .ista: .ista
    case .fista: .fista
    case .admm: .admm
    case .plugAndPlay: nil
    }
  }
}

/// ``WeightRule`` by its name.
public enum WeightChoiceRule: String, CaseIterable, Codable, Sendable {
  case predictedRisk = "predicted-risk"
  case discrepancy
  case residualFreedom = "residual-freedom"
  case crossValidation = "cross-validation"
  case lCurve = "l-curve"

  /// - Throws: ``InputError`` where the noise must be known and is not.
  func rule(noise: Double?) throws -> WeightRule {
    switch self {
    case .crossValidation: return .crossValidation
    case .lCurve: return .lCurve()
    case .predictedRisk, .discrepancy, .residualFreedom:
      guard let noise else {
        throw InputError("found --choose-by \(rawValue) and no noise; expected --noise σ, or cross-validation or l-curve")
      }
      return self == .predictedRisk
        ? .predictedRisk(noise: noise) : self == .discrepancy ? .discrepancy(noise: noise) : .residualFreedom(noise: noise)
    }
  }
}

extension WeightRule {
  /// As ``WeightChoiceRule`` spells it.
  public var name: String {
    let rule: WeightChoiceRule =
      switch self {
      case .discrepancy: .discrepancy
      case .residualFreedom: .residualFreedom
      case .predictedRisk: .predictedRisk
      case .crossValidation: .crossValidation
      case .lCurve: .lCurve
      }
    return rule.rawValue
  }
}

/// What a classical method may be told; nil: as the method has it.
public struct ClassicalOptions: Sendable {
  /// Terms of the objective, ``PriorTerm``; of plug-and-play the denoiser, ``DenoiserTerm``.
  public var prior: [String] = []
  /// Most iterations.
  public var iterations: Int?
  /// What a method ends at, relative; nil: 1e-6.
  public var tolerance: Double?
  /// How a weight that is `auto` is chosen; nil: by the least predicted risk where the noise is known, else by cross-validation.
  public var chooseBy: WeightChoiceRule?
  public var precision = Precision.double
  /// Solutions have a trace.
  public var isTraced = false
  /// A denoising network with its weights, for that denoiser.
  public var denoisingNetwork: @Sendable (DenoisingNetworkKind) throws -> any DenoisingNetwork = {
    throw InputError("found no --denoiser-weights for denoiser:\($0.rawValue); expected a file of its weights")
  }
  public init() {}
}

/// The solution for one measurement.
public struct ClassicalSolution: Sendable {
  /// `[1]` + the domain's numbers, in double precision.
  public let estimate: Tensor
  public let iterations: Int
  /// Nil of plug-and-play, which has no objective and runs all its iterations.
  public var objective: Double?
  public var ending: Ending?
  public var trace: [TracePoint] = []
  public var chosen: ChosenWeight?
  /// Of plug-and-play: how far apart the denoiser's last two results lie, its inputs at distance 1.
  public var denoiserRatio: Double?
}

/// A weight that was `auto`.
public struct ChosenWeight: Sendable {
  public let rule: WeightRule
  public let weight: Double
  public let priors: [PriorTerm]
  public let trials: [WeightTrial]
  public let remark: String?
}

/// A classical method ready for a system: min ½‖A x − y‖² + the priors, or half-quadratic splitting with a denoiser.
public struct ClassicalSolver: Sendable {
  /// The terms of the objective as they are understood.
  public let priors: [String]
  private let system: LinearSystem
  private let precision: Precision
  /// `[1]` + the codomain's numbers to a solution.
  private let one: @Sendable (Tensor) throws -> ClassicalSolution

  /// - Throws: ``InputError`` for options that do not go together with the method or the system.
  public init(_ method: ClassicalMethod, _ system: LinearSystem, _ options: ClassicalOptions = .init()) throws {
    (self.system, precision) = (system, options.precision)
    func made<Signal: NumberSpace, Measurement: NumberSpace>(
      _: Signal.Type, _: Measurement.Type
    ) throws -> (one: @Sendable (Tensor) throws -> ClassicalSolution, priors: [String]) {
      let A: OnArrays<Signal, Measurement> = system.typed(precision: options.precision)
      guard let way = method.variational else { return try Self.plugAndPlay(A, system, options) }
      return try Self.variational(method, way, A, system, options)
    }
    (one, priors) = try made(system.signals, system.measurements)
  }

  /// The solutions of measurements `[samples]` + the codomain's numbers, spread over the threads.
  public func solve(_ y: Tensor) throws -> [ClassicalSolution] {
    let y = y.converted(to: precision)
    return try Parallel.map(y.shape[0]) { i in try one(y.rows(i..<i + 1)) }
  }

  private static func variational<Signal: NumberSpace, Measurement: NumberSpace>(
    _ method: ClassicalMethod, _ way: VariationalMethod, _ A: OnArrays<Signal, Measurement>, _ system: LinearSystem,
    _ options: ClassicalOptions
  ) throws -> (@Sendable (Tensor) throws -> ClassicalSolution, [String]) {
    let name = method.rawValue
    if let denoiser = options.prior.first(where: DenoiserTerm.names) {
      throw InputError("found --prior \(denoiser) for \(name); expected the method plug-and-play with it, or another prior")
    }
    let priors = try options.prior.map(PriorTerm.init(parsing:))
    if way == .ista || way == .fista, priors.isEmpty {
      throw InputError("found no --prior for \(name); expected one such as --prior l1:0.1, or the method least-squares")
    }
    var settings = VariationalSettings()
    if let most = options.iterations {
      guard (1...10_000_000).contains(most) else { throw InputError("found --iterations \(most); expected 1 to 10000000") }
      settings.maximumIterations = most
    }
    if let tolerance = options.tolerance {
      guard tolerance >= 0, tolerance < 1 else { throw InputError("found --tolerance \(tolerance); expected 0 to less than 1") }
      settings.tolerance = tolerance
    }
    settings.isTraced = options.isTraced
    let isAutomatic = priors.contains(where: \.isAutomatic)
    if !isAutomatic, options.chooseBy != nil {
      throw InputError("found --choose-by and no prior of weight auto; expected one such as tv:auto")
    }
    var search = isAutomatic ? try WeightSearch(A, priors: priors) : nil
    search?.method = way
    search?.settings = settings
    search?.measuredCount = system.double.measuredCount
    let problem = try search?.problem(1) ?? VariationalProblem(A, priors: priors)
    let solve: @Sendable (Tensor) throws -> ClassicalSolution = { [search, settings] numbers in
      let y = Measurement(numbers: numbers, shape: [1] + system.codomain.shape)
      var chosen: ChosenWeight?
      let found: VariationalSolution<Signal>
      if let search {
        let noise = system.noiseDeviation(of: numbers)
        let choice = try search.choose(y, by: options.chooseBy.map { try $0.rule(noise: noise) } ?? .usual(noise: noise))
        found = choice.solution
        chosen = ChosenWeight(
          rule: choice.rule, weight: choice.weight, priors: choice.priors, trials: choice.trials, remark: choice.remark)
      } else {
        found = try problem.solve(y, by: way, settings: settings)
      }
      return ClassicalSolution(
        estimate: found.estimate.numbers.converted(to: .double), iterations: found.iterations, objective: found.objective,
        ending: found.ending, trace: found.trace, chosen: chosen)
    }
    return (solve, priors.map { "\($0)" })
  }

  /// Half-quadratic splitting by ``NoiseSchedule/dpir(noise:count:)``.
  private static func plugAndPlay<Signal: NumberSpace, Measurement: NumberSpace>(
    _ A: OnArrays<Signal, Measurement>, _ system: LinearSystem, _ options: ClassicalOptions
  ) throws -> (@Sendable (Tensor) throws -> ClassicalSolution, [String]) {
    guard options.prior.count == 1 else {
      throw InputError(
        "found \(options.prior.count) --prior for plug-and-play; expected one of \(DenoiserTerm.spellings.joined(separator: ", "))")
    }
    let term = try DenoiserTerm(parsing: options.prior[0])
    let denoiser = try term.denoiser(network: options.denoisingNetwork)
    guard let size = system.domain.image else {
      throw InputError("found signals of \(system.domain) for plug-and-play; expected images, or fista or admm")
    }
    try denoiser.check(height: size.height, width: size.width, for: "plug-and-play", instead: "fista or admm")
    let count = options.iterations ?? 8
    guard (1...10_000).contains(count) else { throw InputError("found --iterations \(count); expected 1 to 10000") }
    let iterative = ConjugateGradientSolver(
      A, Identity<Signal>(), tolerance: options.precision == .double ? 1e-8 : 1e-5, maximumIterations: 500)
    let solve: @Sendable (Tensor) throws -> ClassicalSolution = { numbers in
      let y = Measurement(numbers: numbers, shape: [1] + system.codomain.shape)
      let (levels, weight) = NoiseSchedule.dpir(noise: system.noiseDeviation(of: numbers) ?? 0, count: count)
      let stages = Untied<PlugAndPlaySplitting<OnArrays<Signal, Measurement>>>(
        A, denoiser, levels, weight: weight, solver: OperatorSolver(A, iterative: iterative), height: size.height,
        width: size.width)
      let start = (1 / A.lipschitz) * A.adjoint(y)
      var previous = start
      let x = Algorithms.solve(stages, measurement: y, from: start) { k, state in if k == count - 1 { previous = state.x } }
        .estimate
      var solution = ClassicalSolution(estimate: x.numbers.converted(to: .double), iterations: count)
      solution.denoiserRatio = stages.stages[count - 1].denoiserRatio(at: x, madeFrom: previous, measurement: y)
      return solution
    }
    return (solve, ["\(term)"])
  }
}
