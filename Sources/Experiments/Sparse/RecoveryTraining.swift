// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Networks
import Operators
import Problems
import Tensors
import Training

extension Recovery {
  public typealias TrainingSetup = NoSettings

  /// Training draws every batch afresh. It goes stage by stage, then all stages together at falling rates; every phase ends with the weights
  /// that did best on 1 000 validation samples. Step-LISTA learns without targets, from the LASSO objective, all others from ½‖x − x*‖².
  /// HyperLISTA is tuned. Source of the order: Chen et al. (2018), §4; the budgets are our own.
  public func training(_ request: TrainingRequest<Recovery>) throws -> Training {
    let (options, name) = (request.options, request.method.name)
    let depth = request.architecture.depth ?? 16
    if name == "hyperlista" {
      let strange = [
        ("epochs", options.epochs != nil), ("batch", options.batch != nil), ("learning-rate", options.learningRate != nil),
        ("start", options.start != nil),
      ]
      if let wrong = strange.first(where: \.1) {
        throw InputError(
          "found --\(wrong.0) for hyperlista, which is tuned and not trained; leave it out, --steps is its evaluations")
      }
      return try HyperLISTATuning(self, depth: depth, budget: options.budget, evaluations: options.steps).training()
    }
    let single = problem.converted(to: .single)
    let lambda = name == "step-lista" ? Self.stepLambda : Self.startLambda
    let lasso = name == "step-lista" ? single.lasso(lambda: lambda) : nil
    let held = single.samples(1000, seed: seed, stream: Self.validationStream)
    let samples = DrawnPairs<Tensor, Tensor>(count: 64_000) { samples, generator in
      let drawn = single.samples(samples.count, seed: generator.next())
      return Pairs(measurement: drawn.measurement, groundTruth: drawn.groundTruth)
    }
    var training = try PairTraining(
      samples, loss: PairLoss(lasso.map(PairLoss.Criterion.lasso) ?? .halfSquaredNorm),
      validation: SamplePairs(measurement: held.measurement, groundTruth: held.groundTruth), operators: operators)
    training.samplesAtATime = 125
    training.validationError = { x, held in
      if let lasso { return lasso.value(x, measurement: held.measurement) / Double(held.count) }
      return squaredNorm(x - held.groundTruth) / squaredNorm(held.groundTruth)
    }
    var system = LassoSystem(A: problem.A, lambda: lambda)
    system.precision = .single
    let joint = options.steps ?? options.epochs.map { max(1, $0 * samples.count / (options.batch ?? 64)) }
    return try Training(
      training, request.untrained(system, seed: seed),
      recipe(name, request.architecture, depth: depth, budget: options.budget, jointSteps: joint, lambda: lambda))
  }

  /// What goes into the weights file beside the parameters.
  var operators: [NamedParameter] { [NamedParameter(name: "A", value: problem.A.entries)] }

  /// What a recipe says of the problem.
  var notes: [String: String] {
    [
      "problem": Self.name, "rows": "\(problem.A.rows)", "columns": "\(problem.A.columns)",
      "noise": "\(problem.noise)",
    ]
  }

  func recipe(
    _ name: String, _ shape: Architecture, depth: Int, budget: TrainingBudget, jointSteps: Int?, lambda: Double
  ) -> Recipe {
    .stagewise(name, shape, depth: depth, seed: seed, budget: budget, jointSteps: jointSteps, lambda: lambda, notes: notes)
  }
}
