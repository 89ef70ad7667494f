// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import FileFormats
import Foundation
import Operators
import Platform
import Tensors
import Training

/// Work that could not be done although its inputs were right.
public struct WorkFailed: InputFault, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
  public var isOfInput: Bool { false }
}

/// Work that was stopped, by a signal, and can go on: the same command again.
public struct WorkStopped: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The weights that ship, in the folder `Models`.
public struct ModelLibrary: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// The folder named by `UNFOLD_MODELS`; else `Models` in this folder, beside the program, or in a folder above the program.
  public static var standard: ModelLibrary {
    let files = FileManager.default
    if let named = ProcessInfo.processInfo.environment["UNFOLD_MODELS"] { return ModelLibrary(path: named) }
    var places = [files.currentDirectoryPath + "/Models"]
    places += PackagedData.folders.flatMap { ["\($0)/Models", "\($0)/share/unfold/Models"] }
    return ModelLibrary(path: places.first { files.fileExists(atPath: $0) } ?? places[0])
  }

  public func file(_ name: String) -> String { path + "/" + name + ".safetensors" }

  /// The weights of a network for a system.
  public func file<E: Experiment>(of method: Method<E>, for system: E.System, depth: Int? = nil) -> String {
    file(E.weightsName(of: method, for: system, depth: depth))
  }

  /// The method is classical, or its weights are there.
  public func has<E: Experiment>(_ method: Method<E>, for system: E.System, depth: Int? = nil) -> Bool {
    !method.isTrained || FileManager.default.fileExists(atPath: file(of: method, for: system, depth: depth))
  }

  /// `file` when it is there.
  public func existing(_ file: String, instead option: String = "--weights") throws -> String {
    guard FileManager.default.fileExists(atPath: file) else {
      throw InputError(
        "found no \(file); expected weights that ship, give \(option), or name the folder of models in UNFOLD_MODELS")
    }
    return file
  }
}

/// What lies beside the program, or Debian packages ship under free licences.
public enum PackagedData {
  /// The folder of the program, however it was called, and four above it.
  static var folders: [String] {
    var folder = (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])).resolvingSymlinksInPath()
    return (0..<5).map { _ in
      folder.deleteLastPathComponent()
      return folder.path
    }
  }

  /// Has plots drawn in the fonts beside the program, where a machine may have none; to be called before there are threads.
  public static func useFonts() {
    let files = folders.map { $0 + "/share/unfold/fonts/fonts.conf" }
    if let file = files.first(where: FileManager.default.fileExists(atPath:)) { setenv("FONTCONFIG_FILE", file, 0) }
  }

  /// A CT slice.
  public static let slice = "/usr/lib/python3/dist-packages/pydicom/data/test_files/CT_small.dcm"

  /// A head by MRI, 181 × 217 × 181.
  public static let head = "/usr/share/mricron/templates/ch2.nii.gz"

  /// A folder of photographs.
  public static func photographs() throws -> String {
    let folder = "/usr/share/backgrounds/mate/nature"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw InputError("found no photographs at \(folder); install Debian's mate-backgrounds or name a folder with --images")
    }
    return folder
  }
}

/// A published table that is reproduced.
public struct PublishedTable: Sendable {
  /// Its name on the command line.
  public let name: String
  public let title: String
  /// Where it was published.
  public let source: String
  /// It has figures or a page to write.
  public let hasPlots: Bool
  /// Measures it.
  public let run: @Sendable (TableRequest) throws -> ResultTable

  public init(
    _ name: String, _ title: String, source: String, hasPlots: Bool = false,
    run: @escaping @Sendable (TableRequest) throws -> ResultTable
  ) {
    (self.name, self.title, self.source, self.hasPlots, self.run) = (name, title, source, hasPlots, run)
  }
}

/// What a table is asked for.
public struct TableRequest: Sendable {
  /// The table's name.
  public var table: String
  public var library = ModelLibrary.standard
  public var seed: UInt64?
  /// A folder of test images in the place of the table's own.
  public var images: String?
  /// Networks are trained first, on these folders where some are given.
  public var trains = false
  public var trainingImages: [String] = []
  public var quick = false
  /// A folder for figures.
  public var plots: String?
  /// Data for tests and tables.
  public var data: String?
  public var report: @Sendable (String) -> Void = { _ in }
  public var monitors: @Sendable () -> [any TrainingMonitor] = { [] }

  public init(_ table: String) { self.table = table }

  /// A folder or file among the data, where it is there.
  public func data(_ name: String) -> String? {
    data.map { $0 + name }.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
  }

  /// The test images that were named, or those of a name among the data.
  public func testImages(_ name: String, _ title: String) throws -> (path: String, source: String) {
    if let images { return (images, (images as NSString).lastPathComponent) }
    guard let found = data(name) else { throw InputError("found no folder of \(title); expected --images DIR, or UNFOLD_DATA") }
    return (found, title + ", which training never saw")
  }

  /// The folders of training images that were named, or those among the data.
  public func trainingFolders(_ names: [String]) throws -> [String] {
    if !trainingImages.isEmpty { return trainingImages }
    let found = names.compactMap(data)
    guard found.count == names.count else {
      throw InputError("found no --training-images; expected a folder of training images, or UNFOLD_DATA")
    }
    return found
  }

  /// The images of ``trainingFolders(_:)``, and what a training on them says of its data.
  func trainingImages(_ names: [String]) throws -> (images: [Tensor], sources: TrainingSources) {
    let folders = try trainingFolders(names)
    return (try folders.flatMap { try ImageFolder($0).entries.map(\.image) }, try TrainingSources(folders: folders))
  }

  /// Refuses to train what `unfold train` trains.
  func refuseTraining() throws {
    if trains { throw InputError("found --train for \(table); expected weights made by unfold train") }
  }

  /// Trains one network of many, unless it is done.
  ///
  /// - Parameter sources: of ``trainingImages(_:)``; nil where samples are drawn.
  func train(
    _ training: Training, on sources: TrainingSources? = nil, to path: String, start: String? = nil, curves: Bool = false
  ) throws {
    let resuming = try interruptedTraining(of: path)
    if let resuming { try sources?.check(resuming) }
    try training.finish(
      Training.Run(path: path, start: start, resuming: resuming, sources: sources) {
        try self.monitors() + (curves ? [EventLog(path: path + ".tfevents", resuming: resuming)] : [])
      }, report: report)
  }
}

extension Weights {
  /// The fixed tensor `name` as a matrix in double precision.
  public func matrix(_ name: String, file: String) throws -> Matrix {
    guard let found = operators.first(where: { $0.name == name })?.value else {
      throw InputError("\(file): found no operator.\(name); expected weights written by unfold train")
    }
    guard found.shape.count == 2, found.isFinite else {
      throw InputError("\(file): found operator.\(name) of shape \(found.shape) or with NaN; expected a finite matrix")
    }
    return Matrix(found.converted(to: .double))
  }

  /// - Throws: ``InputError`` when a matrix that the weights hold is another one.
  func checkMatrix(_ name: String, is A: Matrix, file: String) throws {
    guard let own = operators.first(where: { $0.name == name })?.value.converted(to: .double) else { return }
    let entries = A.entries.converted(to: .double)
    guard own.shape == entries.shape, (own - entries).norm <= 1e-5 * entries.norm else {
      throw InputError(
        "\(file): found weights for another \(name) \(own.shape) than the measurement's \(entries.shape); train the network for it")
    }
  }
}
