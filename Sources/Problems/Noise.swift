// SPDX-License-Identifier: Apache-2.0
import Platform
import Tensors

/// What measurements are besides A x: one convention for every model.
public enum Noise: Sendable, Hashable, Codable, CustomStringConvertible {
  case none
  /// White Gaussian noise of this standard deviation in every real number; of complex ones in both parts.
  case deviation(Double)
  /// White Gaussian noise, its standard deviation the ``Amplitude`` of a measurement's numbers times 10^(−dB / 20).
  case decibel(Double)
  /// Photons are counted, N ~ Poisson(N₀ exp(−p)) + N(0, σ²) with the attenuation p along a ray, A x times `attenuation`, what a value of 1
  /// attenuates over a length of 1; the measurement is −log(max(N, 1) / N₀) / `attenuation`.
  ///
  /// N₀ of a ray that meets nothing and σ, the detector's own noise, are in photons. Source: Sauer & Bouman, IEEE Trans. Signal Process. 41
  /// (1993); electronic noise as Xu & Tsui, IEEE Trans. Med. Imaging 28 (2009).
  case photons(Double, electronic: Double = 0, attenuation: Double = 1)

  /// `none`, `0.1`, `20.0 dB`, `100000.0 photons`.
  public var description: String {
    switch self {
    case .none: "none"
    case .deviation(let sigma): "\(sigma)"
    case .decibel(let decibel): "\(decibel) dB"
    case .photons(let photons, let electronic, _): "\(photons) photons" + (electronic > 0 ? ", \(electronic) of the detector" : "")
    }
  }

  /// At a signal-to-noise ratio in dB, or none.
  public init(snr: Double?) { self = snr.map { .decibel($0) } ?? .none }

  /// What a signal-to-noise ratio is relative to.
  public enum Amplitude: Sendable {
    case rootMeanSquare
    /// About the mean.
    case standardDeviation

    func callAsFunction(_ v: ArraySlice<Double>, count: Double) -> Double {
      let mean = self == .rootMeanSquare ? 0 : v.reduce(0, +) / count
      return (v.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
  }

  /// Its standard deviation in the numbers of one measurement; of photons to first order, the root mean square over the rays.
  ///
  /// - Parameter support: 0 where nothing is measured, else 1.
  public func deviation(
    for clean: ArraySlice<Double>, support: [Double]? = nil, relativeTo amplitude: Amplitude = .rootMeanSquare
  ) -> Double {
    let count = support?.reduce(0, +) ?? Double(clean.count)
    switch self {
    case .none: return 0
    case .deviation(let sigma): return sigma
    case .decibel(let decibel): return count > 0 ? amplitude(clean, count: count) * pow(10, -decibel / 20) : 0
    case .photons(let photons, let electronic, let attenuation):
      let variance = zip(clean, support ?? [Double](repeating: 1, count: clean.count)).reduce(0) { sum, ray in
        let one = exp(attenuation * ray.0) / photons
        return sum + ray.1 * (one + electronic * electronic * one * one)
      }
      return count > 0 ? (variance / count).squareRoot() / attenuation : 0
    }
  }

  /// Measurements `[batch, …]` with noise, drawn for one after another.
  ///
  /// - Parameters: `width`, numbers of one measurement, all but the first axis unless it is given; `support`, 0 where nothing is measured, of
  ///   one measurement's numbers.
  public func added(
    to clean: Tensor, width: Int? = nil, support: [Double]? = nil, relativeTo amplitude: Amplitude = .rootMeanSquare,
    using generator: inout RandomGenerator
  ) -> Tensor {
    if self == .none || clean.isShapelessZero { return clean }
    precondition(width != nil || clean.shape.count > 1, "noise of measurements of shape \(clean.shape); expected [batch, …]")
    let (v, width) = (clean.doubles, width ?? clean.shape.dropFirst().reduce(1, *))
    if case .photons(let photons, let electronic, let attenuation) = self {
      precondition(photons > 0 && electronic >= 0 && attenuation > 0, "\(photons) photons, noise of \(electronic)")
      let measured = v.indices.map { i in
        if let support, support[i % width] == 0 { return v[i] }
        var count = generator.poisson(mean: photons * exp(-attenuation * v[i]))
        if electronic > 0 { count += electronic * generator.normalPair().0 }
        return -log(max(count, 1) / photons) / attenuation
      }
      return Tensor(measured, shape: clean.shape, precision: clean.precision)
    }
    var noise = generator.normal(count: v.count)
    for start in stride(from: 0, to: v.count, by: width) {
      let sigma = deviation(for: v[start..<start + width], support: support, relativeTo: amplitude)
      for i in 0..<width { noise[start + i] *= sigma * (support?[i] ?? 1) }
    }
    return clean + Tensor(noise, shape: clean.shape, precision: clean.precision)
  }
}
