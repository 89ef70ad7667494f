// SPDX-License-Identifier: Apache-2.0
import Tensors
import _Differentiation

/// A linear map A between two real inner-product spaces, given by itself and its adjoint.
///
/// An operator writes no derivative code: its adjoint is its derivative's. Algorithms write `A(x)` and `A.H(y)`, both
/// differentiable. `forward` and `adjoint` accept `.zero` and return `.zero`.
public protocol LinearOperator<Domain, Codomain>: Sendable {
  associatedtype Domain: VectorSpace
  associatedtype Codomain: VectorSpace
  /// A x.
  func forward(_ x: Domain) -> Codomain
  /// Aᴴ y, with Re⟨A x, y⟩ = Re⟨x, Aᴴ y⟩ for every x and y.
  func adjoint(_ y: Codomain) -> Domain
  /// AᴴA x, ``gram`` as a function.
  func normal(_ x: Domain) -> Domain
  /// ‖A‖² = λ_max(AᴴA) or an upper bound: the Lipschitz constant of the gradient of ½‖A x − y‖².
  var lipschitz: Double { get }
  /// The extents of one x; empty for an operator that takes any.
  var domainShape: [Int] { get }
  /// The extents of one A x.
  var codomainShape: [Int] { get }
  /// (AᴴA + ρ)⁻¹ b for ρ > 0: by conjugate gradients to 1e-12 relative unless the operator has a way of its own.
  /// ``regularisedInverse(_:penalty:)`` is the same, differentiable.
  func solveNormalEquations(_ b: Domain, penalty: Double) -> Domain
  /// Whether ``solveNormalEquations(_:penalty:)`` is a closed form, without iterations.
  var solvesDirectly: Bool { get }
}

extension LinearOperator {
  /// The adjoint as an operator: `A.H(y)` is Aᴴ y.
  public var H: Adjoint<Self> { Adjoint(self) }

  /// A x, differentiable with respect to x.
  public func callAsFunction(_ x: Domain) -> Codomain { forward(x) }

  @derivative(of: callAsFunction, wrt: x)
  public func _vjpCallAsFunction(_ x: Domain) -> (value: Codomain, pullback: (Codomain) -> Domain) {
    (forward(x), { self.adjoint($0) })
  }

  /// AᴴA x, as one operator.
  public var gram: Gram<Self> { Gram(self) }

  public func normal(_ x: Domain) -> Domain { adjoint(forward(x)) }

  public func solveNormalEquations(_ b: Domain, penalty: Double) -> Domain { iteratedSolve(b, penalty: penalty) }

  public var solvesDirectly: Bool { false }

  /// (AᴴA + ρ)⁻¹ b by conjugate gradients.
  func iteratedSolve(_ b: Domain, penalty: Double) -> Domain { conjugateGradient({ normal($0) + penalty * $0 }, b).x }

  /// (AᴴA + ρ)⁻¹ b where A Aᴴ = 1, so that AᴴA is a projection: (b − AᴴA b / (1 + ρ)) / ρ.
  func projectionSolve(_ b: Domain, penalty: Double) -> Domain {
    (1 / penalty) * (b - (1 / (1 + penalty)) * gram.forward(b))
  }

  /// x = (AᴴA + ρ)⁻¹ b = argmin ½‖A x‖² + (ρ/2)‖x‖² − ⟨b, x⟩, differentiable with one more solve: for w = (AᴴA + ρ)⁻¹ v, db = w and
  /// dρ = −⟨w, x⟩.
  public func regularisedInverse(_ b: Domain, penalty: Double) -> Domain { solveNormalEquations(b, penalty: penalty) }

  @derivative(of: regularisedInverse, wrt: (b, penalty))
  public func _vjpRegularisedInverse(
    _ b: Domain, penalty: Double
  ) -> (value: Domain, pullback: (Domain) -> (Domain, Double)) {
    let x = regularisedInverse(b, penalty: penalty)
    return (
      x,
      { v in
        let w = self.solveNormalEquations(v, penalty: penalty)
        return (w, -w.inner(x))
      }
    )
  }
}

// MARK: The algebra of operators

