// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// FBPConvNet, Jin, McCann, Froustey & Unser (IEEE Trans. Image Process. 26, 2017): an initial image, then a U-Net,
///
///     x = max(U(Q b), 0),   or with a residual   x = Q b + U(Q b)
///
/// Measurements `[batch, …]`, images `[batch, h, w]` of any sides: the U-Net is given zeros below and to the right up to a multiple of
/// 2^poolings. In training batches are normalised by their own statistics, so that samples of a batch depend on each other; a trained
/// network has those of the population, which ``calibrated(on:)`` finds.
public struct FBPConvNet: Network {
  /// The size of the network.
  public struct Configuration: Sendable, Hashable {
    /// At the finest resolution.
    public var channels: Int
    public var poolings: Int
    /// The U-Net's result is added to the initial image; otherwise it is rectified.
    public var isResidual: Bool

    public init(channels: Int, poolings: Int, isResidual: Bool) {
      (self.channels, self.poolings, self.isResidual) = (channels, poolings, isResidual)
    }

    /// What FISTA-Net was compared with: 482 449 parameters. Source: Xiang, Dong & Yang, IEEE Trans. Med. Imaging 40 (2021).
    public static let small = Configuration(channels: 16, poolings: 3, isResidual: false)
    /// The published one: 31 036 481 parameters.
    public static let original = Configuration(channels: 64, poolings: 4, isResidual: true)
  }

  public var net: UNet
  /// Q.
  @noDerivative public let initial: FixedStart<AnyOperator<Tensor, Tensor>>
  @noDerivative public let configuration: Configuration

  /// Before training: Kaiming-normal filters.
  ///
  /// - Parameter initial: Q, measurements to the initial image.
  public init(
    initial: AnyOperator<Tensor, Tensor>, _ configuration: Configuration = .small, precision: Precision = .single, seed: UInt64
  ) {
    var generator = RandomGenerator(seed: seed, stream: 13)
    net = UNet(
      channels: configuration.channels, poolings: configuration.poolings, precision: precision, generator: &generator)
    self.initial = FixedStart(initial)
    self.configuration = configuration
  }

  public var depth: Int { 1 }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor { corrected(initial(y), .trained) }

  /// - Parameter recording: in training, by the statistics of the batch.
  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func run(_ y: Tensor, recording: Bool, recomputing: Recomputation) -> NetworkOutput<Tensor> {
    let mode = withoutDerivative(at: recording ? NormalisationMode.training : .trained)
    return NetworkOutput(estimate: corrected(initial(y), mode), recorded: 0, depth: 1)
  }

  /// The image that the U-Net makes of the initial image x, both `[batch, h, w]`.
  @differentiable(reverse,wrt: (self, x))
  private func corrected(_ x: Tensor, _ mode: NormalisationMode) -> Tensor {
    let shape = withoutDerivative(at: x.shape)
    precondition(shape.count == 3, "FBPConvNet: initial images of shape \(shape); expected [batch, h, w]")
    let unit = 1 << configuration.poolings
    let (height, width) = ((shape[1] + unit - 1) / unit * unit, (shape[2] + unit - 1) / unit * unit)
    let maps = reshaped(padded(x, height: height, width: width), [shape[0], height, width, 1])
    let u = cropped(reshaped(net(maps, mode), [shape[0], height, width]), height: shape[1], width: shape[2])
    if withoutDerivative(at: configuration.isResidual) { return x + u }
    return relu(u)
  }

  /// The statistics of the population as means over batches of 16 that pass through the network as in training; the variance is that of
  /// a sample, n / (n − 1) times a batch's. Source: Ioffe & Szegedy (2015), algorithm 2.
  public func calibrated(on y: Tensor) -> FBPConvNet {
    let samples = y.shape.first ?? 0
    precondition(samples > 0, "calibration: measurements of shape \(y.shape); expected [batch, …] with at least one")
    var (means, variances) = ([[Double]](), [[Double]]())
    for first in stride(from: 0, to: samples, by: Self.calibrationBatch) {
      let batch = first..<min(first + Self.calibrationBatch, samples)
      let observer = StatisticsObserver()
      _ = corrected(initial(y.rows(batch)), .observed(by: observer))
      let share = Double(batch.count) / Double(samples)
      for (layer, found) in observer.statistics.enumerated() {
        if first == 0 {
          means.append(Array(repeating: 0, count: found.mean.count))
          variances.append(means[layer])
        }
        let unbiased = Double(found.count) / Double(max(found.count - 1, 1))
        for j in found.mean.indices {
          means[layer][j] += share * found.mean[j]
          variances[layer][j] += share * unbiased * found.variance[j]
        }
      }
    }
    var (result, next) = (self, 0)
    result.visitBuffers("") { _, buffer in
      let values = next % 2 == 0 ? means[next / 2] : variances[next / 2]
      buffer = Tensor(values, shape: buffer.shape, precision: buffer.precision)
      next += 1
    }
    return result
  }

  private static let calibrationBatch = 16

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    net.visitParameters(&gradient.net, path, visit)
  }

  public mutating func visitBuffers(_ path: String, _ visit: (_ name: String, _ value: inout Tensor) -> Void) {
    net.visitBuffers(path, visit)
  }
}
