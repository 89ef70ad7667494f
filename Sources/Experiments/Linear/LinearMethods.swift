// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import FileFormats
import Foundation
import Networks
import Operators
import Synchronization
import Tensors
import Training

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
    /// A file of weights, for a denoising network; nil: those that ship.
    public var denoiserWeights: String?
    public init() {}

    fileprivate func options(_ term: DenoiserTerm?) throws -> ClassicalOptions {
      try term?.check(weights: denoiserWeights)
      var options = ClassicalOptions()
      (options.prior, options.iterations, options.tolerance) = (prior, iterations, tolerance)
      (options.chooseBy, options.precision, options.isTraced) = (chooseBy, precision ?? .double, trace != nil)
      let file = denoiserWeights
      options.denoisingNetwork = { try $0.network(weights: file) }
      return options
    }
  }

  public static var methods: [Method<Linear>] {
    [
      classical(.leastSquares, "Conjugate gradients on ‖A x − y‖², with --prior ridge:λ on + λ‖x‖²", "Björck, 1996"),
      classical(
        .ista, "ISTA: gradient step, proximal map of the priors",
        "Daubechies, Defrise & De Mol, Comm. Pure Appl. Math. 57 (2004)"),
      classical(.fista, "FISTA: ISTA with Nesterov's momentum", "Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009)"),
      classical(
        .admm, "ADMM, priors of any number and kind",
        "Boyd, Parikh, Chu, Peleato & Eckstein, Found. Trends Mach. Learn. 3 (2011)"),
      classical(
        .plugAndPlay, "Half-quadratic splitting with a denoiser, images in [0, 1]",
        "Zhang, Li, Zuo, Zhang, Van Gool & Timofte, IEEE Trans. Pattern Anal. Mach. Intell. 44 (2022)"),
    ] + LinearNetwork.all.map(network)
  }

  private static func classical(_ classical: ClassicalMethod, _ title: String, _ source: String) -> Method<Linear> {
    let name = classical.rawValue
    let knobs: Set<String> =
      classical == .plugAndPlay
      ? ["prior", "iterations", "precision", "denoiserWeights"]
      : ["prior", "iterations", "tolerance", "trace", "chooseBy", "plot", "precision"]
    return Method(name, title, source: source, knobs: knobs) { system, knobs in
      let term = classical == .plugAndPlay && knobs.prior.count == 1 ? try DenoiserTerm(parsing: knobs.prior[0]) : nil
      let solver = try ClassicalSolver(classical, system, knobs.options(term))
      if let plot = knobs.plot {
        guard knobs.prior.contains(where: { $0.contains("auto") }) else {
          throw InputError("found --plot and no prior of weight auto; expected one such as tv:auto")
        }
        guard ["svg", "png"].contains(fileExtension(plot)) else {
          throw InputError("\(plot): found another ending; expected .svg or .png for a plot")
        }
      }
      let trace = knobs.trace.map(TraceFile.init)
      var reconstructor = Reconstructor<Linear> { measured in
        let found = try solver.solve(measured.numbers)
        if let plot = knobs.plot { try found.first?.chosen?.plot(title: "\(name), \(system.name)", to: plot) }
        if let bad = found.first(where: { $0.ending == .notFinite }) {
          throw WorkFailed(
            "\(name): \(Ending.notFinite.rawValue) after \(bad.iterations) iterations; check --prior and the operator")
        }
        for solution in found { try trace?.add(solution.trace) }
        let x = Tensor.concatenated(found.map(\.estimate))
        var result = Reconstruction(value(x, system))
        result.iterations = found.map(\.iterations).max()
        result.residual = residual(x, measured.numbers, system)
        if let ratio = found.compactMap(\.denoiserRatio).max() {
          result.facts = [JSONMember("denoiser_ratio", .number(ratio))]
          let name = ratio < 1 ? "a contraction" : "no contraction"
          result.remarks = [String(format: "the denoiser is \(name) on its last inputs: their distance times %.2f", ratio)]
          return result
        }
        let endings = found.compactMap(\.ending)
        let choices = found.compactMap(\.chosen)
        result.converged = endings.allSatisfy(\.isConvergence)
        result.objective = found.reduce(0) { $0 + ($1.objective ?? 0) }
        result.ending = (endings.first { !$0.isConvergence } ?? endings.first)?.rawValue
        result.facts = choices.isEmpty ? [] : [JSONMember("weights", .array(choices.map { .number($0.weight) }))]
        result.remarks = choices.prefix(1).flatMap { choice in
          [choice.priors.map { "\($0)" }.joined(separator: " + ")] + (choice.remark.map { [$0] } ?? [])
        }
        return result
      }
      if !solver.priors.isEmpty { reconstructor.facts = [JSONMember("prior", .array(solver.priors.map(JSONValue.string)))] }
      return reconstructor
    }
  }

  private static func network(_ network: LinearNetwork) -> Method<Linear> {
    let isConvolutional = if case .image(let kind) = network { !kind.isADMM } else { false }
    return Method(
      network.name, network.title, source: network.source, network.architecture, isConvolutional: isConvolutional
    ) { system, shape, _, seed in try network.untrained(system, shape, seed: seed) }
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Linear>, stages: Int, for system: LinearSystem, _ knobs: Knobs
  ) throws -> Reconstructor<Linear> {
    let kind = try LinearNetwork(name: method.name)
    return Reconstructor { measured in
      let x = try kind.run(network, measured.numbers, stages: stages, for: system)
      var found = Reconstruction(value(x, system))
      found.residual = residual(x, measured.numbers, system)
      return found
    }
  }

  /// Signals `[batch]` + the domain's numbers as they are written: vectors one a row, an image without its first axis.
  static func value(_ x: Tensor, _ system: LinearSystem) -> NumericArray {
    let isOne = system.domain.image != nil && x.shape[0] == 1
    return NumericArray(numbers: isOne ? x.row(0) : x, isComplex: system.domain.isComplex)
  }

  /// ‖A x − y‖ / ‖y‖.
  static func residual(_ x: Tensor, _ y: Tensor, _ system: LinearSystem) -> Double? {
    let norm = y.norm
    return norm > 0 ? (system.double.forward(x) - y).norm / norm : nil
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

extension ChosenWeight {
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