/// A B x = A (B x).
public func * <A: LinearOperator, B: LinearOperator>(a: A, b: B) -> Composition<A, B> where B.Codomain == A.Domain {
  Composition(a, b)
}

/// (s A) x = s (A x).
public func * <A: LinearOperator>(s: Double, a: A) -> Scaled<A> { Scaled(s, a) }

/// (A + B) x = A x + B x.
public func + <A: LinearOperator, B: LinearOperator>(a: A, b: B) -> Sum<A, B>
where A.Domain == B.Domain, A.Codomain == B.Codomain { Sum(a, b) }

/// Numbers of one x or y; nil where any do.
private func size(_ shape: [Int]) -> Int? { shape.isEmpty ? nil : shape.reduce(1, *) }

private func precondition(_ a: [Int], fits b: [Int], _ what: String) {
  precondition(size(a) == nil || size(b) == nil || size(a) == size(b), "\(what) of shapes \(a) and \(b)")
}

/// An operator that measures a part of what there is.
public protocol Undersampling: LinearOperator {
  /// Numbers measured for every number of the signal, such as M / N.
  var samplingRatio: Double { get }
}

/// Aᴴ as an operator of its own.
public struct Adjoint<Op: LinearOperator>: LinearOperator {
  public let A: Op
  public init(_ A: Op) { self.A = A }
  public var domainShape: [Int] { A.codomainShape }
  public var codomainShape: [Int] { A.domainShape }
  public func forward(_ y: Op.Codomain) -> Op.Domain { A.adjoint(y) }
  public func adjoint(_ x: Op.Domain) -> Op.Codomain { A.forward(x) }
  public var lipschitz: Double { A.lipschitz }
}

/// x ↦ AᴴA x, its own adjoint.
public struct Gram<Op: LinearOperator>: LinearOperator {
  public let A: Op
  public init(_ A: Op) { self.A = A }
  public var domainShape: [Int] { A.domainShape }
  public var codomainShape: [Int] { A.domainShape }
  public func forward(_ x: Op.Domain) -> Op.Domain { A.normal(x) }
  public func adjoint(_ x: Op.Domain) -> Op.Domain { A.normal(x) }
  public var lipschitz: Double { A.lipschitz * A.lipschitz }
}

/// x ↦ x.
public struct Identity<Space: VectorSpace>: LinearOperator {
  public let domainShape: [Int]
  /// - Parameter shape: of one x; without it any.
  public init(shape: [Int] = []) { domainShape = shape }
  public var codomainShape: [Int] { domainShape }
  public func forward(_ x: Space) -> Space { x }
  public func adjoint(_ y: Space) -> Space { y }
  public var lipschitz: Double { 1 }
  public func solveNormalEquations(_ b: Space, penalty: Double) -> Space { (1 / (1 + penalty)) * b }
  public var solvesDirectly: Bool { true }
}

/// s A for a real s.
public struct Scaled<Op: LinearOperator>: LinearOperator {
  public let factor: Double
  public let A: Op
  public init(_ factor: Double, _ A: Op) {
    self.factor = factor
    self.A = A
  }
  public var domainShape: [Int] { A.domainShape }
  public var codomainShape: [Int] { A.codomainShape }
  public func forward(_ x: Op.Domain) -> Op.Codomain { factor * A.forward(x) }
  public func adjoint(_ y: Op.Codomain) -> Op.Domain { factor * A.adjoint(y) }
  public func normal(_ x: Op.Domain) -> Op.Domain { factor * factor * A.normal(x) }
  public var lipschitz: Double { factor * factor * A.lipschitz }
}

/// A B: first B, then A.
public struct Composition<Outer: LinearOperator, Inner: LinearOperator>: LinearOperator where Inner.Codomain == Outer.Domain {
  public let outer: Outer
  public let inner: Inner
  public init(_ outer: Outer, _ inner: Inner) {
    precondition(inner.codomainShape, fits: outer.domainShape, "a composition")
    self.outer = outer
    self.inner = inner
  }
  public var domainShape: [Int] { inner.domainShape.isEmpty ? outer.domainShape : inner.domainShape }
  public var codomainShape: [Int] { outer.codomainShape.isEmpty ? inner.codomainShape : outer.codomainShape }
  public func forward(_ x: Inner.Domain) -> Outer.Codomain { outer.forward(inner.forward(x)) }
  public func adjoint(_ y: Outer.Codomain) -> Inner.Domain { inner.adjoint(outer.adjoint(y)) }
  /// The upper bound ‖A‖² ‖B‖²; ``powerIteration(_:startingAt:tolerance:maximumIterations:)`` gives the constant itself.
  public var lipschitz: Double { outer.lipschitz * inner.lipschitz }
}

