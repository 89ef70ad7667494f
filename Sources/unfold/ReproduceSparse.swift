// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Networks
import Operators
import Recipes
import Tensors
import Training

// The tables of sparse coding and sparse recovery.
extension Reproduce {
  func alista(_ library: ModelLibrary) throws -> ResultTable {
    let training = SparseRecoveryTraining(seed: common.seed ?? SparseRecoveryTraining().seed)
    if train {
      for method in ALISTATable.methods {
        note("\(method.rawValue): training\(quick ? ", the quick version" : "")")
        if method == .hyperLISTA {
          try tune(training, to: library.recovery(method))
          continue
        }
        try trainOne(
          training.network(method)!, by: training, to: library.recovery(method), recipe: training.recipe(method, budget: budget))
      }
    }
    var table = try ALISTATable(training: training, publicData: publicCodes(), hyperMatrix: hyperMatrix()).run {
      try existing(library.recovery($0))
    }
    if quick { table.protocol += "; the networks are the quick version, trained in minutes" }
    return table
  }

  /// Tunes HyperLISTA unless its finished weights of this very recipe exist.
  private func tune(_ training: SparseRecoveryTraining, to path: String) throws {
    let tuning = HyperLISTATuning(training, budget: budget)
    if let done = try existing(path), done.recipe == (try tuning.recipe.json) {
      return note("\(path): already tuned by this recipe")
    }
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    note(try tuning.run(to: path).summary)
  }

  /// The public matrix that accompanies HyperLISTA, where UNFOLD_DATA has it.
  private func hyperMatrix() throws -> Matrix? {
    guard let path = dataFolder.map({ $0 + "/sparse-coding/hyperlista/A_sc.mat" }), FileManager.default.fileExists(atPath: path)
    else { return nil }
    return try readMatrix(path)
  }

  /// The public matrix and codes, where UNFOLD_DATA has them.
  func publicCodes() throws -> (A: Matrix, codes: Tensor)? {
    guard let data = dataFolder else { return nil }
    let (matrix, codes) = (data + "/sparse-coding/dictionary.npy", data + "/sparse-coding/test_codes.npy")
    guard FileManager.default.fileExists(atPath: matrix), FileManager.default.fileExists(atPath: codes) else { return nil }
    return (try readMatrix(matrix), try readTable(codes).transposed)
  }

  func lista1(_ library: ModelLibrary) throws -> ResultTable {
    if train { try trainCoding(library) }
    let (folder, source) = try testImages()
    var table = try LISTATable(images: ImageFolder(folder, maximumSide: 640).entries.map(\.image), source: source).run {
      try existing(library.coding($0, units: $1, iterations: $2))
    }
    if quick { table.protocol += "; the networks are the quick version, trained in minutes" }
    return table
  }

  func trainCoding(_ library: ModelLibrary) throws {
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
}
