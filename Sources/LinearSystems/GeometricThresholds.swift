// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Platform
import Problems
import Tensors
import Training

/// θ_k = θ₀ ρᵏ: thresholds that fall as the error does, which the theory of LISTA-CP and ALISTA has fall linearly (Chen et al. 2018, theorem
/// 2; Liu et al. 2019, theorem 1). With the analytic weight W̃ they are where networks of sparse recovery begin their training.
public struct GeometricThresholds: Sendable, Hashable {
  /// θ₀.
  public var first: Double
  /// ρ.
  public var ratio: Double

  public init(first: Double, ratio: Double) { (self.first, self.ratio) = (first, ratio) }

  /// θ_k for k from 0.
  public func callAsFunction(_ k: Int) -> Double { first * pow(ratio, Double(k)) }

  /// θ₀ … of `depth` stages.
  public func values(_ depth: Int) -> [Double] { (0..<depth).map { self($0) } }

  /// Those with the least error ‖x⁽ᵈᵉᵖᵗʰ⁾ − x‖² of x⁺ = h_{θ_k}(x + W̃ᵀ(b − A x)) on some samples, by ``SimplexSearch`` over their
  /// logarithms, to a hundredth of a logarithm: the same on every processor.
  ///
  /// - Parameters: `weight`, W̃; `measurement`, b, one a row; `codes`, x; `selects`, whether h selects the support.
  public init(
    bestFor system: LassoSystem, weight: Matrix, _ measurement: Tensor, _ codes: Tensor, depth: Int, selects: Bool, seed: UInt64
  ) {
    let problem = system.problem
    let largest = max(linearTransposed(measurement, weight.entries).maximumMagnitude, .leastNormalMagnitude)
    let support = selects ? SupportSchedule() : SupportSchedule(growth: 0, maximum: 0)
    func thresholds(_ logarithms: [Double]) -> GeometricThresholds {
      GeometricThresholds(first: exp(logarithms[0]), ratio: exp(logarithms[1]))
    }
    let search = SimplexSearch(
      bounds: [log(0.01 * largest)...log(largest), log(0.4)...0], evaluations: 60, samples: 24, starts: 1, tolerance: 1e-3,
      seed: seed)
    let found = search.minimise { logarithms in
      let network = ALISTA(
        unfolding: problem, depth: depth, weight: weight, thresholds: thresholds(logarithms).values(depth), support: support)
      let estimate = network.predict(measurement, samplesAtATime: 100)
      return estimate.isFinite ? squaredNorm(estimate - codes) : .infinity
    }
    self = thresholds(found.point.map { (100 * $0).rounded() / 100 })
  }
}

extension Recipe {
  /// All stages of a network that began at geometric thresholds, by the logarithm of the error.
  ///
  /// Two numbers a stage are trained along restarted cosines, their losses having many shallow minima. A threshold moves at a rate that
  /// is a part of it. The budgets are our own.
  static func geometric(
    _ name: String, _ shape: Architecture, _ thresholds: GeometricThresholds, depth: Int, seed: UInt64, budget: TrainingBudget,
    steps: Int?, notes: [String: String]
  ) -> Recipe {
    let few = name == "alista"
    let rate = few ? 1e-2 : 3e-4
    let cycle = 1500
    let usual =
      switch budget {
      case .full: few ? 6 * cycle : 12_000
      case .quick: few ? cycle : 600
      }
    let steps = steps ?? usual
    var groups = (0..<depth).map { k in
      ParameterGroup(
        NamePattern("stages.\(k).threshold"), learningRateFactor: (few ? 1 : 10) * thresholds(k), lowerBound: 0)
    }
    if name == "lista-ss" {
      // Its S is free: of what leaves x* where it is, S = I − W_e A, every step of Adam takes it away by the rate. At −61 dB, where support
      // selection begins, that counts.
      groups += ["encoder.weight", "stages.*.recurrence"].map { ParameterGroup(NamePattern($0), learningRateFactor: 1e-3) }
    }
    if name == "tilista" { groups.append(ParameterGroup("stages.*.stepSize", learningRateFactor: 10)) }
    return Recipe(
      network: name, seed: seed, architecture: shape,
      phases: [
        Recipe.Phase(
          "all stages", steps: steps, batchSize: 64, chunkSize: 32,
          learningRate: few
            ? .restarts(rate: rate, final: 0.05 * rate, every: cycle) : .cosine(rate: rate, final: 0.02 * rate, steps: steps),
          groups: ParameterGroups(groups), earlyStopping: .init(patience: nil))
      ], validationInterval: min(100, max(1, steps / 10)),
      notes: notes.merging([
        "budget": budget.rawValue, "loss": "logarithm of the error",
        "start": "analytic weight, thresholds of \(thresholds.first) × \(thresholds.ratio)^k",
      ]) { $1 })
  }
}
