// SPDX-License-Identifier: Apache-2.0
import Denoisers
import Operators
import Tensors
import _Differentiation

/// D-AMP: approximate message passing with a denoiser, of one image,
///
///     z⁽ᵏ⁾ = y − A x⁽ᵏ⁾ + z⁽ᵏ⁻¹⁾ (div D)(v⁽ᵏ⁻¹⁾) / M                  the last term Onsager's
///     v⁽ᵏ⁾ = x⁽ᵏ⁾ + Aᴴ z⁽ᵏ⁾;   σ_k = ‖z⁽ᵏ⁾‖ / √M
///     x⁽ᵏ⁺¹⁾ = D_{σ_k}(v⁽ᵏ⁾)
///
/// for M measurements by an A of N columns of norm 1 in the mean, such as √(N/M) times orthonormal rows. With Onsager's term v⁽ᵏ⁾ is the image and
/// noise of level σ_k nearly white, and σ_k follows ``stateEvolution(of:measurements:noise:_:count:seed:)``. The
/// divergence is that along one random η: ⟨η, D(v + ε η) − D(v)⟩ / ε, η of N(0, 1), ε = σ_k / 10: a denoiser that groups and thresholds jumps,
/// and over steps as small as the max |v| / 1000 of the authors one η sees little but the jumps.
///
/// Source: Metzler, Maleki & Baraniuk, "From denoising to compressed sensing", IEEE Trans. Inf. Theory 62 (2016), 5117–5144.
public struct ApproximateMessagePassing<Op: LinearOperator>: Iteration where Op.Domain == Tensor, Op.Codomain == Tensor {
  public typealias Signal = Tensor
  public typealias Measurement = Tensor

  public struct State: Differentiable {
    public var x: Tensor
    /// z div D / M of the last step.
    public var correction: Tensor
    /// σ of the last step.
    @noDerivative public var sigma: Double
    /// Steps done.
    @noDerivative public var steps: Int

    @differentiable(reverse,wrt: (x, correction))
    public init(x: Tensor, correction: Tensor, sigma: Double, steps: Int) {
      (self.x, self.correction) = (x, correction)
      self.sigma = sigma
      self.steps = steps
    }
  }

  @noDerivative public let A: Op
  @noDerivative public let denoiser: any Denoiser
  @noDerivative public let height: Int
  @noDerivative public let width: Int
  /// Without Onsager's term it is proximal gradient with step 1 and σ_k as here.
  @noDerivative public let corrects: Bool
  @noDerivative public let seed: UInt64

  /// - Parameters: `height`, `width`, of the image, which may lie flattened, row by row; `seed` of η.
  public init(
    _ A: Op, _ denoiser: any Denoiser, height: Int, width: Int, corrects: Bool = true, seed: UInt64 = 1
  ) {
    (self.A, self.denoiser, self.height, self.width) = (A, denoiser, height, width)
    (self.corrects, self.seed) = (corrects, seed)
  }

  @differentiable(reverse)
  public func initialState(_ x: Tensor) -> State { State(x: x, correction: .zero, sigma: .nan, steps: 0) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Tensor { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { 0 }

  /// - Precondition: not trained through; a denoiser has no derivative.
  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Tensor, recording: Bool) -> State {
    let z = y - A.forward(s.x) + s.correction
    let v = s.x + A.adjoint(z)
    let sigma = z.norm / Double(y.count).squareRoot()
    var (x, correction) = (v, Tensor.zero)
    let noisy = v.reshaped([1, height, width])
    if sigma.isFinite && corrects {
      let (estimate, slopes) = denoiser.estimateAndSlopes(noisy, sigma: sigma, seed: seed, stream: UInt64(s.steps))
      (x, correction) = (estimate.reshaped(v.shape), (slopes.doubles.reduce(0, +) / Double(z.count)) * z)
    } else if sigma.isFinite {
      x = denoiser.denoised(noisy, sigma: sigma).reshaped(v.shape)
    }
    return State(x: x, correction: correction, sigma: sigma, steps: s.steps + 1)
  }

  @derivative(of: step, wrt: (self, s, y)) @usableFromInline
  func _vjpStep(_ s: State, measurement y: Tensor, recording: Bool) -> (
    value: State, pullback: (State.TangentVector) -> (TangentVector, State.TangentVector, Tensor)
  ) {
    (
      step(s, measurement: y, recording: recording),
      { _ in refuseDerivative(of: denoiser) }
    )
  }
}

/// σ_0, σ_1 … of ``ApproximateMessagePassing`` as its state evolution has them for an image x and a Gaussian A of M rows:
///
///     σ_k² = σ_w² + ‖D_{σ_{k−1}}(x + σ_{k−1} η) − x‖² / M,   σ_0² = σ_w² + ‖x‖² / M
///
/// with one η of N(0, 1) a step.
///
/// - Parameters: `image`, `[height, width]`; `noise`, σ_w, of the measurement.
public func stateEvolution(
  of image: Tensor, measurements M: Int, noise: Double = 0, _ denoiser: any Denoiser, count: Int, seed: UInt64
) -> [Double] {
  var error = image
  return (0..<count).map { k in
    let sigma = (noise * noise + error.inner(error) / Double(M)).squareRoot()
    var generator = RandomGenerator(seed: seed, stream: UInt64(k))
    let eta = Tensor.normal(image.shape, precision: image.precision, using: &generator)
    error = denoiser.denoised(image + sigma * eta, sigma: sigma) - image
    return sigma
  }
}

extension Denoiser {
  /// D_σ(v) of one image and η (D_σ(v + ε η) − D_σ(v)) / ε, whose sum estimates the divergence, for one η of N(0, 1).
  func estimateAndSlopes(_ v: Tensor, sigma: Double, seed: UInt64, stream: UInt64) -> (Tensor, Tensor) {
    var generator = RandomGenerator(seed: seed, stream: stream)
    let eta = Tensor.normal(v.shape, precision: v.precision, using: &generator)
    let step = sigma / 10 + 1e-12
    let both = denoised(Tensor.concatenated([v, v + step * eta]), sigma: sigma)
    let (x, moved) = (both.rows(0..<1), both.rows(1..<2))
    return (x, (1 / step) * (eta .* (moved - x)))
  }
}
