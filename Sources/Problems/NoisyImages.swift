// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// The model family of denoising: y = x + ε, ε white and Gaussian, images `[batch, height, width]`.
public struct NoisyImages: Model {
  public let A: Identity<Tensor>
  /// The standard deviation of ε, on the scale of the images.
  public let sigma: Double

  public init(height: Int, width: Int, sigma: Double) {
    precondition(sigma >= 0 && sigma.isFinite, "noise of \(sigma)")
    A = Identity(shape: [height, width])
    self.sigma = sigma
  }

  public func noisy(_ clean: Tensor, using generator: inout RandomGenerator) -> Tensor {
    Noise.deviation(sigma).added(to: clean, using: &generator)
  }
}
