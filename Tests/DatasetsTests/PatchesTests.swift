// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct PatchesTests {
  /// A deterministic image with texture everywhere.
  private func image(_ height: Int, _ width: Int) -> Tensor {
    Tensor((0..<height * width).map { 0.5 + 0.4 * sin(Double($0 * $0 % 97)) }, shape: [height, width])
  }

  @Test func everyPatchHasZeroMeanAndUnitVariance() throws {
    let patches = try Patches().draw(200, from: [image(30, 40), image(25, 12)], seed: 3)
    #expect(patches.shape == [200, 100])
    for i in 0..<200 {
      let v = patches.row(i).doubles
      #expect(abs(v.reduce(0, +)) < 1e-10)
      #expect(abs(v.reduce(0) { $0 + $1 * $1 } - 100) < 1e-9)
    }
    #expect(try Patches().draw(200, from: [image(30, 40), image(25, 12)], seed: 3) == patches)
    #expect(try Patches().draw(200, from: [image(30, 40), image(25, 12)], seed: 4) != patches)
  }

  @Test func flatAndSmallImagesAreRefusedInOneLine() {
    #expect(throws: InputError.self) { try Patches().draw(5, from: [.filled(0.5, shape: [50, 50])], seed: 1) }
    #expect(throws: InputError.self) { try Patches().draw(5, from: [image(9, 50)], seed: 1) }
    #expect(throws: InputError.self) { try Patches().draw(5, from: [], seed: 1) }
  }

  @Test(arguments: [(20, 30), (23, 31), (10, 10), (11, 19)])
  func aGridPutsTheImageTogetherAgain(height: Int, width: Int) throws {
    let original = image(height, width)
    let grid = try PatchGrid(original)
    expectClose(grid.assemble(grid.patches), original, relative: 1e-13)
  }

  @Test func aFlatPatchKeepsItsGray() throws {
    let flat = Tensor.filled(0.25, shape: [10, 10])
    let grid = try PatchGrid(flat)
    #expect(grid.deviations == [0])
    expectClose(grid.assemble(grid.patches), flat, relative: 1e-15)
  }

  @Test func foldersWithoutImages() throws {
    let folder = try Folder()
    #expect(throws: InputError.self) { try ImageFolder(folder.path) }
    #expect(throws: InputError.self) { try ImageFolder(folder.file("missing")) }
    try Data("not an image".utf8).write(to: URL(fileURLWithPath: folder.file("a.png")))
    #expect(throws: (any Error).self) { try ImageFolder(folder.path) }
  }
}
