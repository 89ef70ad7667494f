// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A space of arrays whose extents are known when a program runs: those of one array, and whether its numbers are complex.
public struct ArraySpace: Sendable, Hashable, CustomStringConvertible {
  public var shape: [Int]
  public var isComplex: Bool

  public init(_ shape: [Int], isComplex: Bool = false) { (self.shape, self.isComplex) = (shape, isComplex) }

  public var count: Int { shape.reduce(1, *) }
  /// Extents of an array's real numbers, the two parts of a complex one last.
  public var numbers: [Int] { isComplex ? shape + [2] : shape }
  /// Rows and columns of the images; nil for vectors.
  public var image: (height: Int, width: Int)? {
    shape.count < 2 ? nil : (shape[shape.count - 2], shape[shape.count - 1])
  }
  public var description: String { "\(shape)\(isComplex ? " complex" : "")" }
}

/// An operator between arrays whose spaces are known when a program runs, such as one that a file describes: steps are put together one
/// after another, and ``OnArrays`` is the whole as a ``LinearOperator`` between typed spaces.
///
/// Both maps take real numbers `[batch]` + ``ArraySpace/numbers`` in the operator's precision.
public struct ArrayOperator: Sendable {
  public let domain: ArraySpace
  public let codomain: ArraySpace
  /// A x and Aᴴ y.
  public let forward: @Sendable (Tensor) -> Tensor
  public let adjoint: @Sendable (Tensor) -> Tensor
  /// AᴴA x.
  public let normal: @Sendable (Tensor) -> Tensor
  /// ‖A‖² or an upper bound; nil where it is to be found by power iteration.
  public private(set) var bound: Double?
  /// AᴴA = A Aᴴ = 1.
  public private(set) var isUnitary = false
  /// (AᴴA + ρ)⁻¹ b, where there is a way without iterations.
  public private(set) var solve: (@Sendable (Tensor, Double) -> Tensor)?
  /// Where there is a measurement, 0 or 1 for every number of the codomain: nil: everywhere.
  public private(set) var support: [Double]?

  public init(
    from domain: ArraySpace, to codomain: ArraySpace, bound: Double? = nil, isUnitary: Bool = false, support: [Double]? = nil,
    solve: (@Sendable (Tensor, Double) -> Tensor)? = nil, normal: (@Sendable (Tensor) -> Tensor)? = nil,
    forward: @escaping @Sendable (Tensor) -> Tensor, adjoint: @escaping @Sendable (Tensor) -> Tensor
  ) {
    (self.domain, self.codomain, self.forward, self.adjoint) = (domain, codomain, forward, adjoint)
    self.normal = normal ?? { adjoint(forward($0)) }
    (self.bound, self.isUnitary, self.support) = (isUnitary ? 1 : bound, isUnitary, support)
    self.solve = solve
    if isUnitary { self.solve = { b, penalty in (1 / (1 + penalty)) * b } }
  }

