// SPDX-License-Identifier: Apache-2.0
import Datasets
import Evaluation
import Foundation
import Networks
import Problems
import Recipes
import Tensors
import Training

// The tables and the plots of block compressive sensing.
extension Reproduce {
  func blocks(_ library: ModelLibrary) throws -> ResultTable {
    let seed = common.seed ?? CompressiveSensing.standardSeed
    if train { try trainBlocks(library, seed) }
    let (folder, source) = try blockTestImages()
    var result = try BlockTable(table, images: ImageFolder.imagePaths(folder), source: source, seed: seed, library: library).run(
      report: note)
    if quick { result.protocol += "; the networks are the quick version, trained in minutes" }
    return result
  }

  /// ISTA-Net⁺ first; every ratio but the first starts from the weights of the one before.
  func trainBlocks(_ library: ModelLibrary, _ seed: UInt64) throws {
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

  func depths(_ library: ModelLibrary) throws -> ResultTable {
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
  func initial(of path: String) throws -> Tensor? {
    try interruptedTraining(of: path)?.operators.first { $0.name == "initial" }?.value
  }

  func blockTrainingImages() throws -> [Tensor] {
    try trainingFolders(["/natural/t91", "/natural/train400"]).flatMap { try ImageFolder($0).entries.map(\.image) }
  }

  func blockTestImages() throws -> (folder: String, source: String) {
    if let images { return (images, (images as NSString).lastPathComponent) }
    let (folder, name) = table != .istaNet2 ? ("/natural/set11", "Set11") : ("/natural/bsd68", "BSD68")
    guard let data = dataFolder, FileManager.default.fileExists(atPath: data + folder) else {
      throw InputError("found no \(name); expected --images DIR, or UNFOLD_DATA")
    }
    return (data + folder, name + ", which training never saw")
  }
}
