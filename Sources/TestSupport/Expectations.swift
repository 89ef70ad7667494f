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

/// The dot test on one random pair: ≤ 1e-12 in double.
public func expectAdjoint<Op: LinearOperator>(
  _ A: Op, domain: [Int], codomain: [Int], seed: UInt64, tolerance: Double = 1e-12,
  sourceLocation: SourceLocation = #_sourceLocation
) where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
  let error = A.adjointError(domain: domain, codomain: codomain, seed: seed)
  #expect(error <= tolerance, "adjoint error \(error)", sourceLocation: sourceLocation)
}

/// Holds the derivative of a scalar function of a tensor against central differences in `directions` random directions.
public func expectGradient(
  at x: Tensor, directions: Int = 20, step h: Double = 1e-6, tolerance: Double = 1e-6, seed: UInt64 = 7,
  sourceLocation: SourceLocation = #_sourceLocation, _ f: @differentiable(reverse) (Tensor) -> Double
) {
  let error = inputGradientError(at: x, directions: directions, step: h, seed: seed, f)
  #expect(error <= tolerance, "gradient error \(error)", sourceLocation: sourceLocation)
}
