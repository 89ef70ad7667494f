// SPDX-License-Identifier: Apache-2.0
import Evaluation
import FileFormats
import Foundation
import Networks
import Tensors
import Training

/// A family of inverse problems as its users meet it: what measures, which methods reconstruct, what is evaluated and trained on.
///
/// `Solver`, `Evaluation`, `MeasurementFile`, `Training` and every command are written once for all of them.
public protocol Experiment: Sendable {
  /// What measures: a ratio, a mask, a geometry, noise.
  associatedtype Setup: Settings
  /// The operator with all that methods are made ready for.
  associatedtype System: Sendable
  /// What is measured of an image, or of codes.
  associatedtype Measured: Sendable
  /// What a method may be told.
  associatedtype Knobs: Settings = NoSettings
  /// What is to be known of a file that is reconstructed.
  associatedtype Opening: Settings = NoSettings
  /// What is evaluated on.
  associatedtype Test: Settings = TestImages
  /// What is trained on, and how, besides ``TrainingOptions``.
  associatedtype TrainingSetup: Settings = TrainingImages

  /// Its name on the command line, in files and on pages.
  static var name: String { get }
  static var title: String { get }
  /// Where it was published.
  static var source: String { get }
  static var methods: [Method<Self>] { get }
  /// Published tables that are reproduced.
  static var tables: [PublishedTable] { get }
  /// The seed of the experiments that the weights which ship come from.
  static var standardSeed: UInt64 { get }
  static var scoring: ScoringProtocol { get }
  /// Reconstructions are images; else codes.
  static var makesImages: Bool { get }
  /// Other experiments whose weights serve this one too.
  static var alsoServedByWeights: [String] { get }

  /// - Throws: ``InputError`` for settings that do not go together.
  init(_ setup: Setup, seed: UInt64) throws

  // MARK: Measurements

  /// Measurements of files; they are read and measured when their turn comes.
  func scans(of files: [String]) throws -> Scans<Self>
  /// Measurements to evaluate methods on.
  func testScans(_ test: Test) throws -> Scans<Self>
  /// Writes measurements of files, or what else the experiment simulates: the facts of the answer, and a line of text.
  func simulate(_ files: [String], to path: String, keepingGroundTruth: Bool) throws -> (facts: [JSONMember], text: String)
  /// What a file holds of a measurement besides name and ground truth.
  func store(_ scan: Scan<Self>, number: Int, in file: inout MeasurementContents)
  /// The measurements of a file.
  static func scans(from file: MeasurementFile) throws -> Scans<Self>
  /// The measurements of whatever file or folder the experiment reads.
  static func open(_ path: String, _ opening: Opening) throws -> Scans<Self>

  // MARK: Methods

  /// Where the weights of a network that ships lie in the library, without their ending.
  static func weightsName(of method: Method<Self>, for system: System, depth: Int?) -> String
  /// Weights with what a method is told beside them.
  ///
  /// - Throws: ``InputError`` when they are for another system.
  static func completed(_ weights: Weights, _ method: Method<Self>, for system: System, _ knobs: Knobs, file: String) throws
    -> Weights
  /// What a user of weights should know of them, by their operators and the notes of their recipe.
  static func remarks(on weights: Weights, notes: [String: String], for system: System) -> [String]
  /// What runs the first stages of a network.
  static func reconstructor(
    of network: any Network, _ method: Method<Self>, stages: Int, for system: System, _ knobs: Knobs
  ) throws -> Reconstructor<Self>
  /// The method to take where none is named, and why.
  static func usualMethod(for scans: Scans<Self>, library: ModelLibrary) throws -> (method: Method<Self>, reason: String)
  /// Scores of an estimate against the truth.
  static func scores(_ found: Reconstruction, _ truth: NumericArray, of scan: Scan<Self>, clip: Bool) throws -> Scores
  /// The system as a method is to see it that is told something of it, such as a precision.
  static func adjusted(_ system: System, _ knobs: Knobs) throws -> System

  // MARK: Training

  /// A training made ready: samples, loss, the untrained network and its recipe.
  func training(_ request: TrainingRequest<Self>) throws -> Training
}

