// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import _Differentiation

/// The proximal-gradient iteration, with or without momentum:
///
///     x⁽ᵏ⁺¹⁾ = prior(data(v⁽ᵏ⁾))          ISTA:  h_{α/L}(v − (1/L) Aᴴ(A v − y))
///     v⁽ᵏ⁺¹⁾ = x⁽ᵏ⁺¹⁾ + w (x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾)   FISTA: w = (t_k − 1) / t_{k+1}
///
/// Which parts it is made of decides what it is: ISTA, FISTA, LISTA, LISTA-CP, ALISTA, ISTA-Net, FISTA-Net.
public struct ProximalGradient<Data: DataStep, Prior: PriorStep, Extrapolate: Extrapolation>: Iteration
where Prior.Signal == Data.Signal, Extrapolate.Signal == Data.Signal {
  public typealias Signal = Data.Signal
  public typealias Measurement = Data.Measurement

  public struct State: Differentiable {
    /// x⁽ᵏ⁾.
    public var x: Signal
    /// v⁽ᵏ⁾, where the next gradient step is taken.
    public var v: Signal
    /// What the stages left for the training loss.
    public var recorded: Double
    /// t_k of the momentum sequence.
    @noDerivative public var t: Double

    @differentiable(reverse,wrt: (x, v, recorded))
    public init(x: Signal, v: Signal, recorded: Double, t: Double) {
      self.x = x
      self.v = v
      self.recorded = recorded
      self.t = t
    }
  }

  public var data: Data
  public var prior: Prior
  public var momentum: Extrapolate

  @differentiable(reverse)
  public init(data: Data, prior: Prior, momentum: Extrapolate) {
    self.data = data
    self.prior = prior
    self.momentum = momentum
  }

  @differentiable(reverse)
  public func initialState(_ x: Signal) -> State { State(x: x, v: x, recorded: 0, t: 1) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Signal { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { s.recorded }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Measurement, recording: Bool) -> State {
    let output = prior(data(s.v, measurement: y), recording: recording)
    let decision = withoutDerivative(
      at: momentum.decide(t: s.t, next: output.value, previous: s.x, extrapolated: s.v))
    return State(
      x: output.value, v: momentum(output.value, s.x, weight: decision.weight), recorded: s.recorded + output.recorded,
      t: decision.t)
  }

  @differentiable(reverse,wrt: self) @differentiable(reverse,wrt: (self, x))
  public func asymmetry(_ x: Signal) -> Double { prior.asymmetry(x) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    data.visitParameters(&gradient.data, path, visit)
    prior.visitParameters(&gradient.prior, path, visit)
    momentum.visitParameters(&gradient.momentum, path, visit)
  }
}

/// ISTA: gradient step 1/L, soft threshold α/L, no momentum. Daubechies, Defrise & De Mol (2004).
public typealias ISTA<Op: LinearOperator> = ProximalGradient<GradientStep<Op>, SoftThreshold, NoMomentum<Tensor>>
where Op.Domain == Tensor

/// FISTA: ISTA with Nesterov's momentum. Beck & Teboulle (2009).
public typealias FISTA<Op: LinearOperator> = ProximalGradient<GradientStep<Op>, SoftThreshold, NesterovMomentum<Tensor>>
where Op.Domain == Tensor

extension ProximalGradient where Data == GradientStep<Matrix>, Prior == SoftThreshold, Extrapolate == NoMomentum<Tensor> {
  /// ISTA for a sparse-coding problem: ρ = 1/L, θ = α/L.
  public init(_ problem: SparseCoding) {
    self.init(
      data: GradientStep(problem.dictionary, stepSize: 1 / problem.lipschitz),
      prior: SoftThreshold(threshold: problem.alpha / problem.lipschitz), momentum: NoMomentum())
  }
}

extension ProximalGradient where Data == GradientStep<Matrix>, Prior == SoftThreshold, Extrapolate == NesterovMomentum<Tensor> {
  /// FISTA for a sparse-coding problem, restarted or not.
  public init(_ problem: SparseCoding, restart: NesterovMomentum<Tensor>.Restart = .never) {
    self.init(
      data: GradientStep(problem.dictionary, stepSize: 1 / problem.lipschitz),
      prior: SoftThreshold(threshold: problem.alpha / problem.lipschitz), momentum: NesterovMomentum(restart: restart))
  }
}
