// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Operators
import Problems
import Recipes
import Tensors

extension Method: ExpressibleByArgument {}
extension BlockTraining.Constraint: ExpressibleByArgument {}
extension WholeImageLoss: ExpressibleByArgument {}
extension MeasuredColor: ExpressibleByArgument {}
extension FrequencyOrder: ExpressibleByArgument {}
extension DiscPhantom.Shapes: ExpressibleByArgument {}
extension WaveletFilter: ExpressibleByArgument {}
extension ProblemKind: ExpressibleByArgument {}
extension PublishedTable: ExpressibleByArgument {}
extension CTScan.Beam: ExpressibleByArgument {}
extension CTImage.Units: ExpressibleByArgument {}
extension FanBeamGeometry.Detector: ExpressibleByArgument {}
extension FilteredBackProjection.Window: ExpressibleByArgument {}
extension TomographyData.Part: ExpressibleByArgument {}
extension GradientKind: ExpressibleByArgument {}

/// How a method is run; shared by `reconstruct` and `evaluate`.
struct MethodOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Weights of a network, in any array format; without it, those that ship.", valueName: "file"))
  var weights: String?
  @Option(help: "Stages of a network; by default all. LISTA's T iterations on patches are T + 1 stages.")
  var depth: Int?
  @Option(help: "Most iterations of a classical method (default: 100); it ends before at a relative duality gap of 1e-6.")
  var iterations: Int?
  @Option(
    help:
      "Weight of the penalty: of ‖x‖₁ in sparse-recovery for ista and fista (default: 0.1) and step-lista; of tv, recpf and sidwt in cs-mri; of fista-tv."
  )
  var lambda: Double?

  @Option(help: ArgumentHelp("image-cs: Q_init, for weights that do not hold it.", valueName: "file")) var initial: String?
  @Flag(help: "sodas-net, scnet: the mean over the eight flips and turns of the image; eight times the time.") var selfEnsemble =
    false
  @Option(help: "cs-mri: ρ of tv, recpf and sidwt.") var penalty: Double?
  @Option(help: "cs-mri: taps of the wavelet of sidwt and recpf: 2 (Haar), 4, 6 or 8 (Daubechies).") var wavelet: WaveletFilter?
  @Option(help: "cs-mri: levels of the wavelet of sidwt and recpf.") var levels: Int?
  @Flag(help: "cs-mri, ct, emt, eit: a network as it is before training.") var untrained = false
  @Option(help: "fbp: ramp (default), or hann for less noise.") var window: FilteredBackProjection.Window?

  func validate() throws {
    if untrained, weights != nil { throw ValidationError("found --untrained and --weights; expected one of them") }
  }

  /// - Throws: when an option of another problem is given, as the three below.
  func blockOptions() throws -> BlockSolver.Options {
    try check(.imageCS)
    var options = BlockSolver.Options()
    options.weights = weights
    options.depth = depth
    options.initial = initial
    options.selfEnsemble = selfEnsemble
    return options
  }

  func mriOptions() throws -> MRISolver.Options {
    try check(.mri)
    var options = MRISolver.Options()
    options.weights = weights
    options.depth = depth
    options.isUntrained = untrained
    options.weight = lambda
    options.penalty = penalty
    options.iterations = iterations
    options.wavelet = wavelet
    options.levels = levels
    return options
  }

  func tomographyOptions(_ problem: ProblemKind) throws -> TomographySolver.Options {
    try check(problem)
    var options = TomographySolver.Options()
    options.weights = weights
    options.depth = depth
    options.isUntrained = untrained
    options.weight = lambda
    options.iterations = iterations
    options.window = window
    return options
  }

  func sparseOptions(_ problem: ProblemKind, precision: PrecisionChoice) throws -> SparseSolver.Options {
    try check(problem)
    var options = SparseSolver.Options()
    options.weights = weights
    options.depth = depth
    options.iterations = iterations
    options.lambda = lambda
    options.precision = precision == .single ? .single : .double
    return options
  }

  private func check(_ problem: ProblemKind) throws {
    let sparse: [ProblemKind] = [.sparseCoding, .sparseRecovery]
    let tomography = ProblemKind.tomography
    try refuse(
      for: problem,
      [
        ("--iterations", iterations != nil, sparse + [.mri] + tomography),
        ("--lambda", lambda != nil, sparse + [.mri] + tomography),
        ("--initial", initial != nil, [.imageCS]), ("--penalty", penalty != nil, [.mri]), ("--wavelet", wavelet != nil, [.mri]),
        ("--levels", levels != nil, [.mri]),
        ("--untrained", untrained, [.mri] + tomography), ("--window", window != nil, [.ct]),
      ])
  }
}

/// Makes a folder where there is none, before anything is worked out for it.
func makeFolder(_ path: String, option: String) throws {
  do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
    throw InputError("\(path): cannot be made a folder; name another with \(option)")
  }
}

/// Refuses the first option given that is for other problems only.
func refuse(for problem: ProblemKind, _ options: [(name: String, isGiven: Bool, problems: [ProblemKind])]) throws {
  if let wrong = options.first(where: { $0.isGiven && !$0.problems.contains(problem) }) {
    throw InputError("found \(wrong.name) for \(problem.rawValue); leave it out, it is not for this problem")
  }
}

