// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import WeightFiles
import _Differentiation

@Suite struct CheckpointTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// Trains by `recipe` until `stopAfter` steps of the whole were done, writing to `path`.
  func interrupted(_ recipe: Recipe, after stopAfter: Int, path: String, precision: Precision = .double) throws {
    let (stop, trainer) = (StopRequest(), StagedNetwork.trainer(recipe, precision: precision))
    var steps = 0
    let observer = StepObserver { _ in
      steps += 1
      if steps == stopAfter { stop.stop() }
    }
    let result = try trainer.train(
      StagedNetwork(depth: 3, precision: precision), checkpoints: CheckpointPolicy(path: path, seconds: nil), monitors: [observer],
      stop: stop)
    #expect(steps == stopAfter && !result.isFinished)
  }

  /// At every step but the last, in single and in double precision: within each phase and at both boundaries.
  @Test(arguments: [Precision.single, .double]) func resumingGivesTheSameBytes(precision: Precision) throws {
    let (path, trainer) = (folder.file("run.safetensors"), StagedNetwork.trainer(.varied, precision: precision))
    var total = 0
    let whole = try trainer.train(StagedNetwork(depth: 3, precision: precision), monitors: [StepObserver { _ in total += 1 }])
    #expect(whole.isFinished && total > 16)
    for step in 1..<total {
      try interrupted(.varied, after: step, path: path, precision: precision)
      var more = 0
      // The model handed in gives the structure alone.
      let other = StagedNetwork(depth: 3, measurements: 6, unknowns: 10, precision: precision)
      let resumed = try trainer.train(
        other, resuming: Checkpoint(contentsOf: path), monitors: [StepObserver { _ in more += 1 }])
      #expect(areIdentical(resumed.model.parameters, whole.model.parameters), "interrupted after step \(step)")
      #expect(resumed.validation == whole.validation && step + more == total)
    }
  }

  @Test func aFinishedRunResumesAtItsEnd() throws {
    let (path, trainer) = (folder.file("run.safetensors"), StagedNetwork.trainer(.varied))
    let whole = try trainer.train(StagedNetwork(depth: 3), checkpoints: CheckpointPolicy(path: path, steps: 4))
    let again = try trainer.train(
      StagedNetwork(depth: 3), resuming: Checkpoint(contentsOf: path), monitors: [StepObserver { _ in Issue.record("a step") }])
    #expect(again.isFinished && areIdentical(again.model.parameters, whole.model.parameters))
  }

  @Test func periodicCheckpointsAreWritten() throws {
    let (path, trainer) = (folder.file("run.safetensors"), StagedNetwork.trainer(.plain(steps: 10)))
    var steps: [Int] = []
    let observer = StepObserver { _ in steps.append((try? Checkpoint(contentsOf: path).position.step) ?? -1) }
    _ = try trainer.train(
      StagedNetwork(depth: 1), checkpoints: CheckpointPolicy(path: path, steps: 3, seconds: nil), monitors: [observer])
    #expect(steps == [-1, -1, -1, 3, 3, 3, 6, 6, 6, 9])
    #expect(try Checkpoint(contentsOf: path).position.phase == 1)
    #expect(folder.names == ["run.safetensors"])
  }

  @Test func anotherRunIsRefusedInOneLine() throws {
    let path = folder.file("run.safetensors")
    try interrupted(.varied, after: 11, path: path)
    let checkpoint = try Checkpoint(contentsOf: path)
    func refused(
      _ network: StagedNetwork = StagedNetwork(depth: 3), _ change: (inout Recipe) -> Void = { _ in },
      damage: (inout Checkpoint) -> Void = { _ in }
    ) -> String {
      var (recipe, checkpoint) = (Recipe.varied, checkpoint)
      change(&recipe)
      damage(&checkpoint)
      return refusal(TrainingError.self) { try StagedNetwork.trainer(recipe).train(network, resuming: checkpoint) }
    }
    #expect(refused { $0.seed = 4 }.contains("seed 3 in the file, 4 here"))
    #expect(refused { $0.network = "other" }.contains("network staged in the file, other here"))
    #expect(refused { $0.phases[1].steps = 70 }.contains("phase 2 has 7 steps in the file, 70 here"))
    #expect(refused { $0.phases[1].chunkSize = 3 }.contains("phase 2, all, is trained otherwise"))
    #expect(refused { $0.notes = [:] }.contains("problem is sparse recovery in the file, not given here"))
    #expect(refused(StagedNetwork(depth: 4)).contains("parameter stages.3.filter, of shape [10, 6], is missing"))
    #expect(refused(StagedNetwork(depth: 2)).contains("stages.2.filter, of shape [10, 6], is no parameter"))
    #expect(refused(StagedNetwork(depth: 3, precision: .single)).contains("is of double precision, expected single"))
    #expect(refused(damage: { $0.operators = [] }).contains("other operators"))
    #expect(refused(damage: { $0.operators[0].value = .identity(4) }).contains("operator matrix differs"))
    #expect(refused(damage: { $0.position.step = 7 }).contains("position"))
    #expect(refused(damage: { $0.position.phase = -1 }).contains("position"))
    #expect(refused(damage: { $0.position.bestStep = 3 }).contains("position"))
    #expect(refused(damage: { $0.average = [] }).contains("of the average"))
    #expect(refused(damage: { $0.optimiser[0].value = Tensor([1.0]) }).contains("does not fit the network"))
  }

  /// A checkpoint in the middle of early stopping, with all parts.
  func file() throws -> [UInt8] {
    var recipe = Recipe.varied
    recipe.phases[0].averaging = 0.5
    let path = folder.file("run.safetensors")
    try interrupted(recipe, after: 5, path: path)
    return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Reads the file and takes it up; the error, if any, must be a typed one.
  func takeUp(_ bytes: [UInt8], stop: StopRequest) {
    do {
      let checkpoint = try Checkpoint(decoding: Data(bytes), path: "run")
      var recipe = Recipe.varied
      recipe.phases[0].averaging = 0.5
      _ = try StagedNetwork.trainer(recipe).train(StagedNetwork(depth: 3), resuming: checkpoint, stop: stop)
    } catch is FileFormatError {
    } catch is TrainingError {
    } catch {
      Issue.record("an error of another type: \(error)")
    }
  }

  @Test func everyPrefixGivesATypedError() throws {
    let bytes = try file()
    for end in [Int](0..<min(bytes.count, 4096)) + stride(from: 4096, to: bytes.count, by: 97) {
      #expect(throws: FileFormatError.self, "\(end) bytes") { try Checkpoint(decoding: Data(bytes[..<end]), path: "run") }
    }
  }

  @Test func mutationsLoadOrGiveTypedErrors() throws {
    let bytes = try file()
    let stop = StopRequest()
    stop.stop()
    var generator = RandomGenerator(seed: 42)
    let header = 8 + Int(bytes[0]) + Int(bytes[1]) << 8 + Int(bytes[2]) << 16
    for k in 0..<2000 {
      var mutated = bytes
      for _ in 0...generator.index(below: 3) {
        // Three in four where the names, shapes and counters are.
        let at = generator.index(below: k % 4 == 0 ? bytes.count : header)
        mutated[at] =
          k % 2 == 0 ? UInt8(truncatingIfNeeded: generator.next()) : mutated[at] ^ UInt8(1 << generator.index(below: 8))
      }
      takeUp(mutated, stop: stop)
    }
  }

  /// What a kill leaves of a write: a temporary file beside the old one, which stays whole until the rename.
  @Test func aFailedWriteLeavesTheOldFile() throws {
    let path = folder.file("run.safetensors")
    try interrupted(.varied, after: 3, path: path)
    let (before, checkpoint) = (try Data(contentsOf: URL(fileURLWithPath: path)), try Checkpoint(contentsOf: path))
    let opened = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))

    var broken = checkpoint
    broken.parameters.append(broken.parameters[0])  // a name twice: refused while the file is put together
    #expect(throws: FileFormatError.self) { try broken.write(to: path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)

    var next = checkpoint
    next.position.step += 1
    try next.write(to: path)
    // Renamed into place, not written over: whoever has the old file open still reads all of it.
    #expect(try opened.readToEnd() == before)
    #expect(try Checkpoint(contentsOf: path).position.step == checkpoint.position.step + 1)
    #expect(folder.names == ["run.safetensors"])
    #expect(throws: FileFormatError.self) { try checkpoint.write(to: folder.file("missing/run.safetensors")) }
  }
}
