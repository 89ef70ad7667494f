// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Communication
import Evaluation
import Experiments
import FileFormats
import Foundation
import Kernels
import Tensors
import Training

struct Evaluate<E: CommandLineExperiment>: ExperimentCommand, RunsOnManyProcesses {
  static var configuration: CommandConfiguration { configuration("Simulates, reconstructs and scores every image, and the mean.") }
  @Argument(help: "A classical method or a trained network.") var method: MethodName<E>
  @OptionGroup(title: "Test data") var test: E.TestOptions
  @Flag(inversion: .prefixedNo, help: "Clip images to [0, 1] before they are scored.") var clip: Bool?
  @Option(
    help: ArgumentHelp(
      "A part of the images, every N-th from the K-th on, for unfold gather; array: that of a job array of Slurm.", valueName: "K/N"
    ))
  var shard: String?
  @OptionGroup(title: "Measurement") var measuring: E.SetupOptions
  @OptionGroup(title: "Running") var running: MethodOptions<E>
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    let method = method.method
    try common.withArithmetic(of: method.name, isConvolutional: method.isConvolutional, hasChoice: method.choosesPrecision) {
      let shard = try shard.map { try Shard(parsing: $0) }
      if let shard, World.count > 1 {
        throw InputError("found --shard \(shard) for \(World.count) processes, which share out all; expected one of both")
      }
      if clip != nil, E.scoring.clip == nil {
        throw InputError("found --clip or --no-clip for \(E.name), which has no images; leave it out")
      }
      let seed = common.seed ?? E.standardSeed
      let experiment = try E(E.Setup(over: measuring), seed: seed)
      let runner = Runner(method, options: try running.options(for: method, common), clip: clip)
      var scans = try experiment.testScans(E.Test(over: test))
      if let shard { scans = try scans.part(shard) }
      var report = try runner.evaluation(scans, seed: seed)
      report.shard = shard
      if running.weights == nil, let weights = report.weights { common.note("weights that ship: \(weights)") }
      for remark in report.remarks { common.note(remark) }
      try common.answer(report)
    }
  }
}

struct Simulate<E: CommandLineExperiment>: ExperimentCommand, RunsOnManyProcesses {
  static var configuration: CommandConfiguration {
    configuration("Makes measurements from images or codes, with all that made them in one HDF5 file.")
  }
  @Argument(help: ArgumentHelp("Images, arrays or volumes.", valueName: "input")) var inputs: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp("Measurement to write (HDF5).", valueName: "file")) var output: String
  @Flag(help: "Keep the images or codes in the file, to be scored against.") var groundTruth = false
  @OptionGroup(title: "Measurement") var measuring: E.SetupOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    try common.apply()
    try AtomicFile.check(output)
    let seed = common.seed ?? E.standardSeed
    let experiment = try E(E.Setup(over: measuring), seed: seed)
    let (facts, text) = try experiment.simulate(inputs, to: output, keepingGroundTruth: groundTruth)
    let head: [JSONMember] = [JSONMember("problem", .string(E.name)), JSONMember("file", .string(output))]
    let tail: [JSONMember] = [JSONMember("ground_truth", .bool(groundTruth)), JSONMember("seed", .unsigned(seed))]
    try common.answer(Answer(json: .object(head + facts + tail), text: text))
  }
}

/// Values that are black and white.
struct DisplayRange: ExpressibleByArgument {
  let lower: Double
  let upper: Double

  init?(argument: String) {
    let limits = argument.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
    guard limits.count == 2, let lower = limits[0], let upper = limits[1], lower < upper, (upper - lower).isFinite else {
      return nil
    }
    (self.lower, self.upper) = (lower, upper)
  }

  func applied(to image: Tensor) -> Tensor { image.map { min(max(($0 - lower) / (upper - lower), 0), 1) } }
}

