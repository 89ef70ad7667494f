// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization

/// Writing files so that a kill at any moment leaves the old file or the new one, never a part.
public enum AtomicFile {
  private static let counter = Atomic<UInt64>(0)

  /// Writes `bytes` (a `Data`, an array of `UInt8`) to a temporary file in the folder of `path`, flushes it to the disk and
  /// renames it.
  ///
  /// A symbolic link is followed; the permissions of a file that is replaced are kept. A device or a pipe is written directly.
  /// - Throws: ``FileFormatError`` when the folder is missing, the disk is full or writing is refused. No temporary file stays.
  public static func write<Bytes: ContiguousBytes>(_ bytes: Bytes, to path: String) throws {
    try replace(path) { descriptor, _ in
      try bytes.withUnsafeBytes { try writeAll($0, to: descriptor, path: path) }
    }
  }

  /// Replaces `path` by the file that a library writes under the name it is given, in the same folder.
  ///
  /// The file exists, empty, when `body` is called. What `body` throws is passed on, after the temporary file is removed.
  public static func replace(_ path: String, with body: (_ temporaryPath: String) throws -> Void) throws {
    try replace(path) { _, temporary in
      guard let temporary else { throw FileFormatError("\(path): is a device or a pipe; name a file to write.") }
      try body(temporary)
    }
  }

  /// Refuses what ``write(_:to:)`` would refuse, before the work whose answer is to be written there. Nothing is left.
  public static func check(_ path: String) throws {
    struct Enough: Error {}
    var status = stat()
    // To open a pipe waits for its reader.
    if stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) { return }
    do { try replace(path) { _, _ in throw Enough() } } catch is Enough {}
  }

  /// Removes the temporary files that killed processes of this machine left of `path` and of the files named after it, such as
  /// `path.checkpoint`. Returns how many there were.
  @discardableResult
  public static func removeLeftovers(of path: String) -> Int {
    let url = URL(filePath: path)
    let folder = url.deletingLastPathComponent()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let leftovers = names.filter { name in
      guard name.hasPrefix(temporaryPrefix(url.lastPathComponent)), name.hasSuffix(".tmp"),
        let process = pid_t(name.dropLast(4).split(separator: ".").last?.prefix { $0 != "-" } ?? ""), process > 0,
        process != getpid()
      else { return false }
      return kill(process, 0) != 0 && errno == ESRCH
    }
    return leftovers.filter { unlink(folder.appending(path: $0).path) == 0 }.count
  }

  /// What the temporary file of a file of this name begins with; the process, a serial number and `.tmp` follow.
  private static func temporaryPrefix(_ name: some StringProtocol) -> String { ".\(name.prefix(100))." }

  /// `body` gets an open descriptor and, unless the target is a device or a pipe, the temporary file's path.
  private static func replace(_ path: String, _ body: (_ descriptor: Int32, _ temporaryPath: String?) throws -> Void) throws {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw FileFormatError("the name of the file to write is empty or holds a zero byte.")
    }
    var target = path
    var permissions: mode_t?
    var status = stat()
    if stat(path, &status) == 0 {
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        permissions = status.st_mode & 0o7777
        if let resolved = realpath(path, nil) {
          target = String(cString: resolved)
          free(resolved)
        }
      case S_IFDIR: throw FileFormatError("\(path): is a folder; name a file to write.")
      default: return try writeDirectly(path, body)
      }
    }
    let slash = target.lastIndex(of: "/")
    let folder = slash.map { String(target[...$0]) } ?? "./"
    let name = slash.map { target[target.index(after: $0)...] } ?? target[...]
    let serial = counter.wrappingAdd(1, ordering: .relaxed).newValue
    let temporary = "\(folder)\(temporaryPrefix(name))\(getpid())-\(serial).tmp"
    unlink(temporary)  // left by a killed process of the same number
    let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError(path, "cannot be written") }
    var renamed = false
    defer {
      close(descriptor)
      if !renamed { unlink(temporary) }
    }
    if let permissions { fchmod(descriptor, permissions) }
    try body(descriptor, temporary)
    // A library that closed the file's own descriptor wrote to the same inode, so this flushes its data too.
    guard fsync(descriptor) == 0 else { throw systemError(path, "cannot be written") }
    guard rename(temporary, target) == 0 else { throw systemError(path, "cannot be written") }
    renamed = true
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folderDescriptor >= 0 {
      fsync(folderDescriptor)  // some file systems refuse this on folders; the file itself is safe
      close(folderDescriptor)
    }
  }

  private static func writeDirectly(_ path: String, _ body: (_ descriptor: Int32, _ temporaryPath: String?) throws -> Void) throws {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(path, "cannot be written") }
    defer { close(descriptor) }
    try body(descriptor, nil)
  }

  static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
    var offset = 0
    while offset < bytes.count {
      let written = Platform.write(descriptor, bytes.baseAddress! + offset, min(bytes.count - offset, 1 << 30))
      if written > 0 {
        offset += written
      } else if written == 0 || errno != EINTR {
        throw systemError(path, "cannot be written")
      }
    }
  }
}

/// The reason the operating system gives for its last refusal, as an error about `path`.
package func systemError(_ path: String, _ what: String) -> FileFormatError {
  let number = errno
  let advice =
    switch number {
    case ENOSPC, EDQUOT: "free some space, or write elsewhere"
    case ENOENT: "check the path"
    case EACCES, EPERM, EROFS: "check the permissions, or choose another folder"
    default: "check the path and the disk"
    }
  return FileFormatError(
    "\(path): \(what): \(String(cString: strerror(number))); \(advice).", isDiskFailure: [ENOSPC, EDQUOT, EIO].contains(number))
}
