// SPDX-License-Identifier: Apache-2.0
import Platform
import ProximalMaps
import Tensors

/// argmin_x ½‖x − r‖² / σ² + weight · TV(x), TV isotropic: the most probable image under the prior exp(−weight · TV), which is the proximal map
/// of weight · TV with step σ². Plug-and-play with it is the proximal algorithm of that penalty.
///
/// The weight is per unit of the images: on [0, 1], σ = 0.1 and weight 10 give λ = 0.1.
public struct TotalVariationDenoiser: Denoiser {
  public var weight: Double
  /// On the dual.
  public var iterations: Int

  /// - Precondition: `weight ≥ 0` and `iterations > 0`.
  public init(weight: Double, iterations: Int = 50) {
    precondition(
      weight >= 0 && weight.isFinite && iterations > 0, "total variation with weight \(weight), \(iterations) iterations")
    self.weight = weight
    self.iterations = iterations
  }

  public func denoised(_ images: Tensor, sigma: Double) -> Tensor {
    if isTrivial(images, sigma: sigma) { return images }
    let (height, width) = (images.shape[images.shape.count - 2], images.shape[images.shape.count - 1])
    let penalty = TotalVariationPenalty(weight: weight, height: height, width: width, iterations: iterations)
    return penalty.prox(images, step: sigma * sigma).invalidated(where: images)
  }
}
