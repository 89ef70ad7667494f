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
    let start = AffineISTA(problem)
    self.init(
      encoder: LinearEncoder(weight: start.encoder), start: ZeroStart(),
      schedule: Repeated(
        ProximalGradient(
          data: RecurrentStep(recurrence: start.recurrence),
          prior: ComponentThreshold(
            thresholds: .filled(start.threshold, shape: [problem.codeSize], precision: problem.precision)),
          momentum: NoMomentum())),
      output: AsEstimated(), depth: iterations + 1)
  }

  /// T, the paper's count of iterations.
  public var iterations: Int { depth - 1 }
}

/// ISTA written as an affine map and a threshold: h_{α/L}(W_e X + S Z).
struct AffineISTA {
  /// W_e = W_dᵀ/L, m × n.
  let encoder: Tensor
  /// S = I − W_dᵀW_d/L, m × m.
  let recurrence: Tensor
  /// α/L.
  let threshold: Double

  init(_ problem: SparseCoding) {
    let L = problem.lipschitz
    let W = problem.dictionary.entries
    let transposed = W.converted(to: .double).transposed
    encoder = (1 / L) * W.transposed
    recurrence = (Tensor.identity(problem.codeSize) - (1 / L) * linear(transposed, transposed)).converted(to: problem.precision)
    threshold = problem.alpha / L
  }
}
