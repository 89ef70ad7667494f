// SPDX-License-Identifier: Apache-2.0
import Algorithms
import ArgumentParser
import Datasets
import Evaluation
import FileFormats
import Foundation
import Kernels
import Networks
import Operators
import Problems
import Recipes
import Tensors
import Training
import Yams

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network.",
    discussion: """
      A checkpoint, WEIGHTS.checkpoint, is written every few steps; after an interruption the same command with --resume goes on \
      from it and ends with the same bytes. Curves for TensorBoard lie in WEIGHTS.tfevents.
      """)
  @Argument(help: "The network (`unfold methods`).") var network: Method
  @Argument(help: "The problem (`unfold problems`).") var problem: ProblemKind
  @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] = []
  @Option(help: ArgumentHelp("emt, eit: sets of `unfold simulate`; without it, those of --seed.", valueName: "file")) var data:
    String?
  @Option(help: ArgumentHelp("cs-mri, ct: folder of validation images, in place of a tenth of the others.", valueName: "dir"))
  var validationImages: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp("Weights to write (safetensors).", valueName: "weights")) var output: String
  @Flag(help: "Go on from the checkpoint of an interrupted run.") var resume = false
  @Option(help: ArgumentHelp("YAML file of the settings below; what is given on the command line wins.", valueName: "file"))
  var config: String?
  @Flag(help: "A smaller training of minutes.") var quick = false
  @Flag(help: "cs-mri: train on the magnitudes of complex images.") var magnitudes = false
  @Flag(
    help: "image-cs, cs-mri: recompute stages in the backward pass: less than half the memory, a third more time, the same weights."
  )
  var recompute = false
  @OptionGroup var settings: TrainingSettings
  @OptionGroup var tomography: TomographyOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.withArithmetic(of: network.rawValue, isConvolutional: network.isConvolutional) { try work() }
  }

  private func work() throws {
    let settings = try settings.filled(from: config)
    guard network.isTrained else {
      throw InputError("\(network.rawValue) is a classical method with nothing to train; expected a network")
    }
    try network.check(for: problem)
    try settings.check(problem)
    try tomography.check(problem)
    if magnitudes, problem != .mri {
      throw InputError("found --magnitudes for \(problem.rawValue); leave it out, it is for cs-mri")
    }
    if data != nil, !problem.isOnDisc {
      throw InputError("found --data for \(problem.rawValue); leave it out, it is for emt and eit")
    }
    switch (network, problem) {
    case (_, .mri): try trainMRI(network.forMRI!, settings)
    case (_, .ct): try trainCT(network.forTomography!.network!, settings)
    case (_, .emt), (_, .eit): try trainTomography(network.forTomography!.network!, settings)
    case (.sparse(let method), .sparseCoding): try trainCoding(method, settings)
    case (.sparse(.hyperLISTA), _): try tune(settings)
    case (.sparse(let method), _): try trainRecovery(method, settings)
    case (.block(let method), _): try trainBlocks(method, settings)
    case (.mri, _), (.tomography, _): preconditionFailure("checked above")
    }
  }

  /// The images of all the folders given.
  private func pictures() throws -> [Tensor] {
    guard !images.isEmpty else {
      throw InputError("found no --images; expected a folder of training images for \(problem.rawValue)")
    }
    return try images.flatMap { try ImageFolder($0).entries.map(\.image) }
  }

  private func trainCoding(_ method: SparseMethod, _ settings: TrainingSettings) throws {
    let pictures = try pictures()
    var training = SparseCodingTraining(units: settings.units ?? 100, budget: quick ? .quick : .full)
    training.seed = common.seed ?? training.seed
    if let patches = settings.patches {
      training.trainingPatches = patches
      training.validationPatches = max(100, patches / 10)
    }
    let iterations = settings.iterations ?? 3
    let resuming = try checkpoint()
    var dictionary = try settings.dictionary.map {
      try readDictionary($0, patchSize: training.recipeOfPatches.side * training.recipeOfPatches.side)
    }
    if dictionary == nil, let stored = resuming?.operators.first(where: { $0.name == "dictionary" }) {
      dictionary = Matrix(stored.value)
    }
    let experiment = try SparseCodingExperiment(training, images: pictures, dictionary: dictionary) { if !common.quiet { say($0) } }
    var recipe = training.recipe(method, iterations: iterations, steps: settings.steps(samples: training.trainingPatches))
    settings.apply(to: &recipe)
    try train(experiment.network(method, iterations: iterations)!, by: experiment, recipe, resuming, settings)
  }

  private func trainRecovery(_ method: SparseMethod, _ settings: TrainingSettings) throws {
    let training = try recovery(settings)
    if method == .alista { try training.checkAnalyticWeight() }
    var recipe = training.recipe(method, budget: quick ? .quick : .full, jointSteps: settings.steps)
    settings.apply(to: &recipe)
    let resuming = try checkpoint()
    try train(training.network(method)!, by: training, recipe, resuming, settings)
  }

  /// The benchmark's problem, or that of --matrix.
  private func recovery(_ settings: TrainingSettings) throws -> SparseRecoveryTraining {
    let seed = common.seed ?? SparseRecoveryTraining.standardSeed
    var problem = SparseRecovery.benchmark(
      rows: settings.rows ?? 250, columns: settings.columns ?? 500, seed: seed, noiseDecibel: settings.noiseSnr)
    if let matrix = settings.matrix {
      if settings.rows != nil || settings.columns != nil {
        throw InputError("found --matrix with --rows or --columns; expected the matrix alone, it has a size")
      }
      problem = SparseRecovery(A: try readMatrix(matrix), noiseDecibel: settings.noiseSnr)
    }
    return SparseRecoveryTraining(problem: problem, depth: settings.depth ?? 16, seed: seed)
  }

  /// HyperLISTA has three numbers, which are tuned: no gradients, no batches, no checkpoint.
  private func tune(_ settings: TrainingSettings) throws {
    let strange: [(String, Bool)] = [
      ("--epochs", settings.epochs != nil), ("--batch", settings.batch != nil), ("--learning-rate", settings.learningRate != nil),
      ("--checkpoint-every", settings.checkpointEvery != nil), ("--resume", resume),
    ]
    if let wrong = strange.first(where: \.1) {
      throw InputError("found \(wrong.0) for hyperlista, which is tuned and not trained; leave it out, --steps is its evaluations")
    }
    let training = try recovery(settings)
    try training.checkAnalyticWeight()
    let tuned = try HyperLISTATuning(training, budget: quick ? .quick : .full, evaluations: settings.steps).run(to: output)
    if !common.quiet { say("wrote \(output): \(tuned.summary)") }
    try common.writeJSON(
      .object([
        "network": .string(network.rawValue), "problem": .string(problem.rawValue), "weights": .string(output),
        "parameters": .integer(3), "momentum": .number(tuned.momentum), "threshold": .number(tuned.threshold),
        "support": .number(tuned.support), "nmse_db": .number(tuned.decibel), "evaluations": .integer(tuned.evaluations),
        "seconds": .number(tuned.seconds), "seed": .integer(Int(truncatingIfNeeded: training.seed)),
      ]))
  }

  private func trainBlocks(_ method: BlockMethod, _ settings: TrainingSettings) throws {
    try settings.check(method)
    let pictures = try pictures()
    let seed = common.seed ?? CompressiveSensing.standardSeed
    if method.isWholeImage { return try trainWholeImages(method, pictures, seed, settings) }
    let resuming = try checkpoint()
    let sensing = try CompressiveSensing(ratio: settings.ratio, phi: settings.phi, seed: seed)
    var initial = try settings.initial.map { try readInitial($0, for: sensing.phi) }
    if initial == nil, let stored = resuming?.operators.first(where: { $0.name == "initial" }) { initial = stored.value }
    // Of a network without Q_init the parameters come from the checkpoint; a fit would be thrown away.
    if initial == nil, resuming != nil, !method.hasInitial { initial = .zeros([sensing.phi.columns, sensing.phi.rows]) }
    if initial == nil, method.startsFromFit, !common.quiet { say("fitting Q_init to blocks of \(pictures.count) images") }
    var training = try BlockTraining(
      method, sensing, phiSeed: settings.phi == nil ? seed : nil, images: pictures, initial: initial,
      constraint: settings.constraint ?? .none, seed: seed)
    training.recomputes = recompute
    let depth = settings.depth ?? 9
    let channels = settings.channels ?? 32
    let steps =
      settings.steps(samples: BlockSamples.epoch, batch: BlockTraining.batchSize(of: method))
      ?? BlockTraining.steps(method, quick ? .quick : .full, warm: settings.start != nil)
    var recipe = training.recipe(depth: depth, channels: channels, steps: steps)
    settings.apply(to: &recipe)
    var untrained = training.network(depth: depth, channels: channels)!
    if let start = settings.start { untrained = try Weights(anyFile: start).withHouseNames.filled(any: untrained, file: start) }
    try train(untrained, by: training, recipe, resuming, settings)
  }

  private func trainWholeImages(_ method: BlockMethod, _ pictures: [Tensor], _ seed: UInt64, _ settings: TrainingSettings) throws {
    var fixed: (sensing: CompressiveSensing, seed: UInt64?)?
    if !method.servesEveryRatio || settings.ratio != nil || settings.phi != nil {
      fixed = (
        try CompressiveSensing(ratio: settings.ratio, phi: settings.phi, seed: seed), settings.phi == nil ? seed : nil
      )
    }
    var training = try WholeImageTraining(
      method, fixed: fixed, loss: settings.loss ?? .logSquares, images: pictures, seed: seed)
    training.recomputes = recompute
    if !common.quiet {
      let decibels = training.validationPSNROfLinearStart().map { String(format: "%.2f", $0) }
      say("images kept aside, Aᵀ y: \(decibels.joined(separator: ", ")) dB")
    }
    let (depth, channels) = (settings.depth ?? method.usualDepth, settings.channels ?? 32)
    let steps = settings.steps(samples: BlockSamples.epoch / 9, batch: 4) ?? (quick ? 500 : 60_000)
    var recipe = training.recipe(depth: depth, channels: channels, steps: steps)
    settings.apply(to: &recipe)
    var untrained = training.network(depth: depth, channels: channels)
    if let start = settings.start { untrained = try Weights(anyFile: start).withHouseNames.filled(any: untrained, file: start) }
    try train(untrained, by: training, recipe, checkpoint(), settings)
  }

  private func trainMRI(_ method: MRIMethod, _ settings: TrainingSettings) throws {
    guard !images.isEmpty else { throw InputError("found no --images; expected a folder of training images for cs-mri") }
    let size = settings.size ?? 256
    let pictures = try kSpacePictures(images, size: size, sliceStep: settings.sliceStep)
    let (used, kept) =
      validationImages.isEmpty
      ? splitForValidation(pictures) : (pictures, try kSpacePictures(validationImages, size: size, sliceStep: settings.sliceStep))
    if (used + kept).allSatisfy({ $0.real != nil }) {
      try trainMRI(method, size, used.compactMap(\.real), kept.compactMap(\.real), settings)
    } else {
      try trainMRI(method, size, used.map(\.complex), kept.map(\.complex), settings)
    }
  }

  private func trainMRI<Space: FourierSpace>(
    _ method: MRIMethod, _ size: Int, _ used: [Space], _ kept: [Space], _ settings: TrainingSettings
  ) throws {
    let seed = common.seed ?? CompressiveSensing.standardSeed
    let sampling = try MRISampling(mask: settings.mask, ratio: settings.ratio, order: nil, seed: seed)
    var training = try MRITraining(
      method, sampling: sampling, mask: sampling.mask(height: size, width: size), images: used, validation: kept, seed: seed)
    if recompute { training.recomputes = true }
    let shape = MRIArchitecture(method, depth: settings.depth, channels: settings.channels)
    guard var untrained = training.network(shape) else {
      throw InputError(
        "found complex images for \(method.rawValue), which is for real ones; expected ista-net-plus, or --magnitudes to train on those"
      )
    }
    let steps = settings.steps(samples: used.count, batch: 4) ?? MRITraining<Space>.steps(method, quick ? .quick : .full)
    var recipe = training.recipe(shape, steps: steps)
    settings.apply(to: &recipe)
    if let start = settings.start { untrained = try Weights(anyFile: start).withHouseNames.filled(any: untrained, file: start) }
    try train(untrained, by: training, recipe, checkpoint(), settings)
  }

  private func trainTomography(_ network: TomographyNetwork, _ settings: TrainingSettings) throws {
    if !images.isEmpty || !validationImages.isEmpty {
      throw InputError("found --images for \(problem.rawValue); leave it out, or name sets by --data")
    }
    var sets = TomographyData.Settings(problem == .emt ? .emt28 : .eit104)
    sets.seed = common.seed ?? sets.seed
    let stored = try data.map(TomographyData.init(contentsOf:))
    if let stored, stored.settings.problem != problem {
      throw InputError("\(data!): found sets of \(stored.settings.problem.rawValue); expected \(problem.rawValue), choose others")
    }
    let sample = try stored ?? TomographyData(sets)
    try trainTomography(TomographyTraining(network, sample, seed: common.seed ?? 1), settings)
  }

  private func trainCT(_ network: TomographyNetwork, _ settings: TrainingSettings) throws {
    var pictures = try tomography.images(images, part: "train")
    var kept: [CTImage]
    if !validationImages.isEmpty {
      kept = try tomography.images(validationImages, part: "validation")
    } else if tomography.split != nil {
      kept = try tomography.images(images, part: "validation")
    } else {
      (pictures, kept) = splitForValidation(pictures)
    }
    guard let first = pictures.first else { throw InputError("found no image; expected some to train on") }
    let factor = settings.reduce ?? 1
    guard first.value.shape.allSatisfy({ $0 >= 8 * factor }) else {
      throw InputError("found --reduce \(factor) for images of \(first.value.shape); expected at least 8 pixels a side to be left")
    }
    (pictures, kept) = (pictures.map { $0.reduced(by: factor) }, kept.map { $0.reduced(by: factor) })
    let size = pictures[0].value.shape
    let problem = try tomography.problem(height: size[0], width: size[1])
    try trainTomography(
      TomographyTraining(network, problem, images: pictures, validation: kept, seed: common.seed ?? 1), settings,
      notes: [
        "views": "\(problem.geometry.angles.count)", "geometry": problem.geometry.name, "images": "\(pictures.count)",
        "photons": tomography.photons.map { "\($0)" } ?? "none",
      ])
  }

  private func trainTomography(_ training: TomographyTraining, _ settings: TrainingSettings, notes: [String: String] = [:]) throws {
    let training = try settings.gradient.map(training.with) ?? training
    let isUNet = training.network == .fbpConvNet
    if isUNet, settings.depth != nil { throw InputError("found --depth for fbpconvnet, which has no stages; leave it out") }
    let (depth, channels) = (isUNet ? 1 : settings.depth ?? 7, settings.channels ?? (isUNet ? 16 : 32))
    let batch = settings.batch ?? training.usualBatchSize
    let steps = settings.steps(samples: training.count, batch: batch) ?? (quick ? 100 : problem == .ct ? 3_000 : 10_000)
    var recipe = training.recipe(
      steps: steps, batchSize: batch, notes: ["depth": "\(depth)", "channels": "\(channels)"].merging(notes) { $1 })
    settings.apply(to: &recipe)
    var untrained = training.system.network(training.network, depth: depth, channels: channels, seed: training.seed)
    if let start = settings.start { untrained = try Weights(anyFile: start).filled(any: untrained, file: start) }
    try train(untrained, by: training, recipe, checkpoint(), settings)
  }

  /// Images, arrays and the slices of volumes, each divided by its largest value and put in the middle of a square.
  private func kSpacePictures(_ sources: [String], size: Int, sliceStep: Int?) throws -> [NumericArray] {
    try sources.flatMap { try MRIImage.paths($0) }.flatMap { path -> [NumericArray] in
      if path.hasSuffix(".nii") || path.hasSuffix(".nii.gz") {
        return try MRIImage.slices(path, step: sliceStep ?? 4).map(NumericArray.real)
      }
      let image = try MRIImage(path, toMaximum: true).value
      return [image.real == nil && magnitudes ? .real(image.complex.magnitude) : image]
    }.map { $0.centred(height: size, width: size) }
  }

  private var checkpointFile: String { checkpointPath(of: output) }

  private func checkpoint() throws -> Checkpoint? {
    guard resume else { return nil }
    let found = try interruptedTraining(of: output)
    if found == nil, !common.quiet { say("found no \(checkpointFile); starting from the beginning") }
    return found
  }

  private func train<Measurement, Signal>(
    _ untrained: any Network<Measurement, Signal>, by training: some NetworkTraining<Measurement, Signal>, _ recipe: Recipe,
    _ resuming: Checkpoint?, _ settings: TrainingSettings
  ) throws {
    let monitors: [any TrainingMonitor] =
      [try EventLog(path: output + ".tfevents", resuming: resuming)] + (common.quiet ? [] : [ProgressBar()])
    var recipe = recipe
    if Arithmetic.current == .mixed { recipe.notes["precision"] = Arithmetic.mixed.rawValue }
    let count = try training.train(
      untrained, recipe: recipe, to: output, resuming: resuming, checkpointEvery: settings.checkpointEvery, monitors: monitors)
    guard let count else { throw WorkFailed("stopped; \(checkpointFile) holds where it stands, go on with --resume") }
    if !common.quiet { say("wrote \(output): \(count) parameters; peak memory \(Int(peakMebibytes())) MiB") }
    try common.writeJSON(
      .object([
        "network": .string(network.rawValue), "problem": .string(problem.rawValue), "weights": .string(output),
        "parameters": .integer(count), "peak_mib": .number(peakMebibytes()), "seed": .integer(Int(truncatingIfNeeded: recipe.seed)),
      ]))
  }
}
