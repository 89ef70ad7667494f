// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Tensors
import Training

/// Any method of sparse coding or sparse recovery made ready for one matrix: a classical algorithm with its stopping rule, or a
/// network with its weights.
public struct SparseSolver: Sendable {
  /// What may be chosen; nil takes the default.
  public struct Options: Sendable {
    /// λ of sparse recovery, for the classical methods (default 0.1) and Step-LISTA (default: what it was trained for).
    public var lambda: Double?
    /// Most iterations of a classical method, 100 by default; it ends before when every sample's duality gap is ≤ 10⁻⁶ · max(1, E).
    public var iterations: Int?
    /// Stages of a network, all that it was trained with by default. LISTA's T iterations on patches are T + 1 stages.
    public var depth: Int?
    /// A file of weights; those that ship by default.
    public var weights: String?
    public var precision = Precision.double
    public init() {}
  }

  /// Codes and how they came about.
  public struct Solution: Sendable {
    /// One code a row, double precision.
    public let codes: Tensor
    /// Iterations or stages that were run.
    public let iterations: Int
    /// Whether every sample met the duality gap; nil for a network.
    public let converged: Bool?
    public let seconds: Double
  }

  public let method: SparseMethod
  /// The LASSO of the matrix: sparse coding's own, or that of λ.
  public let problem: SparseCoding
  public let network: (any TensorNetwork)?
  /// Stages that are run, or the most iterations.
  public let depth: Int
  /// The file of weights; nil for a classical method.
  public let weights: String?
  public static let tolerance = 1e-6

  /// Number of learnable numbers.
  public var parameterCount: Int { network?.parameterCount ?? 0 }

  /// - Parameters: `alpha`, the weight of ‖Z‖₁ of sparse coding; `library`, where weights that ship lie.
  /// - Throws: ``RecipeError`` when the method does not serve the problem, an option is not for it, or the weights are another network's or
  ///   another matrix's; the reader's error for a damaged file of weights.
  public init(
    _ method: SparseMethod, for kind: ProblemKind, A: Matrix, alpha: Double?, options: Options, library: ModelLibrary = .standard
  ) throws {
    try Method.sparse(method).check(for: kind)
    try Self.check(method, kind, options)
    let stored = method.isTrained ? try StoredWeights(method, kind, A, options, library) : nil
    let lambda = stored?.lambda ?? options.lambda ?? 0.1
    let lasso =
      kind == .sparseCoding ? SparseCoding(dictionary: A, alpha: alpha ?? 0.5) : SparseRecovery(A: A).lasso(lambda: lambda)
    problem = lasso.converted(to: options.precision)
    self.method = method
    weights = stored?.path
    if let stored {
      network = try stored.network(method, kind, problem)
      depth = options.depth ?? stored.depth
    } else {
      network = nil
      depth = options.iterations ?? 100
    }
  }

  private static func check(_ method: SparseMethod, _ kind: ProblemKind, _ options: Options) throws {
    func refuse(_ option: String, _ given: Bool, _ advice: String) throws {
      if given { throw RecipeError("found \(option) for \(method.rawValue) of \(kind.rawValue); expected \(advice)") }
    }
    let usesLambda = kind == .sparseRecovery && [.ista, .fista, .stepLISTA].contains(method)
    try refuse(
      "--lambda", options.lambda != nil && !usesLambda, "it only with ista, fista or step-lista of sparse-recovery: leave it out")
    try refuse(
      "--iterations", method.isTrained && options.iterations != nil, "a classical method: use --depth for a network's stages")
    try refuse("--depth", !method.isTrained && options.depth != nil, "a network: use --iterations for a classical method")
    try refuse("--weights", !method.isTrained && options.weights != nil, "a network: leave it out")
    let isEncoder = [.tanhEncoder, .doubleTanhEncoder, .shrinkageEncoder].contains(method)
    try refuse("--depth \(options.depth ?? 0)", isEncoder && options.depth ?? 1 != 1, "1, an encoder has a single stage")
    if let lambda = options.lambda, !(lambda >= 0 && lambda.isFinite) {
      throw RecipeError("found --lambda \(lambda); expected a number ≥ 0")
    }
    for (name, value) in [("--iterations", options.iterations), ("--depth", options.depth)] {
      if let value, !(1...1_000_000).contains(value) { throw RecipeError("found \(name) \(value); expected 1 to 1000000") }
    }
  }

  /// The codes of measurements, one a row, spread over the threads; results do not depend on their number.
  public func solve(_ samples: Tensor) -> Solution {
    let y = samples.converted(to: problem.precision)
    let begin = Date()
    if let network {
      let codes = network.predict(y, stages: depth).converted(to: .double)
      return Solution(codes: codes, iterations: depth, converged: nil, seconds: Date().timeIntervalSince(begin))
    }
    let group = 50
    let found = Parallel.map((y.shape[0] + group - 1) / group) { i in
      let solution = classical(y.rows(i * group..<min((i + 1) * group, y.shape[0])))
      return (estimate: solution.estimate, iterations: solution.iterations, converged: solution.converged)
    }
    return Solution(
      codes: Tensor.concatenated(found.map(\.estimate)).converted(to: .double), iterations: found.map(\.iterations).max() ?? 0,
      converged: found.allSatisfy(\.converged), seconds: Date().timeIntervalSince(begin))
  }

