// SPDX-License-Identifier: Apache-2.0
import Datasets
import Networks
import Operators
import Problems
import Recipes
import Tensors
import TestSupport
import Testing
import Training

@Suite struct TomographyTrainingTests {
  private static func small() throws -> TomographyData {
    var settings = TomographyData.Settings(.emt28)
    (settings.side, settings.trainingCount, settings.validationCount, settings.testCount) = (16, 24, 6, 6)
    return try TomographyData(settings)
  }

  private func error(_ network: some TensorNetwork, _ data: TomographyData, _ part: TomographyData.Part) -> Double {
    meanSquaredDifference(network.predict(data[part].measurement), data.pixels.adjoint(data[part].groundTruth))
  }

  /// A short training makes unseen phantoms better than the initial image, and its constraints hold. A U-Net, which knows no operator,
  /// needs more phantoms than these for that: it must fit those it was given.
  @Test(arguments: isOptimised ? TomographyNetwork.allCases : [.istaNetPlus, .fistaNet])
  func trainingHelps(network: TomographyNetwork) throws {
    let data = try Self.small()
    let training = try TomographyTraining(network, data, seed: 1)
    let isUNet = network == .fbpConvNet
    let part: TomographyData.Part = isUNet ? .training : .test
    let untrained = training.system.network(network, depth: 3, channels: isUNet ? 16 : 8, seed: 2)
    func run<Network: TensorNetwork>(_ network: Network) throws {
      var recipe = training.recipe(steps: isUNet ? 400 : 120, batchSize: 8)
      recipe.phases[0].averaging = nil  // too slow for so few steps
      let trained = try #require(try training.train(network, recipe: recipe))
      let initial = training.system.gradient.initial.forward(data[part].measurement)
      let before = meanSquaredDifference(initial, data.pixels.adjoint(data[part].groundTruth))
      #expect(error(trained, data, part) < 0.9 * before, "\(error(trained, data, part)), \(before)")
      // Only a network with buffers has other ones than those it began with.
      #expect(trained.buffers.isEmpty == !isUNet && (trained.buffers != network.buffers) == isUNet)
      if let fista = trained as? FISTANet<Tensor, Tensor> {
        for k in 0..<3 {
          #expect(fista.schedule.stepSize.value(k) > 0 && fista.schedule.threshold.value(k) > 0)
          #expect((0..<1).contains(fista.schedule.momentumWeight(k)))
        }
      }
    }
    try run(untrained)
  }

  /// Whatever the learning rate, μ and θ are positive and 0 ≤ ρ < 1, at every step; residuals are reported.
  @Test func constraintsHoldDuringTraining() throws {
    final class Record: TrainingMonitor {
      var reports: [[TrainingFigure]] = []
      func record(_ report: TrainingReport) { reports.append(report.figures) }
      func finish() {}
    }
    let training = try TomographyTraining(.fistaNet, Self.small(), seed: 1)
    var recipe = training.recipe(steps: 12, batchSize: 4)
    recipe.validationInterval = 1
    recipe.phases[0].learningRate = .constant(rate: 0.5)
    let record = Record()
    func run<Network: TensorNetwork>(_ network: Network) throws {
      _ = try training.train(network, recipe: recipe, monitors: [record])
    }
    // A thousand times what training usually does to them.
    try? run(training.system.network(.fistaNet, depth: 3, channels: 4, seed: 2))
    #expect(record.reports.count > 3)
    for figures in record.reports {
      #expect(figures.count == 12)
      for figure in figures {
        let allowed = figure.name.hasSuffix("momentum") ? 0..<1 : 0..<Double.infinity
        #expect(allowed.contains(figure.value) && (figure.value > 0 || figure.name == "stage 0/momentum"), "\(figure)")
      }
    }
  }

  /// A step that diverges ends the run, and says which.
  @Test func divergenceIsNamed() throws {
    let training = try TomographyTraining(.fistaNet, Self.small(), seed: 1)
    var recipe = training.recipe(steps: 50, batchSize: 4)
    recipe.phases[0].learningRate = .constant(rate: 1e6)
    func run<Network: TensorNetwork>(_ network: Network) throws { _ = try training.train(network, recipe: recipe) }
    #expect {
      try run(training.system.network(.fistaNet, depth: 3, channels: 4, seed: 2))
    } throws: { error in
      guard case TrainingError.diverged(let text) = error else { return false }
      return text.contains("step") || text.contains("stage")
    }
  }

  /// A system of few views: filtered back-projection begins, and the untrained network is near it.
  @Test func fewViews() throws {
    let geometry = try CTScan(views: 12).geometry(height: 24, width: 24)
    let system = try CTProblem(geometry, photons: nil).system
    var generator = RandomGenerator(seed: 3)
    let images = Tensor.uniform([2, 24, 24], precision: .single, using: &generator)
    let network = system.network(.fistaNet, depth: 2, channels: 4, seed: 4)
    let y = system.A.forward(images)
    let filtered = geometry.backProjection().forward(geometry.projector.forward(images))
    #expect((system.gradient.initial.forward(y) - filtered).norm <= 1e-4 * filtered.norm)
    #expect(network(y, stages: 2).shape == [2, 24, 24])
  }
}
