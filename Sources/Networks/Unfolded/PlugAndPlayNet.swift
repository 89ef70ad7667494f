// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Tensors
import _Differentiation

/// Plug and play, unfolded: a denoiser in the place of a proximal map, its level and the penalty of every stage learned,
///
///     x⁽ᵏ⁺¹⁾ = D_σₖ((AᴴA + ρₖ)⁻¹(Aᴴ y + ρₖ x⁽ᵏ⁾)),   x⁽⁰⁾ = Aᴴ y
///
/// with one ``FFDNet`` D for all stages and images of any kind within [0, 1], planes and parts of complex numbers each by itself. Before
/// training it is ``PlugAndPlaySplitting`` of the same schedule; with D as it was it has two parameters a stage.
///
/// Source: Zhang, Li, Zuo, Zhang, Van Gool & Timofte, "Plug-and-play image restoration with deep denoiser prior", IEEE Trans. Pattern Anal.
/// Mach. Intell. 44 (2022), with ρₖ and σₖ learned as in Zhang, Van Gool & Timofte, "Deep unfolding network for image super-resolution",
/// CVPR 2020.
public typealias PlugAndPlayNet<Op: LinearOperator> = Unrolled<
  AsMeasured<Op.Codomain>, FixedStart<Adjoint<Op>>, DenoiserSchedule<Op>, AsEstimated<Op.Codomain, Op.Domain>
> where Op.Domain: ImageSpace

/// D_σ of a network D that learns, σ learned or not, in the place of a proximal map.
public struct NetworkDenoiser<Signal: ImageSpace>: PriorStep {
  public var denoiser: FFDNet
  /// σ.
  public var level: Double
  @noDerivative public let height: Int
  @noDerivative public let width: Int

  @differentiable(reverse,wrt: (denoiser, level))
  public init(_ denoiser: FFDNet, level: Double, height: Int, width: Int) {
    self.denoiser = denoiser
    self.level = level
    self.height = height
    self.width = width
  }

  @differentiable(reverse,wrt: r) @differentiable(reverse,wrt: (self, r))
  public func callAsFunction(_ r: Signal, recording: Bool) -> PriorOutput<Signal> {
    let found = denoiser(planes(r, height: height, width: width), sigma: level)
    return PriorOutput(value: images(ofPlanes: found, shape: withoutDerivative(at: r.shape)), recorded: 0)
  }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    denoiser.visitParameters(&gradient.denoiser, path + "denoiser.", visit)
    visit(path + "level", &level, &gradient.level)
  }
}

/// ρₖ and σₖ of a stage, which training keeps positive.
public struct SplittingLevel: Parameterized {
  /// ρₖ.
  public var penalty: Positive
  /// σₖ.
  public var level: Positive

  public init(penalty: Double, level: Double) { (self.penalty, self.level) = (Positive(penalty), Positive(level)) }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    penalty.visitParameters(&gradient.penalty, path + "penalty.", visit)
    level.visitParameters(&gradient.level, path + "level.", visit)
  }
}

/// Stages of ``PlugAndPlayNet``: one denoiser for all, two numbers each.
public struct DenoiserSchedule<Op: LinearOperator>: Schedule where Op.Domain: ImageSpace {
  public typealias Stage = ProximalGradient<ProximalStep<Op>, NetworkDenoiser<Op.Domain>, NoMomentum<Op.Domain>>

  @noDerivative public let A: Op
  @noDerivative public let solver: OperatorSolver<Op>
  @noDerivative public let height: Int
  @noDerivative public let width: Int
  public var denoiser: FFDNet
  public var stages: [SplittingLevel]

  /// - Parameters: `height`, `width`, of the images.
  public init(_ A: Op, solver: OperatorSolver<Op>, _ denoiser: FFDNet, _ stages: [SplittingLevel], height: Int, width: Int) {
    (self.A, self.solver, self.height, self.width) = (A, solver, height, width)
    (self.denoiser, self.stages) = (denoiser, stages)
  }

  @differentiable(reverse,wrt: self)
  public func stage(_ k: Int) -> Stage {
    let own = stages[k]
    return ProximalGradient(
      data: ProximalStep(A, solver: solver, penalty: own.penalty.value),
      prior: NetworkDenoiser(denoiser, level: own.level.value, height: height, width: width), momentum: NoMomentum())
  }

  public var depth: Int? { stages.count }

  public mutating func visitParameters(_ gradient: inout TangentVector, _ path: String, _ visit: any ParameterVisitor) {
    denoiser.visitParameters(&gradient.denoiser, path + "denoiser.", visit)
    stages.visitParameters(&gradient.stages, path + "stages.", visit)
  }
}

extension Unrolled {
  /// Before training: the levels of a schedule and ρₖ = weight / σₖ², as plug and play has them.
  ///
  /// - Parameters: `A`, of the precision of the denoiser's weights; `weight`, λ σ_n² of noise of level σ_n in y; `height`, `width`, of the
  ///   images.
  public init<Op: LinearOperator>(
    plugAndPlay A: Op, _ denoiser: FFDNet, _ schedule: NoiseSchedule, weight: Double, height: Int, width: Int
  ) where Self == PlugAndPlayNet<Op> {
    let isSingle = denoiser.chain.layers[0].weight.precision == .single
    let few = ConjugateGradientSolver(A, Identity<Op.Domain>(), tolerance: 1e-5, maximumIterations: 500)
    self.init(
      encoder: AsMeasured(), start: FixedStart(Adjoint(A)),
      schedule: DenoiserSchedule(
        A, solver: OperatorSolver(A, iterative: isSingle ? few : nil), denoiser,
        schedule.levels.map { SplittingLevel(penalty: weight / ($0 * $0), level: $0) }, height: height, width: width),
      output: AsEstimated())
  }
}
