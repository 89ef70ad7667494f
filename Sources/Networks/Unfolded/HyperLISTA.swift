// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Problems
import Tensors

/// HyperLISTA: ``AdaptiveProximalGradient`` for a fixed number of stages; three numbers for all of them. Chen, Liu, Wang & Yin (2021).
public typealias HyperLISTA = SparseRecoveryNetwork<Repeated<AdaptiveProximalGradient>>

extension Unrolled
where
  Encode == AsMeasured<Tensor>, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Repeated<AdaptiveProximalGradient>
{
  /// Starts with the three numbers that suit a Gaussian A and s = 10 % of non-zeros: c₁ = 0.17 / s, c₂ = 0.75 / s, c₃ = 0.25.
  ///
  /// - Parameter weight: W; ``analyticWeight(of:)`` unless given.
  public init(unfolding problem: SparseCoding, depth: Int, weight: Matrix? = nil) {
    let A = problem.dictionary
    let nonZeros = 0.1 * Double(A.columns)
    self.init(
      encoder: AsMeasured(), start: ZeroStart(),
      schedule: Repeated(
        AdaptiveProximalGradient(
          A, W: weight ?? analyticWeight(of: A), momentum: 0.17 / nonZeros, threshold: 0.75 / nonZeros, support: 0.25)),
      output: AsEstimated(), depth: depth)
  }
}
