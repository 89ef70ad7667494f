// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// Block-matching and 3-D filtering, in two steps.
///
/// Each takes reference blocks of the image, groups every one with the blocks near it that look alike, shrinks the coefficients of the
/// group, 2-D transform of the blocks times Haar's across them, and averages the blocks' estimates where they overlap:
///
/// 1. ``basicEstimate(_:sigma:)``: groups of the noisy image; coefficients below 2.7 σ become 0; a group counts as 1 / (number of others).
/// 2. ``refined(_:basic:sigma:)``: groups of the first estimate; coefficients are multiplied by g = E² / (E² + σ²), E those of the first
///    estimate; a group counts as 1 / Σ g².
///
/// The same bytes for any number of threads. Source: Dabov, Foi, Katkovnik & Egiazarian, "Image denoising by sparse 3-D transform-domain
/// collaborative filtering", IEEE Trans. Image Process. 16 (2007), 2080–2095.
public struct BM3D: Denoiser {
  public var profile: BM3DProfile
  /// White on the images' scale, by which the numbers of profiles, given for 255, are scaled.
  public var peak: Double

  /// - Precondition: `peak > 0`.
  public init(_ profile: BM3DProfile = .automatic, peak: Double = 1) {
    precondition(peak > 0 && peak.isFinite, "BM3D of images up to \(peak)")
    self.profile = profile
    self.peak = peak
  }

  /// The side of a block of the first step.
  public var smallestExtent: Int { 8 }

  public func denoised(_ images: Tensor, sigma: Double) -> Tensor {
    refined(images, basic: basicEstimate(images, sigma: sigma), sigma: sigma)
  }

  /// The first step alone.
  public func basicEstimate(_ images: Tensor, sigma: Double) -> Tensor {
    if isTrivial(images, sigma: sigma) { return images }
    let step = Step(self, sigma, images.shape, \.thresholding)
    switch images.precision {
    case .single: return Tensor(step.thresholded(images.floats), shape: images.shape)
    case .double: return Tensor(step.thresholded(images.doubles), shape: images.shape)
    }
  }

  /// The second step.
  ///
  /// - Parameter basic: an estimate of the images, of their shape and precision.
  public func refined(_ images: Tensor, basic: Tensor, sigma: Double) -> Tensor {
    if isTrivial(images, sigma: sigma) { return images }
    precondition(
      basic.shape == images.shape && basic.precision == images.precision,
      "BM3D: a first estimate of shape \(basic.shape) of images of shape \(images.shape)")
    let step = Step(self, sigma, images.shape, \.wiener)
    switch images.precision {
    case .single: return Tensor(step.filtered(images.floats, basic.floats), shape: images.shape)
    case .double: return Tensor(step.filtered(images.doubles, basic.doubles), shape: images.shape)
    }
  }

  /// One step on images of one size.
  private struct Step {
    let matching: PatchMatching
    let window: PatchWindow
    let sigma: Double
    /// Times σ.
    let threshold: Double
    /// The weight of a group of which nothing is left, on the scale on which others have 1 / (number of coefficients left): the authors give it 1,
    /// others 1 / (σ² · number), σ on the scale 0 … 255.
    let weightOfNone: Double

    init(_ denoiser: BM3D, _ sigma: Double, _ shape: [Int], _ kind: KeyPath<BM3DParameters, BM3DStep>) {
      let scale = 255 / denoiser.peak
      let parameters = denoiser.profile.parameters(sigma: sigma * scale)
      let step = parameters[keyPath: kind]
      let (height, width) = (shape[shape.count - 2], shape[shape.count - 1])
      let side = min(step.side, height, width)
      matching = PatchMatching(
        lattice: PatchLattice(height: height, width: width, side: side, step: step.step), window: step.window, most: step.most,
        limit: step.limit / (scale * scale))
      window = .kaiser(side: side, beta: parameters.beta)
      self.sigma = sigma
      threshold = parameters.threshold
      weightOfNone = sigma * sigma * scale * scale
    }

    var pixels: Int { matching.lattice.height * matching.lattice.width }

    func thresholded<S: Scalar>(_ noisy: [S]) -> [S] {
      let transform = PatchTransformKernel<S>(.biorthogonalWavelet(side: matching.lattice.side))
      let (width, limit, none) = (matching.lattice.width, S(threshold * sigma), S(weightOfNone))
      return mapImages(noisy, pixels: pixels) { image, _, out in
        let pixels = Shared(image)
        matching.groups(of: image).cutToPowersOfTwo().means(window, into: out) { group in
          transform.analyse(pixels.pointer, width: width, group.places, count: group.count, into: group.stack)
          let kept = S.patchThreshold(group.stack, group.count * transform.size, limit)
          transform.synthesise(group.stack, count: group.count)
          return kept == 0 ? none : 1 / S(kept)
        }
      }
    }

    func filtered<S: Scalar>(_ noisy: [S], _ basic: [S]) -> [S] {
      let transform = PatchTransformKernel<S>(.cosine(side: matching.lattice.side))
      let (width, pixels, variance, none) = (matching.lattice.width, pixels, S(sigma * sigma), S(weightOfNone))
      return mapImages(noisy, pixels: pixels) { image, number, out in
        let guide = basic.withUnsafeBufferPointer { PatchLattice.padded($0.baseAddress! + number * pixels, count: pixels) }
        guide.withUnsafeBufferPointer { guide in
          let (image, guide) = (Shared(image), Shared(guide.baseAddress!))
          matching.groups(of: guide.pointer).cutToPowersOfTwo().means(window, into: out) { group in
            transform.analyse(image.pointer, width: width, group.places, count: group.count, into: group.stack)
            transform.analyse(guide.pointer, width: width, group.places, count: group.count, into: group.second)
            let gain = S.patchWiener(group.stack, group.second, group.count * transform.size, variance)
            transform.synthesise(group.stack, count: group.count)
            // Where hardly anything is left 1 / Σ g² is beyond what single precision holds.
            return gain > 0 ? S(min(1 / gain, 1e20)) : none
          }
        }
      }
    }
  }
}
