// SPDX-License-Identifier: Apache-2.0
import Algorithms
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
    /// What classical methods compute in; nil: double.
    public var precision: Precision?
    public init() {}
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
    ] + networks
  }

  /// min ½‖A x − y‖² + the priors, one sample at a time.
  private static func classical(
    _ name: String, _ title: String, _ way: VariationalMethod, _ source: String
  ) -> Method<Linear> {
    Method(name, title, source: source, knobs: ["prior", "iterations", "tolerance", "trace", "precision"]) { system, knobs in
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
        let problem = try VariationalProblem(A, priors: priors)
        let trace = knobs.trace.map(TraceFile.init)
        var reconstructor = Reconstructor<Linear> { measured in
          let y = measured.numbers.converted(to: precision)
          let found = try Parallel.map(y.shape[0]) { i in
            let sample = Measurement(numbers: y.rows(i..<i + 1), shape: [1] + system.codomain.shape)
            return try problem.solve(sample, by: way, settings: settings)
          }
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
          return result
        }
        if !priors.isEmpty { reconstructor.facts = [JSONMember("prior", .array(priors.map { .string("\($0)") }))] }
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