  /// A typed operator from arrays of an extent to arrays of another.
  ///
  /// - Parameter solves: the operator has a way of its own to (AᴴA + ρ)⁻¹.
  public init<Op: LinearOperator>(
    _ A: Op, from domain: [Int], to codomain: [Int], bound: Double? = nil, isUnitary: Bool = false, support: [Double]? = nil,
    solves: Bool = false
  ) where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
    @Sendable func typed<Space: ImageSpace>(_ x: Tensor, _: Space.Type, _ shape: [Int]) -> Space {
      Space(numbers: x, shape: [x.shape[0]] + shape)
    }
    @Sendable func numbers<Space: ImageSpace>(_ x: Space, _ shape: [Int]) -> Tensor {
      let numbers = x.numbers
      let extents = shape + (Space.parts == 2 ? [2] : [])
      return numbers.reshaped([numbers.count / extents.reduce(1, *)] + extents)
    }
    let solve: @Sendable (Tensor, Double) -> Tensor = { b, penalty in
      numbers(A.solveNormalEquations(typed(b, Op.Domain.self, domain), penalty: penalty), domain)
    }
    self.init(
      from: ArraySpace(domain, isComplex: Op.Domain.parts == 2), to: ArraySpace(codomain, isComplex: Op.Codomain.parts == 2),
      bound: bound, isUnitary: isUnitary, support: support, solve: solves ? solve : nil,
      normal: { x in numbers(A.normal(typed(x, Op.Domain.self, domain)), domain) },
      forward: { x in numbers(A.forward(typed(x, Op.Domain.self, domain)), codomain) },
      adjoint: { y in numbers(A.adjoint(typed(y, Op.Codomain.self, codomain)), domain) })
  }

  /// An operator on real images, or on both parts of complex ones, as `space` has them.
  public init<Op: LinearOperator>(
    onEachPart A: Op, of space: ArraySpace, to codomain: [Int], bound: Double? = nil, solves: Bool = false
  ) where Op.Domain == Tensor, Op.Codomain == Tensor {
    if space.isComplex {
      self.init(OnParts(A), from: space.shape, to: codomain, bound: bound, solves: solves)
    } else {
      self.init(A, from: space.shape, to: codomain, bound: bound, solves: solves)
    }
  }

  /// An operator on complex images, or what it is on real ones, as `space` has them.
  public init<Op: LinearOperator>(
    complex A: Op, of space: ArraySpace, to codomain: [Int], bound: Double? = nil, support: [Double]? = nil, solves: Bool = false
  ) where Op.Domain == ComplexTensor, Op.Codomain == ComplexTensor {
    if space.isComplex {
      self.init(A, from: space.shape, to: codomain, bound: bound, support: support, solves: solves)
    } else {
      self.init(OnReal(A), from: space.shape, to: codomain, bound: bound, support: support, solves: solves)
    }
  }

  /// The identity.
  public init(identity space: ArraySpace) {
    self.init(from: space, to: space, isUnitary: true, forward: { $0 }, adjoint: { $0 })
  }

  /// Real arrays as complex ones; the adjoint takes real parts.
  public init(complexNumbersOf shape: [Int]) {
    let (real, complex) = (ArraySpace(shape), ArraySpace(shape, isComplex: true))
    self.init(
      from: real, to: complex, bound: 1, forward: { Tensors.complex($0).pairs.reshaped([$0.shape[0]] + complex.numbers) },
      adjoint: { ComplexTensor(pairs: $0).real })
  }

  /// B A: this operator, then another.
  public func then(_ B: ArrayOperator) -> ArrayOperator {
    precondition(codomain == B.domain, "an operator to \(codomain) before one from \(B.domain)")
    let A = self
    var solve: (@Sendable (Tensor, Double) -> Tensor)?
    if A.isUnitary, let inner = B.solve { solve = { A.adjoint(inner(A.forward($0), $1)) } }
    if B.isUnitary { solve = A.solve }
    // A product of bounds may be far too large: that of others is found by power iteration.
    let bound = A.isUnitary ? B.bound : B.isUnitary ? A.bound : nil
    var product = ArrayOperator(
      from: domain, to: B.codomain, bound: bound, support: B.support, solve: solve,
      normal: B.isUnitary ? A.normal : { A.adjoint(B.normal(A.forward($0))) }, forward: { B.forward(A.forward($0)) },
      adjoint: { A.adjoint(B.adjoint($0)) })
    product.isUnitary = A.isUnitary && B.isUnitary
    return product
  }

  /// s A.
  public func scaled(by s: Double) -> ArrayOperator {
    let A = self
    let square = s * s
    var solve: (@Sendable (Tensor, Double) -> Tensor)?
    if let inner = A.solve { solve = { b, penalty in (1 / square) * inner(b, penalty / square) } }
    return ArrayOperator(
      from: domain, to: codomain, bound: bound.map { square * $0 }, support: support, solve: solve,
      normal: { x in square * A.normal(x) }, forward: { x in s * A.forward(x) }, adjoint: { y in s * A.adjoint(y) })
  }

  /// A + B.
  public static func + (A: ArrayOperator, B: ArrayOperator) -> ArrayOperator {
    precondition(A.domain == B.domain && A.codomain == B.codomain, "a sum of operators between other spaces")
    var bound: Double?
    if let a = A.bound, let b = B.bound { bound = a + b + 2 * (a * b).squareRoot() }
    return ArrayOperator(
      from: A.domain, to: A.codomain, bound: bound, forward: { A.forward($0) + B.forward($0) },
      adjoint: { A.adjoint($0) + B.adjoint($0) })
  }

  /// (A x, B x, …): measurements of several operators, each flattened, one after another.
  public init(stacking parts: [ArrayOperator]) {
    precondition(
      !parts.isEmpty && parts.allSatisfy { $0.domain == parts[0].domain && $0.codomain.isComplex == parts[0].codomain.isComplex },
      "a stack of operators from other spaces")
    let sizes = parts.map { $0.codomain.numbers.reduce(1, *) }
    let codomain = ArraySpace([parts.reduce(0) { $0 + $1.codomain.count }], isComplex: parts[0].codomain.isComplex)
    let bounds = parts.compactMap(\.bound)
    var support: [Double]?
    if parts.contains(where: { $0.support != nil }) {
      support = zip(parts, sizes).flatMap { part, size in part.support ?? [Double](repeating: 1, count: size) }
    }
    self.init(
      from: parts[0].domain, to: codomain, bound: bounds.count == parts.count ? bounds.reduce(0, +) : nil, support: support,
      forward: { x in
        let batch = x.shape[0]
        var all = parts[0].forward(x).reshaped([batch, sizes[0]])
        for (part, size) in zip(parts, sizes).dropFirst() { all = joinedChannels(all, part.forward(x).reshaped([batch, size])) }
        return all.reshaped([batch] + codomain.numbers)
      },
      adjoint: { y in
        let (batch, total) = (y.shape[0], sizes.reduce(0, +))
        let flat = y.reshaped([batch, total])
        var (sum, begin) = (Tensor.zero, 0)
        for (part, size) in zip(parts, sizes) {
          sum += part.adjoint(channels(flat, begin..<begin + size).reshaped([batch] + part.codomain.numbers))
          begin += size
        }
        return sum
      })
  }

  /// The same between arrays of other extents and as many numbers.
  public func reshaped(from domain: [Int]? = nil, to codomain: [Int]? = nil) -> ArrayOperator {
    let A = self
    let (D, C) = (
      ArraySpace(domain ?? self.domain.shape, isComplex: self.domain.isComplex),
      ArraySpace(codomain ?? self.codomain.shape, isComplex: self.codomain.isComplex)
    )
    precondition(D.count == A.domain.count && C.count == A.codomain.count, "arrays \(D) and \(C) for \(A.domain) and \(A.codomain)")
    @Sendable func viewed(_ x: Tensor, _ space: ArraySpace) -> Tensor { x.reshaped([x.shape[0]] + space.numbers) }
    var solve: (@Sendable (Tensor, Double) -> Tensor)?
    if let inner = A.solve { solve = { b, penalty in viewed(inner(viewed(b, A.domain), penalty), D) } }
    return ArrayOperator(
      from: D, to: C, bound: bound, isUnitary: isUnitary, support: support, solve: solve,
      normal: { x in viewed(A.normal(viewed(x, A.domain)), D) }, forward: { x in viewed(A.forward(viewed(x, A.domain)), C) },
      adjoint: { y in viewed(A.adjoint(viewed(y, A.codomain)), D) })
  }

  /// Numbers that are measured.
  public var measuredCount: Int { support.map { Int($0.reduce(0, +)) } ?? codomain.numbers.reduce(1, *) }
}

