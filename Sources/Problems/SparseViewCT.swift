// SPDX-License-Identifier: Apache-2.0
import Operators
import Platform
import Tensors

/// The model family of X-ray computed tomography from few views: y = A x, A a projector scaled to ‖A‖ = 1.
///
/// Photon counts are N ~ Poisson(N₀ exp(−p)) + N(0, σ²) with the ray's integral of attenuation p, which is the projection of the image times
/// `attenuation`, what an image value of 1 attenuates over a length of 1; the measurement is −log(max(N, 1) / N₀) in the units of A x.
/// Source: Sauer & Bouman, IEEE Trans. Signal Process. 41 (1993); electronic noise as Xu & Tsui, IEEE Trans. Med. Imaging 28 (2009).
public struct SparseViewCT<Projector: LinearOperator>: Model where Projector.Domain == Tensor, Projector.Codomain == Tensor {
  /// Photons and the detector's own noise.
  public struct Noise: Sendable, Equatable {
    /// N₀, photons of a ray that meets nothing.
    public var photons: Double
    /// σ, in photons.
    public var electronic: Double
    /// Attenuation of an image value of 1 over a length of 1.
    public var attenuation: Double

    public init(photons: Double, electronic: Double = 0, attenuation: Double) {
      precondition(photons > 0 && electronic >= 0 && attenuation > 0, "\(photons) photons, noise of \(electronic)")
      self.photons = photons
      self.electronic = electronic
      self.attenuation = attenuation
    }
  }

  /// The projector itself, in lengths.
  public let projector: Projector
  /// The projector over its norm.
  public let A: Scaled<Projector>
  public let noise: Noise?

  /// - Parameter norm: ‖projector‖; without, by power iteration from an image of ones of this shape.
  public init(_ projector: Projector, imageShape: [Int], norm: Double? = nil, noise: Noise? = nil) {
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
    A.factor * counted(projector.forward(images), using: &generator)
  }

  public func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    A.factor * counted((1 / A.factor) * clean, using: &generator)
  }

  /// What photons say of integrals along rays.
  private func counted(_ integrals: Tensor, using generator: inout RandomGenerator) -> Tensor {
    guard let noise, !integrals.isShapelessZero else { return integrals }
    let values = integrals.doubles.map { length in
      var count = generator.poisson(mean: noise.photons * exp(-noise.attenuation * length))
      if noise.electronic > 0 { count += noise.electronic * generator.normalPair().0 }
      return -log(max(count, 1) / noise.photons) / noise.attenuation
    }
    return Tensor(values, shape: integrals.shape, precision: integrals.precision)
  }
}
