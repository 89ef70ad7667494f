// SPDX-License-Identifier: Apache-2.0
import Operators
import Problems
import Tensors
import _Differentiation

/// FISTA that never lets the objective rise (MFISTA, Beck & Teboulle 2009b), or restarts its momentum when it would.
///
///     z = prior(data(v))
///     keep:    x⁽ᵏ⁺¹⁾ = z if E(z) ≤ E(x⁽ᵏ⁾), else x⁽ᵏ⁾;   v = x⁽ᵏ⁺¹⁾ + (t_k / t_{k+1}) (z − x⁽ᵏ⁺¹⁾) + ((t_k − 1) / t_{k+1}) (x⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾)
///     restart: if E(z) > E(x⁽ᵏ⁾), the step is taken again from x⁽ᵏ⁾ without momentum and t starts anew (O'Donoghue & Candès 2015)
///
/// The comparison is a decision: the derivative follows the branch that was taken.
public struct MonotoneFISTA<Data: DataStep, Prior: PriorStep, Energy: Objective>: Iteration
where
  Prior.Signal == Data.Signal, Energy.Signal == Data.Signal, Energy.Measurement == Data.Measurement
{
  public typealias Signal = Data.Signal
  public typealias Measurement = Data.Measurement

  /// What happens when the objective would rise.
  public enum Guard: Sendable {
    case keep
    case restart
  }

  public struct State: Differentiable {
    public var x: Signal
    public var v: Signal
    public var recorded: Double
    @noDerivative public var t: Double
    /// E(x).
    @noDerivative public var energy: Double
    @differentiable(reverse,wrt: (x, v, recorded))
    public init(x: Signal, v: Signal, recorded: Double, t: Double, energy: Double) {
      self.x = x
      self.v = v
      self.recorded = recorded
      self.t = t
      self.energy = energy
    }
  }

  public var data: Data
  public var prior: Prior
  @noDerivative public let energy: Energy
  @noDerivative public let whenRising: Guard

  public init(data: Data, prior: Prior, energy: Energy, whenRising: Guard = .keep) {
    self.data = data
    self.prior = prior
    self.energy = energy
    self.whenRising = whenRising
  }

  @differentiable(reverse)
  public func initialState(_ x: Signal) -> State { State(x: x, v: x, recorded: 0, t: 1, energy: .infinity) }
  @differentiable(reverse)
  public func estimate(_ s: State) -> Signal { s.x }
  @differentiable(reverse)
  public func recorded(_ s: State) -> Double { s.recorded }

  @differentiable(reverse,wrt: (self, s, y))
  public func step(_ s: State, measurement y: Measurement, recording: Bool) -> State {
    let output = prior(data(s.v, measurement: y), recording: recording)
    let z = output.value
    let proposed = withoutDerivative(at: energy.value(z, measurement: y))
    let t = withoutDerivative(at: nextNesterov(s.t))
    let weight = withoutDerivative(at: (s.t - 1) / t)
    if withoutDerivative(at: proposed <= s.energy) {
      return State(x: z, v: z + weight * (z - s.x), recorded: s.recorded + output.recorded, t: t, energy: proposed)
    }
    if whenRising == .keep {
      let pull = withoutDerivative(at: s.t / t)
      return State(x: s.x, v: s.x + pull * (z - s.x), recorded: s.recorded + output.recorded, t: t, energy: s.energy)
    }
    let plain = prior(data(s.x, measurement: y), recording: recording)
    let energyOfPlain = withoutDerivative(at: energy.value(plain.value, measurement: y))
    return State(x: plain.value, v: plain.value, recorded: s.recorded + plain.recorded, t: 1, energy: energyOfPlain)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    data.visitParameters(&gradient.data, path, visit)
    prior.visitParameters(&gradient.prior, path, visit)
  }
}

extension MonotoneFISTA where Data == GradientStep<Matrix>, Prior == SoftThreshold, Energy == SparseCoding {
  /// For a sparse-coding problem: ρ = 1/L, θ = α/L. One sample at a time: a batch shares one decision.
  public init(_ problem: SparseCoding, whenRising: Guard = .keep) {
    self.init(
      data: GradientStep(problem.dictionary, stepSize: 1 / problem.lipschitz),
      prior: SoftThreshold(threshold: problem.alpha / problem.lipschitz), energy: problem, whenRising: whenRising)
  }
}
