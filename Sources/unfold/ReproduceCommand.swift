// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Datasets
import Evaluation
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Recipes
import Tensors
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
      "Existing folder to write figures to: of ista-net-depth stages.png and epochs.png, of tables of MRI and tomography a page, index.html; of fista-net-2 measured.html too, of UNFOLD_DATA.",
      valueName: "dir"))
  var plots: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    if quick && !train { throw InputError("found --quick without --train; expected both, or neither") }
    if plots != nil, ![.istaNetDepth, .istaNet3, .admmNet1, .admmNet2, .fistaNet2, .fistaNet5].contains(table) {
      throw InputError("found --plots for \(table.rawValue), which has none; leave it out")
    }
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

  private var budget: TrainingBudget { quick ? .quick : .full }

  private func note(_ text: String) { if !common.quiet { say(text) } }

  // MARK: alista

  private func alista(_ library: ModelLibrary) throws -> ResultTable {
    let training = SparseRecoveryTraining(seed: common.seed ?? SparseRecoveryTraining().seed)
    if train {
      for method in ALISTATable.methods {
        note("\(method.rawValue): training\(quick ? ", the quick version" : "")")
        try trainOne(
          training.network(method)!, by: training, to: library.recovery(method), recipe: training.recipe(method, budget: budget))
      }
    }
    var table = try ALISTATable(training: training, publicData: publicCodes()).run { try existing(library.recovery($0)) }
    if quick { table.protocol += "; the networks are the quick version, trained in minutes" }
    return table
  }

  /// The public matrix and codes, where UNFOLD_DATA has them.
  private func publicCodes() throws -> (A: Matrix, codes: Tensor)? {
    guard let data = dataFolder else { return nil }
    let (matrix, codes) = (data + "/sparse-coding/dictionary.npy", data + "/sparse-coding/test_codes.npy")
    guard FileManager.default.fileExists(atPath: matrix), FileManager.default.fileExists(atPath: codes) else { return nil }
    return (try readMatrix(matrix), try readTable(codes).transposed)
  }

  // MARK: lista-1

  private func lista1(_ library: ModelLibrary) throws -> ResultTable {
    if train { try trainCoding(library) }
    let (folder, source) = try testImages()
    var table = try LISTATable(images: ImageFolder(folder, maximumSide: 640).entries.map(\.image), source: source).run {
      try existing(library.coding($0, units: $1, iterations: $2))
    }
    if quick { table.protocol += "; the networks are the quick version, trained in minutes" }
    return table
  }

  private func trainCoding(_ library: ModelLibrary) throws {
    let folders = try trainingFolders()
    let pictures = try folders.flatMap { try ImageFolder($0).entries.map(\.image) }
    for units in LISTATable.units {
      var training = SparseCodingTraining(units: units, budget: budget)
      training.seed = common.seed ?? training.seed
      let known = try existing(library.coding(.lista, units: units, iterations: 1)).map {
        try $0.matrix("dictionary", file: "lista-1-\(units)")
      }
      let experiment = try SparseCodingExperiment(training, images: pictures, dictionary: quick ? nil : known, report: note)
      for method in [SparseMethod.tanhEncoder, .doubleTanhEncoder, .shrinkageEncoder, .lista] {
        for iterations in method == .lista ? LISTATable.iterations : [0] {
          note("\(method.rawValue), m = \(units)\(method == .lista ? ", T = \(iterations)" : ""): training")
          try trainOne(
            experiment.network(method, iterations: iterations)!, by: experiment,
            to: library.coding(method, units: units, iterations: iterations),
            recipe: training.recipe(method, iterations: iterations))
        }
      }
    }
  }

  // MARK: ista-net-1, ista-net-2

  private func blocks(_ library: ModelLibrary) throws -> ResultTable {
    let seed = common.seed ?? CompressiveSensing.standardSeed
    if train { try trainBlocks(library, seed) }
    let (folder, source) = try blockTestImages()
    var result = try BlockTable(table, images: ImageFolder.imagePaths(folder), source: source, seed: seed, library: library).run(
      report: note)
    if quick { result.protocol += "; the networks are the quick version, trained in minutes" }
    return result
  }

  /// ISTA-Net⁺ first; every ratio but the first starts from the weights of the one before.
  private func trainBlocks(_ library: ModelLibrary, _ seed: UInt64) throws {
    let pictures = try blockTrainingImages()
    var initials: [Double: Tensor] = [:]  // Q_init is the same for every network of a ratio
    for method in [BlockMethod.istaNetPlus, .istaNet, .reconNet, .sda] {
      var start: String?
      for ratio in BlockTraining.ratios {
        let sensing = CompressiveSensing(ratio: ratio, seed: seed)
        let path = library.block(method, ratio: sensing.ratio)
        note("\(method.rawValue), \(Int((100 * ratio).rounded())) %: training\(quick ? ", the quick version" : "")")
        let known = try initials[ratio] ?? initial(of: path)
        let training = try BlockTraining(method, sensing, phiSeed: seed, images: pictures, initial: known, seed: seed)
        if method.startsFromFit { initials[ratio] = training.initial }
        var network = training.network()!
        if let start, method.isUnfolded { network = try Weights(anyFile: start).filled(any: network, file: start) }
        let recipe = training.recipe(
          depth: method.isUnfolded ? 9 : 1, steps: BlockTraining.steps(method, budget, warm: start != nil))
        try trainOne(network, by: training, to: path, recipe: recipe)
        start = path
      }
    }
  }

  // MARK: ista-net-3, admm-net-1, admm-net-2

  private func kSpace(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … cs-mri") }
    var paths: [String]
    let source: String
    if let images {
      (paths, source) = (try MRIImage.paths(images), (images as NSString).lastPathComponent)
    } else {
      let (folder, name) = table == .admmNet2 ? ("/mri/chest", "chest") : ("/mri/brain_test", "brain")
      guard let data = dataFolder, FileManager.default.fileExists(atPath: data + folder) else {
        throw InputError("found no \(name) images; expected --images DIR, or UNFOLD_DATA")
      }
      paths = try MRIImage.paths(data + folder)
      if table == .admmNet2 {
        let names = try DataSplit(contentsOf: data + "/split.json").test("mri/chest")
        paths = paths.filter { names.contains(($0 as NSString).lastPathComponent) }
      }
      source = "the \(name), which training never saw"
    }
    let pictures = try paths.map { try MRIImage($0, toMaximum: true) }
    if let plots {
      let command = "unfold reproduce \(table.rawValue) --plots \(plots)"
      try MRIPage(pictures[pictures.count / 2], source: source, library: library).write(to: plots, command: command)
    }
    return try MRITable(table, images: pictures, source: source, library: library).run(report: note)
  }

  // MARK: fista-net-2, fista-net-5

  private func phantoms(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … emt and eit") }
    if images != nil { throw InputError("found --images for \(table.rawValue); leave it out, its phantoms are of --seed") }
    let sets = try [SensitivityModel.emt28, .eit104].map { model in
      var settings = TomographyData.Settings(model)
      settings.seed = common.seed ?? settings.seed
      note("simulating the sets of \(settings.problem.rawValue)")
      return try TomographyData(settings)
    }
    try writePage { try TomographyPage(TomographyScans(sets[0], .test), source: "the test set", library: library) }
    if let folder = dataFolder.map({ $0 + "/emt" }), ImageFolder.isFolder(folder) {
      let sensor = try MeasuredEMT(contentsOf: folder)
      try writePage("measured.html") {
        try TomographyPage(TomographyScans(sensor), source: "a 12-coil sensor", places: sensor.reference, library: library)
      }
    }
    return try TomographyTable(library: library).phantoms(sets, report: note)
  }

  private func projections(_ library: ModelLibrary) throws -> ResultTable {
    if train { throw InputError("found --train for \(table.rawValue); expected weights made by unfold train … ct") }
    let seed = common.seed ?? 1
    if let images {
      let pictures = try CTImage.readAll(images)
      return try TomographyTable(library: library).projections(
        [((images as NSString).lastPathComponent, pictures)], seed: seed, report: note)
    }
    guard let data = dataFolder, FileManager.default.fileExists(atPath: data + "/ct/body_mu.npy") else {
      throw InputError("found no CT slices; expected --images DIR, or UNFOLD_DATA")
    }
    let split = try DataSplit(contentsOf: data + "/split.json")
    let sets = try [("body", "body_mu", CTImage.Units.attenuation), ("head", "head_hu", .hounsfield)].map { name, file, units in
      let path = "\(data)/ct/\(file).npy"
      let all = try CTImage.read(path, units: units)
      return (name, try split.rows("test", of: path).filter(all.indices.contains).map { all[$0] })
    }
    try writePage {
      let (name, slices) = sets[0]
      let scans = try TomographyScans(slices, scan: CTScan(), photons: TomographyTable.photons, seed: seed)
      return try TomographyPage(scans, index: slices.count / 2, source: "\(name) slices that training never saw", library: library)
    }
    return try TomographyTable(library: library).projections(sets, seed: seed, report: note)
  }

  private func writePage(_ name: String = "index.html", _ page: () throws -> TomographyPage) throws {
    if let plots { try page().write(to: plots, name: name, command: "unfold reproduce \(table.rawValue) --plots \(plots)") }
  }

  private func depths(_ library: ModelLibrary) throws -> ResultTable {
    let seed = common.seed ?? CompressiveSensing.standardSeed
    if train {
      let pictures = try blockTrainingImages()
      let sensing = CompressiveSensing(ratio: DepthStudy.ratio, seed: seed)
      var initial: Tensor?
      for method in DepthStudy.methods {
        for depth in DepthStudy.depths {
          note("\(method.rawValue), \(depth) stages: training\(quick ? ", the quick version" : "")")
          let training = try BlockTraining(method, sensing, phiSeed: seed, images: pictures, initial: initial, seed: seed)
          initial = training.initial
          let recipe = training.recipe(depth: depth, steps: quick ? DepthStudy.quickSteps : DepthStudy.steps)
          try trainOne(
            training.network(depth: depth)!, by: training, to: library.depthStudy(method, depth: depth), recipe: recipe,
            curves: true)
        }
      }
    }
    let (folder, source) = try blockTestImages()
    var outcome = try DepthStudy(images: ImageFolder.imagePaths(folder), source: source, seed: seed, library: library).run(
      report: note)
    if quick { outcome.table.protocol += "; the networks are the quick version, trained in minutes" }
    if let plots {
      try outcome.depths.writePNG(to: plots + "/stages.png")
      try outcome.epochs?.writePNG(to: plots + "/epochs.png")
    }
    return outcome.table
  }

  /// Q_init of an interrupted training: fitting it anew would do the same work again.
  private func initial(of path: String) throws -> Tensor? {
    try interruptedTraining(of: path)?.operators.first { $0.name == "initial" }?.value
  }

  private func blockTrainingImages() throws -> [Tensor] {
    try trainingFolders(["/natural/t91", "/natural/train400"]).flatMap { try ImageFolder($0).entries.map(\.image) }
  }

  private func blockTestImages() throws -> (folder: String, source: String) {
    if let images { return (images, (images as NSString).lastPathComponent) }
    let (folder, name) = table != .istaNet2 ? ("/natural/set11", "Set11") : ("/natural/bsd68", "BSD68")
    guard let data = dataFolder, FileManager.default.fileExists(atPath: data + folder) else {
      throw InputError("found no \(name); expected --images DIR, or UNFOLD_DATA")
    }
    return (data + folder, name + ", which training never saw")
  }

  private func trainingFolders(_ folders: [String] = ["/natural/train400"]) throws -> [String] {
    if !trainingImages.isEmpty { return trainingImages }
    if let data = dataFolder { return folders.map { data + $0 } }
    throw InputError("found no --training-images; expected a folder of training images, or UNFOLD_DATA")
  }

  private func testImages() throws -> (folder: String, source: String) {
    if let images { return (images, "the images of \((images as NSString).lastPathComponent)") }
    if let data = dataFolder, FileManager.default.fileExists(atPath: data + "/natural/bsd68") {
      return (data + "/natural/bsd68", "BSD68, which training never saw")
    }
    let folder = try PackagedPhotographs.folder()
    return (folder, "the photographs of Debian's mate-backgrounds, which training never saw")
  }

  // MARK: both

  /// Trains one network unless its finished weights of this very recipe exist; goes on from a checkpoint.
  private func trainOne(
    _ network: some TensorNetwork, by training: some NetworkTraining, to path: String, recipe: Recipe, curves: Bool = false
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

  private func existing(_ path: String) throws -> Weights? {
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
