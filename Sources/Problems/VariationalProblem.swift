// SPDX-License-Identifier: Apache-2.0
import Operators
import ProximalMaps
import Tensors

/// min_x ½‖A x − y‖² + Σᵢ gᵢ(Kᵢ x): any operator, priors composed as often as wanted.
///
/// Signals and measurements are real or complex, single or double, samples along the first axis; over a batch the objective is the sum.
public struct VariationalProblem<Op: LinearOperator>: Objective where Op.Domain: ImageSpace, Op.Codomain: ImageSpace {
  public typealias Signal = Op.Domain
  public typealias Measurement = Op.Codomain

  public let A: Op
  public let priors: [PriorTerm]
  public let layout: SignalLayout
  /// The priors, those that share a map joined.
  public let blocks: [PriorBlock<Signal>]

  /// - Parameters: `priors`, none, one or several, their weights chosen; `signalShape` `[n]`, `[h, w]` or `[c, h, w]` where the operator's
  ///   own shape is flat or empty.
  public init(_ A: Op, priors: [PriorTerm], signalShape: [Int]? = nil) throws {
    self.A = A
    self.priors = priors
    layout = try SignalLayout(A.domainShape, images: signalShape)
    blocks = try PriorBlock.blocks(of: priors, on: layout)
  }

  /// The same with other priors.
  public func with(priors: [PriorTerm]) throws -> VariationalProblem {
    try VariationalProblem(A, priors: priors, signalShape: layout.images)
  }

  /// Σᵢ gᵢ(Kᵢ x).
  public func penalty(_ x: Signal) -> Double { blocks.reduce(0) { $0 + $1.value(x) } }

  public func value(_ x: Signal, measurement y: Measurement) -> Double {
    let r = A.forward(x) - y
    return 0.5 * r.inner(r) + penalty(x)
  }

  /// Whether ``dualityGap(_:measurement:)`` says something: one block, its map orthonormal, its conjugate finite around 0.
  public var hasCertificate: Bool {
    guard blocks.count == 1, blocks[0].analysis.isOrthonormal else { return false }
    let g = blocks[0].penalty
    return g.ridge > 0 || g.l1 > 0 || g.group > 0 || (g.lower > -.infinity && g.upper < .infinity)
  }

  /// E(x) − E* ≤ gap, from ν = s (y − A x), s ≤ 1 the largest that is feasible:
  ///
  ///     gap = E(x) − (⟨ν, y⟩ − ½‖ν‖² − g*(K Aᴴ ν))
  ///
  /// nil without a certificate. Source: Rockafellar (1970), §31; for ℓ₁, Kim, Koh, Lustig, Boyd & Gorinevsky (2007).
  public func dualityGap(_ x: Signal, measurement y: Measurement) -> (gap: Double, objective: Double)? {
    guard hasCertificate else { return nil }
    let r = y - A.forward(x)
    let w = blocks[0].analysis.forward(A.adjoint(r))
    let g = blocks[0].penalty
    let (fit, objective) = (r.inner(r), 0.5 * r.inner(r) + penalty(x))
    let s = g.feasibleScale(of: w)
    return (objective - (s * r.inner(y) - 0.5 * s * s * fit - g.conjugate(s * w)), objective)
  }
}
