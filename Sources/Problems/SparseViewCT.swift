// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors

/// The model family of X-ray computed tomography from few views: y = A x, A a projector scaled to ‖A‖ = 1.
///
/// Noise is that of the projector's own measurements, in lengths, and scaled with them: ``Noise/photons(_:electronic:attenuation:)`` as a
/// rule.
public struct SparseViewCT<Projector: LinearOperator>: Model where Projector.Domain == Tensor, Projector.Codomain == Tensor {
  /// The projector itself, in lengths.
  public let projector: Projector
  /// The projector over its norm.
  public let A: Scaled<Projector>
  public let noise: Noise

  /// - Parameter norm: ‖projector‖; without, by power iteration from an image of ones of this shape.
  public init(_ projector: Projector, imageShape: [Int], norm: Double? = nil, noise: Noise = .none) {
    let found =
      norm
      ?? powerIteration(
        projector, startingAt: .filled(1, shape: imageShape, precision: .single), tolerance: 1e-5, maximumIterations: 50
      ).last!.squareRoot()
    precondition(found > 0, "a projector of norm \(found)")
    self.projector = projector
    A = Scaled(1 / found, projector)
    self.noise = noise
  }

  public func measure(_ images: Tensor, using generator: inout RandomGenerator) -> Tensor {
    A.factor * noise.added(to: projector.forward(images), using: &generator)
  }

  public func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    A.factor * noise.added(to: (1 / A.factor) * clean, using: &generator)
  }
}
