// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors
import Testing
import _Differentiation

/// |a − b| / max(|b|, floor), in the ℓ2 norm.
public func relativeError<V: VectorSpace>(_ a: V, _ b: V, floor: Double = 1e-300) -> Double {
  (a - b).norm / max(b.norm, floor)
}

/// Two tensors agree in shape and to a relative error in the ℓ2 norm.
public func expectClose(
  _ a: Tensor, _ b: Tensor, relative tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(a.shape == b.shape, sourceLocation: sourceLocation)
  guard a.shape == b.shape else { return }
  let error = relativeError(a, b)
  #expect(error <= tolerance, "relative error \(error)", sourceLocation: sourceLocation)
}

/// The adjoint's defect, |Re⟨A x, y⟩ − Re⟨x, Aᴴ y⟩| / (‖A x‖ ‖y‖).
public func adjointError<Op: LinearOperator>(_ A: Op, _ x: Op.Domain, _ y: Op.Codomain) -> Double {
  let Ax = A.forward(x)
  return abs(Ax.inner(y) - x.inner(A.adjoint(y))) / max(Ax.norm * y.norm, 1e-300)
}

/// The dot test on one random pair: ≤ 1e-12 in double.
public func expectAdjoint<Op: LinearOperator>(
  _ A: Op, domain: [Int], codomain: [Int], seed: UInt64, tolerance: Double = 1e-12,
  sourceLocation: SourceLocation = #_sourceLocation
) where Op.Domain == Tensor, Op.Codomain == Tensor {
  var generator = RandomGenerator(seed: seed)
  let x = Tensor.normal(domain, using: &generator)
  let y = Tensor.normal(codomain, using: &generator)
  let error = adjointError(A, x, y)
  #expect(error <= tolerance, "adjoint error \(error)", sourceLocation: sourceLocation)
  #expect(A.forward(x).shape == codomain, sourceLocation: sourceLocation)
  #expect(A.adjoint(y).shape == domain, sourceLocation: sourceLocation)
}

/// Holds the derivative of a scalar function of a tensor against central differences in `directions` random directions.
public func expectGradient(
  at x: Tensor, directions: Int = 20, step h: Double = 1e-6, tolerance: Double = 1e-6, seed: UInt64 = 7,
  sourceLocation: SourceLocation = #_sourceLocation, _ f: @differentiable(reverse) (Tensor) -> Double
) {
  let gradient = gradient(at: x, of: f)
  var generator = RandomGenerator(seed: seed)
  for _ in 0..<directions {
    let direction = Tensor.normal(x.shape, using: &generator)
    let numeric = (f(x + h * direction) - f(x - h * direction)) / (2 * h)
    let exact = gradient.inner(direction)
    let error = abs(numeric - exact) / max(abs(numeric), gradient.norm * direction.norm * 1e-3, 1e-3)
    #expect(error <= tolerance, "gradient error \(error): \(exact) against \(numeric)", sourceLocation: sourceLocation)
  }
}
