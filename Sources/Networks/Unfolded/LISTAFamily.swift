// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Problems
import Tensors
import _Differentiation

// The successors of LISTA for sparse recovery, b = A x*. Each is the proximal-gradient iteration with other parts; each starts at
// ISTA with λ (default 0.4, the reference experiments'), ALISTA at its analytic weight, or where a `RecoveryStart` says. `depth` counts
// stages from x⁽⁰⁾ = 0.

/// What all of them share around their stages: b as measured, x⁽⁰⁾ = 0, the last estimate.
public typealias SparseRecoveryNetwork<Stages: Schedule> = Unrolled<
  AsMeasured<Tensor>, ZeroStart<Tensor, Tensor>, Stages, AsEstimated<Tensor, Tensor>
> where Stages.Stage.Signal == Tensor, Stages.Stage.Measurement == Tensor

/// LISTA with a matrix per stage, as the sparse-recovery literature has it: x⁽ᵏ⁺¹⁾ = h_{θ_k}(B b + W_k x⁽ᵏ⁾), B shared.
public typealias UntiedLISTA = Unrolled<
  LinearEncoder, ZeroStart<Tensor, Tensor>, Untied<ProximalGradient<RecurrentStep, ClampedSoftThreshold, NoMomentum<Tensor>>>,
  AsEstimated<Tensor, Tensor>
>

/// LISTA-SS: UntiedLISTA with support selection.
public typealias LISTASS = Unrolled<
  LinearEncoder, ZeroStart<Tensor, Tensor>, Untied<ProximalGradient<RecurrentStep, SupportSelection, NoMomentum<Tensor>>>,
  AsEstimated<Tensor, Tensor>
>

/// LISTA-CP: x⁽ᵏ⁺¹⁾ = h_{θ_k}(x⁽ᵏ⁾ + W_kᵀ(b − A x⁽ᵏ⁾)), weight coupling. Chen, Liu, Wang & Yin (2018).
public typealias LISTACP = SparseRecoveryNetwork<Untied<ProximalGradient<CoupledStep, SoftThreshold, NoMomentum<Tensor>>>>

/// LISTA-CPSS: weight coupling and support selection.
public typealias LISTACPSS = SparseRecoveryNetwork<Untied<ProximalGradient<CoupledStep, SupportSelection, NoMomentum<Tensor>>>>

/// ALISTA: x⁽ᵏ⁺¹⁾ = hss_{θ_k, p_k}(x⁽ᵏ⁾ + γ_k W̃ᵀ(b − A x⁽ᵏ⁾)), W̃ analytic; only γ_k and θ_k are learned. Liu, Chen, Wang & Yin (2019).
public typealias ALISTA = SparseRecoveryNetwork<
  Untied<ProximalGradient<WeightedStep<Matrix>, SupportSelection, NoMomentum<Tensor>>>
>

/// TiLISTA: ALISTA with W learned and shared by all stages.
public typealias TiLISTA = SparseRecoveryNetwork<SharedWeightSchedule>

/// Step-LISTA: x⁽ᵏ⁺¹⁾ = h_{λ s_k}(x⁽ᵏ⁾ − s_k Aᵀ(A x⁽ᵏ⁾ − b)); only the steps s_k are learned. Ablin, Moreau, Massias & Gramfort (2019).
public typealias StepLISTA = SparseRecoveryNetwork<StepSizeSchedule>

/// The support-selection fractions p_k = min(p · k, p_max), k = 1 … depth, as fractions of the entries.
public struct SupportSchedule: Sendable, Equatable {
  /// p, percent a stage.
  public var growth: Double
  /// p_max, percent.
  public var maximum: Double
  /// 1.2 and 13 suit 10 % of non-zeros.
  public init(growth: Double = 1.2, maximum: Double = 13) {
    self.growth = growth
    self.maximum = maximum
  }
  /// For stage k counted from 0.
  public func fraction(_ k: Int) -> Double { min(growth * Double(k + 1), maximum) / 100 }
}

/// Where the stages of a network begin: x⁺ = h_{θ_k}(x + Wᵀ(b − A x)), h with or without support selection; as an affine map and a
/// threshold h_{θ_k}(B b + (I − Wᵀ A) x).
public struct RecoveryStart: Sendable {
  /// W, M × N, in the precision of A.
  public var weight: Tensor
  /// θ_k, one a stage.
  public var thresholds: [Double]

