// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Recipes
import Training
import Yams

/// What of a training can be set, on the command line or in a YAML file under the same names.
struct TrainingSettings: ParsableArguments, Decodable {
  @Option(help: "Passes over the training patches, in place of the recipe's steps.") var epochs: Int?
  @Option(
    help:
      "Steps, in place of the recipe's (sparse-recovery: of the phases that train all stages together; hyperlista: evaluations).")
  var steps: Int?
  @Option(help: "Samples a step.") var batch: Int?
  @Option(help: "Factor on the recipe's learning rates is this rate over 1e-3.") var learningRate: Double?
  @Option(help: "Sparse coding: atoms of the dictionary.") var units: Int?
  @Option(help: "LISTA: iterations T, counted as in the paper.") var iterations: Int?
  @Option(help: "Sparse coding: training patches.") var patches: Int?
  @Option(help: ArgumentHelp("Sparse coding: a dictionary in place of learning one.", valueName: "file")) var dictionary: String?
  @Option(help: "Sparse recovery, image-cs: stages.") var depth: Int?
  @Option(help: "Sparse recovery: rows of A.") var rows: Int?
  @Option(help: "Sparse recovery: columns of A.") var columns: Int?
  @Option(help: ArgumentHelp("Sparse recovery: a matrix A in place of a drawn one, in any array format.", valueName: "file"))
  var matrix: String?
  @Option(help: ArgumentHelp("Sparse recovery: signal-to-noise ratio of the measurements.", valueName: "dB")) var noiseSnr: Double?
  @Option(help: "image-cs, cs-mri: sampling ratio, for a Φ or a mask drawn from --seed.") var ratio: Double?
  @Option(help: "cs-mri: extent of the square images, cut or with zeros around them (default: 256).") var size: Int?
  @Option(help: "cs-mri: takes every how many-th slice of a volume along each axis (default: 4).") var sliceStep: Int?
  @Option(help: "ct: images made this many times smaller first, to begin with.") var reduce: Int?
  @Option(help: "ct, emt, eit: step of the network: weight (default), adjoint or, not of ct, newton or newton-opposite.")
  var gradient: GradientKind?
  @Option(help: "cs-mri: radial (default), cartesian or random, of --ratio; or an array of 0 and 1.") var mask: String?
  @Option(help: ArgumentHelp("image-cs: Φ, M × pixels of a block, in any array format.", valueName: "file")) var phi: String?
  @Option(help: ArgumentHelp("image-cs: Q_init in place of the fit to training blocks.", valueName: "file")) var initial: String?
  @Option(help: "image-cs: channels of the convolutions (default: 32).") var channels: Int?
  @Option(help: "image-cs: what the constraint of the loss looks at: none (default), running or ground-truth.")
  var constraint: BlockTraining.Constraint?
  @Option(
    help: """
      sodas-net, scnet: log-squares (default), squares, absolute, or measurements, which needs no ground truth.
      """)
  var loss: WholeImageLoss?
  @Option(help: ArgumentHelp("image-cs: weights to start from, such as those of a neighbouring ratio.", valueName: "file"))
  var start: String?
  @Option(help: "Steps between checkpoints, besides one a minute.") var checkpointEvery: Int?

  init() {}

