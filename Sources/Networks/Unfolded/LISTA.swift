// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Operators
import Problems
import Tensors
import _Differentiation

/// LISTA, Gregor & LeCun (2010): ISTA with W_e, S and θ learned and shared by all stages,
///
///     b = W_e X;   Z⁽⁰⁾ = h_θ(b);   Z⁽ᵗ⁾ = h_θ(b + S Z⁽ᵗ⁻¹⁾),  t = 1 … T
///
/// The paper's T iterations apply S T times: a depth of T + 1 stages here, the first of which starts from 0 and needs no S.
public typealias LISTA = Unrolled<
  LinearEncoder, ZeroStart<Tensor, Tensor>, Repeated<ProximalGradient<RecurrentStep, ComponentThreshold, NoMomentum<Tensor>>>,
  AsEstimated<Tensor, Tensor>
>

extension Unrolled
where
  Encode == LinearEncoder, Start == ZeroStart<Tensor, Tensor>, Output == AsEstimated<Tensor, Tensor>,
  Stages == Repeated<ProximalGradient<RecurrentStep, ComponentThreshold, NoMomentum<Tensor>>>
{
  /// Starts at ISTA itself: W_e = W_dᵀ/L, S = I − W_dᵀW_d/L, θ = α/L.
  ///
  /// - Parameter iterations: T in the paper's counting; 0 is the one-step shrinkage encoder.
  public init(unfolding problem: SparseCoding, iterations: Int) {
    precondition(iterations >= 0, "\(iterations) iterations of LISTA")
    let start = RecoveryStart.ista(problem, depth: 1)
    self.init(
      encoder: LinearEncoder(weight: start.encoder), start: ZeroStart(),
      schedule: Repeated(
        ProximalGradient(
          data: RecurrentStep(recurrence: start.recurrence(problem.dictionary)),
          prior: ComponentThreshold(
            thresholds: .filled(start.thresholds[0], shape: [problem.codeSize], precision: problem.precision)),
          momentum: NoMomentum())),
      output: AsEstimated(), depth: iterations + 1)
  }

  /// T, the paper's count of iterations.
  public var iterations: Int { depth - 1 }
}
