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
  public let experiment: Recovery
  public let depth: Int
  /// Codes that the error is measured on.
  public let codes: Int
  /// Evaluations of the error.
  public let evaluations: Int
  public let budget: TrainingBudget
  /// W; nil: the analytic weight, which is what a file of weights stands for.
  public let weight: Matrix?

  public init(
    _ experiment: Recovery, depth: Int = 16, budget: TrainingBudget = .full, codes: Int? = nil, evaluations: Int? = nil,
    weight: Matrix? = nil
  ) {
    self.experiment = experiment
    self.depth = depth
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

    var facts: [(name: String, value: Double)] {
      [
        ("momentum", momentum), ("threshold", threshold), ("support", support), ("nmse_db", decibel),
        ("evaluations", Double(evaluations)),
      ]
    }
  }

  /// Where the numbers are looked for: with s non-zeros expected, β at full support from 0.05 to 0.5, c₂ from 0.2/s to 2/s, c₃ from
  /// 0.02 to 1.
  private var box: [ClosedRange<Double>] {
    let nonZeros = experiment.problem.density * Double(experiment.problem.A.columns)
    return [(0.05 / nonZeros, 0.5 / nonZeros), (0.2 / nonZeros, 2 / nonZeros), (0.02, 1)].map { log($0.0)...log($0.1) }
  }

  /// What made the weights. No phases: nothing is trained.
  public var recipe: Recipe {
    Recipe(
      network: "hyperlista", seed: experiment.seed, architecture: Architecture(depth: depth), phases: [],
      notes: experiment.notes.merging([
        "budget": budget.rawValue, "tuning": "simplex search, \(evaluations) evaluations of the NMSE on \(codes) codes",
      ]) { $1 })
  }

  /// The network with the numbers found.
  public func run() throws -> (network: HyperLISTA, tuned: Tuned) {
    let problem = experiment.problem.converted(to: .double)
    let samples = problem.samples(codes, seed: experiment.seed, stream: Self.stream)
    var network = HyperLISTA(unfolding: problem.lasso(lambda: Recovery.startLambda), depth: depth, weight: weight)
    let search = SimplexSearch(
      bounds: box, evaluations: evaluations, samples: 3 * evaluations / 8, starts: 2, tolerance: 1e-4, seed: experiment.seed)
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
        evaluations: found.evaluations)
    )
  }

  /// The same as a training: a file of weights with A beside the numbers; W is made anew from A, and so must be the analytic weight.
  public func training() throws -> Training {
    precondition(weight == nil, "a file of weights holds no W")
    _ = try experiment.system.analyticWeight()
    return Training(recipe) { run in
      let policy = run.policy()
      let (network, tuned) = try self.run()
      try Weights.save(
        network, recipe: recipe, operators: experiment.operators, provenance: Provenance(of: network, policy: policy), to: run.path)
      return (3, tuned.facts)
    }
  }
}
