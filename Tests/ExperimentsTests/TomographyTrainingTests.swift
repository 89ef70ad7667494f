// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import Foundation
import Networks
import Operators
import Problems
import Tensors
import TestSupport
import Testing
import Training

@Suite struct TomographyTrainingTests {
  private let folder: Folder
  private let data: TomographyData

  init() throws {
    folder = try Folder()
    var settings = TomographyData.Settings(.emt28)
    (settings.side, settings.trainingCount, settings.validationCount, settings.testCount) = (16, 24, 6, 6)
    data = try TomographyData(settings)
    try data.write(to: folder.file("sets.h5"))
  }

  /// A group of settings has one text, whatever the order in which a dictionary gives it: another process finds its checkpoint again.
  @Test func sourcesOfAGroupAreInOrder() throws {
    let text = try #require(try TrainingSources(CT.Setup(), CT.TrainingSetup()).values["--scan"])
    let members = text.split(separator: ", ").map { $0.prefix { $0 != " " } }
    #expect(members.count > 3 && members == members.sorted() && !text.contains("["), "\(text)")
  }

  private var system: TomographySystem {
    TomographySystem(ImpedanceTomography(sensitivity: data.A, pixels: data.pixels), initialMap: data.initialMap)
  }

  private func training(_ method: String, channels: Int, steps: Int, batch: Int) throws -> Training {
    var options = TrainingOptions()
    (options.steps, options.batch, options.channels) = (steps, batch, channels)
    if try EMT.named(method).network?.architecture.depth != nil { options.depth = 3 }
    let setup = EMT.TrainingSetup.set { $0.data = folder.file("sets.h5") }
    return try EMT(.init(), seed: 1).training(TrainingRequest(EMT.named(method), setup, options: options))
  }

  private func error(_ network: some TensorNetwork, _ part: TomographyData.Part) -> Double {
    meanSquaredDifference(network.predict(data[part].measurement), data.pixels.adjoint(data[part].groundTruth))
  }

  /// A short training makes unseen phantoms better than the initial image, and its constraints hold. A U-Net, which knows no operator,
  /// needs more phantoms than these for that: it must fit those it was given.
  @Test(arguments: isOptimised ? ["fbpconvnet", "ista-net-plus", "fista-net"] : ["ista-net-plus", "fista-net"])
  func trainingHelps(method: String) throws {
    let isUNet = method == "fbpconvnet"
    let part: TomographyData.Part = isUNet ? .training : .test
    var training = try training(method, channels: isUNet ? 16 : 8, steps: isUNet ? 400 : 120, batch: 8)
    training.recipe.phases[0].averaging = nil  // too slow for so few steps
    let untrained = try EMT.network(method, system, depth: isUNet ? nil : 3, channels: isUNet ? 16 : 8, seed: 2)
    func save(_ network: some Network) throws { try Weights.save(network, to: folder.file("start.safetensors")) }
    try save(untrained)
    let path = folder.file("w.safetensors")
    #expect(try training.run(.init(path: path, start: folder.file("start.safetensors"))) != nil)
    let trained = try #require(
      Solver(EMT.named(method), system, options: .set { $0.weights = path }).network as? any TensorNetwork)
    let initial = system.gradient.initial.forward(data[part].measurement)
    let before = meanSquaredDifference(initial, data.pixels.adjoint(data[part].groundTruth))
    #expect(error(trained, part) < 0.9 * before, "\(error(trained, part)), \(before)")
    // Only a network with buffers has other ones than those it began with.
    #expect(trained.buffers.isEmpty == !isUNet && (trained.buffers != untrained.buffers) == isUNet)
    if method == "fista-net" {
      let fista = try #require(trained as? FISTANet<Tensor, Tensor>)
      for k in 0..<3 {
        #expect(fista.schedule.stepSize.value(k) > 0 && fista.schedule.threshold.value(k) > 0)
        #expect((0..<1).contains(fista.schedule.momentumWeight(k)))
      }
    }
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
    var training = try training("fista-net", channels: 4, steps: 13, batch: 4)
    training.recipe.validationInterval = 1
    training.recipe.phases[0].learningRate = .constant(rate: 0.5)
    training.recipe.phases[0].averaging = nil
    training.recipe.phases[0].groups = [.frozen("prior.*")]
    let weights = folder.file("w.safetensors")
    let path = Path(checkpointPath(of: weights))
    #expect(try training.run(.init(path: weights, checkpointEvery: 1, monitors: { [path] })) != nil)
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
    var training = try training("fista-net", channels: 4, steps: 50, batch: 4)
    training.recipe.phases[0].learningRate = .constant(rate: 1e6)
    let found = refusal(TrainingError.self) { try training.run(.init(path: folder.file("w.safetensors"))) }
    #expect(found.contains("step") || found.contains("stage"), "\(found)")
  }

  /// A system of few views: filtered back-projection begins, and the untrained network is near it.
  @Test func fewViews() throws {
    let system = try CT(.set { $0.scan.views = 12 }, seed: 0).system(height: 24, width: 24)
    let geometry = try #require(system.geometry)
    var generator = RandomGenerator(seed: 3)
    let images = Tensor.uniform([2, 24, 24], precision: .single, using: &generator)
    let network = try #require(CT.network("fista-net", system, depth: 2, channels: 4, seed: 4) as? any TensorNetwork)
    let y = system.A.forward(images)
    let filtered = geometry.backProjection().forward(geometry.projector.forward(images))
    #expect((system.gradient.initial.forward(y) - filtered).norm <= 1e-4 * filtered.norm)
    #expect(network(y, stages: 2).shape == [2, 24, 24])
  }
}
