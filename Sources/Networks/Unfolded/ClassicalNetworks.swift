// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Problems
import Tensors
import _Differentiation

// Classical algorithms as networks: their own iterations, unfolded, with every number that was chosen by hand free to learn.

/// LCoD, coordinate descent with W_e, S and α learned and a data-dependent argmax. Gregor & LeCun (2010), §3.2.
public typealias UnfoldedCoordinateDescent = Unrolled<
  LinearEncoder, ZeroStart<Tensor, Tensor>, Repeated<CoordinateDescent>, AsEstimated<Tensor, Tensor>
>

/// FISTA with a step and a threshold per stage; its restart is a decision inside the differentiated loop.
public typealias UnfoldedFISTA = SparseRecoveryNetwork<
  Untied<ProximalGradient<GradientStep<Matrix>, SoftThreshold, NesterovMomentum<Tensor>>>
>

/// ADMM for sparse coding (z = Z) with ρ, θ and η per stage and an exact x-update.
public typealias UnfoldedADMM = SparseRecoveryNetwork<
  Untied<ClassicalADMM<Matrix, Identity<Tensor>, CholeskySolver, SoftThreshold>>
>

extension Unrolled
where
  Encode == LinearEncoder, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Repeated<CoordinateDescent>
{
  /// Starts at coordinate descent: W_e = W_dᵀ, S = I − W_dᵀW_d, α. The dictionary has unit-norm columns.
  public init(unfolding problem: SparseCoding, depth: Int) {
    self.init(
      encoder: LinearEncoder(weight: problem.dictionary.entries.transposed), start: ZeroStart(),
      schedule: Repeated(CoordinateDescent(problem)), output: AsEstimated(), depth: depth)
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ProximalGradient<GradientStep<Matrix>, SoftThreshold, NesterovMomentum<Tensor>>>
{
  /// Starts at FISTA.
  public init(unfolding problem: SparseCoding, depth: Int, restart: NesterovMomentum<Tensor>.Restart = .never) {
    self.init(
      encoder: AsMeasured(), start: ZeroStart(),
      schedule: Untied(Array(repeating: FISTA(problem, restart: restart), count: depth)), output: AsEstimated())
  }
}

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Untied<ClassicalADMM<Matrix, Identity<Tensor>, CholeskySolver, SoftThreshold>>
{
  /// Starts at ADMM with penalty ρ: threshold α/ρ, update rate 1.
  public init(unfolding problem: SparseCoding, depth: Int, penalty: Double) {
    self.init(
      encoder: AsMeasured(), start: ZeroStart(),
      schedule: Untied((0..<depth).map { _ in ADMM(problem, penalty: penalty) }), output: AsEstimated())
  }
}
