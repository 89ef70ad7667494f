// SPDX-License-Identifier: Apache-2.0
import Platform

/// A seeded generator, the same numbers on every platform: xoshiro256++ (Blackman & Vigna, 2019) started by SplitMix64.
///
/// `stream` separates independent sequences of one seed (a batch, a chunk, a noise draw), so that no result depends on the
/// order in which threads draw.
public struct RandomGenerator: RandomNumberGenerator, Sendable {
  private var s: (UInt64, UInt64, UInt64, UInt64)

  public init(seed: UInt64, stream: UInt64 = 0) {
    var x = seed &+ stream &* 0xD1B5_4A32_D192_ED03
    func splitMix() -> UInt64 {
      x &+= 0x9E37_79B9_7F4A_7C15
      var z = x
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    s = (splitMix(), splitMix(), splitMix(), splitMix())
  }

  public mutating func next() -> UInt64 {
    func rotate(_ v: UInt64, _ k: UInt64) -> UInt64 { (v << k) | (v >> (64 - k)) }
    let result = rotate(s.0 &+ s.3, 23) &+ s.0
    let t = s.1 << 17
    s.2 ^= s.0
    s.3 ^= s.1
    s.1 ^= s.2
    s.0 ^= s.3
    s.2 ^= t
    s.3 = rotate(s.3, 45)
    return result
  }

  /// Uniform in [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// An integer in 0 ..< bound, without bias.
  public mutating func index(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// Two independent standard normal numbers (Box & Muller).
  public mutating func normalPair() -> (Double, Double) {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    return (radius * cos(angle), radius * sin(angle))
  }

  /// `count` independent standard normal numbers.
  public mutating func normal(count: Int) -> [Double] {
    var values = [Double]()
    values.reserveCapacity(count + 1)
    while values.count < count {
      let (a, b) = normalPair()
      values.append(a)
      values.append(b)
    }
    if values.count > count { values.removeLast() }
    return values
  }
}

extension Tensor {
  /// Independent N(0, 1) entries.
  public static func normal(_ shape: [Int], precision: Precision = .double, using generator: inout RandomGenerator) -> Tensor {
    Tensor(generator.normal(count: shape.reduce(1, *)), shape: shape, precision: precision)
  }

  /// Independent entries uniform in [0, 1).
  public static func uniform(_ shape: [Int], precision: Precision = .double, using generator: inout RandomGenerator) -> Tensor {
    Tensor((0..<shape.reduce(1, *)).map { _ in generator.uniform() }, shape: shape, precision: precision)
  }
}
