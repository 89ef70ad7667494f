// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Experiments
import Foundation
import Tensors

/// An experiment with options of its own on the command line: of every kind of ``Settings`` one group, whose options have the names of the
/// settings' properties and no default of their own.
public protocol CommandLineExperiment: Experiment {
  associatedtype SetupOptions: ParsableArguments & Encodable
  associatedtype KnobOptions: ParsableArguments & Encodable = NoOptions
  associatedtype OpeningOptions: ParsableArguments & Encodable = NoOptions
  associatedtype TestOptions: ParsableArguments & Encodable = TestImageOptions
  associatedtype TrainingSetupOptions: ParsableArguments & Encodable
}

public struct NoOptions: ParsableArguments, Encodable { public init() {} }

public struct TestImageOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("Folder of images, or one file.", valueName: "dir")) var images: String?
  public init() {}
}

public struct TrainingCropOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("Folder of training images; may be given more than once.", valueName: "dir")) var images: [String] = []
  @Option(help: ArgumentHelp("Folder of validation images, in place of a tenth of the others.", valueName: "dir"))
  var validationImages: [String] = []
  @Option(help: ArgumentHelp("Extent of the square crops (default: 64).", valueName: "pixels")) var crop: Int?
  public init() {}
}

// What was given on the command line can be written down, so that settings can be laid under it.
extension Option: @retroactive Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}
extension Flag: @retroactive Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}
extension OptionGroup: @retroactive Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

/// A program over a list of experiments: `@main struct Program: UnfoldProgram`.
public protocol UnfoldProgram {
  static var experiments: [any CommandLineExperiment.Type] { get }
}

/// The experiments of the package itself: the one place that lists them.
public let standardExperiments: [any CommandLineExperiment.Type] = [
  PatchCoding.self, Recovery.self, Blocks.self, KSpace.self, CT.self, EMT.self, EIT.self, Denoising.self, Linear.self,
]

/// A method of an experiment, checked by the parser.
struct MethodName<E: Experiment>: ExpressibleByArgument {
  let method: Method<E>
  init?(argument: String) {
    guard let found = E.method(argument) else { return nil }
    method = found
  }
  static var allValueStrings: [String] { E.methods.map(\.name) }
  var defaultValueDescription: String { method.name }
}

/// A method that is trained.
struct NetworkName<E: Experiment>: ExpressibleByArgument {
  let method: Method<E>
  init?(argument: String) {
    guard let found = E.method(argument) else { return nil }
    method = found
  }
  static var allValueStrings: [String] { E.methods.filter { $0.network != nil }.map(\.name) }
  var defaultValueDescription: String { method.name }
}

/// A command of every experiment.
protocol ExperimentCommand: ParsableCommand {
  associatedtype E: CommandLineExperiment
}

extension ExperimentCommand {
  static func configuration(_ discussion: String, isOfNetworks: Bool = false) -> CommandConfiguration {
    CommandConfiguration(
      commandName: E.name, abstract: E.title,
      discussion: discussion
        + (isOfNetworks ? "" : "\nMethods: " + E.methods.map(\.name).joined(separator: ", ") + "."))
  }
}

/// How a method is run; shared by `reconstruct` and `evaluate`.
struct MethodOptions<E: CommandLineExperiment>: ParsableArguments {
  @Option(help: ArgumentHelp("Weights of a network, in any array format; without it, those that ship.", valueName: "file"))
  var weights: String?
  @Option(help: "Stages of a network; by default all. LISTA's T iterations on patches are T + 1 stages.") var depth: Int?
  @Flag(help: "A network as it is before training.") var untrained = false
  @OptionGroup(title: "Method") var knobs: E.KnobOptions

  func options(for method: Method<E>, _ common: CommonOptions) throws -> SolverOptions<E.Knobs> {
    var options = SolverOptions<E.Knobs>()
    (options.weights, options.depth, options.untrained) = (weights, depth, untrained)
    options.knobs = try E.Knobs(over: knobs)
    if method.choosesPrecision, let precision = common.precision, precision != .mixed {
      options.knobs = try options.knobs.with(["precision": precision.rawValue])
    }
    return options
  }
}

extension Method {
  /// Single and double precision may be chosen between.
  var choosesPrecision: Bool { knobs.contains("precision") }
  var isConvolutional: Bool { network?.isConvolutional ?? false }
}
