// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Operators
import Tensors
import _Differentiation

/// D_σ in the place of a proximal map: plug and play. Complex images part by part, σ that of each.
///
/// Source: Venkatakrishnan, Bouman & Wohlberg, "Plug-and-play priors for model based reconstruction", GlobalSIP 2013.
public struct DenoiserPrior<Signal: ImageSpace>: PriorStep {
  @noDerivative public let denoiser: any Denoiser
  /// On the scale of the images.
  @noDerivative public let sigma: Double
  @noDerivative public let height: Int
  @noDerivative public let width: Int

  /// - Parameters: `height`, `width`, of the images, which may lie flattened, row by row.
  public init(_ denoiser: any Denoiser, sigma: Double, height: Int, width: Int) {
    (self.denoiser, self.sigma, self.height, self.width) = (denoiser, sigma, height, width)
  }

  /// - Precondition: not trained through; a denoiser has no derivative.
  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Signal, recording: Bool) -> PriorOutput<Signal> {
    PriorOutput(value: denoised(r, denoiser, sigma: sigma, height: height, width: width), recorded: 0)
  }
}

@differentiable(reverse,wrt: r)
private func denoised<Signal: ImageSpace>(
  _ r: Signal, _ denoiser: any Denoiser, sigma: Double, height: Int, width: Int
) -> Signal {
  if r.isShapelessZero { return r }
  return images(
    ofPlanes: denoiser.denoised(planes(r, height: height, width: width), sigma: sigma), shape: r.shape)
}

@derivative(of: denoised, wrt: r)
private func _vjpDenoised<Signal: ImageSpace>(
  _ r: Signal, _ denoiser: any Denoiser, sigma: Double, height: Int, width: Int
) -> (value: Signal, pullback: (Signal) -> Signal) {
  (
    denoised(r, denoiser, sigma: sigma, height: height, width: width),
    { _ in refuseDerivative(of: denoiser) }
  )
}

func refuseDerivative(of denoiser: any Denoiser) -> Never {
  preconditionFailure("\(type(of: denoiser)) has no derivative; train with a learned prior")
}
