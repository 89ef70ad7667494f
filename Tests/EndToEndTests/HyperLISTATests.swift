// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import TestSupport
import Testing

/// HyperLISTA by the program: tuned, inspected, run and scored, for a drawn matrix and for one of a file.
@Suite struct HyperLISTATests {
  @Test func tuneReconstructEvaluate() throws {
    let folder = try Folder()
    try folder.recoveryInputs()
    let tuned = try Program.run(
      "train", "sparse-recovery", "hyperlista", "--matrix", "A.npy", "--steps", "40", "--depth", "10", "-o", "w.safetensors",
      "--json",
      "-", in: folder)
    #expect(tuned.status == 0, "\(tuned.errors)")
    let decibel = try #require(tuned.json["nmse_db"] as? Double)
    #expect(tuned.json["parameters"] as? Int == 3 && decibel < 0 && (tuned.json["evaluations"] as? Int ?? 99) <= 40)
    #expect(["momentum", "threshold", "support"].allSatisfy { (tuned.json[$0] as? Double ?? 0) > 0 })
    let inspected = try Program.run("inspect", "w.safetensors", in: folder)
    #expect(inspected.status == 0 && inspected.output.contains("simplex search, 40 evaluations"), "\(inspected.output)")
    // The same command gives the same bytes.
    let again = try Program.run(
      "train", "sparse-recovery", "hyperlista", "--matrix", "A.npy", "--steps", "40", "--depth", "10", "-o", "v.safetensors",
      "--quiet",
      in: folder)
    #expect(again.status == 0 && folder.bytes("v.safetensors") == folder.bytes("w.safetensors"))

    let simulated = try Program.run("simulate", "sparse-recovery", "codes.npy", "-o", "m.h5", "--matrix", "A.npy", in: folder)
    #expect(simulated.status == 0)
    let recovered = try Program.run(
      "reconstruct", "sparse-recovery", "hyperlista", "m.h5", "-o", "x.npy", "--weights", "w.safetensors", "--json", "-", in: folder
    )
    #expect(recovered.status == 0 && recovered.json["depth"] as? Int == 10, "\(recovered.errors)")
    #expect(try folder.table("x.npy").shape == [6, 12])
    let scored = try Program.run(
      "evaluate", "sparse-recovery", "hyperlista", "--data", "codes.npy", "--matrix", "A.npy", "--weights", "w.safetensors",
      "--depth",
      "3", "--json", "-", in: folder)
    let mean = scored.json["mean"] as? [String: Any]
    #expect(scored.status == 0 && mean?["nmse_db"] is Double, "\(scored.errors)")
  }

  @Test func refusals() throws {
    let folder = try Folder()
    try folder.recoveryInputs()
    for (options, word) in [
      (["--batch", "32"], "--batch"), (["--epochs", "2"], "--epochs"), (["--resume"], "--resume"),
      (["--matrix", "A.npy", "--rows", "8"], "--matrix"),
    ] {
      let refused = try Program.run(["train", "sparse-recovery", "hyperlista", "-o", "w.safetensors"] + options, in: folder)
      #expect(refused.status == 2 && refused.errorLines.count == 1 && refused.errors.contains(word), "\(refused.errors)")
    }
    let other = try Program.run("train", "image-cs", "ista-net", "--matrix", "A.npy", "-o", "w.safetensors", in: folder)
    #expect(other.status == 2 && other.errors.contains("--matrix"), "\(other.errors)")
    #expect(!folder.has("w.safetensors"))
  }
}
