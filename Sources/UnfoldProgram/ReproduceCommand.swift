// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Communication
import Evaluation
import Experiments
import FileFormats
import Foundation
import Training

/// The name of a table, checked by the parser.
struct TableName<P: UnfoldProgram>: ExpressibleByArgument {
  let table: PublishedTable
  init?(argument: String) {
    guard let found = P.experiments.flatMap({ $0.tables }).first(where: { $0.name == argument }) else { return nil }
    table = found
  }
  static var allValueStrings: [String] { P.experiments.flatMap { $0.tables.map(\.name) } }
}

struct Reproduce<P: UnfoldProgram>: ParsableCommand, RunsOnManyProcesses {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "reproduce", abstract: "Reproduce a published table from the weights that ship.",
      discussion: """
        Tables are measured on test images that training never saw: those of --images, of UNFOLD_DATA, or for lista-1 the photographs of the \
        package mate-backgrounds. --train trains anew first, on --training-images or those of UNFOLD_DATA.
        """)
  }
  @Argument(help: "The table (`unfold tables`).") var table: TableName<P>
  @Flag(help: "Train the networks anew instead of taking the weights that ship.") var train = false
  @Flag(help: "With --train: a smaller training of minutes; the answer says so.") var quick = false
  @Option(help: ArgumentHelp("Folder of test images, for tables of images.", valueName: "dir")) var images: String?
  @Option(
    help: ArgumentHelp(
      "With --train, for tables of images: folder of training images; may be given more than once.", valueName: "dir"))
  var trainingImages: [String] = []
  @Option(help: ArgumentHelp("Folder of weights, in place of those that ship; --train writes there.", valueName: "dir"))
  var models: String?
  @Option(
    help: ArgumentHelp(
      "Folder to write figures to: of ista-net-depth stages.png and epochs.png, of tables of MRI and tomography a page, index.html; of fista-net-2 measured.html too, of UNFOLD_DATA.",
      valueName: "dir"))
  var plots: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    let table = table.table
    if quick && !train { throw InputError("found --quick without --train; expected both, or neither") }
    if plots != nil, !table.hasPlots { throw InputError("found --plots for \(table.name), which has none; leave it out") }
    if let plots { try makeFolder(plots, option: "--plots") }
    let quiet = common.quiet
    var request = TableRequest(table.name)
    request.library = models.map(ModelLibrary.init) ?? .standard
    (request.seed, request.images, request.trains, request.quick) = (common.seed, images, train, quick)
    (request.trainingImages, request.plots, request.data) = (trainingImages, World.isFirst ? plots : nil, dataFolder)
    request.report = { if !quiet { say($0) } }
    request.monitors = { quiet ? [] : [ProgressBar()] }
    try common.answer(table.run(request))
  }
}

/// Data for tests and tables, where the environment names it.
private var dataFolder: String? { ProcessInfo.processInfo.environment["UNFOLD_DATA"].flatMap { $0.isEmpty ? nil : $0 } }

/// Makes a folder where there is none, before anything is worked out for it.
func makeFolder(_ path: String, option: String) throws {
  do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
    throw InputError("\(path): cannot be made a folder; name another with \(option)")
  }
}
