// SPDX-License-Identifier: Apache-2.0
import Datasets
import Foundation
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

  /// What is reported of every step, and the parameters after every step but the last.
  private final class Path: TrainingMonitor {
    let checkpoint: String
    var figures: [[String: Double]] = []
    var numbers: [[String: Double]] = []
    init(_ checkpoint: String) { self.checkpoint = checkpoint }
    func record(_ report: TrainingReport) throws {
      figures.append(Dictionary(uniqueKeysWithValues: report.figures.map { ($0.name, $0.value) }))
      guard report.step > 1 else { return }
      let scalars = try Checkpoint(contentsOf: checkpoint).parameters.filter { $0.value.shape == [] }
      numbers.append(Dictionary(uniqueKeysWithValues: scalars.map { ($0.name, $0.value[flat: 0]) }))
    }
    func finish() {}
  }

  /// The six numbers alone are trained, at such a rate that every w, moved as far as what stands for it, would change its sign, and that c of
  /// the steps falls below 0. Equations 20 to 22 hold after every step: μ and θ are positive and fall, ρ rises from 0 and stays below 1.
  @Test func constraintsHoldDuringTraining() throws {
    let training = try TomographyTraining(.fistaNet, Self.small(), seed: 1)
    let start = try #require(training.system.network(.fistaNet, depth: 3, channels: 4, seed: 2) as? FISTANet<Tensor, Tensor>)
    var recipe = training.recipe(steps: 13, batchSize: 4)
    recipe.validationInterval = 1
    recipe.phases[0].learningRate = .constant(rate: 0.5)
    recipe.phases[0].averaging = nil
    recipe.phases[0].groups = [.frozen("prior.*")]
    let folder = try Folder()
    let path = Path(folder.file("run.checkpoint"))
    _ = try training.train(
      start, recipe: recipe, checkpoints: CheckpointPolicy(path: path.checkpoint, steps: 1, seconds: nil), monitors: [path])
    #expect(path.numbers.count == 12 && path.figures.count == 13)

    func softplus(_ x: Double) -> Double { log1p(exp(x)) }
    for (numbers, figures) in zip(path.numbers, path.figures) {
      func line(_ name: String, _ sign: Double, _ k: Int) -> Double {
        softplus(sign * softplus(numbers[name + ".slope"]!) * Double(k) + numbers[name + ".offset"]!)
      }
      func found(_ name: String) -> [Double] { (0..<3).map { figures["stage \($0)/\(name)"]! } }
      let (mu, theta, rho) = (found("step"), found("threshold"), found("momentum"))
      for k in 0..<3 {
        #expect(abs(mu[k] / line("stepSize", -1, k) - 1) <= 1e-12 && abs(theta[k] / line("threshold", -1, k) - 1) <= 1e-12)
        #expect(abs(rho[k] - (1 - softplus(numbers["momentum.offset"]!) / line("momentum", 1, k))) <= 1e-12)
      }
      #expect(
        mu[0] > mu[1] && mu[1] > mu[2] && mu[2] > 0 && theta[0] > theta[1] && theta[1] > theta[2] && theta[2] > 0, "\(figures)")
      #expect(rho[0] == 0 && rho[1] > 0 && rho[2] > rho[1] && rho[2] < 1, "\(figures)")
    }
    for (name, w) in [("stepSize", 0.2), ("threshold", 0.5), ("momentum", 0.5)] {
      let lowest = path.numbers.map { $0[name + ".slope"]! }.min()!
      #expect(w + lowest - log(expm1(w)) < 0, "\(name) \(lowest)")
    }
    #expect(path.numbers.contains { $0["stepSize.offset"]! < -1 })
  }

  /// A step that diverges ends the run, and says which.
  @Test func divergenceIsNamed() throws {
    let training = try TomographyTraining(.fistaNet, Self.small(), seed: 1)
    var recipe = training.recipe(steps: 50, batchSize: 4)
    recipe.phases[0].learningRate = .constant(rate: 1e6)
    func run<Network: TensorNetwork>(_ network: Network) throws { _ = try training.train(network, recipe: recipe) }
    let found = refusal(TrainingError.self) { try run(training.system.network(.fistaNet, depth: 3, channels: 4, seed: 2)) }
    #expect(found.contains("step") || found.contains("stage"), "\(found)")
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
