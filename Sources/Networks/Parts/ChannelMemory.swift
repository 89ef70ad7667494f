// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

// Parts of networks with memory: the state is X = [x; z], maps `[batch, h, w, c]` whose channel 0 is the image x and whose other channels
// are features z that the stages hand on,
//
//     r  = x − ρ Aᴴ(A x − y)                 the data step touches the image alone
//     X⁺ = [r; z] + body([r; z])             the prior acts on all channels of the whole image
//
// the proximal-gradient iteration with another state and another prior. With a body of 0 it is gradient descent.

/// A data step on channel 0 of maps: [x; z] ↦ [data(x); z].
public struct OnFirstChannel<Data: DataStep>: DataStep where Data.Signal == Tensor {
  public var data: Data
  public init(_ data: Data) { self.data = data }

  @differentiable(reverse,wrt: (x, y)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Data.Measurement) -> Tensor {
    replacingFirstChannel(of: x, with: data(firstChannel(x), measurement: y))
  }

  // As the compiler would make it of the three operations above, with one pass over the maps in the place of four.
  @derivative(of: callAsFunction, wrt: (self, x, y)) @usableFromInline
  func _vjpCallAsFunction(
    _ x: Tensor, measurement y: Data.Measurement
  ) -> (value: Tensor, pullback: (Tensor) -> (TangentVector, Tensor, Data.Measurement)) {
    let (image, pullback) = valueWithPullback(at: data, firstChannel(x), y, of: { data, x, y in data(x, measurement: y) })
    return (
      replacingFirstChannel(of: x, with: image),
      { v in
        let d = pullback(firstChannel(v))
        return (TangentVector(data: d.0), replacingFirstChannel(of: v, with: d.1), d.2)
      }
    )
  }

  @derivative(of: callAsFunction, wrt: (x, y)) @usableFromInline
  func _vjpCallAsFunctionOfSignal(
    _ x: Tensor, measurement y: Data.Measurement
  ) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Data.Measurement)) {
    let (image, pullback) = valueWithPullback(at: firstChannel(x), y, of: { x, y in data(x, measurement: y) })
    return (
      replacingFirstChannel(of: x, with: image),
      { v in
        let d = pullback(firstChannel(v))
        return (replacingFirstChannel(of: v, with: d.0), d.1)
      }
    )
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    data.visitParameters(&gradient.data, path, visit)
  }
}

extension OnFirstChannel: OperatorDependent where Data: OperatorDependent {
  public func with(_ A: Data.Op) -> Self { Self(data.with(A)) }
}

/// X + C₂ * max(C₁ * X, 0) with biases: a module of SCNet.
public struct ResidualConvolutions: PriorStep {
  /// C₁.
  public var first: ConvolutionLayer
  /// C₂.
  public var second: ConvolutionLayer

  @differentiable(reverse)
  public init(first: ConvolutionLayer, second: ConvolutionLayer) {
    self.first = first
    self.second = second
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: r + second(channelsLast: first(channelsLast: r, rectified: true)), recorded: 0)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    first.visitParameters(&gradient.first, path + "first.", visit)
    second.visitParameters(&gradient.second, path + "second.", visit)
  }
}

/// X + F̃(s), s = sign(f) max(|f| − θ_c, 0), f = F(X), θ_c = t · mean over the image of f_c: a stage of SODAS-Net.
///
/// F and F̃ are ``ConvolutionPair``s. The mean is over the whole image: a part of one gives other numbers.
public struct MeanThresholdCorrection: PriorStep {
  /// F.
  public var analysis: ConvolutionPair
  /// t.
  public var threshold: Double
  /// F̃.
  public var synthesis: ConvolutionPair

  @differentiable(reverse)
  public init(analysis: ConvolutionPair, threshold: Double, synthesis: ConvolutionPair) {
    self.analysis = analysis
    self.threshold = threshold
    self.synthesis = synthesis
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Tensor, recording: Bool) -> PriorOutput<Tensor> {
    PriorOutput(value: r + synthesis(meanSoftThreshold(analysis(r), scale: threshold)), recorded: 0)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "threshold", &threshold, &gradient.threshold)
    analysis.visitParameters(&gradient.analysis, path + "analysis.", visit)
    synthesis.visitParameters(&gradient.synthesis, path + "synthesis.", visit)
  }
}

// MARK: Ends

/// X⁽⁰⁾ = K * [Aᴴ y; m]: the back-projection and a map of the constant m, the sampling ratio. SCNet's start.
public struct RatioStart<Op: Undersampling>: InitialMap, OperatorDependent where Op.Domain == Tensor {
  @noDerivative public let A: Op
  /// K, two channels to those of the state.
  public var layer: ConvolutionLayer

  public init(_ A: Op, layer: ConvolutionLayer) {
    self.A = A
    self.layer = layer
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Codomain) -> Tensor {
    layer(channelsLast: besideConstant(A.H(y), withoutDerivative(at: A.samplingRatio)))
  }

  public func with(_ A: Op) -> Self { Self(A, layer: layer) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layer.visitParameters(&gradient.layer, path, visit)
  }
}

/// X⁽⁰⁾ = [x; K * x], x = Aᴴ y: the back-projection and features of it. SODAS-Net's start.
public struct FeatureStart<Op: LinearOperator>: InitialMap, OperatorDependent where Op.Domain == Tensor {
  @noDerivative public let A: Op
  /// K, one channel to those of the state but one.
  public var layer: ConvolutionLayer

  public init(_ A: Op, layer: ConvolutionLayer) {
    self.A = A
    self.layer = layer
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, y))
  public func callAsFunction(_ y: Op.Codomain) -> Tensor {
    // One layer of filters, the first of which lets its input through.
    let filters = filtersAfterIdentity(layer.weight)
    let x = A.H(y)
    return convolved(reshaped(x, withoutDerivative(at: x.shape + [1])), filters, adding: afterZero(layer.bias))
  }

  public func with(_ A: Op) -> Self { Self(A, layer: layer) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layer.visitParameters(&gradient.layer, path, visit)
  }
}

/// The image of the last state, its channel 0.
public struct FirstChannel<Op: LinearOperator>: OutputMap, OperatorDependent {
  public init() {}
  @differentiable(reverse,wrt: (self, x)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Op.Codomain) -> Tensor { firstChannel(x) }
  public func with(_ A: Op) -> Self { self }
}

/// x = K * X, then x − Aᴴ(A x − y): all channels to one image, and a last step to agreement with the measurement. SCNet's end.
public struct ConsistentReadout<Op: LinearOperator>: OutputMap, OperatorDependent where Op.Domain == Tensor {
  @noDerivative public let A: Op
  /// K, the channels of the state to one.
  public var layer: ConvolutionLayer

  public init(_ A: Op, layer: ConvolutionLayer) {
    self.A = A
    self.layer = layer
  }

  @differentiable(reverse,wrt: (self, x)) @differentiable(reverse,wrt: (self, x, y))
  public func callAsFunction(_ x: Tensor, measurement y: Op.Codomain) -> Tensor {
    let maps = layer(channelsLast: x)
    let image = reshaped(maps, withoutDerivative(at: Array(maps.shape.dropLast())))
    return image - A.H(A(image) - y)
  }

  public func with(_ A: Op) -> Self { Self(A, layer: layer) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    layer.visitParameters(&gradient.layer, path, visit)
  }
}
