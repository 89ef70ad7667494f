// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import TestSupport
import Testing
import Training
import WeightFiles

@Suite struct MonitorTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  @Test func linesAreOneAValidation() throws {
    var text = ""
    let progress = ProgressBar(isTerminal: false) { text += $0 }
    _ = try StagedNetwork.trainer(.varied).train(StagedNetwork(depth: 3), monitors: [progress])
    let lines = text.split(separator: "\n")
    #expect(!text.contains("\r") && !text.contains("\u{1B}") && text.hasSuffix("\n"))
    #expect(lines.allSatisfy { $0.contains("loss ") && $0.contains("validation ") && $0.hasSuffix(" left") && $0.count < 110 })
    #expect(lines.contains { $0.hasPrefix("all 7/7  loss ") } && lines.contains { $0.hasPrefix("polish 6/6") })
    #expect(lines.last!.contains("0:00:00 left"))
  }

  @Test func aTerminalShowsABar() throws {
    var text = ""
    let progress = ProgressBar(isTerminal: true) { text += $0 }
    _ = try StagedNetwork.trainer(.plain(steps: 40)).train(StagedNetwork(depth: 1), monitors: [progress])
    #expect(text.hasPrefix("\r[") && text.hasSuffix("\n") && text.contains("[####################] training 40/40"))
  }

  @Test func curvesContinueAfterResuming() throws {
    let (path, curves) = (folder.file("run.safetensors"), folder.file("run.tfevents"))
    let trainer = StagedNetwork.trainer(.varied)
    // Checkpoints every 4 steps and an end without warning after 10: steps 9 and 10 will be done again.
    struct Killed: Error {}
    final class Killer: TrainingMonitor {
      func record(_ report: TrainingReport) throws { if report.totalStep == 10 { throw Killed() } }
      func finish() {}
    }
    #expect(throws: Killed.self) {
      try trainer.train(
        StagedNetwork(depth: 3), checkpoints: CheckpointPolicy(path: path, steps: 4, seconds: nil),
        monitors: [EventLog(path: curves), Killer()])
    }
    #expect(try EventFile.read(curves).map(\.step).max() == 10)
    let checkpoint = try Checkpoint(contentsOf: path)
    #expect(checkpoint.totalStep == 8)
    _ = try trainer.train(
      StagedNetwork(depth: 3), resuming: checkpoint, monitors: [EventLog(path: curves, resuming: checkpoint)])
    _ = try trainer.train(StagedNetwork(depth: 3), monitors: [EventLog(path: folder.file("whole.tfevents"))])
    func curve(_ path: String) throws -> [String] { try EventFile.read(path).map { "\($0.tag) \($0.step) \($0.value)" } }
    #expect(try curve(curves) == curve(folder.file("whole.tfevents")))
    #expect(try curve(curves).contains { $0.hasPrefix("loss/validation 9 ") })

    try Data("not events, and longer than a record's header".utf8).write(to: URL(fileURLWithPath: folder.file("notes")))
    #expect(throws: FileFormatError.self) { try EventLog(path: folder.file("notes")) }
  }

  /// In a process of its own, whose signals reach no other test.
  @Test func signalsStopWithACheckpoint() async {
    await #expect(processExitsWith: .success) {
      let folder = try Folder()
      let path = folder.file("run.safetensors")
      for number in [SIGINT, SIGTERM] {
        let result = try StopRequest.onSignals { stop in
          let observer = StepObserver { report in
            guard report.step == 3 else { return }
            kill(getpid(), number)  // to the process: any thread that lets it through takes it, soon
            for _ in 0..<5000 where !stop.isRequested { usleep(1000) }
          }
          let result = try StagedNetwork.trainer(.plain(steps: 50)).train(
            StagedNetwork(depth: 1), checkpoints: CheckpointPolicy(path: path), monitors: [observer], stop: stop)
          #expect(stop.signal == number)
          return result
        }
        #expect(!result.isFinished)
        #expect(try Checkpoint(contentsOf: path).position.step == 3)
      }
      var action = sigaction()
      sigaction(SIGTERM, nil, &action)
      #expect(action.__sigaction_handler.sa_handler == nil, "the former action is back")
    }
  }
}
