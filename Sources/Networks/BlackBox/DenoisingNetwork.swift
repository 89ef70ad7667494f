// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Tensors
import _Differentiation

/// A network that takes white noise out of gray images, told its level: D(y, σ).
///
/// What is measured is `[batch, h, w, 2]`: beside every pixel of y the standard deviation of its noise, on the scale of y, within [0, 1].
public protocol DenoisingNetwork: TensorNetwork, Denoiser {
  /// The layers, in their order.
  var layers: [ConvolutionLayer] { get }
  /// How many rows away a pixel still counts; even.
  var reach: Int { get }
}

extension DenoisingNetwork {
  public var depth: Int { 1 }

  public func denoised(_ images: Tensor, sigma: Double) -> Tensor {
    if isTrivial(images, sigma: sigma) { return images }
    let (height, width) = (images.shape[images.shape.count - 2], images.shape[images.shape.count - 1])
    let flat = images.reshaped([images.count / (height * width), height, width])
    let given = flat.converted(to: layers[0].weight.precision)
    let found = Tensor.concatenated((0..<given.shape[0]).map { inStrips(given.rows($0..<$0 + 1), sigma: sigma) })
    return found.converted(to: images.precision).reshaped(images.shape).invalidated(where: images)
  }

  /// One image, in strips of rows that see all they reach: maps of many channels of a large image would fill the memory.
  private func inStrips(_ image: Tensor, sigma: Double) -> Tensor {
    let (height, width) = (image.shape[1], image.shape[2])
    let rows = max(2 * reach, Self.pixelsOfAStrip / width / 2 * 2)
    func denoised(_ range: Range<Int>) -> Tensor {
      let strip = image.reshaped([height, width]).rows(range).reshaped([1, range.count, width])
      return self(besideConstant(strip, sigma), stages: 1)
    }
    if height <= rows + reach { return denoised(0..<height) }
    let strips = stride(from: 0, to: height, by: rows).map { first in
      let (begin, end) = (max(0, first - reach), min(height, first + rows + reach))
      let found = denoised(begin..<end).reshaped([end - begin, width])
      return found.rows(first - begin..<min(height, first + rows) - begin)
    }
    return Tensor.concatenated(strips).reshaped([1, height, width])
  }

  private static var pixelsOfAStrip: Int { 1 << 19 }
}

/// The denoiser of IRCNN, Zhang, Zuo, Gu & Zhang (CVPR 2017), one for all levels:
///
///     x = y − F(y, σ)
///
/// with F of seven 3 × 3 layers whose taps lie 1, 2, 3, 4, 3, 2 and 1 pixels apart, a rectifier after each but the last, 33 × 33 pixels seen
/// from each. The published denoisers are 25, one for every second level, with batch normalisation and without σ as an input. 186 433
/// parameters with 64 channels.
public struct DilatedCNN: DenoisingNetwork {
  public var layers: [ConvolutionLayer]

  /// How far apart the taps of the layers lie.
  public static let dilations = [1, 2, 3, 4, 3, 2, 1]

  /// - Parameter layers: seven, from 2 channels to 1.
  public init(_ layers: [ConvolutionLayer]) {
    precondition(
      layers.count == Self.dilations.count && layers[0].weight.shape[1] == 2 && layers[layers.count - 1].weight.shape[0] == 1,
      "a dilated network of \(layers.count) layers from \(layers.first?.weight.shape ?? []) to \(layers.last?.weight.shape ?? [])")
    self.layers = layers
  }

  /// Before training: filters of N(0, 2 / inputs), biases 0; those of the last layer 0, so that training begins at x = y.
  public init(channels: Int = 64, precision: Precision = .single, seed: UInt64) {
    precondition(channels >= 1, "a dilated network of \(channels) channels")
    var generator = RandomGenerator(seed: seed, stream: 17)
    let last = Self.dilations.count - 1
    self.init(
      (0...last).map { k in
        let (input, output) = (k == 0 ? 2 : channels, k == last ? 1 : channels)
        let deviation = k == last ? 0 : (2 / Double(9 * input)).squareRoot()
        return ConvolutionLayer(
          weight: deviation * Tensor.normal([output, input, 3, 3], precision: precision, using: &generator),
          bias: .zeros([output], precision: precision))
      })
  }

  public var reach: Int { Self.dilations.reduce(0, +) }

  /// - Parameter y: `[batch, h, w, 2]`.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor {
    var maps = y
    let last = withoutDerivative(at: layers.count) - 1
    for k in 0...last {
      maps = layers[k](channelsLast: maps, dilation: withoutDerivative(at: Self.dilations[k]), rectified: k < last)
    }
    return firstChannel(y) - firstChannel(maps)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layers.visitParameters(&gradient.layers, path + "layers.", visit)
  }
}