/// What measures; shared by `simulate` and `evaluate`.
struct MeasurementOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "sparse-coding: dictionary of 100 rows in any array format; without it, the one of LISTA's weights that ship.",
      valueName: "file"))
  var dictionary: String?
  @Option(help: "sparse-coding: atoms of the dictionary that ships, 100 or 400 (default: 100).")
  var units: Int?
  @Option(
    help: ArgumentHelp(
      "sparse-recovery: matrix A in any array format; without it, the benchmark's own of 250 × 500 by --seed.", valueName: "file"))
  var matrix: String?
  @Option(help: "image-cs, cs-mri: sampling ratio, for a Φ or a mask drawn from --seed.")
  var ratio: Double?
  @Option(help: ArgumentHelp("image-cs: Φ, M × pixels of a block, in any array format.", valueName: "file"))
  var phi: String?
  @Option(help: "image-cs: what of a colour image is measured: luminance (default) or every-channel.")
  var color: MeasuredColor?
  @Option(
    help: ArgumentHelp("cs-mri: radial (default), cartesian or random, of --ratio; or an array of 0 and 1.", valueName: "mask"))
  var mask: String?
  @Option(help: "cs-mri: where a mask from a file has frequency 0: transform (at [0, 0], default) or centred.")
  var maskOrder: FrequencyOrder?
  @Flag(help: "cs-mri: divide every image by its largest magnitude.") var toMaximum = false
  @Option(help: "cs-mri: receive coils around the image, simulated from --seed (default: 1, which sees all alike).") var coils: Int?
  @Option(help: ArgumentHelp("Add white noise at this signal-to-noise ratio.", valueName: "dB"))
  var noiseSnr: Double?

  func validate() throws {
    if let noiseSnr, !(abs(noiseSnr) <= 300) { throw ValidationError("--noise-snr is \(noiseSnr); expected -300 to 300 dB") }
    if let units, ![100, 400].contains(units) {
      throw ValidationError("--units is \(units); expected 100 or 400, or give --dictionary")
    }
    if let coils, !(1...256).contains(coils) { throw ValidationError("--coils is \(coils); expected 1 to 256") }
    if units != nil, dictionary != nil { throw ValidationError("found --units and --dictionary; expected one of them") }
  }

  /// Refuses what belongs to another problem.
  func check(_ problem: ProblemKind) throws {
    try refuse(
      for: problem,
      [
        ("--dictionary", dictionary != nil, [.sparseCoding]), ("--units", units != nil, [.sparseCoding]),
        ("--matrix", matrix != nil, [.sparseRecovery]), ("--ratio", ratio != nil, [.imageCS, .mri]),
        ("--phi", phi != nil, [.imageCS]),
        ("--color", color != nil, [.imageCS]), ("--mask", mask != nil, [.mri]), ("--mask-order", maskOrder != nil, [.mri]),
        ("--to-maximum", toMaximum, [.mri]), ("--coils", coils != nil, [.mri]),
      ])
  }

  func readDictionary() throws -> Matrix {
    try dictionary.map { try Recipes.readDictionary($0, patchSize: 100) } ?? ModelLibrary.standard.dictionary(units: units ?? 100)
  }

  func sensing(seed: UInt64) throws -> CompressiveSensing { try CompressiveSensing(ratio: ratio, phi: phi, seed: seed) }

  func sampling(seed: UInt64) throws -> MRISampling { try MRISampling(mask: mask, ratio: ratio, order: maskOrder, seed: seed) }

  /// A, and the experiment whose seed it is of.
  func readA(seed: UInt64) throws -> Matrix {
    try matrix.map { try Recipes.readMatrix($0) } ?? SparseRecoveryTraining(seed: seed).problem.A
  }
}

extension CommonOptions {
  /// The seed given, or that of the experiments the weights which ship come from.
  func seed(for problem: ProblemKind) -> UInt64 {
    if let seed { return seed }
    return switch problem {
    case .sparseCoding: SparseCodingTraining(units: 100).seed
    case .sparseRecovery: SparseRecoveryTraining.standardSeed
    case .imageCS, .mri: CompressiveSensing.standardSeed
    case .ct, .emt, .eit: 1
    }
  }

  /// A remark on standard error.
  func note(_ text: String) { if !quiet { say(text) } }
}

/// An answer of a few lines.
struct Answer: Report {
  let json: JSONValue
  let text: String
}

extension MRISampling {
  /// From the name of a pattern, or a file.
  init(mask: String?, ratio: Double?, order: FrequencyOrder?, seed: UInt64) throws {
    let patterns: [String: Pattern] = ["radial": .radial, "cartesian": .cartesian, "random": .random]
    let pattern = patterns[mask ?? "radial"] ?? .file(mask!)
    if let order, patterns[mask ?? "radial"] != nil {
      throw InputError("found --mask-order \(order.rawValue) without a file of a mask; leave it out")
    }
    try self.init(pattern, ratio: ratio, order: order ?? .transform, seed: seed)
  }
}
