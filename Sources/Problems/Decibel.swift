// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// 10^(dB / 20): the factor of an amplitude.
func decibelFactor(_ decibel: Double) -> Double { pow(10, decibel / 20) }

/// Samples `[…, n]` with white noise, of standard deviation `spread` of each sample times 10^(−dB / 20).
func noisy(
  _ clean: Tensor, decibel: Double, using generator: inout RandomGenerator, spread: (ArraySlice<Double>) -> Double
) -> Tensor {
  let (v, width) = (clean.doubles, clean.width)
  var noise = generator.normal(count: v.count)
  for start in stride(from: 0, to: v.count, by: width) {
    let deviation = spread(v[start..<start + width]) * decibelFactor(-decibel)
    for i in start..<start + width { noise[i] *= deviation }
  }
  return clean + Tensor(noise, shape: clean.shape, precision: clean.precision)
}
