// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import FileFormats
import Networks
import Operators
import Problems
import Tensors
import Training

/// The experiment of Gregor & LeCun (2010): 10 × 10 patches of natural images, a learned dictionary of m atoms, α = 0.5, optimal codes with
/// a certificate, and encoders trained to predict them. All networks of one experiment share them.
public struct CodingExperiment: Sendable {
  public struct Recipes: Sendable {
    /// m.
    public var units: Int
    /// Smooth patches are left out: divided by a deviation near that of the camera's noise they are mostly noise. The paper does not
    /// say from which deviation on.
    public var patches = Patches(minimumDeviation: 0.1)
    public var trainingPatches: Int
    public var validationPatches: Int
    public var dictionarySteps: Int
    public var seed: UInt64
    public var budget: TrainingBudget

    public init(units: Int, budget: TrainingBudget = .full, seed: UInt64 = PatchCoding.standardSeed) {
      self.units = units
      self.budget = budget
      self.seed = seed
      trainingPatches = budget == .full ? (units > 100 ? 600_000 : 200_000) : 10_000
      validationPatches = budget == .full ? 2_000 : 1_000
      dictionarySteps = budget == .full ? 1000 : 120
    }

    /// Learns a dictionary on patches of `images`.
    func learnDictionary(_ images: [Tensor]) throws -> Matrix {
      // Gradient steps are the paper's way; block coordinate descent has a fair dictionary after fewer steps.
      let update: DictionaryLearning.Update = budget == .full ? .gradient() : .blockCoordinateDescent
      var learning = DictionaryLearning(atoms: units, alpha: PatchCoding.alpha, update: update)
      (learning.steps, learning.seed) = (dictionarySteps, seed)
      return learning.learn(from: try patches.draw(100_000, from: images, seed: seed &+ 1))
    }

    /// Patches of these images with their optimal codes. Training, validation and test have streams of their own.
    func coded(_ dictionary: Matrix, images: [Tensor], count: Int, stream: UInt64) throws -> CodedPatches {
      CodedPatches(
        SparseCoding(dictionary: dictionary, alpha: PatchCoding.alpha),
        patches: try patches.draw(count, from: images, seed: seed &+ 1000 &+ stream))
    }
  }

  public let recipes: Recipes
  public let dictionary: Matrix
  private let training: PairTraining<Tensor, Tensor>

  /// - Parameters: `images`, gray, of which a tenth is kept aside for validation; `dictionary`, learned from the others when nil;
  ///   `report` is told in a few words what is being done.
  public init(_ recipes: Recipes, images: [Tensor], dictionary given: Matrix? = nil, report: (String) -> Void = { _ in }) throws {
    let (used, kept) = splitForValidation(images)
    self.recipes = recipes
    if let given {
      let pixels = recipes.patches.side * recipes.patches.side
      guard given.rows == pixels, given.columns == recipes.units else {
        throw InputError(
          "found a dictionary of \(given.rows) × \(given.columns); expected \(pixels) × \(recipes.units), give --units \(given.columns) or another dictionary"
        )
      }
      dictionary = given
    } else {
      report("learning a dictionary of \(recipes.units) atoms from \(used.count) images")
      dictionary = try recipes.learnDictionary(used)
    }
    report("solving for the optimal codes of \(recipes.trainingPatches + recipes.validationPatches) patches")
    let pairs = try recipes.coded(dictionary, images: used, count: recipes.trainingPatches, stream: 1).pairs
    let held = try recipes.coded(dictionary, images: kept, count: recipes.validationPatches, stream: 2).pairs
    var training = try PairTraining(
      DrawnPairs(pairs), loss: PairLoss(.halfSquaredNorm), validation: held,
      operators: [NamedParameter(name: "dictionary", value: dictionary.entries)])
    training.samplesAtATime = 125
    training.validationError = { squaredNorm($0 - $1.groundTruth) / Double($1.count) }
    self.training = training
  }