  public init(weight: Tensor, thresholds: [Double]) { (self.weight, self.thresholds) = (weight, thresholds) }

  /// ISTA for `problem` (α is λ): W = A/L, θ_k = λ/L.
  public static func ista(_ problem: SparseCoding, depth: Int) -> RecoveryStart {
    let L = problem.lipschitz
    return RecoveryStart(
      weight: (1 / L) * problem.dictionary.entries, thresholds: Array(repeating: problem.alpha / L, count: depth))
  }

  /// B = Wᵀ.
  var encoder: Tensor { weight.transposed }

  /// I − Wᵀ A.
  func recurrence(_ A: Matrix) -> Tensor {
    let product = linear(weight.converted(to: .double).transposed, A.entries.converted(to: .double).transposed)
    return (Tensor.identity(A.columns) - product).converted(to: weight.precision)
  }
}

extension Unrolled
where
  Encode == LinearEncoder, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<RecurrentStep, ClampedSoftThreshold, NoMomentum<Tensor>>>
{
  /// Starts at ISTA for `problem` (α is λ), or at `start`.
  public init(unfolding problem: SparseCoding, depth: Int, from start: RecoveryStart? = nil) {
    let start = start ?? .ista(problem, depth: depth)
    let recurrence = start.recurrence(problem.dictionary)
    self.init(
      encoder: LinearEncoder(weight: start.encoder), start: ZeroStart(),
      schedule: Untied(
        start.thresholds.map { threshold in
          ProximalGradient(
            data: RecurrentStep(recurrence: recurrence), prior: ClampedSoftThreshold(threshold: threshold), momentum: NoMomentum())
        }), output: AsEstimated())
  }
}

extension Unrolled
where
  Encode == LinearEncoder, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<RecurrentStep, SupportSelection, NoMomentum<Tensor>>>
{
  /// Starts at ISTA's matrices with support selection, or at `start`.
  public init(
    unfolding problem: SparseCoding, depth: Int, from start: RecoveryStart? = nil, support: SupportSchedule = SupportSchedule()
  ) {
    let start = start ?? .ista(problem, depth: depth)
    let recurrence = start.recurrence(problem.dictionary)
    self.init(
      encoder: LinearEncoder(weight: start.encoder), start: ZeroStart(),
      schedule: Untied(
        start.thresholds.enumerated().map { k, threshold in
          ProximalGradient(
            data: RecurrentStep(recurrence: recurrence),
            prior: SupportSelection(threshold: threshold, fraction: support.fraction(k)), momentum: NoMomentum())
        }), output: AsEstimated())
  }
}

