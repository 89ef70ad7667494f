// SPDX-License-Identifier: Apache-2.0
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// No test image is in a training or in what chose its weights: the lists of `split.json` and the folders beside them.
/// What the weights that ship say of their data is held to the same lists by ``RecipesThatShipTests``.
@Suite(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) struct TrainingListsTests {
  private struct Picture {
    let name: String
    /// Means of fields, centred, of norm 1: of a picture whatever its size, brightness and contrast.
    let fields: [Double]

    init(_ name: String, _ image: Tensor, fields count: Int) {
      let (height, width, values) = (image.shape[0], image.shape[1], image.doubles)
      var means = (0..<count * count).map { field -> Double in
        let (i, j) = (field / count, field % count)
        let (rows, columns) = (i * height / count..<(i + 1) * height / count, j * width / count..<(j + 1) * width / count)
        let sum = rows.reduce(0) { sum, row in columns.reduce(sum) { $0 + values[row * width + $1] } }
        return sum / Double(rows.count * columns.count)
      }
      let mean = means.reduce(0, +) / Double(means.count)
      means = means.map { $0 - mean }
      let norm = means.reduce(0) { $0 + $1 * $1 }.squareRoot()
      self.name = name
      fields = norm > 0 ? means.map { $0 / norm } : means
    }

    /// Correlation: 1 where one is the other.
    func likeness(to other: Picture) -> Double { zip(fields, other.fields).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  private func photographs(_ folder: String) throws -> [Picture] {
    try ImageFolder(dataFolder + folder).entries.map { Picture(folder + "/" + $0.name, $0.image, fields: 16) }
  }

  /// Magnitudes of the files of a folder, those that `names` holds.
  private func scans(_ folder: String, _ names: Set<String>? = nil) throws -> [Picture] {
    try NamedImage.paths(dataFolder + folder).compactMap { path in
      let name = (path as NSString).lastPathComponent
      guard names?.contains(name) ?? true else { return nil }
      return Picture(name, try NamedImage(path, toMaximum: true).value.display, fields: 16)
    }
  }

  private func expectApart(_ training: [Picture], _ test: [Picture], below limit: Double) {
    #expect(!training.isEmpty && !test.isEmpty)
    for picture in test {
      let nearest = training.max { picture.likeness(to: $0) < picture.likeness(to: $1) }!
      let likeness = picture.likeness(to: nearest)
      #expect(likeness < limit, "\(picture.name) is like \(nearest.name): \(likeness)")
    }
  }

  /// The most alike have 0.917, two pictures of animals.
  @Test func photographsAreApart() throws {
    let used = try photographs("/natural/t91") + photographs("/natural/train400")
    try expectApart(used, photographs("/natural/set11") + photographs("/natural/bsd68"), below: 0.95)
  }

  /// A picture of half the size and another contrast is found.
  @Test func copiesAreFound() throws {
    let folder = dataFolder + "/natural/set11"
    let image = try ImageFolder(folder).entries[0].image
    let other = try ImageFolder(folder, maximumSide: image.shape[0] / 2).entries[0].image.map { 0.1 + 0.7 * pow($0, 1.2) }
    #expect(Picture("", image, fields: 16).likeness(to: Picture("", other, fields: 16)) > 0.98)
  }

  @Test func scansAreApart() throws {
    let split = try DataSplit(contentsOf: dataFolder + "/split.json")
    func chosen(_ set: String) throws -> Set<String> { try split.training(set).union(split.validation(set)) }
    let (chests, brains) = (try chosen("mri/chest"), try chosen("mri/siat/train"))
    #expect(try chests.isDisjoint(with: split.test("mri/chest")) && brains.isDisjoint(with: split.test("mri/siat/test")))
    let brain = try scans("/mri/siat/train")
    #expect(Set(brain.map(\.name)) == brains)
    // 0.873 and 0.875 are found.
    try expectApart(scans("/mri/chest", chests), scans("/mri/chest", split.test("mri/chest")), below: 0.9)
    try expectApart(brain, scans("/mri/siat/test") + scans("/mri/brain_test"), below: 0.9)
  }

  /// Means of 4 × 4 pixels correlate by 0.9 at most: so the split was made.
  @Test func slicesAreApart() throws {
    let path = dataFolder + "/ct/body_mu.npy"
    let split = try DataSplit(contentsOf: dataFolder + "/split.json")
    let all = try NamedImage.slices(of: path, units: .attenuation)
    func part(_ name: String) throws -> [Picture] {
      try split.rows(name, of: path).map { Picture("body \($0)", all[$0].value.display, fields: 64) }
    }
    let head = try NamedImage.slices(of: dataFolder + "/ct/head_hu.npy", units: .hounsfield).enumerated().map {
      Picture("head \($0)", $1.value.display, fields: 64)
    }
    try expectApart(part("train") + part("validation"), part("test") + head, below: 0.9)
  }
}
