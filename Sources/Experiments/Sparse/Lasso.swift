// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Evaluation
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// What methods of sparse problems may be told.
public protocol LassoKnobs: Settings {
  /// Most iterations of a classical method; it ends before at a duality gap of 10⁻⁶ · max(1, E) of every sample.
  var iterations: Int? { get }
  var precision: Precision? { get }
}

/// Sparse coding and sparse recovery.
protocol LassoExperiment: Experiment where System == LassoSystem, Knobs: LassoKnobs {
  /// The rows that codes are wanted for, and what is made of the codes.
  static func rows(of measured: Measured) -> Tensor
  static func reconstruction(_ codes: Tensor, _ measured: Measured, _ system: System) -> Reconstruction
}

extension LassoExperiment {
  public static func adjusted(_ system: System, _ knobs: Knobs) throws -> System {
    var system = system
    system.precision = knobs.precision ?? .double
    return system
  }

  public static func reconstructor(
    of network: any Network, _ method: Method<Self>, stages: Int, for system: System, _ knobs: Knobs
  ) throws -> Reconstructor<Self> {
    guard let network = network as? any TensorNetwork else {
      throw InputError("\(method.name) is no network on real codes; expected another one")
    }
    return Reconstructor { measured in
      let codes = network.predict(rows(of: measured).converted(to: system.precision), stages: stages)
      return reconstruction(codes.converted(to: .double), measured, system)
    }
  }

  static var classicalMethods: [Method<Self>] {
    [
      classical("ista", "ISTA: gradient step, soft threshold", "Daubechies, Defrise & De Mol, Comm. Pure Appl. Math. 57 (2004)") {
        solve(ISTA($0), measurement: $1, until: certified($0, $1, every: 5, atMost: $2), .iterations($2))
      },
      classical("fista", "FISTA: ISTA with Nesterov's momentum", "Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009)") {
        solve(FISTA($0), measurement: $1, until: certified($0, $1, every: 5, atMost: $2), .iterations($2))
      },
    ]
  }

  /// An algorithm on a group of samples at a time, groups spread over the threads.
  static func classical(
    _ name: String, _ title: String, _ source: String,
    _ run: @escaping @Sendable (SparseCoding, Tensor, _ iterations: Int) -> Solution<Tensor>
  ) -> Method<Self> {
    Method(name, title, source: source, knobs: ["iterations", "lambda", "precision"]) { system, knobs in
      let most = knobs.iterations ?? 100
      guard (1...1_000_000).contains(most) else { throw InputError("found --iterations \(most); expected 1 to 1000000") }
      let problem = system.problem
      var reconstructor = Reconstructor<Self> { measured in
        let y = rows(of: measured).converted(to: problem.precision)
        let group = 50
        let found = Parallel.map((y.shape[0] + group - 1) / group) { i in
          let solution = run(problem, y.rows(i * group..<min((i + 1) * group, y.shape[0])), most)
          return (estimate: solution.estimate, iterations: solution.iterations, converged: solution.converged)
        }
        var result = reconstruction(Tensor.concatenated(found.map(\.estimate)).converted(to: .double), measured, system)
        result.iterations = found.map(\.iterations).max() ?? 0
        result.converged = found.allSatisfy(\.converged)
        return result
      }
      if system.isRecovery { reconstructor.facts = [JSONMember("lambda", .number(system.weight))] }
      return reconstructor
    }
  }

  static func certified(
    _ problem: SparseCoding, _ y: Tensor, every interval: Int, atMost: Int
  ) -> StoppingRule<Tensor, Tensor> {
    StoppingRule { progress in
      guard progress.iterations % interval == 0 || progress.iterations == atMost else { return false }
      let (gaps, energies) = problem.certificates(progress.estimate, measurement: y)
      return zip(gaps, energies).allSatisfy { $0 <= 1e-6 * max(1, $1) }
    }
  }
}

/// Iterates of a classical algorithm from 0, for curves and tables.
public enum LassoIteration: Sendable {
  case ista
  case fista

  public var name: String { self == .ista ? "ista" : "fista" }

  /// `[x⁽¹⁾, …, x⁽ⁿ⁾]`.
  public func iterates(_ problem: SparseCoding, measurement y: Tensor, count: Int) -> [Tensor] {
    var found: [Tensor] = []
    switch self {
    case .ista: _ = solve(ISTA(problem), measurement: y, until: .iterations(count)) { found.append($1.x) }
    case .fista: _ = solve(FISTA(problem), measurement: y, until: .iterations(count)) { found.append($1.x) }
    }
    return found
  }

  /// The mean over samples of ‖truth − x⁽ᵏ⁾‖², k = 1 … `count`; samples are spread over the threads.
  func errors(_ problem: SparseCoding, measurement y: Tensor, truth: Tensor, count: Int) -> [Double] {
    let groups = RowPieces(rows: y.shape[0], size: 50).map { rows in
      iterates(problem, measurement: y.rows(rows), count: count).map { squaredNorm($0 - truth.rows(rows)) }
    }
    return (0..<count).map { k in groups.reduce(0) { $0 + $1[k] } / Double(y.shape[0]) }
  }
}