struct Reconstruct<E: CommandLineExperiment>: ExperimentCommand, RunsOnManyProcesses {
  static var configuration: CommandConfiguration {
    var configuration = configuration(
      "Reconstructs a measurement. Several images go into a folder that exists, one PNG a name, or into one array.")
    configuration.usage = "unfold reconstruct \(E.name) [<method>] <file> --output <file> [<options>]"
    return configuration
  }
  @Argument(
    help: ArgumentHelp("How, and the measurement: written by `unfold simulate`, or of a scanner.", valueName: "method> <file"))
  var methodAndMeasurement: [String]
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Image or array to write; arrays are in the units of the file.", valueName: "file"))
  var output: String
  @Option(help: ArgumentHelp("A PNG of the first image beside an array.", valueName: "file")) var picture: String?
  @Option(
    help: ArgumentHelp("Values that are black and white in pictures, such as 0:0.03 (default: 0:1).", valueName: "lower:upper"))
  var display: DisplayRange?
  @OptionGroup(title: "Measurement") var opening: E.OpeningOptions
  @OptionGroup(title: "Running") var running: MethodOptions<E>
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    guard let path = methodAndMeasurement.last, methodAndMeasurement.count <= 2 else {
      throw InputError("found \(methodAndMeasurement.count) arguments; expected a method and a measurement")
    }
    let named = try methodAndMeasurement.count == 2 ? methodAndMeasurement.first.map(method) : nil
    let isConvolutional = named?.isConvolutional ?? true
    try common.withArithmetic(
      of: named?.name ?? "a network", isConvolutional: isConvolutional, hasChoice: named?.choosesPrecision ?? false
    ) {
      let scans = try E.open(path, E.Opening(over: opening))
      if let named { return try reconstruct(scans, by: named, path) }
      if running.weights != nil { throw InputError("found --weights and no method; expected the method of these weights") }
      let (usual, reason) = try E.usualMethod(for: scans, library: .standard)
      common.note("\(usual.name): \(reason)")
      try reconstruct(scans, by: usual, path)
    }
  }

  private func method(_ name: String) throws -> Method<E> {
    guard let method = E.method(name) else {
      throw InputError("found the method “\(name)”; expected one for \(E.name): \(E.methods.map(\.name).joined(separator: ", "))")
    }
    return method
  }

  private func reconstruct(_ scans: Scans<E>, by method: Method<E>, _ path: String) throws {
    let runner = Runner(method, options: try running.options(for: method, common))
    let writesArray = !E.makesImages || (try? OutputKind(output)) == .arrays
    if display != nil, writesArray, picture == nil {
      throw InputError("found --display without a picture; leave it out, or add --picture")
    }
    if writesArray { try OutputKind.arrays.check(output) }
    if let picture {
      guard writesArray, E.makesImages else {
        throw InputError("found --picture beside \(output); expected it beside an array of images, leave it out")
      }
      try OutputKind.image.check(picture)
    }
    let places = writesArray ? scans.names.map { _ in output } : try imageTargets(scans.names, path)
    var report = ReconstructionReport(problem: E.name, method: method.name, remarks: scans.remarks)
    var arrays: [(value: NumericArray, extras: [NamedArray])] = []
    try runner.forEach(scans) { index, outcome in
      let found = outcome.reconstruction
      guard found.value.isFinite else {
        throw WorkFailed("\(method.name): found NaN or infinity in \(places[index]), which was not written; check the weights")
      }
      if writesArray {
        arrays.append((found.inFileUnits, found.extras))
        if index == 0, let picture { try write(found.display, to: picture) }
      } else {
        try write(found.display, to: places[index])
      }
      report.add(outcome, file: places[index])
    }
    guard World.isFirst else { return }
    if writesArray { try writeArrays(joined(arrays), to: output) }
    if running.weights == nil, let weights = report.weights { common.note("weights that ship: \(weights)") }
    for remark in report.remarks { common.note(remark) }
    try common.answer(report)
  }

  /// A picture; of signals in a user's own units with a word where it is nearly black.
  private func write(_ image: Tensor, to path: String) throws {
    let most = image.doubles.max() ?? 0
    if display == nil, E.name == Linear.name, most > 0, most < 0.2 {
      let range = "--display 0:\(String(format: "%.1g", most))"
      Remarks.note("\(path): a dark picture, values reach \(Float(most)) where 1 is white; \(range) shows them")
    }
    try writeImage(Image(values: display?.applied(to: image) ?? image), to: path)
  }

  /// Images of one size as one array; what else was found, row by row.
  private func joined(_ found: [(value: NumericArray, extras: [NamedArray])]) throws -> [NamedArray] {
    guard let first = found.first else { return [] }
    let extras = first.extras.indices.map { k in
      NamedArray(name: first.extras[k].name, value: Tensor.concatenated(found.compactMap { $0.extras[k].value.real }))
    }
    let keepsExtras = !extras.isEmpty && !["npy", "cfl", "nii", "nii.gz"].contains(fileExtension(output))
    guard found.allSatisfy({ $0.value.shape == first.value.shape }) else {
      throw InputError("\(output): found images of several sizes; expected one size for one array, or a folder for all")
    }
    let reals = found.compactMap(\.value.real)
    let value: NumericArray =
      found.count == 1
      ? first.value
      : reals.count == found.count
        ? .real(.stacked(reals)) : .complex(ComplexTensor(pairs: .stacked(found.map(\.value.complex.pairs))))
    return [NamedArray(name: E.makesImages ? "image" : "codes", value: value)] + (keepsExtras ? extras : [])
  }

  /// The files to write images to, checked before any work.
  private func imageTargets(_ images: [String], _ path: String) throws -> [String] {
    guard images.count > 1 else {
      try OutputKind.image.check(output)
      return [output]
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: output, isDirectory: &isFolder), isFolder.boolValue else {
      throw InputError("\(output): found a measurement of \(images.count) images; expected an existing folder to write them to")
    }
    let names = images.map { (($0 as NSString).lastPathComponent as NSString).deletingPathExtension + ".png" }
    guard Set(names).count == names.count else {
      throw InputError("\(path): found two images of one name; expected distinct names, simulate them apart")
    }
    return names.map { (output as NSString).appendingPathComponent($0) }
  }
}

