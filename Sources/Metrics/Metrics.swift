// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors
import WeightFiles

/// Peak signal-to-noise ratio in decibels, 10 log₁₀(peak² / mean (x̂ − x)²); +∞ for equal images.
///
/// - Parameters: `estimate` x̂ and `groundTruth` x of one shape, any precision; `peak` the largest value a pixel can have.
/// - Throws: when the shapes differ, when there are no elements, or when `peak` is not positive.
public func psnr(_ estimate: Tensor, _ groundTruth: Tensor, peak: Double = 1) throws(InputError) -> Double {
  try checkPeak(peak)
  let mean = try meanSquaredError(estimate, groundTruth)
  return 10 * log10(peak * peak / mean)
}

/// Root mean squared error, (mean (x̂ − x)²)^½, in the units of `estimate`.
public func rmse(_ estimate: Tensor, _ groundTruth: Tensor) throws(InputError) -> Double {
  try meanSquaredError(estimate, groundTruth).squareRoot()
}

/// Normalised error of the MRI papers, ‖x̂ − x‖₂ / ‖x‖₂, not squared. Not defined, NaN, when the ground truth is zero everywhere.
public func nmse(_ estimate: Tensor, _ groundTruth: Tensor) throws(InputError) -> Double {
  let sums = try squaredSums(estimate, groundTruth)
  return sums.signal == 0 ? .nan : (sums.error / sums.signal).squareRoot()
}

/// Normalised error of the sparse-recovery papers in decibels, 10 log₁₀(Σ‖x̂ − x‖² / Σ‖x‖²).
///
/// Both sums run over the whole set, so that decibels are never averaged. −∞ when every estimate is exact; not defined, NaN, when all ground
/// truths are zero everywhere.
/// - Parameters: all estimates and all ground truths, one row a sample, of one shape.
public func nmseDecibel(_ estimates: Tensor, _ groundTruths: Tensor) throws(InputError) -> Double {
  let sums = try squaredSums(estimates, groundTruths)
  return sums.signal == 0 ? .nan : 10 * log10(sums.error / sums.signal)
}

/// The same for a set whose samples differ in shape.
public func nmseDecibel(_ estimates: [Tensor], _ groundTruths: [Tensor]) throws(InputError) -> Double {
  guard estimates.count == groundTruths.count else {
    throw InputError("\(estimates.count) estimates beside \(groundTruths.count) ground truths; give one of each a sample.")
  }
  guard !estimates.isEmpty else { throw InputError("an empty set has no error; give at least one sample.") }
  var (error, signal) = (0.0, 0.0)
  for (estimate, groundTruth) in zip(estimates, groundTruths) {
    let sums = try squaredSums(estimate, groundTruth)
    error += sums.error
    signal += sums.signal
  }
  return signal == 0 ? .nan : 10 * log10(error / signal)
}

/// Code prediction error, the mean over samples of ‖Z* − Z‖₂². Gregor & LeCun (2010), table 1.
///
/// - Parameters: `codes` Z and `optimalCodes` Z* of shape `[…, m]`, one sample a row.
public func codeError(_ codes: Tensor, _ optimalCodes: Tensor) throws(InputError) -> Double {
  try squaredSums(codes, optimalCodes).error / Double(codes.rowCount)
}

/// How well the supports S(z) = {i : |zᵢ| > tolerance} agree: |S(ẑ) ∩ S(z)| / |S(ẑ) ∪ S(z)|, the mean over rows.
///
/// 1 where both supports are empty.
/// - Parameters: `estimate` and `groundTruth` of shape `[…, m]`, one sample a row.
public func supportOverlap(
  _ estimate: Tensor, _ groundTruth: Tensor, tolerance: Double = 0
) throws(InputError) -> Double {
  try checkShapes(estimate, groundTruth)
  let (a, b) = (estimate.doubles, groundTruth.doubles)
  let (rows, width) = (estimate.rowCount, estimate.width)
  var total = 0.0
  for row in 0..<rows {
    var (both, either) = (0, 0)
    for i in row * width..<(row + 1) * width {
      let (inA, inB) = (abs(a[i]) > tolerance, abs(b[i]) > tolerance)
      if inA && inB { both += 1 }
      if inA || inB { either += 1 }
    }
    total += either == 0 ? 1 : Double(both) / Double(either)
  }
  return total / Double(rows)
}

/// The mean of the finite scores of a set: equal images are infinitely like one another, and an image of zeros has no normalised error. Where
/// none is finite, infinity if there is one, else NaN.
///
/// - Throws: when there are none: an empty set of images has no mean.
public func meanScore(_ scores: [Double]) throws(InputError) -> Double {
  guard !scores.isEmpty else { throw InputError("an empty set of images has no mean score; give at least one image.") }
  let finite = scores.filter(\.isFinite)
  guard !finite.isEmpty else { return scores.first(where: \.isInfinite) ?? .nan }
  return finite.reduce(0, +) / Double(finite.count)
}

// MARK: What the metrics share

func checkShapes(_ estimate: Tensor, _ groundTruth: Tensor) throws(InputError) {
  guard estimate.shape == groundTruth.shape else {
    throw InputError(
      "the estimate has shape \(estimate.shape), the ground truth \(groundTruth.shape); compare arrays of one shape.")
  }
  guard estimate.count > 0, groundTruth.count > 0 else {
    throw InputError("nothing to score: an array of shape \(estimate.shape) has no elements; give at least one.")
  }
}

func checkPeak(_ peak: Double) throws(InputError) {
  guard peak > 0, peak.isFinite else {
    throw InputError("the peak is \(peak); give the largest value a pixel can have, above 0.")
  }
}

private func squaredSums(
  _ estimate: Tensor, _ groundTruth: Tensor
) throws(InputError) -> (error: Double, signal: Double) {
  try checkShapes(estimate, groundTruth)
  let (a, b) = (estimate.doubles, groundTruth.doubles)
  var (error, signal) = (0.0, 0.0)
  for i in a.indices {
    let difference = a[i] - b[i]
    error += difference * difference
    signal += b[i] * b[i]
  }
  return (error, signal)
}

private func meanSquaredError(_ estimate: Tensor, _ groundTruth: Tensor) throws(InputError) -> Double {
  try squaredSums(estimate, groundTruth).error / Double(estimate.count)
}
