// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// `unfold train` killed without warning.
@Suite(.serialized) struct KilledTrainingTests {
  private static func training(_ steps: Int, _ output: String) -> [String] {
    [
      "train", "sparse-recovery", "alista", "--rows", "20", "--columns", "40", "--depth", "3", "--steps", "\(steps)",
      "--checkpoint-every", "3", "--seed", "5", "--quiet", "-o", output,
    ]
  }

  /// Twenty kills at random moments of the run: what is left loads, and the resumed run ends with the bytes of the run that
  /// nobody killed.
  @Test func resumesToTheSameBytes() throws {
    let folder = try Folder()
    #expect(try Program.run(Self.training(10, "warm.safetensors"), in: folder).status == 0)
    let begin = Date()
    #expect(try Program.run(Self.training(200, "whole.safetensors"), in: folder).status == 0)
    let duration = Date().timeIntervalSince(begin)
    let whole = folder.bytes("whole.safetensors")
    var interrupted = 0
    for attempt in 0..<20 {
      let name = "killed-\(attempt).safetensors"
      let process = try Program.process(Self.training(200, name), in: folder)
      try process.run()
      usleep(UInt32(Double.random(in: 0..<duration) * 1e6))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if folder.has(name + ".checkpoint") {
        interrupted += 1
        let found = try Program.run("inspect", name + ".checkpoint", "--quiet", in: folder)
        #expect(found.status == 0, "\(found.errors)")
      }
      let resumed = try Program.run(Self.training(200, name) + ["--resume"], in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(folder.bytes(name) == whole, "attempt \(attempt)")
      #expect(!folder.names.contains { $0.hasPrefix("." + name) }, "\(folder.names)")
    }
    #expect(interrupted > 0)
  }
}
