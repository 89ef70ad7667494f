// SPDX-License-Identifier: Apache-2.0
import FileFormats
import LinearSystems
import Networks
import Operators
import Problems
import Tensors
import Training

extension Recovery {
  public typealias TrainingSetup = NoSettings

  /// Training draws every batch afresh and ends with the weights that did best on 1 000 validation samples. Step-LISTA learns stage by stage,
  /// then all stages together, without targets, from the LASSO objective; HyperLISTA is tuned; all others learn as ``VectorNetwork`` says.
  public func training(_ request: TrainingRequest<Recovery>) throws -> Training {
    let (options, name) = (request.options, request.method.name)
    let depth = request.architecture.depth ?? 16
    if name == "hyperlista" {
      let strange = [
        ("epochs", options.epochs != nil), ("batch", options.batch != nil), ("learning-rate", options.learningRate != nil),
        ("optimiser", options.optimiser != nil), ("start", options.start != nil),
      ]
      if let wrong = strange.first(where: \.1) {
        throw InputError(
          "found --\(wrong.0) for hyperlista, which is tuned and not trained; leave it out, --steps is its evaluations")
      }
      return try HyperLISTATuning(self, depth: depth, budget: options.budget, evaluations: options.steps).training()
    }
    let single = problem.converted(to: .single)
    let held = single.samples(1000, seed: seed, stream: Self.validationStream)
    let samples = DrawnPairs<Tensor, Tensor>(count: 64_000) { samples, generator in
      let drawn = single.samples(samples.count, seed: generator.next())
      return Pairs(measurement: drawn.measurement, groundTruth: drawn.groundTruth)
    }
    let steps = options.steps(samples: samples.count, batch: 64)
    let made: (network: any Network, recipe: Recipe, loss: PairLoss)
    if let network = VectorNetwork(rawValue: name) {
      let few = single.samples(400, seed: seed, stream: Self.thresholdStream)
      made = try network.training(
        problem.A, precision: .single, request.architecture,
        samples: SamplePairs(measurement: few.measurement, groundTruth: few.groundTruth), seed: seed, budget: options.budget,
        jointSteps: steps, notes: notes)
    } else {
      var system = LassoSystem(A: problem.A, lambda: Self.stepLambda)
      system.precision = .single
      made = (
        try request.untrained(system, seed: seed),
        .stagewise(
          name, request.architecture, depth: depth, seed: seed, budget: options.budget, jointSteps: steps, lambda: system.weight,
          notes: notes), PairLoss(.lasso(single.lasso(lambda: system.weight)))
      )
    }
    var training = try PairTraining(
      samples, loss: made.loss, validation: SamplePairs(measurement: held.measurement, groundTruth: held.groundTruth),
      operators: operators)
    training.samplesAtATime = 125
    training.validationError = { x, held in
      if case .lasso(let lasso) = made.loss.criterion { return lasso.value(x, measurement: held.measurement) / Double(held.count) }
      return squaredNorm(x - held.groundTruth) / squaredNorm(held.groundTruth)
    }
    return try Training(training, made.network, made.recipe)
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
}