/// What of every training can be set.
struct TrainOptions: ParsableArguments, Encodable {
  @Option(help: "Passes over the training samples, in place of the recipe's steps.") var epochs: Int?
  @Option(
    help:
      "Steps, in place of the recipe's (sparse-recovery: of the phases that train all stages together; hyperlista: evaluations).")
  var steps: Int?
  @Option(help: "Samples a step.") var batch: Int?
  @Option(help: "Factor on the recipe's learning rates is this rate over 1e-3.") var learningRate: Double?
  @Option(
    help: "adam (default), or muon for filters between maps of several channels, which learns more in short trainings.")
  var optimiser: NetworkOptimiser?
  @Option(help: "Stages.") var depth: Int?
  @Option(help: "Channels of the convolutions.") var channels: Int?
  @Option(
    help: ArgumentHelp(
      "Weights to start from, such as those of a neighbouring ratio. Of another depth: their first stages are left out, or the first is repeated.",
      valueName: "file"))
  var start: String?
  @Flag(help: "Recompute stages in the backward pass: less than half the memory, a third more time, the same weights.")
  var recompute = false
  @Flag(help: "A smaller training of minutes.") var quick = false
}

struct Train<E: CommandLineExperiment>: ExperimentCommand, RunsOnManyProcesses {
  static var configuration: CommandConfiguration {
    configuration(
      """
      Trains a network. A checkpoint, WEIGHTS.checkpoint, is written every few steps; after an interruption the same command with --resume \
      goes on from it and ends with the same bytes. Curves for TensorBoard lie in WEIGHTS.tfevents.
      """, isOfNetworks: true)
  }
  @Argument(help: "The network.") var network: NetworkName<E>
  @Option(name: .shortAndLong, help: ArgumentHelp("Weights to write (safetensors).", valueName: "weights")) var output: String
  @Flag(help: "Go on from the checkpoint of an interrupted run.") var resume = false
  @Flag(help: "Train for some steps, write nothing, and say what a whole training takes.") var dryRun = false
  @Option(help: "Steps between checkpoints, besides one a minute.") var checkpointEvery: Int?
  @OptionGroup(title: "Samples") var samples: E.TrainingSetupOptions
  @OptionGroup(title: "Training") var options: TrainOptions
  @OptionGroup(title: "Measurement") var measuring: E.SetupOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func run() throws {
    let method = network.method
    try common.withArithmetic(of: method.name, isConvolutional: method.isConvolutional) {
      if let checkpointEvery, checkpointEvery < 1 {
        throw InputError("found --checkpoint-every \(checkpointEvery); expected at least 1")
      }
      if !dryRun { try AtomicFile.check(output) }
      let quiet = common.quiet
      let resuming = resume ? try interruptedTraining(of: output) : nil
      let options = try TrainingOptions(over: options)
      let (setup, samples) = (try E.Setup(over: measuring), try E.TrainingSetup(over: samples))
      let sources = try dryRun ? nil : TrainingSources(setup, samples)
      if let resuming { try sources?.check(resuming) }
      let request = try TrainingRequest(method, samples, options: options, resuming: resuming) {
        if !quiet { say($0) }
      }
      let seed = common.seed ?? E.standardSeed
      var training = try E(setup, seed: seed).training(request)
      if resume, !training.hasCheckpoints {
        throw InputError("found --resume for \(method.name), which has no checkpoints; leave it out")
      }
      if resume, resuming == nil { common.note("found no \(checkpointPath(of: output)); starting from the beginning") }
      training.apply(options)
      if Arithmetic.current == .mixed { training.recipe.notes["precision"] = Arithmetic.mixed.rawValue }
      if dryRun { return try answerTrial(training, seed) }
      let run = Training.Run(
        path: output, start: options.start, resuming: resuming, checkpointEvery: checkpointEvery, sources: sources
      ) {
        [try EventLog(path: output + ".tfevents", resuming: resuming)] + (quiet ? [] : [ProgressBar()])
      }
      let begin = Date()
      let done = try training.run(run)
      let seconds = Date().timeIntervalSince(begin)
      guard let done else { throw WorkStopped("stopped; \(checkpointPath(of: output)) holds where it stands, go on with --resume") }
      let facts = done.facts.map { "; \($0.name) \(Float($0.value))" }.joined()
      common.note("wrote \(output): \(done.parameters) parameters\(facts); peak memory \(Int(peakMebibytes())) MiB")
      let answer: [JSONMember] = [
        JSONMember("network", .string(method.name)), JSONMember("problem", .string(E.name)), JSONMember("weights", .string(output)),
        JSONMember("parameters", .integer(done.parameters)), JSONMember("peak_mib", .number(peakMebibytes())),
        JSONMember("seed", .unsigned(seed)), JSONMember("steps", .integer(training.recipe.phases.reduce(0) { $0 + $1.steps })),
        JSONMember("seconds", .number(seconds)),
      ]
      try common.writeJSON(.object(answer + done.facts.map { JSONMember($0.name, .number($0.value)) } + traffic()))
    }
  }

