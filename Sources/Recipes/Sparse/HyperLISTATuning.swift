// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Networks
import Operators
import Problems
import Tensors
import Training

/// How HyperLISTA's three numbers are found: those with the least NMSE after the last stage on codes of a seed, by ``SimplexSearch`` over
/// their logarithms. No gradients. The codes are neither test nor validation samples.
public struct HyperLISTATuning: Sendable {
  public let training: SparseRecoveryTraining
  /// Codes that the error is measured on.
  public let codes: Int
  /// Evaluations of the error.
  public let evaluations: Int
  public let budget: TrainingBudget
  /// W; nil: the analytic weight, which is what a file of weights stands for.
  public let weight: Matrix?

  public init(
    _ training: SparseRecoveryTraining, budget: TrainingBudget = .full, codes: Int? = nil, evaluations: Int? = nil,
    weight: Matrix? = nil
  ) {
    self.training = training
    self.budget = budget
    self.weight = weight
    self.codes = codes ?? (budget == .full ? 400 : 100)
    self.evaluations = evaluations ?? (budget == .full ? 200 : 80)
  }

  /// The stream of the seed that the codes are drawn from.
  private static let stream: UInt64 = 1 << 42

  /// What was found.
  public struct Tuned: Sendable {
    /// c₁, c₂ and c₃.
    public let momentum, threshold, support: Double
    /// NMSE on the codes, in dB.
    public let decibel: Double
    public let evaluations: Int
    public let seconds: Double

    public var summary: String {
      "momentum \(momentum), threshold \(threshold), support \(support): NMSE "
        + String(format: "%.2f dB on the codes of the tuning, %d evaluations, %.1f s", decibel, evaluations, seconds)
    }
  }

  /// Where the numbers are looked for: with s non-zeros expected, β at full support from 0.05 to 0.5, c₂ from 0.2/s to 2/s, c₃ from
  /// 0.02 to 1.
  private var box: [ClosedRange<Double>] {
    let nonZeros = training.problem.density * Double(training.problem.A.columns)
    return [(0.05 / nonZeros, 0.5 / nonZeros), (0.2 / nonZeros, 2 / nonZeros), (0.02, 1)].map { log($0.0)...log($0.1) }
  }

  /// What made the weights. No phases: nothing is trained.
  public var recipe: Recipe {
    Recipe(
      network: SparseMethod.hyperLISTA.rawValue, seed: training.seed, phases: [],
      notes: training.notes.merging([
        "budget": budget.rawValue, "tuning": "simplex search, \(evaluations) evaluations of the NMSE on \(codes) codes",
      ]) { $1 })
  }

  /// The network with the numbers found.
  public func run() throws -> (network: HyperLISTA, tuned: Tuned) {
    let begin = Date()
    let problem = training.problem.converted(to: .double)
    let samples = problem.samples(codes, seed: training.seed, stream: Self.stream)
    var network = HyperLISTA(unfolding: problem.lasso(lambda: training.lambda), depth: training.depth, weight: weight)
    let search = SimplexSearch(
      bounds: box, evaluations: evaluations, samples: 3 * evaluations / 8, starts: 2, tolerance: 1e-4, seed: training.seed)
    func set(_ logarithms: [Double]) {
      network.schedule.iteration.momentum = exp(logarithms[0])
      network.schedule.iteration.threshold = exp(logarithms[1])
      network.schedule.iteration.support = exp(logarithms[2])
    }
    let found = try search.minimise { logarithms in
      set(logarithms)
      let estimate = network.predict(samples.measurement, samplesAtATime: 50)
      return estimate.isFinite ? try nmseDecibel(estimate, samples.groundTruth) : .infinity
    }
    set(found.point)
    let stage = network.schedule.iteration
    return (
      network,
      Tuned(
        momentum: stage.momentum, threshold: stage.threshold, support: stage.support, decibel: found.value,
        evaluations: found.evaluations, seconds: Date().timeIntervalSince(begin))
    )
  }

  /// The same, written to a file of weights with A beside the numbers; W is made anew from A, and so must be the analytic weight.
  public func run(to path: String) throws -> Tuned {
    precondition(weight == nil, "a file of weights holds no W")
    let (network, tuned) = try run()
    try Weights.save(network, recipe: recipe, operators: training.operators, to: path)
    return tuned
  }
}

extension SparseRecoveryTraining {
  /// - Throws: ``RecipeError`` when A has no analytic weight.
  public func checkAnalyticWeight() throws { try Recipes.checkAnalyticWeight(of: problem.A) }
}
