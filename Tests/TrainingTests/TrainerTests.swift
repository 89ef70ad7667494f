// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing
import Training
import _Differentiation

extension Recipe {
  /// Three phases with every kind of state: layer-wise Adam with early stopping, momentum with averaging, L-BFGS.
  static var varied: Recipe {
    Recipe(
      network: "staged", seed: 3,
      phases: [
        Phase(
          "stage 0", steps: 9, depth: 1, batchSize: 12, chunkSize: 5, optimiser: .adam(weightDecay: 0.01),
          learningRate: .warmUp(steps: 3, then: .cosine(rate: 0.02, steps: 9)),
          groups: [ParameterGroup("stages.0.*"), .frozen("*")],
          clipNorm: 1, earlyStopping: EarlyStopping(patience: 6)),
        Phase(
          "all", steps: 7, batchSize: 16, chunkSize: 4, optimiser: .sgd(momentum: 0.9), learningRate: .constant(rate: 0.003),
          averaging: 0.7),
        Phase("polish", steps: 6, batchSize: nil, chunkSize: 7, optimiser: .lbfgs(memory: 3), learningRate: .constant(rate: 1)),
      ], validationInterval: 2, notes: ["problem": "sparse recovery"])
  }

  static func plain(
    steps: Int, rate: Double = 0.01, optimiser: OptimiserChoice = .adam(), validationInterval: Int? = nil,
    earlyStopping: EarlyStopping? = nil
  ) -> Recipe {
    Recipe(
      network: "staged", seed: 1,
      phases: [
        Phase(
          steps: steps, batchSize: 8, chunkSize: 4, optimiser: optimiser, learningRate: .constant(rate: rate),
          earlyStopping: earlyStopping)
      ], validationInterval: validationInterval)
  }
}

/// Calls a closure at every step.
final class StepObserver: TrainingMonitor {
  private let body: (TrainingReport) -> Void
  private(set) var finishes = 0
  init(_ body: @escaping (TrainingReport) -> Void) { self.body = body }
  func record(_ report: TrainingReport) { body(report) }
  func finish() { finishes += 1 }
}

@Suite struct TrainerTests {
  @Test func lossesFall() throws {
    var losses: [Double] = []
    let trainer = StagedNetwork.trainer(.plain(steps: 300), count: 64)
    let observer = StepObserver { losses.append($0.loss) }
    let result = try trainer.train(StagedNetwork(depth: 3), monitors: [observer])
    #expect(result.isFinished && losses.count == 300 && observer.finishes == 1)
    let (first, last) = (losses.prefix(20).reduce(0, +), losses.suffix(20).reduce(0, +))
    #expect(last < 0.3 * first, "\(first) → \(last)")
  }

  @Test(arguments: [Precision.single, .double]) func threadsDoNotMatter(precision: Precision) throws {
    let runs = try [1, 2, 5].map {
      try Parallel.with(threads: $0) {
        try StagedNetwork.trainer(.varied, precision: precision).train(StagedNetwork(depth: 3, precision: precision)).model
          .parameters
      }
    }
    #expect(areIdentical(runs[0], runs[1]) && areIdentical(runs[0], runs[2]))
  }

  @Test func chunksSumToTheWholeBatch() {
    let samples = StagedNetwork.samples(23)
    let network = StagedNetwork(depth: 2)
    @Sendable func gradient(chunk: Int) -> LossGradient<StagedNetwork> {
      let chunks = Chunks(sampleCount: 23, size: chunk)
      return parallelGradient(of: network, over: chunks) { i in
        var generator = RandomGenerator(seed: 0)
        return samples.batch(Array(chunks[i]), using: &generator)
      } loss: {
        StagedNetwork.loss($0, $1, nil)
      }
    }
    let whole = gradient(chunk: 23)
    for size in [1, 4, 22, 100] {
      let cut = gradient(chunk: size)
      #expect(abs(cut.loss - whole.loss) <= 1e-13 * whole.loss)
      var difference = cut.gradient
      difference -= whole.gradient
      #expect(network.gradientNorm(difference) <= 1e-13 * network.gradientNorm(whole.gradient))
    }
  }

