// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Denoisers
import Evaluation
import FileFormats
import Foundation
import Kernels
import Operators
import Problems
import ProximalMaps
import Synchronization
import Tensors

extension Linear {
  public struct Knobs: Settings {
    /// Terms of the objective, ``PriorTerm``, as many as wanted.
    public var prior: [String] = []
    /// Most iterations; nil: as the method has it.
    public var iterations: Int?
    /// What a method ends at, relative; nil: 1e-6.
    public var tolerance: Double?
    /// A file of objective and residuals by iteration, CSV.
    public var trace: String?
    /// How a weight that is `auto` is chosen; nil: by the least predicted risk where the noise is known, else by cross-validation.
    public var chooseBy: WeightChoiceRule?
    /// A picture of the weights that were tried, SVG or PNG.
    public var plot: String?
    /// What classical methods compute in; nil: double.
    public var precision: Precision?
    /// A file of FFDNet's weights, for that denoiser.
    public var denoiserWeights: String?
    public init() {}
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

  public static var methods: [Method<Linear>] {
    [
      classical(
        "least-squares", "Conjugate gradients on ‖A x − y‖², with --prior ridge:λ on + λ‖x‖²", .leastSquares, "Björck, 1996"),
      classical(
        "ista", "ISTA: gradient step, proximal map of the priors", .ista,
        "Daubechies, Defrise & De Mol, Comm. Pure Appl. Math. 57 (2004)"),
      classical("fista", "FISTA: ISTA with Nesterov's momentum", .fista, "Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009)"),
      classical(
        "admm", "ADMM, priors of any number and kind", .admm,
        "Boyd, Parikh, Chu, Peleato & Eckstein, Found. Trends Mach. Learn. 3 (2011)"),
      plugAndPlay,
    ] + networks
  }

  /// min ½‖A x − y‖² + the priors, one sample at a time.
  private static func classical(
    _ name: String, _ title: String, _ way: VariationalMethod, _ source: String
  ) -> Method<Linear> {
    let knobs: Set = ["prior", "iterations", "tolerance", "trace", "chooseBy", "plot", "precision"]
    return Method(name, title, source: source, knobs: knobs) { system, knobs in
      if let denoiser = knobs.prior.first(where: DenoiserTerm.names) {
        throw InputError("found --prior \(denoiser) for \(name); expected the method plug-and-play with it, or another prior")
      }
      let priors = try knobs.prior.map(PriorTerm.init(parsing:))
      if way == .ista || way == .fista, priors.isEmpty {
        throw InputError("found no --prior for \(name); expected one such as --prior l1:0.1, or the method least-squares")
      }
      let settings = try settings(knobs)
      func made<Signal: NumberSpace, Measurement: NumberSpace>(
        _: Signal.Type, _: Measurement.Type
      ) throws -> Reconstructor<Linear> {
        let precision = knobs.precision ?? .double
        let A: OnArrays<Signal, Measurement> = system.typed(precision: precision)
        let isAutomatic = priors.contains(where: \.isAutomatic)
        if !isAutomatic, knobs.chooseBy != nil || knobs.plot != nil {
          throw InputError(
            "found --\(knobs.plot == nil ? "choose-by" : "plot") and no prior of weight auto; expected one such as tv:auto")
        }
        if let plot = knobs.plot, !["svg", "png"].contains(fileExtension(plot)) {
          throw InputError("\(plot): found another ending; expected .svg or .png for a plot")
        }
        let search = isAutomatic ? try WeightSearch(A, priors: priors) : nil
        let problem = try search?.problem(1) ?? VariationalProblem(A, priors: priors)
        let trace = knobs.trace.map(TraceFile.init)
        /// The minimiser, with a weight chosen first where one is to be.
        @Sendable func solution(_ y: Measurement, _ number: Int) throws -> (VariationalSolution<Signal>, WeightChoice<Signal>?) {
          guard var search else { return (try problem.solve(y, by: way, settings: settings), nil) }
          (search.method, search.settings, search.measuredCount) = (way, settings, system.double.measuredCount)
          let noise = system.noiseDeviation(of: y.numbers)
          let rule = try knobs.chooseBy.map { try $0.rule(noise: noise) } ?? .usual(noise: noise)
          let choice = try search.choose(y, by: rule)
          if number == 0, let plot = knobs.plot { try choice.plot(title: "\(name), \(system.name)", to: plot) }
          return (choice.solution, choice)
        }
        var reconstructor = Reconstructor<Linear> { measured in
          let y = measured.numbers.converted(to: precision)
          let solved = try Parallel.map(y.shape[0]) { i in
            let sample = Measurement(numbers: y.rows(i..<i + 1), shape: [1] + system.codomain.shape)
            return try solution(sample, i)
          }
          let choices = solved.compactMap(\.1)
          let found = solved.map(\.0)
          if let bad = found.first(where: { $0.ending == .notFinite }) {
            throw WorkFailed("\(name): \(bad.ending.rawValue) after \(bad.iterations) iterations; check --prior and the operator")
          }
          for solution in found { try trace?.add(solution.trace) }
          let x = Tensor.concatenated(found.map { $0.estimate.numbers.converted(to: .double) })
          var result = Reconstruction(value(x, system))
          result.iterations = found.map(\.iterations).max()
          result.converged = found.allSatisfy(\.ending.isConvergence)
          result.residual = residual(x, measured.numbers, system)
          result.objective = found.reduce(0) { $0 + $1.objective }
          result.ending = found.first { !$0.ending.isConvergence }?.ending.rawValue ?? found.first?.ending.rawValue
          result.facts = choices.isEmpty ? [] : [JSONMember("weights", .array(choices.map { .number($0.weight) }))]
          result.remarks = choices.prefix(1).flatMap { choice in
            [choice.priors.map { "\($0)" }.joined(separator: " + ")] + (choice.remark.map { [$0] } ?? [])
          }
          return result
        }
        if !priors.isEmpty { reconstructor.facts = [JSONMember("prior", .array(priors.map { .string("\($0)") }))] }
        return reconstructor
      }
      return try made(system.signals, system.measurements)
    }
  }

