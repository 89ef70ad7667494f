// SPDX-License-Identifier: Apache-2.0
import Dispatch
import FileFormats
import Foundation
import TestSupport
import Testing

@Suite struct EventFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  /// The two records that `EventFileWriter` of tensorboard 2.21.0 wrote for
  /// Event(wall_time=1700000000.25, step=7, summary={tag 'loss', simple_value 0.125}) and
  /// Event(wall_time=1700000001.5, step=300, summary={tag 'psnr/set11', simple_value −3.5}).
  private static let fromPython = """
    GgAAAAAAAAASm9gtCQAAEED8VNlBEAcqDQoLCgRsb3NzFQAAAD7P0lE4IQAAAAAAAAABe+z2CQAAYED8VNlBEKwCKhMKEQoKcHNuci9zZXQxMRUAAGDATvdKgg==
    """
  private static let events = [
    ScalarEvent(tag: "loss", value: 0.125, step: 7, wallTime: 1_700_000_000.25),
    ScalarEvent(tag: "psnr/set11", value: -3.5, step: 300, wallTime: 1_700_000_001.5),
  ]

  private func add(_ events: [ScalarEvent], to path: String) throws -> String {
    let file = try EventFile(path)
    for e in events { try file.add(tag: e.tag, value: e.value, step: e.step, wallTime: e.wallTime) }
    try file.flush()
    return file.path
  }

  @Test func bytesEqualTensorBoardsOwn() throws {
    let path = try add(Self.events, to: folder.file("events.out.tfevents.1"))
    let written = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(written.suffix(91) == bytes(Self.fromPython))
    #expect(try EventFile.read(path) == Self.events)
  }

  @Test func appendsAndMakesItsOwnNameInAFolder() throws {
    let path = try add([Self.events[0]], to: folder.path)
    #expect(folder.names.count == 1 && folder.names[0].hasPrefix("events.out.tfevents."))
    #expect(try add([Self.events[1]], to: path) == path)
    #expect(try EventFile.read(path) == Self.events)
  }

  @Test func aRecordThatAKillCutOffIsDroppedAndWritingGoesOn() throws {
    let path = try add(Self.events, to: folder.file("e.tfevents"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in 0...whole.count {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      let before = try EventFile.read(path)
      #expect(before == Array(Self.events.prefix(before.count)))
      _ = try add([Self.events[1]], to: path)
      #expect(try EventFile.read(path) == before + [Self.events[1]])
    }
  }

  @Test func aChangedByteIsAnError() throws {
    let path = try add(Self.events, to: folder.file("e.tfevents"))
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for i in whole.indices {
      var damaged = whole
      damaged[i] ^= 0x10
      #expect(throws: FileFormatError.self) { try EventFile.read(decoding: damaged, path: "e") }
    }
  }

  @Test func whatIsNotAnEventFileStaysUntouched() throws {
    for text in ["note", "a longer text that is no event file at all"] {
      let path = folder.file("notes.txt")
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileFormatError.self) { try EventFile(path) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(text.utf8))
    }
    #expect(throws: FileFormatError.self) { try EventFile(folder.file("missing/e.tfevents")) }
  }

  @Test func valuesAtTheEdges() throws {
    let path = folder.file("e.tfevents")
    _ = try add(
      [
        ScalarEvent(tag: "", value: .infinity, step: 0, wallTime: 0), ScalarEvent(tag: "é", value: 0.1, step: -1, wallTime: -1),
        ScalarEvent(tag: "n", value: .nan, step: .max, wallTime: 1),
      ], to: path)
    let read = try EventFile.read(path)
    #expect(read.map(\.tag) == ["", "é", "n"] && read.map(\.step) == [0, -1, .max])
    #expect(read[0].value == .infinity && read[1].value == Double(Float(0.1)) && read[2].value.isNaN)
  }

  /// More than the 16 KiB that are held back, from several threads at once: every record is whole.
  @Test func manyThreads() throws {
    let path = folder.file("e.tfevents")
    let file = try EventFile(path)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for step in 0..<200 { try? file.add(tag: "t\(thread)", value: Double(step), step: step, wallTime: 1) }
    }
    #expect(try EventFile.read(path).count > 100)
    try file.flush()
    let read = try EventFile.read(path)
    for thread in 0..<4 { #expect(read.filter { $0.tag == "t\(thread)" }.map(\.step) == Array(0..<200)) }
  }
}
