// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors

/// The convolution weights a stage starts from. Xavier normal: N(0, 2 / (9 (in + out))).
public struct XavierWeights: Sendable {
  public var generator: RandomGenerator
  public let precision: Precision

  public init(generator: RandomGenerator, precision: Precision) {
    self.generator = generator
    self.precision = precision
  }

  public mutating func layer(_ input: Int, _ output: Int) -> Tensor {
    (2 / Double(9 * (input + output))).squareRoot() * Tensor.normal([output, input, 3, 3], precision: precision, using: &generator)
  }
  /// With a bias of 0.
  public mutating func biased(_ input: Int, _ output: Int) -> ConvolutionLayer {
    ConvolutionLayer(weight: layer(input, output), bias: .zeros([output], precision: precision))
  }
  public mutating func pair(_ input: Int, _ middle: Int, _ output: Int) -> ConvolutionPair {
    ConvolutionPair(first: layer(input, middle), second: layer(middle, output))
  }
  /// The prior of a stage of ISTA-Net on images of so many parts: it begins near the identity, so that a chain of many stages learns from
  /// the first step.
  ///
  /// Channels 2p and 2p + 1 of F are max(r_p, 0) and max(−r_p, 0), and F̃ puts the two together again; what else F̃ adds is a tenth of
  /// Xavier's, θ = 0.001. With fewer channels than twice the parts all filters are Xavier's and θ = 0.01, as in public training code.
  public mutating func transform(_ parts: Int, _ channels: Int) -> TransformThreshold {
    var prior = TransformThreshold(
      analysis: pair(parts, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, parts))
    guard channels >= 2 * parts else { return prior }
    let signs = (0..<parts).flatMap { [(part: $0, sign: 1.0), (part: $0, sign: -1.0)] }
    let halves = signs.indices.map { (output: $0, input: $0, gain: 1.0) }
    prior.analysis.first = passing(signs.indices.map { ($0, signs[$0].part, signs[$0].sign) }, in: prior.analysis.first)
    prior.analysis.second = passing(halves, in: prior.analysis.second)
    prior.synthesis.first = passing(halves, in: prior.synthesis.first)
    prior.synthesis.second = passing(
      signs.indices.map { (signs[$0].part, $0, signs[$0].sign) }, in: 0.1 * prior.synthesis.second, keepingOthers: true)
    prior.threshold = 0.001
    return prior
  }
  /// The prior of a stage of ISTA-Net⁺.
  public mutating func correction(_ parts: Int, _ channels: Int) -> ResidualCorrection<TransformThreshold> {
    let expansion = layer(parts, channels)
    let inner = TransformThreshold(
      analysis: pair(channels, channels, channels), threshold: initialThreshold, synthesis: pair(channels, channels, channels))
    return ResidualCorrection(expansion: expansion, prior: inner, reduction: layer(channels, parts))
  }
}

/// Filters `[out, in, 3, 3]` whose outputs in `paths` are `gain` times an input, without a neighbour.
///
/// - Parameter keepingOthers: whether such an output keeps its filters of the inputs that have no path to any output.
func passing(
  _ paths: [(output: Int, input: Int, gain: Double)], in filters: Tensor, keepingOthers: Bool = false
) -> Tensor {
  let inputs = filters.shape[1]
  let taken = Set(paths.map(\.input))
  var values = filters.doubles
  for output in Set(paths.map(\.output)) {
    for input in 0..<inputs where !keepingOthers || taken.contains(input) {
      for k in 0..<9 { values[(output * inputs + input) * 9 + k] = 0 }
    }
  }
  for path in paths { values[(path.output * inputs + path.input) * 9 + 4] = path.gain }
  return Tensor(values, shape: filters.shape, precision: filters.precision)
}

/// The values of public training code: ρ = 0.5, θ = 0.01.
public let initialStepSize = 0.5
public let initialThreshold = 0.01
