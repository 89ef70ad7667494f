// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import WeightFiles

/// The window of the structural similarity, which the papers chose differently; the raw value is its name in protocols.
public enum SimilarityWindow: String, Sendable, CaseIterable, Codable {
  /// 7 × 7, equal weights, sample covariances, windows inside the image only: scikit-image's default. ISTA-Net's figures.
  case uniform7 = "uniform-7"
  /// 11 × 11 Gaussian with σ = 1.5, population covariances, windows inside the image only: Wang et al. (2004).
  case gaussian11 = "gaussian-11"
  /// The same weights with the image continued by zeros and one window a pixel: the released code of FISTA-Net.
  case gaussian11ZeroPadded = "gaussian-11-zero-padded"

  var radius: Int { self == .uniform7 ? 3 : 5 }

  /// One-dimensional weights, summing to 1; the window is their outer product.
  var weights: [Double] {
    if self == .uniform7 { return Array(repeating: 1.0 / 7, count: 7) }
    let raw = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
    let total = raw.reduce(0, +)
    return raw.map { $0 / total }
  }
}

/// Structural similarity, the mean over windows of
/// (2 μₓ μᵧ + C₁)(2 σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂)), C₁ = (0.01 peak)², C₂ = (0.03 peak)².
///
/// Wang, Bovik, Sheikh & Simoncelli (2004). At most 1, which equal images reach.
/// - Parameters: `estimate` and `groundTruth` of shape `[height, width]` (leading axes of extent 1 are ignored);
///   `sampleCovariance` divides covariances by the number of pixels in the window less one: on for ``SimilarityWindow/uniform7``
///   and off for the Gaussian windows unless given.
/// - Throws: when the shapes differ, are not those of one grey image, or do not hold one window.
public func ssim(
  _ estimate: Tensor, _ groundTruth: Tensor, peak: Double = 1, window: SimilarityWindow = .uniform7, sampleCovariance: Bool? = nil
) throws(InputError) -> Double {
  try checkPeak(peak)
  try checkShapes(estimate, groundTruth)
  let shape = estimate.shape
  guard shape.count >= 2, shape.dropLast(2).allSatisfy({ $0 == 1 }) else {
    throw InputError("the similarity of an array of shape \(shape) was asked; give one grey image, [height, width].")
  }
  let (height, width) = (shape[shape.count - 2], shape[shape.count - 1])
  let size = 2 * window.radius + 1
  guard window == .gaussian11ZeroPadded || (height >= size && width >= size) else {
    throw InputError("an image of \(width) × \(height) pixels holds no window of \(size) × \(size); give a larger image.")
  }
  let filter = WindowMean(height: height, width: width, window: window)
  let (x, y) = (estimate.doubles, groundTruth.doubles)
  let (meanX, meanY) = (filter(x), filter(y))
  let (meanXX, meanYY, meanXY) = (filter(zip(x, x).map(*)), filter(zip(y, y).map(*)), filter(zip(x, y).map(*)))
  let pixels = Double(size * size)
  let norm = sampleCovariance ?? (window == .uniform7) ? pixels / (pixels - 1) : 1
  let (c1, c2) = (0.0001 * peak * peak, 0.0009 * peak * peak)
  var total = 0.0
  for i in meanX.indices {
    let (mx, my) = (meanX[i], meanY[i])
    let (product, squares) = (mx * my, mx * mx + my * my)
    let covariance = norm * (meanXY[i] - product)
    let variances = norm * (meanXX[i] + meanYY[i] - squares)
    total += (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
  }
  return total / Double(meanX.count)
}

/// Weighted means over a window at every place it fits (or at every pixel, the image continued by zeros), rows then columns.
private struct WindowMean {
  let height: Int
  let width: Int
  let weights: [Double]
  let padding: Int

  init(height: Int, width: Int, window: SimilarityWindow) {
    (self.height, self.width, weights) = (height, width, window.weights)
    padding = window == .gaussian11ZeroPadded ? window.radius : 0
  }

  func callAsFunction(_ image: [Double]) -> [Double] {
    let (rows, columns) = (height + 2 * padding - weights.count + 1, width + 2 * padding - weights.count + 1)
    var horizontal = [Double](repeating: 0, count: height * columns)
    for i in 0..<height {
      for j in 0..<columns {
        var total = 0.0
        for k in weights.indices {
          let source = j + k - padding
          if source >= 0 && source < width { total += weights[k] * image[i * width + source] }
        }
        horizontal[i * columns + j] = total
      }
    }
    var result = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for k in weights.indices {
        let source = i + k - padding
        guard source >= 0 && source < height else { continue }
        for j in 0..<columns { result[i * columns + j] += weights[k] * horizontal[source * columns + j] }
      }
    }
    return result
  }
}