  /// Adam at 1e-3, falling along a cosine; the weights that did best on the validation patches. Deep networks, whose steps cost more, take
  /// fewer.
  public func training(_ request: TrainingRequest<PatchCoding>) throws -> Training {
    try Training(training, untrained(request), recipe(request))
  }

  private func untrained(_ request: TrainingRequest<PatchCoding>) throws -> any Network {
    var system = LassoSystem(dictionary: dictionary, alpha: PatchCoding.alpha)
    system.precision = .single
    return try request.untrained(system, seed: recipes.seed)
  }

  private func recipe(_ request: TrainingRequest<PatchCoding>) -> Recipe {
    let isLISTA = request.method.name == "lista"
    let depth = request.architecture.depth ?? 1
    let full = !isLISTA ? 20_000 : depth < 3 ? 100_000 : depth < 6 ? 60_000 : 40_000
    let steps = request.options.steps(
      samples: recipes.trainingPatches, batch: 64, otherwise: recipes.budget == .quick ? 3_000 : full)
    return Recipe(
      network: request.method.name, seed: recipes.seed, architecture: request.architecture,
      phases: [
        Recipe.Phase(
          "training", steps: steps, batchSize: 64, chunkSize: 32,
          learningRate: .warmUp(steps: 100, then: .cosine(rate: isLISTA ? 1e-3 : 3e-3, final: 1e-5, steps: steps)), clipNorm: 10,
          earlyStopping: .init(patience: nil))
      ], validationInterval: min(500, max(1, steps / 10)),
      notes: [
        "problem": PatchCoding.name, "units": "\(recipes.units)", "alpha": "\(PatchCoding.alpha)",
        "patch": "\(recipes.patches.side)",
        "minimum deviation": "\(recipes.patches.minimumDeviation)", "budget": recipes.budget.rawValue,
      ])
  }

  /// LISTA of T iterations, trained on the spot; nil when it was stopped.
  func trainedLISTA(iterations: Int, monitors: [any TrainingMonitor]) throws -> LISTA? {
    guard let method = PatchCoding.method("lista") else { return nil }
    var options = TrainingOptions()
    options.depth = iterations + 1
    let request = try TrainingRequest(method, options: options)
    return try (untrained(request) as? LISTA).flatMap { try training.train($0, recipe: recipe(request), monitors: monitors) }
  }
}

extension PatchCoding {
  public struct TrainingSetup: Settings {
    public var images: [String] = []
    /// LISTA: T, counted as in the paper.
    public var iterations: Int?
    /// Training patches.
    public var patches: Int?
    public init() {}
  }

  public func training(_ request: TrainingRequest<PatchCoding>) throws -> Training {
    let (setup, options) = (request.setup, request.options)
    try request.refuse(("noise-snr", self.setup.noiseSnr != nil))
    guard !setup.images.isEmpty else {
      throw InputError("found no --images; expected a folder of training images for sparse-coding")
    }
    var request = request
    if let iterations = setup.iterations {
      guard options.depth == nil, request.method.network?.architecture.depth != nil, (0...999).contains(iterations) else {
        throw InputError(
          "found --iterations \(iterations) for \(request.method.name); expected 0 to 999 of lista, and no --depth beside it")
      }
      request.options.depth = iterations + 1
    }
    var recipes = CodingExperiment.Recipes(units: self.setup.units ?? 100, budget: options.budget, seed: seed)
    if let patches = setup.patches {
      guard patches >= 64 else { throw InputError("found --patches \(patches); expected at least 64") }
      (recipes.trainingPatches, recipes.validationPatches) = (patches, max(100, patches / 10))
    }
    let given =
      try self.setup.dictionary.map { try readDictionary($0, patchSize: 100) }
      ?? request.known("dictionary", shape: [100, recipes.units]).map { Matrix($0) }
    if let given, self.setup.units == nil { recipes.units = given.columns }
    let images = try setup.images.flatMap { try ImageFolder($0).entries.map(\.image) }
    return try CodingExperiment(recipes, images: images, dictionary: given, report: request.report).training(request)
  }
}
