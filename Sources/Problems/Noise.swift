// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What measurements are besides A x: one convention for every model.
public enum Noise: Sendable, Hashable, Codable {
  case none
  /// White Gaussian noise of this standard deviation in every real number; of complex ones in both parts.
  case deviation(Double)
  /// White Gaussian noise, its standard deviation the root mean square of a measurement's numbers times 10^(−dB / 20).
  case decibel(Double)

  /// Its standard deviation in the numbers of one measurement; those without `support` are not measured.
  public func deviation(for clean: ArraySlice<Double>, support: [Double]? = nil) -> Double {
    switch self {
    case .none: return 0
    case .deviation(let sigma): return sigma
    case .decibel(let decibel):
      let count = support?.reduce(0, +) ?? Double(clean.count)
      return count > 0 ? (clean.reduce(0) { $0 + $1 * $1 } / count).squareRoot() * decibelFactor(-decibel) : 0
    }
  }

  /// Measurements `[batch, …]` with noise, drawn for one after another.
  ///
  /// - Parameter support: 0 where nothing is measured, of one measurement's numbers.
  public func added(to clean: Tensor, support: [Double]? = nil, using generator: inout RandomGenerator) -> Tensor {
    if self == .none || clean.isShapelessZero { return clean }
    return noisy(clean, width: clean.shape.dropFirst().reduce(1, *), support: support, using: &generator) {
      self.deviation(for: $0, support: support)
    }
  }
}
