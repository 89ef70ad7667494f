// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Platform
import Tensors
import _Differentiation

/// Solves (AᴴA + ρ DᴴD) x = b for a given ρ.
public protocol NormalEquationSolver: Sendable {
  associatedtype Signal: VectorSpace
  func solve(_ b: Signal, penalty: Double) -> Signal
  /// The same, where x is close to the solution: an iterative solver begins there.
  func solve(_ b: Signal, penalty: Double, near x: Signal) -> Signal
}

extension NormalEquationSolver {
  public func solve(_ b: Signal, penalty: Double, near x: Signal) -> Signal { solve(b, penalty: penalty) }
}

extension MatrixSolver: NormalEquationSolver {}

/// For D the identity, as the operator itself does it.
public struct OperatorSolver<Op: LinearOperator>: NormalEquationSolver {
  public typealias Iterative = ConjugateGradientSolver<Op, Identity<Op.Domain>>
  public let A: Op
  /// What takes the place of the operator's own way where that is no closed form.
  public let iterative: Iterative?
  public init(_ A: Op, iterative: Iterative? = nil) { (self.A, self.iterative) = (A, iterative) }
  public func solve(_ b: Op.Domain, penalty: Double) -> Op.Domain { solve(b, penalty: penalty, near: .zero) }

  public func solve(_ b: Op.Domain, penalty: Double, near x: Op.Domain) -> Op.Domain {
    guard let iterative, !A.solvesDirectly else { return A.solveNormalEquations(b, penalty: penalty) }
    return iterative.solve(b, penalty: penalty, near: x)
  }
}

/// By conjugate gradients: any operators.
public struct ConjugateGradientSolver<Op: LinearOperator, Analysis: LinearOperator>: NormalEquationSolver
where Op.Domain == Analysis.Domain {
  public let A: Op
  public let D: Analysis
  public let tolerance: Double
  public let maximumIterations: Int
  public init(_ A: Op, _ D: Analysis, tolerance: Double = 1e-13, maximumIterations: Int = 10_000) {
    self.A = A
    self.D = D
    self.tolerance = tolerance
    self.maximumIterations = maximumIterations
  }
  public func solve(_ b: Op.Domain, penalty: Double) -> Op.Domain { solve(b, penalty: penalty, near: .zero) }

  public func solve(_ b: Op.Domain, penalty: Double, near x: Op.Domain) -> Op.Domain {
    conjugateGradient(
      { x in A.normal(x) + penalty * D.normal(x) }, b, from: x, tolerance: tolerance,
      maximumIterations: maximumIterations
    ).x
  }
}

/// By a Cholesky factorisation, kept for the last ρ: dense A, and D dense or the identity (nil).
public final class CholeskySolver: NormalEquationSolver {
  private let gramA: [Double]
  private let gramD: [Double]
  private let size: Int
  private let lock = Lock()
  private nonisolated(unsafe) var kept: (penalty: Double, factor: [Double])?

  public init(_ A: Matrix, _ D: Matrix? = nil) {
    func gram(_ M: Matrix) -> [Double] {
      let transposed = M.entries.converted(to: .double).transposed
      return linear(transposed, transposed).doubles
    }
    size = A.columns
    gramA = gram(A)
    gramD = D.map(gram) ?? Tensor.identity(size).doubles
    precondition(D == nil || D!.columns == size, "an analysis matrix of \(D!.columns) columns beside one of \(size)")
  }

  public func solve(_ b: Tensor, penalty: Double) -> Tensor {
    if b.isShapelessZero { return b }
    let r = factor(penalty)
    var x = b.doubles
    x.withUnsafeMutableBufferPointer {
      LinearAlgebra.choleskySolve(r, size: size, rows: b.rowCount, $0.baseAddress!)
    }
    return Tensor(x, shape: b.shape, precision: b.precision)
  }

  private func factor(_ penalty: Double) -> [Double] {
    lock.withLock {
      if let kept, kept.penalty == penalty { return kept.factor }
      var k = gramA
      for i in k.indices { k[i] += penalty * gramD[i] }
      precondition(
        LinearAlgebra.cholesky(&k, size: size), "AᵀA + \(penalty) DᵀD is not positive definite; the penalty must be positive")
      kept = (penalty, k)
      return k
    }
  }
}

/// x = argmin ½‖A x − y‖² + (ρ/2)‖D x − c‖² = (AᴴA + ρ DᴴD)⁻¹ (Aᴴ y + ρ Dᴴ c): the exact x-update of ADMM.
///
/// Differentiated implicitly, with one more solve: for w = K⁻¹ v, dy = A w, dc = ρ D w, dρ = ⟨D w, c − D x⟩.
public struct RegularisedLeastSquares<Op: LinearOperator, Analysis: LinearOperator, Solver: NormalEquationSolver>:
  ReconstructionStep
where Op.Domain == Analysis.Domain, Solver.Signal == Op.Domain {
  @noDerivative public let A: Op
  @noDerivative public let D: Analysis
  @noDerivative public let solver: Solver
  /// ρ > 0.
  public var penalty: Double

  @differentiable(reverse,wrt: penalty)
  public init(_ A: Op, _ D: Analysis, solver: Solver, penalty: Double) {
    self.A = A
    self.D = D
    self.solver = solver
    self.penalty = penalty
  }

  @differentiable(reverse)
  public func callAsFunction(_ y: Op.Codomain, pulledTo c: Analysis.Codomain) -> Op.Domain {
    self(y, pulledTo: c, near: withoutDerivative(at: Op.Domain.zero))
  }

  @differentiable(reverse,wrt: (self, y, c))
  public func callAsFunction(_ y: Op.Codomain, pulledTo c: Analysis.Codomain, near start: Op.Domain) -> Op.Domain {
    solver.solve(A.adjoint(y) + penalty * D.adjoint(c), penalty: penalty, near: start)
  }

  @derivative(of: callAsFunction(_:pulledTo:near:), wrt: (self, y, c)) @usableFromInline
  func _vjpCall(
    _ y: Op.Codomain, pulledTo c: Analysis.Codomain, near start: Op.Domain
  ) -> (value: Op.Domain, pullback: (Op.Domain) -> (TangentVector, Op.Codomain, Analysis.Codomain)) {
    let x = self(y, pulledTo: c, near: start)
    return (
      x,
      { v in
        let w = solver.solve(v, penalty: penalty)
        let Dw = D.forward(w)
        var tangent = TangentVector.zero
        tangent.penalty = Dw.inner(c) - Dw.inner(D.forward(x))
        return (tangent, A.forward(w), penalty * Dw)
      }
    )
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "penalty", &penalty, &gradient.penalty)
  }
}
