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
      "noise": problem.noiseDecibel.map { "\($0) dB" } ?? "none",
    ]
  }

  /// - Parameter jointSteps: steps of the phases that train all stages, in place of the budget's; those before shrink with it.
  func recipe(
    _ name: String, _ shape: Architecture, depth: Int, budget: TrainingBudget, jointSteps: Int?, lambda: Double
  ) -> Recipe {
    let few = name == "alista" || name == "step-lista"  // two numbers a stage bear a larger rate
    let rate = few ? 5e-3 : 1e-3
    var (alone, joint) = Self.steps(name, budget)
    if let jointSteps { (alone, joint) = (max(1, alone * jointSteps / joint), jointSteps) }
    func phase(_ title: String, _ steps: Int, depth: Int, _ rate: LearningRate, _ groups: ParameterGroups) -> Recipe.Phase {
      Recipe.Phase(
        title, steps: steps, depth: depth, batchSize: 64, chunkSize: 32, learningRate: rate, groups: groups, clipNorm: 1,
        earlyStopping: .init(patience: nil))
    }
    var phases: [Recipe.Phase] = []
    for stage in 0..<depth {
      var trained: [ParameterGroup] = [ParameterGroup(NamePattern("stages.\(stage).*"))]
      if stage == 0, name == "lista" || name == "lista-ss" { trained.append(ParameterGroup("encoder.*")) }
      if stage == 0, name == "tilista" { trained.append(ParameterGroup("weight")) }
      phases.append(
        phase("stage \(stage + 1) alone", alone, depth: stage + 1, .constant(rate: rate), ParameterGroups(trained + [.frozen("*")]))
      )
    }
    let parts =
      switch name {
      case _ where few: [(0.1, 1.0), (0.3, 0.3), (0.3, 0.06), (0.3, 0.012)]
      case "lista-cpss": [(0.6, 0.3), (0.25, 0.1), (0.15, 0.02)]  // near −40 dB the full rate undoes what the stages alone reached
      default: [(0.6, 1.0), (0.25, 0.3), (0.15, 0.06)]
      }
    for (part, scale) in parts {
      let count = max(1, Int(Double(joint) * part))
      phases.append(
        phase(
          "all stages at \(scale) × the rate", count, depth: depth,
          .cosine(rate: rate * scale, final: rate * scale * 0.1, steps: count), []))
    }
    return Recipe(
      network: name, seed: seed, architecture: shape, phases: phases, validationInterval: budget == .full ? 250 : 100,
      notes: notes.merging(["lambda": "\(lambda)", "budget": budget.rawValue]) { $1 })
  }

  private static func steps(_ name: String, _ budget: TrainingBudget) -> (alone: Int, joint: Int) {
    switch (name, budget) {
    case ("alista", .full): (400, 12_000)
    case ("alista", .quick): (150, 1_500)
    case ("step-lista", .full): (100, 2_000)
    case ("step-lista", .quick): (40, 300)
    case ("lista-cpss", .full): (500, 20_000)
    case ("lista", .full), ("lista-ss", .full): (100, 16_000)
    case (_, .full): (100, 10_000)
    case (_, .quick): (60, 1_200)
    }
  }
}
