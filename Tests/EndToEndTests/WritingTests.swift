// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import Tensors
import TestSupport
import Testing

/// Whether this process may mount a file system of its own.
private let mayMount: Bool = {
  guard geteuid() == 0, let folder = try? Folder() else { return false }
  guard mountTiny(folder.path) else { return false }
  unmount(folder.path)
  return true
}()

private func command(_ name: String, _ arguments: [String]) -> Bool {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [name] + arguments
  process.standardError = FileHandle.nullDevice
  guard (try? process.run()) != nil else { return false }
  process.waitUntilExit()
  return process.terminationStatus == 0
}

private func mountTiny(_ path: String) -> Bool { command("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path]) }
private func unmount(_ path: String) { _ = command("umount", [path]) }

/// What is on the disk when writing is cut short.
@Suite(.serialized) struct WritingTests {
  @Test(.enabled(if: mayMount, "needs root and the right to mount a tmpfs"))
  func fullDisk() throws {
    let folder = try Folder()
    try folder.image("a.png")
    try folder.identityDictionary()
    try FileManager.default.createDirectory(atPath: folder.file("disk"), withIntermediateDirectories: true)
    #expect(mountTiny(folder.file("disk")))
    defer { unmount(folder.file("disk")) }
    try Data("old".utf8).write(to: URL(fileURLWithPath: folder.file("disk/old.npz")))
    let runs = [
      ["simulate", "sparse-coding", "a.png", "-o", "disk/m.h5", "--dictionary", "dictionary.npy"],
      ["convert", "dictionary.npy", "disk/old.npz"], ["convert", "dictionary.npy", "disk/d.mat"],
      ["convert", "dictionary.npy", "disk/d.safetensors"],
    ]
    for arguments in runs {
      let process = try Program.process(arguments, in: folder)
      let errors = Pipe()
      process.standardError = errors
      try process.run()
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 1 && text.filter { $0 == "\n" }.count == 1, "\(arguments): \(text)")
      #expect(text.contains("No space left"), "\(text)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("disk")) == ["old.npz"])
      #expect(folder.bytes("disk/old.npz") == Data("old".utf8))
    }
  }

  /// Killed as soon as its temporary file appears, or when it has just ended: the old file or the new one.
  @Test(arguments: [SIGTERM, SIGKILL]) func killWhileWriting(signal: Int32) throws {
    let folder = try Folder()
    var generator = RandomGenerator(seed: 1)
    let part = Tensor.normal([100_000], using: &generator)
    try NPY.write(Tensor.concatenated(Array(repeating: part, count: 40)), to: folder.file("big.npy"))
    let old = Data("old".utf8)
    for attempt in 0..<4 {
      try old.write(to: URL(fileURLWithPath: folder.file("out.npz")))
      let process = try Program.process(["convert", "big.npy", "out.npz", "--quiet"], in: folder)
      try process.run()
      while process.isRunning, !folder.names.contains(where: { $0.hasSuffix(".tmp") }) { usleep(100) }
      usleep(UInt32(attempt * 3000))
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      if folder.bytes("out.npz") != old {
        let arrays = try NPZ.read(folder.file("out.npz"))
        #expect(arrays.count == 1 && arrays[0].name == "big" && arrays[0].value.shape == [4_000_000])
        #expect(arrays[0].value.real?.rows(3_900_000..<4_000_000).doubles == part.doubles)
      }
    }
    // What a kill left behind does not stand in the way.
    let done = try Program.run("convert", "big.npy", "out.npz", in: folder)
    #expect(done.status == 0, "\(done.errors)")
    #expect(try NPZ.read(folder.file("out.npz"))[0].value.shape == [4_000_000])
  }
}
