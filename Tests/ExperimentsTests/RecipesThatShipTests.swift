// SPDX-License-Identifier: Apache-2.0
import Datasets
import Experiments
import Foundation
import TestSupport
import Testing
import Training

/// What the weights that ship say of themselves.
@Suite struct RecipesThatShipTests {
  private struct Told {
    let name: String
    let weights: Weights
    var facts: [String: String] { weights.provenance.facts }
  }

  private func shipped() throws -> [Told] {
    let folder = ModelLibrary.standard.path
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
      Told(name: $0, weights: try Weights(contentsOf: folder + "/" + $0))
    }
  }

  /// Commit, precision, instructions, data, hours beside the recipe's seed and steps.
  @Test func everyRecipeIsWhole() throws {
    let files = try shipped()
    #expect(files.count >= 70)
    for file in files {
      let recipe = try #require(try file.weights.recipe.map(Recipe.init(json:)), "\(file.name)")
      // HyperLISTA is tuned, not trained.
      #expect(recipe.seed > 0 && (recipe.phases.contains { $0.steps > 0 } || recipe.network == "hyperlista"), "\(file.name)")
      let missing = ["commit", "precision", "instructions", "data", "hours"].filter { file.facts[$0]?.isEmpty ?? true }
      #expect(missing.isEmpty, "\(file.name) does not say \(missing)")
      let commit = file.facts["commit"] ?? ""
      #expect(commit.count >= 7 && commit.allSatisfy(\.isHexDigit), "\(file.name) was made by \(commit)")
    }
  }

  /// Folders of training images and the training parts of `split.json`, by what they hold; all else was made by the program.
  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func noOtherImagesAreNamed() throws {
    let folder = try Folder()
    let split = try DataSplit(contentsOf: dataFolder + "/split.json")
    func part(_ set: String, _ names: Set<String>, _ title: String) throws -> String {
      let path = folder.file(title)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for name in names {
        try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: "\(dataFolder)/\(set)/\(name)")
      }
      return path
    }
    let (brains, chests) = ("mri/siat/train", "mri/chest")
    let sources =
      ["natural/t91", "natural/train400", brains, "ct/body_mu.npy", "split.json"].map { dataFolder + "/" + $0 }
      + [
        try part(brains, split.training(brains), "brains"), try part(brains, split.validation(brains), "other-brains"),
        try part(chests, split.training(chests), "chests"), try part(chests, split.validation(chests), "other-chests"),
      ]
    // Of 144 brains, 61 chests and volumes of free packages: Documentation/ADMMNet.md, varied images.
    let varied = "(1607 files, 51839264 bytes, CRC-32C a9a4ade)"
    let known = try Set(
      sources.map { String(try TrainingSources(folders: [$0]).values["--images", default: ""].drop { $0 != "(" }) } + [varied])
    let group = try Regex("\\([0-9]+ files?, [0-9]+ bytes, CRC-32C [0-9a-f]+\\)")
    var found = Set<String>()
    for file in try shipped() {
      let problem = file.name.prefix { $0 != "/" }
      let named = (file.facts["data"] ?? "").matches(of: group).map { String($0.output[0].substring ?? "") }
      // Phantoms are simulated, into files; codes are drawn.
      if ["emt", "eit", "sparse-recovery"].contains(problem) { continue }
      #expect(!named.isEmpty && known.isSuperset(of: named), "\(file.name): \(named)")
      found.formUnion(named)
    }
    #expect(found.count > 5)
  }
}
