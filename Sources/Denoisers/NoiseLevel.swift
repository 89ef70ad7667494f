// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The standard deviation of white Gaussian noise in images `[…, h, w]`, all of one level: the median magnitude of their finest diagonal
/// details by Haar's wavelet, (a − b − c + d) / 2 of every 2 × 2 pixels, over that of a normal number, 0.6745.
///
/// What images themselves have of such details makes it too large, by 1 to 4 of 255 levels in photographs of little noise.
/// Source: Donoho & Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (1994).
///
/// - Returns: nil of images without 2 × 2 pixels.
public func estimatedNoise(_ images: Tensor) -> Double? {
  guard images.shape.count >= 2, images.shape.suffix(2).allSatisfy({ $0 >= 2 }), images.count > 0 else { return nil }
  let (height, width) = (images.shape[images.shape.count - 2], images.shape[images.shape.count - 1])
  let values = images.doubles
  var details: [Double] = []
  details.reserveCapacity(images.count / 4)
  for image in 0..<images.count / (height * width) {
    for i in stride(from: 0, to: height - 1, by: 2) {
      for j in stride(from: 0, to: width - 1, by: 2) {
        let p = (image * height + i) * width + j
        details.append(abs(values[p] - values[p + 1] - values[p + width] + values[p + width + 1]) / 2)
      }
    }
  }
  details.sort()
  let middle = details.count / 2
  let median = details.count % 2 == 1 ? details[middle] : (details[middle - 1] + details[middle]) / 2
  return median / 0.674489750196082
}
