// SPDX-License-Identifier: Apache-2.0

/// What one of the two steps of ``BM3D`` matches.
public struct BM3DStep: Sendable, Hashable {
  /// Side of a block.
  public var side: Int
  /// Pixels from a reference block to the next.
  public var step: Int
  /// Blocks of a group, at most; groups are cut to a power of two.
  public var most: Int
  /// Side of the window that is searched.
  public var window: Int
  /// Mean squared distance of a match stays below this, on the scale 0 … 255.
  public var limit: Double

  public init(side: Int, step: Int, most: Int, window: Int, limit: Double) {
    self.side = side
    self.step = step
    self.most = most
    self.window = window
    self.limit = limit
  }
}

/// The numbers of ``BM3D`` at one noise level.
public struct BM3DParameters: Sendable, Hashable {
  /// Hard thresholding of the noisy groups, in a biorthogonal wavelet basis; its side is a power of two.
  public var thresholding: BM3DStep
  /// Wiener filtering by the groups of the first estimate, in a cosine basis.
  public var wiener: BM3DStep
  /// The threshold is this times σ.
  public var threshold: Double
  /// Of Kaiser's window.
  public var beta: Double

  public init(thresholding: BM3DStep, wiener: BM3DStep, threshold: Double = 2.7, beta: Double = 2) {
    self.thresholding = thresholding
    self.wiener = wiener
    self.threshold = threshold
    self.beta = beta
  }
}

/// Sets of numbers by noise level.
///
/// Source of all but `automatic`: Dabov, Foi, Katkovnik & Egiazarian, IEEE Trans. Image Process. 16 (2007), and the numbers they published later
/// for strong noise and for moving σ.
public enum BM3DProfile: String, Sendable, Codable, CaseIterable {
  /// Chosen on 31 training images at σ = 5 … 75 (Documentation/Denoisers.md): `normal` with a threshold of 2.6 σ, matching limits 3000 + 8 σ² and
  /// 10 σ + 200, and above σ = 40 blocks of 10 × 10 in the second step.
  case automatic
  /// `normal` up to σ = 40, `high-noise` above, as the authors do.
  case published
  case normal
  /// Fewer reference blocks and smaller windows.
  case fast
  /// Blocks of 11 × 11 in the second step, matches at nearly any distance.
  case highNoise = "high-noise"
  /// `normal` with matching limits 80 σ + 400 and 10 σ + 200: no jump where σ moves, as in approximate message passing.
  case smooth

  /// - Parameter sigma: on the scale 0 … 255.
  public func parameters(sigma: Double) -> BM3DParameters {
    switch self {
    case .automatic:
      var parameters = BM3DProfile.normal.parameters(sigma: sigma)
      parameters.threshold = 2.6
      parameters.thresholding.limit = 3000 + 8 * sigma * sigma
      parameters.wiener.limit = 10 * sigma + 200
      if sigma > 40 { parameters.wiener.side = 10 }
      return parameters
    case .published: return (sigma > 40 ? BM3DProfile.highNoise : .normal).parameters(sigma: sigma)
    case .normal:
      return BM3DParameters(
        thresholding: BM3DStep(side: 8, step: 3, most: 16, window: 39, limit: 3000),
        wiener: BM3DStep(side: 8, step: 3, most: 32, window: 39, limit: 400))
    case .fast:
      return BM3DParameters(
        thresholding: BM3DStep(side: 8, step: 6, most: 16, window: 25, limit: 3000),
        wiener: BM3DStep(side: 8, step: 5, most: 16, window: 25, limit: 400))
    case .highNoise:
      return BM3DParameters(
        thresholding: BM3DStep(side: 8, step: 4, most: 32, window: 39, limit: 25000),
        wiener: BM3DStep(side: 11, step: 6, most: 32, window: 39, limit: 3500), threshold: 2.8)
    case .smooth:
      var parameters = BM3DProfile.normal.parameters(sigma: sigma)
      parameters.thresholding.limit = 80 * sigma + 400
      parameters.wiener.limit = 10 * sigma + 200
      return parameters
    }
  }
}