  private func classical(_ y: Tensor) -> Algorithms.Solution<Tensor> {
    func certified(every interval: Int) -> StoppingRule<Tensor, Tensor> {
      StoppingRule { progress in
        guard progress.iterations % interval == 0 || progress.iterations == depth else { return false }
        let (gaps, energies) = problem.certificates(progress.estimate, measurement: y)
        return zip(gaps, energies).allSatisfy { $0 <= Self.tolerance * max(1, $1) }
      }
    }
    switch method {
    case .ista: return Algorithms.solve(ISTA(problem), measurement: y, until: certified(every: 5), .iterations(depth))
    case .fista: return Algorithms.solve(FISTA(problem), measurement: y, until: certified(every: 5), .iterations(depth))
    default:
      return Algorithms.solve(
        CoordinateDescent(problem), measurement: problem.dictionary.adjoint(y), until: certified(every: 20), .iterations(depth))
    }
  }
}

/// A network's weights as a file has them, found and held against what is asked of them.
private struct StoredWeights {
  let path: String
  let weights: Weights
  /// Stages they have, or that are asked for.
  let depth: Int
  /// Step-LISTA's λ; nil for others.
  var lambda: Double?

  init(_ method: SparseMethod, _ kind: ProblemKind, _ A: Matrix, _ options: SparseSolver.Options, _ library: ModelLibrary) throws {
    let shipped =
      switch kind {
      case .sparseCoding: library.coding(method, units: A.columns, iterations: options.depth.map { $0 - 1 } ?? 3)
      default: library.recovery(method)
      }
    let path = try options.weights ?? library.existing(shipped, instead: "--weights")
    let weights = try Weights(anyFile: path)
    self.path = path
    self.weights = weights
    let recipe = try weights.recipe(of: method.rawValue, for: kind, file: path)
    let matrixName = kind == .sparseCoding ? "dictionary" : "A"
    if let own = weights.operators.first(where: { $0.name == matrixName })?.value.converted(to: .double) {
      guard own.shape == A.entries.shape, (own - A.entries).norm <= 1e-5 * A.entries.norm else {
        throw RecipeError(
          "\(path): found weights for another \(matrixName) \(own.shape) than the measurement's \(A.entries.shape); expected the same one, "
            + "train the network for it")
      }
    }
    switch kind {
    case .sparseCoding:
      guard method == .lista else {
        depth = 1
        return
      }
      guard let known = options.depth ?? recipe?.notes["iterations"].flatMap(Int.init).map({ $0 + 1 }) else {
        throw RecipeError("\(path): found weights that do not say their number of stages; expected --depth N")
      }
      depth = known
    default:
      let numbers = weights.parameters.compactMap { parameter -> Int? in
        let parts = parameter.name.split(whereSeparator: { $0 == "." || $0 == "_" })
        return parts.count > 2 && parts[0] == "stages" ? Int(parts[1]) : nil
      }
      if method == .hyperLISTA {  // its stages share their numbers: any depth will do
        guard let known = options.depth ?? recipe?.notes["depth"].flatMap(Int.init) else {
          throw RecipeError("\(path): found weights that do not say their number of stages; expected --depth N")
        }
        depth = known
        break
      }
      guard let last = numbers.max(), last < 10_000 else {
        throw RecipeError("\(path): found no parameter stages.0.…; expected weights of \(method.rawValue), choose others")
      }
      if let wanted = options.depth, wanted > last + 1 {
        throw RecipeError("\(path): found weights of \(last + 1) stages; expected --depth up to \(last + 1), not \(wanted)")
      }
      depth = last + 1
    }
    if method == .stepLISTA {
      let trained = recipe?.notes["lambda"].flatMap(Double.init)
      if let trained, let wanted = options.lambda, trained != wanted {
        throw RecipeError("\(path): found weights trained for lambda \(trained); expected --lambda \(trained), or none")
      }
      lambda = trained ?? options.lambda
    }
    if method.hasAnalyticWeight { try checkAnalyticWeight(of: A) }
  }

  /// The network of these weights.
  func network(_ method: SparseMethod, _ kind: ProblemKind, _ problem: SparseCoding) throws -> any TensorNetwork {
    let untrained =
      kind == .sparseCoding
      ? method.codingNetwork(problem, iterations: depth - 1) : method.recoveryNetwork(problem, depth: depth)
    guard let untrained else { preconditionFailure("\(method.rawValue) is not trained") }
    return try weights.filled(any: untrained, file: path)
  }
}

extension SparseMethod {
  /// Whether its W̃ is ``analyticWeight(of:)`` of A.
  var hasAnalyticWeight: Bool { self == .alista || self == .hyperLISTA }
}

/// The analytic weight needs A of full row rank without zero columns.
func checkAnalyticWeight(of A: Matrix) throws {
  var gram = linear(A.entries, A.entries).doubles
  let columns = A.entries.transposed
  let hasZero = (0..<A.columns).contains { columns.row($0).maximumMagnitude == 0 }
  guard A.rows <= A.columns, !hasZero, LinearAlgebra.cholesky(&gram, size: A.rows) else {
    throw RecipeError(
      "found a matrix of \(A.rows) × \(A.columns) without full row rank or with a zero column, which has no analytic weight; choose lista-cpss"
    )
  }
}