/// A folder of images, or one file, to evaluate on.
public struct TestImages: Settings {
  public var images: String?
  public init() {}
}

/// Folders of images to train on, and for validation in the place of a tenth of them.
public struct TrainingImages: Settings {
  public var images: [String] = []
  public var validationImages: [String] = []
  public init() {}
}

extension Experiment {
  public static var tables: [PublishedTable] { [] }
  public static var standardSeed: UInt64 { 1 }
  public static var makesImages: Bool { true }
  public static var alsoServedByWeights: [String] { [] }
  public static var scoring: ScoringProtocol { ScoringProtocol(clip: true, peak: 1, ssim: .uniform7) }

  public static func open(_ path: String, _ opening: Opening) throws -> Scans<Self> {
    let file = try MeasurementFile(path)
    try file.check(problem: name)
    return try scans(from: file)
  }

  public static func completed(
    _ weights: Weights, _ method: Method<Self>, for system: System, _ knobs: Knobs, file: String
  ) throws -> Weights { weights }

  public static func remarks(on weights: Weights, notes: [String: String], for system: System) -> [String] { [] }

  public static func weightsName(of method: Method<Self>, for system: System, depth: Int?) -> String { "\(name)/\(method.name)" }

  public static func usualMethod(for scans: Scans<Self>, library: ModelLibrary) throws -> (method: Method<Self>, reason: String) {
    throw InputError("found no method for \(name); expected one of \(methods.map(\.name).joined(separator: ", "))")
  }

  public static func adjusted(_ system: System, _ knobs: Knobs) throws -> System { system }

  public static func scores(_ found: Reconstruction, _ truth: NumericArray, of scan: Scan<Self>, clip: Bool) throws -> Scores {
    try Scores.ofImage(found.display, truth.display, clip: clip, window: scoring.ssim ?? .uniform7)
  }

  /// The method of a name, or nil.
  public static func method(_ name: String) -> Method<Self>? { methods.first { $0.name == name } }
}

extension Experiment where Test == TestImages {
  public func testScans(_ test: TestImages) throws -> Scans<Self> {
    guard let images = test.images else { throw InputError("found no --images; expected a folder of images for \(Self.name)") }
    return try scans(of: [images])
  }
}

extension NumericArray {
  /// What is shown: real numbers, or the magnitudes of complex ones.
  public var display: Tensor { real ?? complex.magnitude }
  public var isFinite: Bool { (real ?? complex.pairs).isFinite }
}

extension ComplexTensor {
  /// |z|.
  public var magnitude: Tensor {
    let (re, im) = (real.doubles, imaginary.doubles)
    return Tensor(zip(re, im).map { ($0 * $0 + $1 * $1).squareRoot() }, shape: shape, precision: precision)
  }
}

extension Scores {
  /// Of an image in [0, 1], `[height, width]` or `[3, height, width]`, clipped to it first or not; no SSIM where the image holds no window.
  /// A colour image is scored as one, its planes under one another.
  public static func ofImage(
    _ estimate: Tensor, _ groundTruth: Tensor, clip: Bool, window: SimilarityWindow = .uniform7
  ) throws -> Scores {
    func flat(_ image: Tensor) -> Tensor { image.shape.count == 2 ? image : image.reshaped([3 * image.shape[1], image.shape[2]]) }
    let (estimate, truth) = (flat(clip ? estimate.map { min(max($0, 0), 1) } : estimate), flat(groundTruth))
    let hasWindow = window == .gaussian11ZeroPadded || truth.shape.allSatisfy { $0 >= 7 }
    return Scores(
      psnr: try Evaluation.psnr(estimate, truth), ssim: hasWindow ? try Evaluation.ssim(estimate, truth, window: window) : nil,
      nmse: try Evaluation.nmse(estimate, truth), rmse: try Evaluation.rmse(estimate, truth))
  }
}

/// The mean PSNR in dB of images `[samples, …]` with values in [0, 1], unclipped; at most 120 of one.
func meanPSNR(_ x: Tensor, _ truth: Tensor) -> Double {
  let count = truth.shape[0]
  return (0..<count).reduce(0) { $0 - 10 * log10(max(meanSquaredDifference(x.row($1), truth.row($1)), 1e-12)) } / Double(count)
}
