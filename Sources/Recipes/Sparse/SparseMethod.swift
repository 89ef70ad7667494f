// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Kernels
import Networks
import Operators
import Problems
import Tensors

/// The methods of sparse coding and sparse recovery, by their names on the command line, in files and on pages.
public enum SparseMethod: String, CaseIterable, Sendable, Codable {
  case ista
  case fista
  case cod
  case tanhEncoder = "tanh-encoder"
  case doubleTanhEncoder = "double-tanh-encoder"
  case shrinkageEncoder = "shrinkage-encoder"
  case lista
  case listaCP = "lista-cp"
  case listaSS = "lista-ss"
  case listaCPSS = "lista-cpss"
  case tilista
  case alista
  case stepLISTA = "step-lista"
  case hyperLISTA = "hyperlista"

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool { ![.ista, .fista, .cod].contains(self) }

  /// True for methods of Gregor & LeCun's comparison on image patches, whose target is the optimal code.
  public var servesSparseCoding: Bool {
    [.ista, .fista, .cod, .tanhEncoder, .doubleTanhEncoder, .shrinkageEncoder, .lista].contains(self)
  }

  /// True for methods of the synthetic benchmark, whose target is the sparse signal itself.
  public var servesSparseRecovery: Bool {
    [.ista, .fista, .lista, .listaCP, .listaSS, .listaCPSS, .tilista, .alista, .stepLISTA, .hyperLISTA].contains(self)
  }

  public var title: String {
    switch self {
    case .ista: "ISTA: gradient step, soft threshold"
    case .fista: "FISTA: ISTA with Nesterov's momentum"
    case .cod: "Coordinate descent for sparse coding"
    case .tanhEncoder: "Encoder D tanh(W_e X)"
    case .doubleTanhEncoder: "Encoder D (tanh(W_e X + u) + tanh(W_e X − u))"
    case .shrinkageEncoder: "Encoder h_θ(W_e X)"
    case .lista: "Learned ISTA"
    case .listaCP: "LISTA with weight coupling"
    case .listaSS: "LISTA with support selection"
    case .listaCPSS: "LISTA with weight coupling and support selection"
    case .tilista: "LISTA with one coupled weight for all stages"
    case .alista: "LISTA with analytic weight"
    case .stepLISTA: "ISTA with learned step sizes"
    case .hyperLISTA: "LISTA with three numbers, tuned in place of training"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .ista: "Daubechies, Defrise & De Mol, Comm. Pure Appl. Math. 57 (2004)"
    case .fista: "Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009)"
    case .cod: "Li & Osher, Inverse Probl. Imaging 3 (2009); Gregor & LeCun, ICML 2010, alg. 2"
    case .tanhEncoder, .doubleTanhEncoder, .shrinkageEncoder, .lista: "Gregor & LeCun, ICML 2010"
    case .listaCP, .listaSS, .listaCPSS: "Chen, Liu, Wang & Yin, NeurIPS 2018"
    case .tilista, .alista: "Liu, Chen, Wang & Yin, ICLR 2019"
    case .stepLISTA: "Ablin, Moreau, Massias & Gramfort, NeurIPS 2019"
    case .hyperLISTA: "Chen, Liu, Wang & Yin, NeurIPS 2021"
    }
  }
}

extension SparseMethod {
  /// The untrained network for codes of image patches; nil for a classical algorithm.
  ///
  /// - Parameter iterations: T in Gregor & LeCun's counting; an encoder has none.
  public func codingNetwork(_ problem: SparseCoding, iterations: Int) -> (any TensorNetwork)? {
    switch self {
    case .tanhEncoder: TanhEncoder(problem)
    case .doubleTanhEncoder: DoubleTanhEncoder(problem)
    case .shrinkageEncoder: ShrinkageEncoder(problem)
    case .lista: LISTA(unfolding: problem, iterations: iterations)
    default: nil
    }
  }

  /// The untrained network for sparse recovery; nil for a classical algorithm. `problem.alpha` is λ.
  ///
  /// - Parameter weight: the analytic weight of ALISTA and HyperLISTA when it is known; computed otherwise.
  public func recoveryNetwork(_ problem: SparseCoding, depth: Int, weight: Matrix? = nil) -> (any TensorNetwork)? {
    switch self {
    case .lista: UntiedLISTA(unfolding: problem, depth: depth)
    case .listaCP: LISTACP(unfolding: problem, depth: depth)
    case .listaSS: LISTASS(unfolding: problem, depth: depth)
    case .listaCPSS: LISTACPSS(unfolding: problem, depth: depth)
    case .tilista: TiLISTA(unfolding: problem, depth: depth)
    case .alista: ALISTA(unfolding: problem, depth: depth, weight: weight ?? preciseWeight(of: problem))
    case .hyperLISTA: HyperLISTA(unfolding: problem, depth: depth, weight: weight ?? preciseWeight(of: problem))
    case .stepLISTA: StepLISTA(unfolding: problem, depth: depth)
    default: nil
    }
  }

  /// The analytic weight, computed in double precision whatever the problem's is.
  private func preciseWeight(of problem: SparseCoding) -> Matrix {
    analyticWeight(of: problem.dictionary.converted(to: .double)).converted(to: problem.precision)
  }

  /// The iterates of a classical algorithm from 0: `[x⁽¹⁾, …, x⁽ⁿ⁾]`; empty for a network.
  public func iterates(_ problem: SparseCoding, measurement y: Tensor, count: Int) -> [Tensor] {
    var found: [Tensor] = []
    switch self {
    case .ista: _ = solve(ISTA(problem), measurement: y, until: .iterations(count)) { found.append($1.x) }
    case .fista: _ = solve(FISTA(problem), measurement: y, until: .iterations(count)) { found.append($1.x) }
    case .cod:
      _ = solve(CoordinateDescent(problem), measurement: problem.dictionary.adjoint(y), until: .iterations(count)) {
        found.append($1.estimate)
      }
    default: break
    }
    return found
  }

  /// Mean ‖Z* − x⁽ᵏ⁾‖² of those iterates, k = 1 … `count`; samples are spread over the threads, results do not depend on their number.
  func errors(_ problem: SparseCoding, _ test: CodedPatches, count: Int) -> [Double] {
    let total = test.patches.shape[0]
    let groups = RowPieces(rows: total, size: 50).map { rows in
      iterates(problem, measurement: test.patches.rows(rows), count: count).map { squaredNorm($0 - test.codes.rows(rows)) }
    }
    return (0..<count).map { k in groups.reduce(0) { $0 + $1[k] } / Double(total) }
  }
}