  /// These settings, those missing taken from a YAML file.
  func filled(from path: String?) throws -> TrainingSettings {
    guard let path else { return try checked() }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw InputError("\(path): cannot be read; expected a YAML file of settings")
    }
    guard let text = String(data: data, encoding: .utf8), let node = try? Yams.compose(yaml: text), let mapping = node.mapping
    else {
      throw InputError("\(path): found no YAML mapping; expected lines such as “steps: 5000”")
    }
    var result = self
    for (key, value) in mapping {
      let name = key.string ?? ""
      func integer(_ current: Int?) throws -> Int? {
        guard let number = value.int else {
          throw InputError("\(path): found \(name): \(value.string ?? "?"); expected a whole number")
        }
        return current ?? number
      }
      func number(_ current: Double?) throws -> Double? {
        guard let found = value.float else { throw InputError("\(path): found \(name): \(value.string ?? "?"); expected a number") }
        return current ?? found
      }
      switch name {
      case "epochs": result.epochs = try integer(result.epochs)
      case "steps": result.steps = try integer(result.steps)
      case "batch": result.batch = try integer(result.batch)
      case "learning-rate": result.learningRate = try number(result.learningRate)
      case "units": result.units = try integer(result.units)
      case "iterations": result.iterations = try integer(result.iterations)
      case "patches": result.patches = try integer(result.patches)
      case "dictionary": result.dictionary = result.dictionary ?? value.string
      case "depth": result.depth = try integer(result.depth)
      case "rows": result.rows = try integer(result.rows)
      case "columns": result.columns = try integer(result.columns)
      case "matrix": result.matrix = result.matrix ?? value.string
      case "noise-snr": result.noiseSnr = try number(result.noiseSnr)
      case "ratio": result.ratio = try number(result.ratio)
      case "size": result.size = try integer(result.size)
      case "slice-step": result.sliceStep = try integer(result.sliceStep)
      case "reduce": result.reduce = try integer(result.reduce)
      case "gradient":
        guard let found = value.string.flatMap(GradientKind.init(rawValue:)) else {
          throw InputError("\(path): found \(name): \(value.string ?? "?"); expected newton, newton-opposite, adjoint or weight")
        }
        result.gradient = result.gradient ?? found
      case "mask": result.mask = result.mask ?? value.string
      case "phi": result.phi = result.phi ?? value.string
      case "initial": result.initial = result.initial ?? value.string
      case "channels": result.channels = try integer(result.channels)
      case "constraint":
        guard let found = value.string.flatMap(BlockTraining.Constraint.init(rawValue:)) else {
          throw InputError("\(path): found \(name): \(value.string ?? "?"); expected none, running or ground-truth")
        }
        result.constraint = result.constraint ?? found
      case "loss":
        guard let found = value.string.flatMap(WholeImageLoss.init(rawValue:)) else {
          throw InputError(
            "\(path): found \(name): \(value.string ?? "?"); expected log-squares, squares, absolute or measurements")
        }
        result.loss = result.loss ?? found
      case "start": result.start = result.start ?? value.string
      case "checkpoint-every": result.checkpointEvery = try integer(result.checkpointEvery)
      default:
        throw InputError("\(path): found the setting “\(name)”; expected names of options of unfold train, without dashes before")
      }
    }
    return try result.checked()
  }

  private func checked() throws -> TrainingSettings {
    let least: [(String, Int?, Int)] = [
      ("epochs", epochs, 1), ("steps", steps, 1), ("batch", batch, 1), ("units", units, 1), ("iterations", iterations, 0),
      ("patches", patches, 64), ("depth", depth, 1), ("rows", rows, 2), ("columns", columns, 2), ("channels", channels, 1),
      ("checkpoint-every", checkpointEvery, 1), ("size", size, 8), ("reduce", reduce, 1),
      ("slice-step", sliceStep, 1),
    ]
    for (name, value, minimum) in least {
      if let value, value < minimum || value > 1_000_000_000 {
        throw InputError("--\(name) is \(value); expected at least \(minimum) and at most 1 000 000 000")
      }
    }
    if let rows, let columns, rows > columns {
      throw InputError("found --rows \(rows) and --columns \(columns); expected no more rows than columns")
    }
    if let learningRate, !(learningRate > 0 && learningRate <= 1) {
      throw InputError("--learning-rate is \(learningRate); expected more than 0 and at most 1")
    }
    if let noiseSnr, !noiseSnr.isFinite { throw InputError("--noise-snr is \(noiseSnr); expected a number of decibels") }
    return self
  }

  /// Steps from epochs or steps; nil: the recipe's own.
  func steps(samples: Int, batch usual: Int = 64) -> Int? { steps ?? epochs.map { max(1, $0 * samples / (batch ?? usual)) } }

  /// Refuses what belongs to another problem.
  func check(_ problem: ProblemKind) throws {
    let tomography = ProblemKind.tomography
    let networksOfImages = [.imageCS, .mri] + tomography
    try refuse(
      for: problem,
      [
        ("--units", units != nil, [.sparseCoding]), ("--iterations", iterations != nil, [.sparseCoding]),
        ("--patches", patches != nil, [.sparseCoding]), ("--dictionary", dictionary != nil, [.sparseCoding]),
        ("--depth", depth != nil, [.sparseRecovery] + networksOfImages), ("--rows", rows != nil, [.sparseRecovery]),
        ("--columns", columns != nil, [.sparseRecovery]), ("--matrix", matrix != nil, [.sparseRecovery]),
        ("--noise-snr", noiseSnr != nil, [.sparseRecovery]),
        ("--channels", channels != nil, networksOfImages), ("--start", start != nil, networksOfImages),
        ("--ratio", ratio != nil, [.imageCS, .mri]), ("--phi", phi != nil, [.imageCS]), ("--initial", initial != nil, [.imageCS]),
        ("--constraint", constraint != nil, [.imageCS]), ("--loss", loss != nil, [.imageCS]), ("--mask", mask != nil, [.mri]),
        ("--size", size != nil, [.mri]),
        ("--slice-step", sliceStep != nil, [.mri]), ("--reduce", reduce != nil, [.ct]), ("--gradient", gradient != nil, tomography),
      ])
  }

  /// Refuses what a network for image-cs has not, and sizes beyond reason.
  func check(_ method: BlockMethod) throws {
    let unfolded = [("--depth", depth != nil), ("--channels", channels != nil)]
    if !method.isUnfolded, let wrong = unfolded.first(where: \.1) {
      throw InputError("found \(wrong.0) for \(method.rawValue), which has no stages; leave it out")
    }
    let onBlocks = [("--initial", initial != nil), ("--constraint", constraint != nil)]
    if !method.hasInitial, let wrong = onBlocks.first(where: \.1) {
      throw InputError("found \(wrong.0) for \(method.rawValue); leave it out, it is for ista-net and ista-net-plus")
    }
    if loss != nil, !method.isWholeImage {
      throw InputError("found --loss for \(method.rawValue); leave it out, it is for networks on whole images")
    }
    for (name, value, limit) in [("--depth", depth, 1000), ("--channels", channels, 1024)] {
      if let value, value > limit { throw InputError("found \(name) \(value); expected at most \(limit) for image-cs") }
    }
  }

  /// Changes batch and learning rate of every phase that takes samples in batches.
  func apply(to recipe: inout Recipe) {
    for i in recipe.phases.indices where recipe.phases[i].batchSize != nil {
      if let batch { recipe.phases[i].batchSize = batch }
      if let learningRate { recipe.phases[i].learningRate = recipe.phases[i].learningRate.scaled(by: learningRate / 1e-3) }
    }
  }
}
