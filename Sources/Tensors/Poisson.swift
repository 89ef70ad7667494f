// SPDX-License-Identifier: Apache-2.0
import Platform

extension RandomGenerator {
  /// A Poisson number of this mean: exact, by transformed rejection from a mean of 10 on, by products of uniform numbers below.
  ///
  /// Source: Hörmann, Insurance: Mathematics and Economics 12 (1993), algorithm PTRS.
  public mutating func poisson(mean: Double) -> Double {
    precondition(mean >= 0 && mean.isFinite, "a Poisson number of mean \(mean)")
    if mean < 10 {
      let limit = exp(-mean)
      var (count, product) = (0.0, uniform())
      while product > limit {
        count += 1
        product *= uniform()
      }
      return count
    }
    let b = 0.931 + 2.53 * mean.squareRoot()
    let a = -0.059 + 0.02483 * b
    let inverseAlpha = 1.1239 + 1.1328 / (b - 3.4)
    let squeeze = 0.9277 - 3.6224 / (b - 2)
    while true {
      let u = uniform() - 0.5
      let v = 1 - uniform()  // in (0, 1]
      let us = 0.5 - abs(u)
      let k = ((2 * a / us + b) * u + mean + 0.43).rounded(.down)
      if us >= 0.07, v <= squeeze { return k }
      if k < 0 || us < 0.013 && v > us { continue }
      if log(v * inverseAlpha / (a / (us * us) + b)) <= k * log(mean) - mean - lgamma(k + 1) { return k }
    }
  }
}