  /// Half-quadratic splitting by the schedule of DPIR: σ_k from 49 / 255 to the noise's σ_n, at least 1 / 255, and ρ_k = 0.23 σ_n² / σ_k².
  private static var plugAndPlay: Method<Linear> {
    let source = "Zhang, Li, Zuo, Zhang, Van Gool & Timofte, IEEE Trans. Pattern Anal. Mach. Intell. 44 (2022)"
    let knobs: Set = ["prior", "iterations", "precision", "denoiserWeights"]
    return Method(
      "plug-and-play", "Half-quadratic splitting with a denoiser, images in [0, 1]", source: source, knobs: knobs
    ) { system, knobs in
      guard knobs.prior.count == 1 else {
        throw InputError(
          "found \(knobs.prior.count) --prior for plug-and-play; expected one of \(DenoiserTerm.spellings.joined(separator: ", "))")
      }
      let term = try DenoiserTerm(parsing: knobs.prior[0])
      let denoiser = try term.denoiser(weights: knobs.denoiserWeights)
      guard let size = system.domain.image else {
        throw InputError("found signals of \(system.domain) for plug-and-play; expected images, or fista or admm")
      }
      try denoiser.check(height: size.height, width: size.width, for: "plug-and-play", instead: "fista or admm")
      let count = knobs.iterations ?? 8
      guard (1...10_000).contains(count) else { throw InputError("found --iterations \(count); expected 1 to 10000") }
      func made<Signal: NumberSpace, Measurement: NumberSpace>(
        _: Signal.Type, _: Measurement.Type
      ) throws -> Reconstructor<Linear> {
        let precision = knobs.precision ?? .double
        let A: OnArrays<Signal, Measurement> = system.typed(precision: precision)
        let iterative = ConjugateGradientSolver(
          A, Identity<Signal>(), tolerance: precision == .double ? 1e-8 : 1e-5, maximumIterations: 500)
        var reconstructor = Reconstructor<Linear> { measured in
          let y = measured.numbers.converted(to: precision)
          let found = Parallel.map(y.shape[0]) { i -> (image: Tensor, ratio: Double) in
            let sample = Measurement(numbers: y.rows(i..<i + 1), shape: [1] + system.codomain.shape)
            let noise = max(system.noiseDeviation(of: sample.numbers) ?? 0, 1.0 / 255)
            let stages = Untied<PlugAndPlaySplitting<OnArrays<Signal, Measurement>>>(
              A, denoiser, NoiseSchedule(from: max(49.0 / 255, noise), to: noise, count: count), weight: 0.23 * noise * noise,
              solver: OperatorSolver(A, iterative: iterative), height: size.height, width: size.width)
            let start = (1 / A.lipschitz) * A.adjoint(sample)
            var previous = start
            let x = solve(stages, measurement: sample, from: start) { k, state in if k == count - 1 { previous = state.x } }
              .estimate
            let ratio = stages.stages[count - 1].denoiserRatio(at: x, previous, measurement: sample)
            return (x.numbers.converted(to: .double), ratio)
          }
          let x = Tensor.concatenated(found.map(\.image))
          var result = Reconstruction(value(x, system))
          (result.iterations, result.residual) = (count, residual(x, measured.numbers, system))
          let ratio = found.map(\.ratio).max() ?? 0
          result.facts = [JSONMember("denoiser_ratio", .number(ratio))]
          result.remarks = [
            String(
              format: "on its last inputs the denoiser is %@ contraction: distances are multiplied by %.2f", ratio < 1 ? "a" : "no",
              ratio)
          ]
          return result
        }
        reconstructor.facts = [JSONMember("prior", .array([.string("\(term)")]))]
        return reconstructor
      }
      return try made(system.signals, system.measurements)
    }
  }

