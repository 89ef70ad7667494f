// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  let folder: Folder
  init() throws { folder = try Folder() }

  @Test func replacesAndLeavesNothingElse() throws {
    let path = folder.file("a.bin")
    try AtomicFile.write([1, 2, 3] as [UInt8], to: path)
    try AtomicFile.write(Data([4, 5]), to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([4, 5]))
    #expect(folder.names == ["a.bin"])
  }

  @Test func leftoversOfKilledProcessesAreRemovedAndNoOthers() throws {
    let path = folder.file("a.bin")
    let ended = Process()
    ended.executableURL = URL(filePath: "/bin/sh")
    ended.arguments = ["-c", "exit 0"]
    try ended.run()
    ended.waitUntilExit()
    let dead = ["", ".checkpoint", ".tfevents"].map { ".a.bin\($0).\(ended.processIdentifier)-3.tmp" }
    let kept = ["a.bin", ".a.bin.1-3.tmp", ".b.bin.\(ended.processIdentifier)-3.tmp", ".a.bin.notes.tmp"]
    for name in kept + dead { try Data([1]).write(to: URL(filePath: folder.file(name))) }
    #expect(AtomicFile.removeLeftovers(of: path) == 3)
    #expect(Set(folder.names) == Set(kept))
  }

  @Test func aReaderSeesTheOldFileOrTheNewOne() throws {
    let path = folder.file("a.bin")
    try AtomicFile.write([UInt8](repeating: 1, count: 100_000), to: path)
    let open = FileHandle(forReadingAtPath: path)!
    try AtomicFile.write([UInt8](repeating: 2, count: 10), to: path)
    #expect(try open.readToEnd() == Data(repeating: 1, count: 100_000))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(repeating: 2, count: 10))
  }

  @Test func keepsPermissionsAndFollowsLinks() throws {
    let path = folder.file("a.bin"), link = folder.file("link")
    try AtomicFile.write([1] as [UInt8], to: path)
    chmod(path, 0o600)
    symlink("a.bin", link)
    try AtomicFile.write([2] as [UInt8], to: link)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([2]))
    var status = stat()
    #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func aMissingFolderAFolderAndAFullDeviceAreErrors() throws {
    #expect(throws: FileFormatError.self) { try AtomicFile.write([1] as [UInt8], to: folder.file("missing/a.bin")) }
    #expect(throws: FileFormatError.self) { try AtomicFile.write([1] as [UInt8], to: folder.path) }
    #expect(throws: FileFormatError.self) { try AtomicFile.write([1] as [UInt8], to: "") }
    // The device answers every write with ENOSPC, and must still be a device afterwards.
    #expect(refusal(FileFormatError.self) { try AtomicFile.write([1] as [UInt8], to: "/dev/full") }.contains("No space left"))
    var status = stat()
    #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    #expect(folder.names.isEmpty)
  }

  @Test func anErrorInsideLeavesTheOldFile() throws {
    let path = folder.file("a.bin")
    try AtomicFile.write([1] as [UInt8], to: path)
    #expect(throws: FileFormatError("stop")) {
      try AtomicFile.replace(path) { temporary in
        try Data([9, 9]).write(to: URL(fileURLWithPath: temporary))
        throw FileFormatError("stop")
      }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1]))
    #expect(folder.names == ["a.bin"])
  }

  /// On a file system of 64 KiB, which only the superuser can mount.
  @Test(.enabled(if: getuid() == 0, "needs the superuser, to mount a small file system")) func aFullDiskLeavesTheOldFile() throws {
    let mount = Process()
    mount.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    mount.arguments = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path]
    mount.standardError = FileHandle.nullDevice
    try mount.run()
    mount.waitUntilExit()
    guard mount.terminationStatus == 0 else {
      print("skipped: mounting a file system is refused here")
      return
    }
    defer {
      let unmount = try? Process.run(URL(fileURLWithPath: "/usr/bin/env"), arguments: ["umount", folder.path])
      unmount?.waitUntilExit()
    }
    let path = folder.file("a.bin")
    try AtomicFile.write([UInt8](repeating: 1, count: 1000), to: path)
    #expect(
      refusal(FileFormatError.self) { try AtomicFile.write([UInt8](repeating: 2, count: 200_000), to: path) }.contains(
        "free some space"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(repeating: 1, count: 1000))
    #expect(folder.names == ["a.bin"])
  }
}