  @Test func phasesTrainWhatTheySay() throws {
    var recipe = Recipe.varied
    recipe.phases = [recipe.phases[0]]
    let start = StagedNetwork(depth: 3)
    let end = try StagedNetwork.trainer(recipe).train(start).model
    for (a, b) in zip(start.parameters, end.parameters) {
      #expect(a.value.isIdentical(to: b.value) != a.name.hasPrefix("stages.0.") || a.name == "stages.0.mixing", "\(a.name)")
    }
    // x begins at zero, so that the loss of one stage does not use its mixing matrix.
    #expect(start.parameters[1].name == "stages.0.mixing" && start.parameters[1].value.isIdentical(to: end.parameters[1].value))
  }

  @Test func earlyStoppingKeepsTheBest() throws {
    // A rate so high that training goes astray after some steps.
    let recipe = Recipe.plain(steps: 400, rate: 0.2, validationInterval: 5, earlyStopping: .init(patience: 40))
    let trainer = StagedNetwork.trainer(recipe)
    var errors: [(step: Int, error: Double)] = []
    let result = try trainer.train(
      StagedNetwork(depth: 3), monitors: [StepObserver { r in if let v = r.validation { errors.append((r.step, v)) } }])
    let best = errors.min { $0.error < $1.error }!
    #expect(result.validation == best.error && errors.last!.step == best.step + 40 && best.step < 360)
    let held = StagedNetwork.samples(16, seed: 6)
    let batch = SamplePairs.Batch(measurement: held.measurement, groundTruth: held.groundTruth)
    #expect(StagedNetwork.loss(result.model, batch, nil) == best.error)
  }