  private static func settings(_ knobs: Knobs) throws -> VariationalSettings {
    var settings = VariationalSettings()
    if let most = knobs.iterations {
      guard (1...10_000_000).contains(most) else { throw InputError("found --iterations \(most); expected 1 to 10000000") }
      settings.maximumIterations = most
    }
    if let tolerance = knobs.tolerance {
      guard tolerance >= 0, tolerance < 1 else { throw InputError("found --tolerance \(tolerance); expected 0 to less than 1") }
      settings.tolerance = tolerance
    }
    settings.isTraced = knobs.trace != nil
    return settings
  }
}

/// A table of iterations, written anew with every solution that is added.
private final class TraceFile: Sendable {
  private let path: String
  private let lines = Mutex<(text: String, samples: Int)>(("sample,iteration,objective,residual_norm,primal,dual\n", 0))

  init(path: String) { self.path = path }

  func add(_ points: [TracePoint]) throws {
    try lines.withLock { lines in
      for p in points {
        let rest = [p.primal, p.dual].map { $0.map { "\($0)" } ?? "" }.joined(separator: ",")
        lines.text += "\(lines.samples),\(p.iteration),\(p.objective),\(p.residualNorm),\(rest)\n"
      }
      lines.samples += 1
      try AtomicFile.write(Data(lines.text.utf8), to: path)
    }
  }
}

extension LinearSystem {
  /// σ of a measurement, where the noise is known.
  fileprivate func noiseDeviation(of y: Tensor) -> Double? {
    guard noise != .none else { return nil }
    return noise.deviation(for: y.doubles[...], support: double.support)
  }
}

extension WeightChoice {
  /// What was tried: the L-curve, or what its rule looks at by weight; the chosen one apart.
  func plot(title: String, to path: String) throws {
    let tried = trials.sorted { $0.weight < $1.weight }
    let isCurve = if case .lCurve = rule { true } else { false }
    func points(_ trials: [WeightTrial]) -> [(x: Double, y: Double)] {
      trials.map { isCurve ? ($0.residualNorm, $0.penalty) : ($0.weight, $0.risk ?? $0.residualNorm) }
    }
    let nearest = tried.min { abs($0.weight - weight) < abs($1.weight - weight) }
    let isScore = tried.allSatisfy { ($0.risk ?? 0) > 0 } && tried.contains { $0.risk != nil }
    let plot = Plot(
      title: title, subtitle: "weight \(Float(weight)), chosen by \(rule.name)",
      horizontal: .init(isCurve ? "‖A x − y‖" : "weight", scale: .logarithmic),
      vertical: .init(
        isCurve ? "penalty" : isScore ? "score" : "‖A x − y‖, or the risk", scale: isCurve || isScore ? .logarithmic : .linear),
      series: [Plot.Series("tried", points: points(tried)), Plot.Series("chosen", points: points(nearest.map { [$0] } ?? []))])
    if fileExtension(path) == "svg" {
      try AtomicFile.write(Data(plot.svg().utf8), to: path)
    } else {
      try AtomicFile.write(Data(try plot.encodedPNG()), to: path)
    }
  }
}

extension WeightRule {
  /// As `--choose-by` has it.
  var name: String {
    switch self {
    case .discrepancy: "discrepancy"
    case .residualFreedom: "residual-freedom"
    case .predictedRisk: "predicted-risk"
    case .crossValidation: "cross-validation"
    case .lCurve: "l-curve"
    }
  }
}
