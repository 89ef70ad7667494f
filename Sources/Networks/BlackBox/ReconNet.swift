// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Tensors
import _Differentiation

/// W x + b on rows x.
public struct DenseLayer: Parameterized {
  /// W, `[out, in]`.
  public var weight: Tensor
  /// b, `[out]`.
  public var bias: Tensor

  @differentiable(reverse)
  public init(weight: Tensor, bias: Tensor) {
    self.weight = weight
    self.bias = bias
  }

  @differentiable(reverse)
  public func callAsFunction(_ x: Tensor) -> Tensor { addedColumns(linear(x, weight), bias) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visit(path + "bias", &bias, &gradient.bias)
  }
}

/// ReconNet, Kulkarni et al. (CVPR 2016): a dense layer from the measurements of a block to its pixels, then two units of three
/// convolution layers, 64 of 11 × 11, 32 of 1 × 1 and one of 7 × 7, with a rectifier after each but the last.
///
/// Measurements `[blocks, M]`, estimates `[blocks, side²]`, flattened row by row (the published weights flatten column by column).
/// side² (M + 1) + 22 914 parameters.
public struct ReconNet: Network {
  public var dense: DenseLayer
  /// Six convolution layers.
  public var layers: [ConvolutionLayer]
  @noDerivative public let side: Int

  /// Filters drawn from N(0, 2 / inputs), so that signals keep their size through rectifiers, and a dense layer drawn from N(0, 1/side²):
  /// the published N(0, 0.1²) needs the published million of steps. Biases 0.
  ///
  /// - Parameter initial: Q, side² × M, a linear fit of blocks by their measurements: the dense layer starts as it, and the first channel of
  ///   every convolution layer passes its image on while the others stay out of the result, so that training begins at max(Q y, 0).
  public init(measurements: Int, side: Int = 33, initial: Tensor? = nil, precision: Precision = .single, seed: UInt64) {
    var generator = RandomGenerator(seed: seed, stream: 11)
    let pixels = side * side
    let drawn = (1 / Double(side)) * Tensor.normal([pixels, measurements], precision: precision, using: &generator)
    precondition(initial.map { $0.shape == drawn.shape } ?? true, "a fit \(initial?.shape ?? []) for a dense layer \(drawn.shape)")
    dense = DenseLayer(weight: initial?.converted(to: precision) ?? drawn, bias: .zeros([pixels], precision: precision))
    layers = [(1, 64, 11), (64, 32, 1), (32, 1, 7), (1, 64, 11), (64, 32, 1), (32, 1, 7)].map { input, output, size in
      let deviation = (2 / Double(input * size * size)).squareRoot()
      var weight = deviation * Tensor.normal([output, input, size, size], precision: precision, using: &generator)
      if initial != nil { weight = Self.passing(weight) }
      return ConvolutionLayer(weight: weight, bias: .zeros([output], precision: precision))
    }
    self.side = side
  }

  /// The filters of channel 0 are one pixel of channel 0; a layer with one output takes little of the other channels.
  private static func passing(_ weight: Tensor) -> Tensor {
    let (inputs, area) = (weight.shape[1], weight.shape[2] * weight.shape[3])
    var v = weight.doubles
    let isLast = weight.shape[0] == 1
    for i in 0..<inputs * area { v[i] = isLast && i >= area ? 0.01 * v[i] : 0 }
    v[area / 2] = 1
    return Tensor(v, shape: weight.shape, precision: weight.precision)
  }

  public var depth: Int { 1 }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor {
    let count = withoutDerivative(at: y.shape[0])
    var x = reshaped(dense(y), [count, 1, side, side])
    for i in 0..<withoutDerivative(at: layers.count) - 1 { x = relu(layers[i](x)) }
    return reshaped(layers[5](x), [count, side * side])
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    dense.visitParameters(&gradient.dense, path + "dense.", visit)
    layers.visitParameters(&gradient.layers, path + "layers.", visit)
  }
}

/// The stacked denoising auto-encoder (SDA) of Mousavi, Patel & Baraniuk (2015): dense layers M → side² → M → side² with a sigmoid
/// after each but the last. The published sizes and the sigmoid are not known for certain; tanh is used here.
public struct StackedAutoEncoder: Network {
  public var layers: [DenseLayer]

  /// Weights drawn from N(0, 2 / (in + out)), biases 0.
  public init(measurements: Int, side: Int = 33, precision: Precision = .single, seed: UInt64) {
    var generator = RandomGenerator(seed: seed, stream: 12)
    let pixels = side * side
    layers = [(measurements, pixels), (pixels, measurements), (measurements, pixels)].map { input, output in
      DenseLayer(
        weight: (2 / Double(input + output)).squareRoot()
          * Tensor.normal([output, input], precision: precision, using: &generator),
        bias: .zeros([output], precision: precision))
    }
  }

  public var depth: Int { 1 }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Tensor, stages: Int) -> Tensor { layers[2](tanh(layers[1](tanh(layers[0](y))))) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layers.visitParameters(&gradient.layers, path + "layers.", visit)
  }
}
