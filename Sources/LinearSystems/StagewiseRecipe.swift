// SPDX-License-Identifier: Apache-2.0
import Training

extension Recipe {
  /// Stage by stage, then all stages together at falling rates. Source of the order: Chen et al. (2018), §4; the budgets are our own.
  ///
  /// - Parameter jointSteps: steps of the phases that train all stages, in place of the budget's; those before shrink with it.
  public static func stagewise(
    _ name: String, _ shape: Architecture, depth: Int, seed: UInt64, budget: TrainingBudget, jointSteps: Int?, lambda: Double,
    notes: [String: String]
  ) -> Recipe {
    let few = name == "step-lista"  // a number a stage bears a larger rate
    let rate = few ? 5e-3 : 1e-3
    var (alone, joint) = stagewiseSteps(name, budget)
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

  private static func stagewiseSteps(_ name: String, _ budget: TrainingBudget) -> (alone: Int, joint: Int) {
    switch (name, budget) {
    case ("step-lista", .full): (100, 2_000)
    case ("step-lista", .quick): (40, 300)
    case ("lista-cpss", .full): (500, 20_000)
    case ("lista", .full), ("lista-ss", .full): (100, 16_000)
    case (_, .full): (100, 10_000)
    case (_, .quick): (60, 1_200)
    }
  }
}
