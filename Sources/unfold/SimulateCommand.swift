// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Recipes

struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make measurements from images or codes, with all that made them in one HDF5 file.",
    discussion: """
      sparse-coding: images are cut into patches of 10 × 10 pixels, each less its mean and over its deviation. \
      sparse-recovery: b = A x for the codes x of an array, one a row. image-cs: y = Φ x of every block of 33 × 33 pixels, Φ of --ratio \
      or --phi. cs-mri: y = P F x, P of --mask, of images and arrays, real or complex; with --coils y = P F S x; a .cfl as output is \
      BART's. ct: y = A x of images, a volume's slices one by one, with photon noise. emt, eit: voltages of images of contrasts; without any, sets of phantoms for \
      training, validation and tests.
      """)
  @Argument(help: "The problem (`unfold problems`).") var problem: ProblemKind
  @Argument(
    help: ArgumentHelp("Images, arrays or volumes, or one array of codes; none for the sets of emt and eit.", valueName: "input"))
  var inputs: [String] = []
  @Option(name: .shortAndLong, help: ArgumentHelp("Measurement to write (HDF5).", valueName: "file")) var output: String
  @OptionGroup var measuring: MeasurementOptions
  @OptionGroup var tomography: TomographyOptions
  @Flag(help: "Keep the images or codes in the file, to be scored against.") var groundTruth = false
  @Option(help: ArgumentHelp("emt, eit without images: phantoms for training (default: 2000).", valueName: "count"))
  var phantoms: Int?
  @Option(help: ArgumentHelp("emt, eit without images: the shapes of phantoms for training (default: discs).", valueName: "shapes"))
  var shapes: DiscPhantom.Shapes?
  @Option(help: ArgumentHelp("emt, eit without images: ratios for training are drawn between this and 50 dB.", valueName: "dB"))
  var lowestNoiseSnr: Double?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try measuring.check(problem)
    try tomography.check(problem)
    if problem.isOnDisc, inputs.isEmpty { return try sets() }
    for (name, isGiven) in [
      ("--phantoms", phantoms != nil), ("--lowest-noise-snr", lowestNoiseSnr != nil), ("--shapes", shapes != nil),
    ] where isGiven {
      throw InputError("found \(name) with images, or for \(problem.rawValue); leave it out, it is for the sets of emt and eit")
    }
    if inputs.isEmpty { throw InputError("found no input; expected images or an array for \(problem.rawValue)") }
    if problem.isTomography { return try scans() }
    if problem == .imageCS { return try blocks() }
    if problem == .mri { return try kSpace() }
    let measurement = try problem == .sparseCoding ? coding() : recovery()
    try measurement.write(to: output)
    let shape = measurement.samples.shape
    try common.answer(
      Answer(
        json: .object([
          "problem": .string(problem.rawValue), "file": .string(output), "samples": .integer(shape[0]), "size": .integer(shape[1]),
          "columns": .integer(measurement.A.columns), "noise_snr": measuring.noiseSnr.map(JSONValue.number),
          "ground_truth": .bool(groundTruth),
          "seed": .unsigned(measurement.seed),
        ]),
        text:
          "\(output): \(shape[0]) samples of \(shape[1]) numbers for codes of \(measurement.A.columns), seed \(measurement.seed)"))
  }

  private func blocks() throws {
    let seed = common.seed(for: problem)
    let color = measuring.color ?? .luminance
    let images = try inputs.flatMap { try ImageFolder.imagePaths($0).map { try ImagePlanes($0, color: color) } }
    let measurement = try BlockMeasurement(
      images, sensing: measuring.sensing(seed: seed), phiSeed: measuring.phi == nil ? seed : nil, noiseDecibel: measuring.noiseSnr,
      seed: seed, keepingGroundTruth: groundTruth)
    try measurement.write(to: output)
    let shape = measurement.samples.shape
    try common.answer(
      Answer(
        json: .object([
          "problem": .string(problem.rawValue), "file": .string(output), "samples": .integer(shape[0]), "size": .integer(shape[1]),
          "ratio": .number(measurement.sensing.ratio), "side": .integer(measurement.sensing.side),
          "noise_snr": measuring.noiseSnr.map(JSONValue.number), "ground_truth": .bool(groundTruth), "seed": .unsigned(seed),
        ]),
        text:
          "\(output): \(shape[0]) blocks of \(measurement.sensing.side) × \(measurement.sensing.side) pixels, \(shape[1]) measurements each, seed \(seed)"
      ))
  }

  private func kSpace() throws {
    let seed = common.seed(for: problem)
    let images = try inputs.flatMap { try MRIImage.paths($0).map { try MRIImage($0, toMaximum: measuring.toMaximum) } }
    let measurement = try MRIMeasurement(
      images, sampling: measuring.sampling(seed: seed), coils: measuring.coils ?? 1, noiseDecibel: measuring.noiseSnr, seed: seed,
      keepingGroundTruth: groundTruth)
    if output.lowercased().hasSuffix(".cfl") {
      guard !groundTruth else {
        throw InputError("\(output): found --ground-truth; expected an .h5 file for it, BART's holds k-space alone")
      }
      try measurement.writeBART(to: output)
    } else {
      try measurement.write(to: output)
    }
    let mask = measurement.scans[0].mask
    try common.answer(
      Answer(
        json: .object([
          "problem": .string(problem.rawValue), "file": .string(output), "samples": .integer(measurement.scans.count),
          "mask": .string(measurement.pattern), "ratio": .number(mask.ratio), "height": .integer(mask.height),
          "width": .integer(mask.width), "coils": .integer(measuring.coils ?? 1),
          "noise_snr": measuring.noiseSnr.map(JSONValue.number), "ground_truth": .bool(groundTruth),
          "seed": .unsigned(seed),
        ]),
        text:
          "\(output): k-space of \(measurement.scans.count) images, \(mask.count) of \(mask.height) × \(mask.width) samples of the first, seed \(seed)"
      ))
  }

  private func scans() throws {
    let seed = common.seed(for: problem)
    let images = try tomography.images(inputs)
    let found: TomographyScans
    if problem == .ct {
      if measuring.noiseSnr != nil { throw InputError("found --noise-snr for ct; expected --photons, the noise of X-rays") }
      found = try TomographyScans(
        images, scan: tomography.scan(), photons: tomography.photons, electronic: tomography.electronic ?? 0, seed: seed)
    } else {
      found = try TomographyScans(images, problem == .emt ? .emt28 : .eit104, noiseDecibel: measuring.noiseSnr, seed: seed)
    }
    try found.write(to: output, keepingGroundTruth: groundTruth)
    let shape = found.measurement.shape
    try common.answer(
      Answer(
        json: .object([
          "problem": .string(problem.rawValue), "file": .string(output), "samples": .integer(shape[0]),
          "size": .array(shape.dropFirst().map { .integer($0) }), "height": .integer(found.system.height),
          "width": .integer(found.system.width), "geometry": found.system.geometry.map { .string($0.name) },
          "photons": tomography.photons.map(JSONValue.number), "noise_snr": measuring.noiseSnr.map(JSONValue.number),
          "ground_truth": .bool(groundTruth), "seed": .unsigned(seed),
        ]),
        text:
          "\(output): \(shape[0]) measurements of \(shape.dropFirst().map(String.init).joined(separator: " × ")) numbers for images of "
          + "\(found.system.height) × \(found.system.width), seed \(seed)"))
  }

  /// The sets of phantoms of emt and eit.
  private func sets() throws {
    if groundTruth || measuring.noiseSnr != nil {
      throw InputError("found --ground-truth or --noise-snr without images; leave it out, sets have both of their own")
    }
    var settings = TomographyData.Settings(problem == .emt ? .emt28 : .eit104)
    settings.seed = common.seed(for: problem)
    if let phantoms {
      guard (1...1_000_000).contains(phantoms) else { throw InputError("found --phantoms \(phantoms); expected 1 to 1 000 000") }
      settings.trainingCount = phantoms
    }
    settings.lowestNoiseDecibel = lowestNoiseSnr
    if let shapes { settings.trainingShapes = shapes }
    let data = try TomographyData(settings)
    try data.write(to: output)
    try common.answer(
      Answer(
        json: .object([
          "problem": .string(problem.rawValue), "file": .string(output), "seed": .unsigned(settings.seed),
          "training": .integer(settings.trainingCount), "validation": .integer(settings.validationCount),
          "test": .integer(settings.testCount), "size": .integer(data.A.rows), "columns": .integer(data.A.columns),
        ]),
        text:
          "\(output): \(settings.trainingCount) phantoms for training, \(settings.validationCount) for validation, twice \(settings.testCount) for "
          + "tests, \(data.A.rows) numbers each, seed \(settings.seed)"))
  }

  private func coding() throws -> SparseMeasurement {
    let images = try inputs.flatMap { try ImageFolder($0).entries.map { ($0.name, $0.image) } }
    return try SparseMeasurement(
      images: images, dictionary: measuring.readDictionary(), noiseDecibel: measuring.noiseSnr, seed: common.seed(for: problem),
      keepingGroundTruth: groundTruth)
  }

  private func recovery() throws -> SparseMeasurement {
    guard inputs.count == 1 else {
      throw InputError("found \(inputs.count) inputs; expected one array of codes for sparse-recovery")
    }
    let seed = common.seed(for: problem)
    return try SparseMeasurement(
      codes: readTable(inputs[0], names: ["codes"]), A: measuring.readA(seed: seed), noiseDecibel: measuring.noiseSnr, seed: seed,
      keepingGroundTruth: groundTruth)
  }
}
