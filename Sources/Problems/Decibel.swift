// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// 10^(dB / 20): the factor of an amplitude.
func decibelFactor(_ decibel: Double) -> Double { pow(10, decibel / 20) }

/// Samples `[…, n]` with white noise, of standard deviation `spread` of each sample times 10^(−dB / 20).
func noisy(
  _ clean: Tensor, decibel: Double, using generator: inout RandomGenerator, spread: (ArraySlice<Double>) -> Double
) -> Tensor {
  noisy(clean, width: clean.width, using: &generator) { spread($0) * decibelFactor(-decibel) }
}

/// Samples of `width` numbers each with white noise, of the standard deviation that `deviation` says of a sample.
///
/// - Parameter support: what the noise of a sample's numbers is multiplied by, 0 where nothing is measured.
func noisy(
  _ clean: Tensor, width: Int, support: [Double]? = nil, using generator: inout RandomGenerator,
  deviation: (ArraySlice<Double>) -> Double
) -> Tensor {
  let v = clean.doubles
  var noise = generator.normal(count: v.count)
  for start in stride(from: 0, to: v.count, by: width) {
    let sigma = deviation(v[start..<start + width])
    for i in 0..<width { noise[start + i] *= sigma * (support?[i] ?? 1) }
  }
  return clean + Tensor(noise, shape: clean.shape, precision: clean.precision)
}