/// An ``ArrayOperator`` between typed spaces: images or vectors `[…]` + its domain.
public struct OnArrays<Domain: ImageSpace, Codomain: ImageSpace>: Undersampling {
  public let A: ArrayOperator
  public let lipschitz: Double

  /// - Parameter lipschitz: ‖A‖² or a bound; by power iteration to 1e-6 where A has no bound of its own.
  public init(_ A: ArrayOperator, lipschitz: Double? = nil, precision: Precision = .double) {
    precondition(
      A.domain.isComplex == (Domain.parts == 2) && A.codomain.isComplex == (Codomain.parts == 2),
      "an operator from \(A.domain) to \(A.codomain) between other spaces")
    self.A = A
    self.lipschitz = lipschitz ?? A.bound ?? A.squaredNorm(precision: precision)
  }

  public var domainShape: [Int] { A.domain.shape }
  public var codomainShape: [Int] { A.codomain.shape }
  public var samplingRatio: Double { min(1, Double(A.measuredCount) / Double(A.domain.numbers.reduce(1, *))) }

  public var solvesDirectly: Bool { A.solve != nil }
  public func forward(_ x: Domain) -> Codomain { mapped(x, A.forward, from: A.domain, to: A.codomain) }
  public func adjoint(_ y: Codomain) -> Domain { mapped(y, A.adjoint, from: A.codomain, to: A.domain) }
  public func normal(_ x: Domain) -> Domain { mapped(x, A.normal, from: A.domain, to: A.domain) }
  public func solveNormalEquations(_ b: Domain, penalty: Double) -> Domain {
    guard let solve = A.solve else { return iteratedSolve(b, penalty: penalty) }
    return mapped(b, { solve($0, penalty) }, from: A.domain, to: A.domain)
  }

  private func mapped<X: ImageSpace, Y: ImageSpace>(
    _ x: X, _ body: (Tensor) -> Tensor, from: ArraySpace, to: ArraySpace
  ) -> Y {
    if x.isShapelessZero { return .zero }
    let leading = x.shape.dropLast(from.shape.count)
    precondition(x.shape.suffix(from.shape.count) == from.shape[...], "an array of shape \(x.shape); expected […] + \(from.shape)")
    let found = body(x.numbers.reshaped([leading.reduce(1, *)] + from.numbers))
    return Y(numbers: found, shape: leading + to.shape)
  }
}

extension ArrayOperator {
  /// ‖A‖² by power iteration from white noise, its last change below 1e-6 of it.
  public func squaredNorm(precision: Precision = .double) -> Double {
    var generator = RandomGenerator(seed: 1)
    let start = Tensor.normal([1] + domain.numbers, precision: precision, using: &generator)
    return 1.001 * (powerIteration(OfNumbers(A: self), startingAt: start, tolerance: 1e-6, maximumIterations: 300).last ?? 0)
  }

  private struct OfNumbers: LinearOperator {
    let A: ArrayOperator
    var lipschitz: Double { A.bound ?? 1 }
    var domainShape: [Int] { A.domain.numbers }
    var codomainShape: [Int] { A.codomain.numbers }
    func forward(_ x: Tensor) -> Tensor { A.forward(x) }
    func adjoint(_ y: Tensor) -> Tensor { A.adjoint(y) }
  }
}