/// [A; B]: x ↦ (A x, B x), the two results side by side along the last axis.
public struct Stacked<Upper: LinearOperator, Lower: LinearOperator>: LinearOperator
where Upper.Domain == Lower.Domain, Upper.Codomain == Tensor, Lower.Codomain == Tensor {
  public let upper: Upper
  public let lower: Lower
  /// Length of A x along the last axis; a result of the stack is cut there.
  public let upperWidth: Int

  public init(_ upper: Upper, _ lower: Lower) {
    precondition(upper.domainShape, fits: lower.domainShape, "a stack of operators from signals")
    guard let width = upper.codomainShape.last else { preconditionFailure("a stack needs an upper operator that knows its shape") }
    self.upper = upper
    self.lower = lower
    upperWidth = width
  }
  public var domainShape: [Int] { upper.domainShape }
  public var codomainShape: [Int] { lower.codomainShape.dropLast() + [upperWidth + (lower.codomainShape.last ?? 0)] }
  public func forward(_ x: Upper.Domain) -> Tensor { Tensor.joined(upper.forward(x), lower.forward(x)) }
  public func adjoint(_ y: Tensor) -> Upper.Domain {
    if y.isShapelessZero { return .zero }
    let (first, second) = y.split(at: upperWidth)
    return upper.adjoint(first) + lower.adjoint(second)
  }
  /// The upper bound ‖A‖² + ‖B‖².
  public var lipschitz: Double { upper.lipschitz + lower.lipschitz }
}

/// A + B.
public struct Sum<First: LinearOperator, Second: LinearOperator>: LinearOperator
where First.Domain == Second.Domain, First.Codomain == Second.Codomain {
  public let first: First
  public let second: Second
  public init(_ first: First, _ second: Second) {
    precondition(first.domainShape, fits: second.domainShape, "a sum of operators from signals")
    precondition(first.codomainShape, fits: second.codomainShape, "a sum of operators to measurements")
    self.first = first
    self.second = second
  }
  public var domainShape: [Int] { first.domainShape.isEmpty ? second.domainShape : first.domainShape }
  public var codomainShape: [Int] { first.codomainShape.isEmpty ? second.codomainShape : first.codomainShape }
  public func forward(_ x: First.Domain) -> First.Codomain { first.forward(x) + second.forward(x) }
  public func adjoint(_ y: First.Codomain) -> First.Domain { first.adjoint(y) + second.adjoint(y) }
  /// The upper bound (‖A‖ + ‖B‖)².
  public var lipschitz: Double {
    let norm = first.lipschitz.squareRoot() + second.lipschitz.squareRoot()
    return norm * norm
  }
}

extension Tensor {
  /// `a` and `b` side by side along the last axis.
  static func joined(_ a: Tensor, _ b: Tensor) -> Tensor {
    if a.isShapelessZero && b.isShapelessZero { return .zero }
    precondition(a.shape.dropLast() == b.shape.dropLast(), "stacked results of shapes \(a.shape) and \(b.shape)")
    let columns = a.reshaped([a.rowCount, a.width]).transposed
    let more = b.reshaped([b.rowCount, b.width]).transposed
    return Tensor.concatenated([columns, more]).transposed.reshaped(a.shape.dropLast() + [a.width + b.width])
  }

  /// The first `position` entries of the last axis, and the others.
  func split(at position: Int) -> (Tensor, Tensor) {
    precondition(position >= 0 && position <= width, "split at \(position) of \(shape)")
    let columns = reshaped([rowCount, width]).transposed
    return (
      columns.rows(0..<position).transposed.reshaped(shape.dropLast() + [position]),
      columns.rows(position..<width).transposed.reshaped(shape.dropLast() + [width - position])
    )
  }
}
