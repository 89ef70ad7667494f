// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// `unfold train --resume` with other data or settings than those of the checkpoint.
struct ResumedTrainingTests {
  /// A training that a signal ends once its first checkpoint is there.
  private func interrupt(_ arguments: [String], in folder: Folder) throws {
    let process = try Program.process(
      arguments + ["--checkpoint-every", "1", "--steps", "100000", "-o", "w.safetensors"], in: folder)
    try process.run()
    for _ in 0..<30_000 where !folder.has("w.safetensors.checkpoint") && process.isRunning { usleep(20_000) }
    process.terminate()
    process.waitUntilExit()
    try #require(folder.has("w.safetensors.checkpoint"), "\(arguments)")
  }

  @Test(
    arguments: [
      (
        "image-cs ista-net-plus --depth 2 --batch 2 --images a --ratio 0.1", ["--ratio 0.25", "--images b", "--constraint running"]
      ),
      (
        "cs-mri ista-net-plus --depth 1 --batch 1 --images a --ratio 0.2",
        ["--ratio 0.3", "--images b", "--mask cartesian", "--coils 2"]
      ),
      ("ct fista-net --depth 1 --batch 1 --images a --views 4 --bins 24", ["--views 5", "--images b", "--bins 25"]),
      ("sparse-recovery alista --rows 10 --columns 20 --depth 2", ["--rows 11", "--columns 21", "--noise-snr 20", "--seed 7"]),
      (
        "linear ista-net-plus --operator a.yaml --images a --depth 1 --batch 1 --crop 16",
        ["--operator b.yaml", "--images b", "--noise 0.1"]
      ),
    ])
  func refusesAnotherRun(_ training: String, _ changes: [String]) throws {
    let folder = try Folder()
    for (name, shift) in [("a", 0), ("b", 7)] {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
      for i in 0..<3 { try folder.image("\(name)/\(i).png", height: 40 + (i == 2 ? shift : 0), width: 40) }
      try "operator:\n  - blur: {sigma: 1.\(shift)}\n".write(toFile: folder.file("\(name).yaml"), atomically: true, encoding: .utf8)
    }
    let words = ["train"] + training.split(separator: " ").map(String.init)
    try interrupt(words, in: folder)
    for change in changes {
      var changed = words
      let (option, value) = (change.split(separator: " ").map(String.init)[0], change.split(separator: " ").map(String.init)[1])
      if let at = changed.firstIndex(of: option) { changed[at + 1] = value } else { changed += [option, value] }
      let before = folder.bytes("w.safetensors.checkpoint")
      let done = try Program.run(changed + ["--steps", "100000", "-o", "w.safetensors", "--resume", "--quiet"], in: folder)
      #expect(done.status == 2 && done.errors.contains("of another run"), "\(change): \(done.status) \(done.errors)")
      #expect(done.errors.split(separator: "\n").count == 1, "\(change): \(done.errors)")
      #expect(folder.bytes("w.safetensors.checkpoint") == before, "\(change)")
    }
  }
}