extension Unrolled where Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor> {
  fileprivate init(stages: Stages, depth: Int) {
    self.init(encoder: AsMeasured(), start: ZeroStart(), schedule: stages, output: AsEstimated(), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<CoupledStep, SoftThreshold, NoMomentum<Tensor>>>
{
  /// Starts at ISTA: W = A/L, θ = λ/L; or at `start`.
  public init(unfolding problem: SparseCoding, depth: Int, from start: RecoveryStart? = nil) {
    let start = start ?? .ista(problem, depth: depth)
    self.init(
      stages: Untied(
        start.thresholds.map { threshold in
          ProximalGradient(
            data: CoupledStep(problem.dictionary, weight: start.weight), prior: SoftThreshold(threshold: threshold),
            momentum: NoMomentum())
        }), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<CoupledStep, SupportSelection, NoMomentum<Tensor>>>
{
  /// Starts at ISTA's weights with support selection, or at `start`.
  public init(
    unfolding problem: SparseCoding, depth: Int, from start: RecoveryStart? = nil, support: SupportSchedule = SupportSchedule()
  ) {
    let start = start ?? .ista(problem, depth: depth)
    self.init(
      stages: Untied(
        start.thresholds.enumerated().map { k, threshold in
          ProximalGradient(
            data: CoupledStep(problem.dictionary, weight: start.weight),
            prior: SupportSelection(threshold: threshold, fraction: support.fraction(k)), momentum: NoMomentum())
        }), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<WeightedStep<Matrix>, SupportSelection, NoMomentum<Tensor>>>
{
  /// Starts at γ = 1 and `thresholds`, θ_k = λ/L unless given, with W̃ = ``analyticWeight(of:)``.
  public init(
    unfolding problem: SparseCoding, depth: Int, weight: Matrix? = nil, thresholds: [Double]? = nil,
    support: SupportSchedule = SupportSchedule()
  ) {
    let A = problem.dictionary
    let W = weight ?? analyticWeight(of: A)
    let thresholds = thresholds ?? Array(repeating: problem.alpha / problem.lipschitz, count: depth)
    self.init(
      stages: Untied(
        thresholds.enumerated().map { k, threshold in
          ProximalGradient(
            data: WeightedStep(A, W: W, stepSize: 1),
            prior: SupportSelection(threshold: threshold, fraction: support.fraction(k)), momentum: NoMomentum())
        }), depth: depth)
  }
}

/// TiLISTA's stages: one W for all, a step γ_k and a threshold θ_k each.
public struct SharedWeightSchedule: Schedule {
  public typealias Stage = ProximalGradient<ScaledCoupledStep, SupportSelection, NoMomentum<Tensor>>
  @noDerivative public let A: Matrix
  @noDerivative public let support: SupportSchedule
  /// W, M × N.
  public var weight: Tensor
  /// γ_k.
  public var stepSizes: [Double]
  /// θ_k.
  public var thresholds: [Double]

  public init(A: Matrix, weight: Tensor, stepSizes: [Double], thresholds: [Double], support: SupportSchedule) {
    precondition(stepSizes.count == thresholds.count, "\(stepSizes.count) steps and \(thresholds.count) thresholds")
    self.A = A
    self.weight = weight
    self.stepSizes = stepSizes
    self.thresholds = thresholds
    self.support = support
  }

  public var depth: Int? { stepSizes.count }

  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage {
    let fraction = withoutDerivative(at: support.fraction(k))
    return Stage(
      data: ScaledCoupledStep(A, weight: weight, stepSize: stepSizes[k]),
      prior: SupportSelection(threshold: thresholds[k], fraction: fraction), momentum: withoutDerivative(at: NoMomentum()))
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visit(path + "weight", &weight, &gradient.weight)
    visitScalars(&stepSizes, &gradient.stepSizes, path + "stages.", "stepSize", visit)
    visitScalars(&thresholds, &gradient.thresholds, path + "stages.", "threshold", visit)
  }
}

/// Step-LISTA's stages: a step s_k each, which also scales the threshold λ s_k.
public struct StepSizeSchedule: Schedule {
  public typealias Stage = ProximalGradient<GradientStep<Matrix>, SoftThreshold, NoMomentum<Tensor>>
  @noDerivative public let A: Matrix
  /// λ.
  @noDerivative public let lambda: Double
  /// s_k.
  public var stepSizes: [Double]

  public init(A: Matrix, lambda: Double, stepSizes: [Double]) {
    self.A = A
    self.lambda = lambda
    self.stepSizes = stepSizes
  }

  public var depth: Int? { stepSizes.count }

  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage {
    let s = stepSizes[k]
    return Stage(
      data: GradientStep(A, stepSize: s), prior: SoftThreshold(threshold: lambda * s),
      momentum: withoutDerivative(at: NoMomentum()))
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    visitScalars(&stepSizes, &gradient.stepSizes, path + "stages.", "stepSize", visit)
  }
}

private func visitScalars(
  _ values: inout [Double], _ gradients: inout [Double].DifferentiableView, _ path: String, _ name: String,
  _ visit: any ParameterVisitor
) {
  if gradients.base.isEmpty { gradients.base = Array(repeating: 0, count: values.count) }
  for k in values.indices { visit("\(path)\(k).\(name)", &values[k], &gradients.base[k]) }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == SharedWeightSchedule
{
  /// Starts at W = A/L, γ = 1, θ = λ/L; or at `start`.
  public init(
    unfolding problem: SparseCoding, depth: Int, from start: RecoveryStart? = nil, support: SupportSchedule = SupportSchedule()
  ) {
    let start = start ?? .ista(problem, depth: depth)
    self.init(
      stages: SharedWeightSchedule(
        A: problem.dictionary, weight: start.weight, stepSizes: Array(repeating: 1, count: depth), thresholds: start.thresholds,
        support: support), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == StepSizeSchedule
{
  /// Starts at ISTA: s = 1/L.
  public init(unfolding problem: SparseCoding, depth: Int) {
    self.init(
      stages: StepSizeSchedule(
        A: problem.dictionary, lambda: problem.alpha, stepSizes: Array(repeating: 1 / problem.lipschitz, count: depth)),
      depth: depth)
  }
}
