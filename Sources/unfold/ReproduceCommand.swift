// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Evaluation
import Foundation
import Networks
import Recipes
import Training

struct Reproduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Reproduce a published table from the weights that ship.",
    discussion: """
      lista-1 is measured on patches of --images (or of the test images of UNFOLD_DATA, or of the photographs of the package \
      mate-backgrounds), none of which training saw. ista-net-1 and ista-net-2 are measured on Set11 and BSD68 of UNFOLD_DATA, or on --images. \
      --train trains anew first, on --training-images.
      """)
  @Argument(help: "The table (`unfold tables`).") var table: PublishedTable
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
    if quick && !train { throw InputError("found --quick without --train; expected both, or neither") }
    if plots != nil, ![.istaNetDepth, .istaNet3, .admmNet1, .admmNet2, .fistaNet2, .fistaNet5].contains(table) {
      throw InputError("found --plots for \(table.rawValue), which has none; leave it out")
    }
    if let plots { try makeFolder(plots, option: "--plots") }
    let library = models.map(ModelLibrary.init) ?? .standard
    let result: ResultTable =
      switch table {
      case .lista1: try lista1(library)
      case .alista: try alista(library)
      case .istaNet1, .istaNet2: try blocks(library)
      case .istaNetDepth: try depths(library)
      case .istaNet3, .admmNet1, .admmNet2: try kSpace(library)
      case .fistaNet2: try phantoms(library)
      case .fistaNet5: try projections(library)
      }
    try common.answer(result)
  }

  var budget: TrainingBudget { quick ? .quick : .full }

  func note(_ text: String) { if !common.quiet { say(text) } }

  func trainingFolders(_ folders: [String] = ["/natural/train400"]) throws -> [String] {
    if !trainingImages.isEmpty { return trainingImages }
    if let data = dataFolder { return folders.map { data + $0 } }
    throw InputError("found no --training-images; expected a folder of training images, or UNFOLD_DATA")
  }

  func testImages() throws -> (folder: String, source: String) {
    if let images { return (images, "the images of \((images as NSString).lastPathComponent)") }
    if let data = dataFolder, FileManager.default.fileExists(atPath: data + "/natural/bsd68") {
      return (data + "/natural/bsd68", "BSD68, which training never saw")
    }
    let folder = try PackagedPhotographs.folder()
    return (folder, "the photographs of Debian's mate-backgrounds, which training never saw")
  }

  /// Trains one network unless its finished weights of this very recipe exist; goes on from a checkpoint.
  func trainOne<Measurement, Signal>(
    _ network: any Network<Measurement, Signal>, by training: some NetworkTraining<Measurement, Signal>, to path: String,
    recipe: Recipe, curves: Bool = false
  ) throws {
    if let done = try existing(path), done.recipe == (try recipe.json) { return note("\(path): already trained by this recipe") }
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let resuming = try interruptedTraining(of: path)
    var monitors: [any TrainingMonitor] = common.quiet ? [] : [ProgressBar()]
    if curves { monitors.append(try EventLog(path: path + ".tfevents", resuming: resuming)) }
    let count = try training.train(network, recipe: recipe, to: path, resuming: resuming, monitors: monitors)
    if count == nil { throw WorkFailed("stopped; the same command goes on from the checkpoint beside \(path)") }
  }

  func existing(_ path: String) throws -> Weights? {
    FileManager.default.fileExists(atPath: path) ? try Weights(contentsOf: path) : nil
  }
}

/// Data for tests and tables, where the environment names it.
var dataFolder: String? { ProcessInfo.processInfo.environment["UNFOLD_DATA"].flatMap { $0.isEmpty ? nil : $0 } }

/// Photographs that a Debian package ships under a free licence.
enum PackagedPhotographs {
  static func folder() throws -> String {
    let folder = "/usr/share/backgrounds/mate/nature"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw InputError("found no photographs at \(folder); install Debian's mate-backgrounds or name a folder with --images")
    }
    return folder
  }
}