  /// What the processes told each other, where there are several: all come to it.
  private func traffic() throws -> [JSONMember] {
    guard let world = World.current as? MeteredCommunicator else { return [] }
    let own = world.traffic
    let all = try (World.map(world.count) { _ in own } ?? []).map { try $0.get() }
    return [
      JSONMember(
        "traffic",
        .array(
          all.map {
            .object([
              "messages": .integer($0.messages), "sent_bytes": .integer($0.sentBytes), "received_bytes": .integer($0.receivedBytes),
              "seconds": .number($0.seconds),
            ])
          }))
    ]
  }

  /// Model, sizes, parameters, memory and time.
  private func answerTrial(_ training: Training, _ seed: UInt64) throws {
    guard let trial = try training.dryRun() else {
      throw InputError("found --dry-run for \(network.method.name), which is tuned without steps; leave it out")
    }
    let recipe = training.recipe
    let sizes =
      (recipe.architecture?.values ?? []).map { "\($0.name) \($0.value)" }
      + recipe.notes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let peak = peakMebibytes()
    let phases = trial.phases.map { phase in
      "  \(phase.name): \(phase.steps) steps of \(String(format: "%.3g", phase.secondsPerStep)) s"
    }
    let text =
      ["\(network.method.name) for \(E.name): \(trial.parameters) parameters"]
      + wrapped(sizes.joined(separator: ", "), to: terminalWidth() - 2).map { "  " + $0 }
      + phases + ["  in all \(duration(trial.seconds)); peak memory \(Int(peak)) MiB; nothing was written"]
    let json: [JSONMember] = [
      JSONMember("network", .string(network.method.name)), JSONMember("problem", .string(E.name)),
      JSONMember("parameters", .integer(trial.parameters)), JSONMember("steps", .integer(trial.phases.reduce(0) { $0 + $1.steps })),
      JSONMember("seconds", .number(trial.seconds)), JSONMember("peak_mib", .number(peak)), JSONMember("seed", .unsigned(seed)),
    ]
    try common.answer(Answer(json: .object(json), text: text.joined(separator: "\n")))
  }
}

/// Seconds for people: 40 s, 12 min, 3 h 5 min.
func duration(_ seconds: Double) -> String {
  let minutes = Int((seconds / 60).rounded())
  return seconds < 90 ? "\(Int(seconds.rounded())) s" : minutes < 90 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
}