  /// A phase that only loses ends with what it began with.
  @Test func whatATrainingBeginsWithIsACandidate() throws {
    var recipe = Recipe.plain(steps: 400, validationInterval: 5)
    recipe.phases[0].earlyStopping = .init(patience: nil)
    let good = try StagedNetwork.trainer(recipe).train(StagedNetwork(depth: 3))
    let bad = Recipe.plain(steps: 30, rate: 5, validationInterval: 5, earlyStopping: .init(patience: nil))
    let end = try StagedNetwork.trainer(bad).train(good.model)
    #expect(end.validation == good.validation)
    for (a, b) in zip(good.model.parameters, end.model.parameters) { #expect(a.value.isIdentical(to: b.value), "\(a.name)") }
  }

  @Test func everySampleComesOnceAnEpoch() throws {
    /// Samples that are their own numbers.
    struct Numbers: TrainingSamples {
      let count = 17
      func batch(_ samples: [Int], using generator: inout RandomGenerator) -> [Int] { samples + [Int(generator.next() >> 40)] }
    }
    let recipe = Recipe(
      network: "numbers", seed: 9,
      phases: [Recipe.Phase(steps: 12, batchSize: 4, chunkSize: 4, optimiser: .sgd(), learningRate: .constant(rate: 0))])
    func batches(seed: UInt64) throws -> [[Int]] {
      let seen = Log<[Int]>()
      var seeded = recipe
      seeded.seed = seed
      _ = try Trainer(recipe: seeded, samples: Numbers()) { (u: Unknowns, batch: [Int], depth: Int?) -> Double in
        withoutDerivative(at: seen.append(batch))
        return sum(u.w)
      }.train(Unknowns(w: Tensor([1.0])))
      return seen.values
    }
    let seen = try batches(seed: 9)
    #expect(seen.count == 12)
    for epoch in 0..<3 {
      let numbers = seen[4 * epoch..<4 * epoch + 4].flatMap { $0.dropLast() }
      #expect(Set(numbers).count == 16 && numbers.allSatisfy((0..<17).contains))
    }
    #expect(Set(seen.map { $0.last! }).count == 12, "every step draws its own chance")
    let (again, other) = (try batches(seed: 9), try batches(seed: 10))
    #expect(seen[0] != seen[4] && again == seen && other != seen)
  }

  @Test func divergenceIsNamed() {
    // Steps of rate 10 on w²: w = (−19)ᵏ after k of them, 361ᵏ is beyond double precision from k = 121 on.
    let far = refusal(TrainingError.self) {
      let recipe = Recipe(
        network: "square", seed: 1,
        phases: [Recipe.Phase("training", steps: 500, batchSize: nil, optimiser: .sgd(), learningRate: .constant(rate: 10))])
      let samples = SamplePairs(measurement: .zeros([1, 1]), groundTruth: .zeros([1, 1]))
      return try Trainer(recipe: recipe, samples: samples) { (u: Unknowns, _: SamplePairs.Batch, _: Int?) -> Double in
        squaredNorm(u.w)
      }.train(Unknowns(w: Tensor([1.0])))
    }
    #expect(far.hasPrefix("phase 1, training, step 122: the loss is inf"))
    // A gradient that is not finite under a finite loss: √0.
    let root = refusal(TrainingError.self) {
      let recipe = Recipe(
        network: "root", seed: 1,
        phases: [Recipe.Phase(steps: 3, batchSize: nil, optimiser: .adam(), learningRate: .constant(rate: 0.1))])
      let samples = SamplePairs(measurement: .zeros([1, 1]), groundTruth: .zeros([1, 1]))
      return try Trainer(recipe: recipe, samples: samples) { (u: Unknowns, _: SamplePairs.Batch, _: Int?) -> Double in
        squaredNorm(u.w).squareRoot()
      }.train(Unknowns(w: .zeros([2])))
    }
    #expect(root.contains("step 1: the gradient of w is not finite (loss 0.0)"))
  }

  @Test func recipesAreChecked() {
    func fault(_ change: (inout Recipe) -> Void) -> String {
      var recipe = Recipe.varied
      change(&recipe)
      return refusal { try StagedNetwork.trainer(recipe).train(StagedNetwork(depth: 2)) }
    }
    #expect(fault { $0.phases = [] }.contains("no phases"))
    #expect(fault { $0.phases[1].batchSize = 41 }.contains("between 1 and 40"))
    #expect(fault { $0.phases[0].groups = [.frozen("*")] }.contains("every parameter is frozen"))
    #expect(fault { $0.phases[0].groups = [ParameterGroup("stage.0.*")] }.contains("no parameter is named stage.0.*"))
    #expect(fault { $0.phases[2].batchSize = 8 }.contains("phase 3, polish: L-BFGS needs all samples"))
    #expect(fault { $0.phases[2].groups = [ParameterGroup("*", lowerBound: 0)] }.contains("L-BFGS takes no"))
    #expect(fault { $0.phases[0].learningRate = .constant(rate: .nan) }.contains("learning rate"))
    #expect(fault { $0.phases[0].learningRate = .piecewise(pieces: []) }.contains("step 0"))
    #expect(fault { $0.validationInterval = nil }.contains("early stopping without validation"))
    #expect(fault { $0.phases[0].optimiser = .sgd(nesterov: true) }.contains("Nesterov"))
  }

  @Test func recipesSurviveJSON() throws {
    #expect(try Recipe(json: Recipe.varied.json) == .varied)
    #expect(throws: TrainingError.self) { try Recipe(json: "{\"network\": 3}") }
  }

  /// Resident pages stay within 2 % (and 2 MiB) of what they were after the warm-up; in a process of its own, since
  /// other tests use memory too.
  @Test(.enabled(if: FileManager.default.isReadableFile(atPath: "/proc/self/statm"), "needs /proc"))
  func memoryIsFlat() async {
    await #expect(processExitsWith: .success) {
      func pages() -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return Double(text.split(separator: " ")[1]) ?? 0
      }
      var resident: [Double] = []
      _ = try StagedNetwork.trainer(.plain(steps: 1200)).train(
        StagedNetwork(depth: 3), monitors: [StepObserver { _ in resident.append(pages()) }])
      let (before, after) = (resident[190..<200].max()!, resident[1190...].max()!)
      #expect(after <= 1.02 * before + 512, "\(before) → \(after) pages")
    }
  }
}

/// What was seen, in order, from any thread.
final class Log<Element: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var seen: [Element] = []
  func append(_ element: Element) { lock.withLock { seen.append(element) } }
  var values: [Element] { lock.withLock { seen } }
}
