// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

extension LinearOperator {
  /// |⟨A x, y⟩ − ⟨x, Aᴴ y⟩| / (‖A x‖ ‖y‖), of complex spaces the real part of the inner product.
  public func adjointError(_ x: Domain, _ y: Codomain) -> Double {
    let Ax = forward(x)
    return abs(Ax.inner(y) - x.inner(adjoint(y))) / max(Ax.norm * y.norm, 1e-300)
  }
}

extension LinearOperator where Domain: ImageSpace, Codomain: ImageSpace {
  /// |⟨A x, y⟩ − ⟨x, Aᴴ y⟩| / (‖A x‖ ‖y‖) for random x and y: the dot test. Between complex spaces of both parts of the inner product, else of
  /// its real part; infinite where A x or Aᴴ y has another shape than it should.
  ///
  /// - Parameters: `domain` and `codomain`, shapes of x and y, samples first; a sample of the operator's own shapes unless given.
  public func adjointError(
    domain: [Int]? = nil, codomain: [Int]? = nil, precision: Precision = .double, seed: UInt64
  ) -> Double {
    var generator = RandomGenerator(seed: seed)
    func random<Space: ImageSpace>(_ shape: [Int]) -> Space {
      Space(numbers: .normal(shape + (Space.parts == 2 ? [2] : []), precision: precision, using: &generator), shape: shape)
    }
    let x: Domain = random(domain ?? domainShape)
    let y: Codomain = random(codomain ?? codomainShape)
    guard forward(x).shape == y.shape, adjoint(y).shape == x.shape else { return .infinity }
    guard Domain.parts == 2, Codomain.parts == 2 else { return adjointError(x, y) }
    let parts = y.separateParts
    return hypot(adjointError(x, y), adjointError(x, Codomain(separateParts: [-1 * parts[1], parts[0]])))
  }

  /// ‖AᴴA x − Aᴴ(A x)‖ / ‖Aᴴ A x‖ for a random x: ``normal(_:)`` against the two maps.
  public func normalError(domain: [Int]? = nil, precision: Precision = .double, seed: UInt64) -> Double {
    var generator = RandomGenerator(seed: seed)
    let shape = domain ?? domainShape
    let x = Domain(numbers: .normal(shape + (Domain.parts == 2 ? [2] : []), precision: precision, using: &generator), shape: shape)
    let expected = adjoint(forward(x))
    let found = normal(x)
    return found.shape == expected.shape ? (found - expected).norm / max(expected.norm, 1e-300) : .infinity
  }
}
