// SPDX-License-Identifier: Apache-2.0
import Platform
import Synchronization

/// A scalar logged at a training step.
public struct ScalarEvent: Sendable, Equatable {
  public var tag: String
  /// Kept in single precision by the format.
  public var value: Double
  public var step: Int
  /// Seconds since 1970.
  public var wallTime: Double

  public init(tag: String, value: Double, step: Int, wallTime: Double) {
    (self.tag, self.value, self.step, self.wallTime) = (tag, value, step, wallTime)
  }
}

/// Appends scalars to a file that TensorBoard shows.
///
/// A file is a sequence of records: length (8 bytes), its masked CRC-32C, a protobuf `Event`, its masked CRC-32C. The first says
/// `brain.Event:2`. Records are added whole; a record that a kill cut off is removed when the file is opened again, and ignored by
/// readers.
public final class EventFile: Sendable {
  public let path: String

  private struct State {
    var descriptor: Int32
    var pending: [UInt8] = []
  }
  private let state: Mutex<State>

  /// Opens `path` for appending. In a folder, a new file `events.out.tfevents.…` is made, as TensorBoard expects; another path is
  /// the file itself, created when missing. TensorBoard finds only files with `tfevents` in their names.
  ///
  /// - Throws: ``FileFormatError`` when the file is there and not an event file, or cannot be written.
  public init(_ path: String) throws {
    let path = Self.isFolder(path) ? Self.newName(in: path) : path
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else { throw systemError(path, "cannot be written") }
    do {
      let bytes = try readFile(path)
      let end = try bytes.withUnsafeBytes { try Self.decode($0, path: path).wholeRecords }
      let version = Self.record { ProtocolBuffer.append(field: 3, bytes: Array("brain.Event:2".utf8), to: &$0) }
      guard end > 0 || version.starts(with: bytes) else {
        throw FileFormatError("\(path): is not an event file; name another, or a folder.")
      }
      guard ftruncate(descriptor, off_t(end)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
        throw systemError(path, "cannot be written")
      }
      if end == 0 {
        try version.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
      }
    } catch {
      close(descriptor)
      throw error
    }
    state = Mutex(State(descriptor: descriptor))
  }

  deinit {
    try? flush()
    state.withLock { _ = close($0.descriptor) }
  }

  /// Adds one scalar; NaN and infinity are allowed. It reaches the file at the next ``flush()``, or when 16 KiB have gathered.
  public func add(tag: String, value: Double, step: Int, wallTime: Double = Date().timeIntervalSince1970) throws {
    let record = Self.record(of: ScalarEvent(tag: tag, value: value, step: step, wallTime: wallTime))
    let isFull = state.withLock {
      $0.pending += record
      return $0.pending.count >= 16 << 10
    }
    if isFull { try flush() }
  }

  /// Writes what was added. When the disk refuses, the file is left with whole records only and what was added is kept for the
  /// next try.
  public func flush() throws {
    try state.withLock { state in
      guard !state.pending.isEmpty else { return }
      let start = lseek(state.descriptor, 0, SEEK_END)
      guard start >= 0 else { throw systemError(path, "cannot be written") }
      do {
        try state.pending.withUnsafeBytes { try AtomicFile.writeAll($0, to: state.descriptor, path: path) }
      } catch {
        ftruncate(state.descriptor, start)
        throw error
      }
      state.pending.removeAll(keepingCapacity: true)
    }
  }

  // MARK: Encoding

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static let opened = Atomic<Int>(0)

  /// `events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER`: TensorBoard reads a folder's files in the order of their names.
  private static func newName(in folder: String) -> String {
    let number = opened.wrappingAdd(1, ordering: .relaxed).oldValue
    let host = ProcessInfo.processInfo.hostName.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "-" }
    return "\(folder)/events.out.tfevents.\(Int(Date().timeIntervalSince1970)).\(String(host)).\(getpid()).\(number)"
  }

  /// The record of one scalar: Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }.
  static func record(of event: ScalarEvent) -> [UInt8] {
    var value: [UInt8] = []
    ProtocolBuffer.append(field: 1, bytes: Array(event.tag.utf8), to: &value)
    ProtocolBuffer.append(field: 2, float: Float(event.value), to: &value)
    var summary: [UInt8] = []
    ProtocolBuffer.append(field: 1, bytes: value, to: &summary)
    return record {
      ProtocolBuffer.append(field: 1, double: event.wallTime, to: &$0)
      if event.step != 0 { ProtocolBuffer.append(field: 2, varint: UInt64(bitPattern: Int64(event.step)), to: &$0) }
      ProtocolBuffer.append(field: 5, bytes: summary, to: &$0)
    }
  }

  private static func record(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
    var event: [UInt8] = []
    write(&event)
    var record: [UInt8] = []
    record.append(littleEndian: UInt64(event.count))
    record.append(littleEndian: record.withUnsafeBytes(CRC32C.masked))
    record += event
    record.append(littleEndian: event.withUnsafeBytes(CRC32C.masked))
    return record
  }

  // MARK: Reading

  /// The scalars of an event file, in order; other values and a record cut off at the end are passed over, with a remark.
  ///
  /// - Throws: ``FileFormatError`` when a checksum or a record is wrong.
  public static func read(_ path: String) throws -> [ScalarEvent] {
    try readFile(path).withUnsafeBytes { try decode($0, path: path).noted(path) }
  }

  /// As ``read(_:)``, from a file's bytes; `path` names it in errors.
  public static func read(decoding data: Data, path: String) throws -> [ScalarEvent] {
    try data.withUnsafeBytes { try decode($0, path: path).noted(path) }
  }

  /// What a file holds: scalars, how many other values of which tags, how many bytes whole records take, and how many follow.
  private struct Content {
    var events: [ScalarEvent] = []
    var others = 0
    var otherTags: [String] = []
    var wholeRecords = 0
    var rest = 0

    mutating func pass(over tag: String) {
      others += 1
      if !otherTags.contains(tag), otherTags.count < 8 { otherTags.append(tag) }
    }

    /// The scalars; the rest in remarks.
    func noted(_ path: String) -> [ScalarEvent] {
      if others > 0 {
        let tags = otherTags.map { String($0.prefix(60)) }.joined(separator: ", ")
        Remarks.note("\(path): passed over: \(others) values that are no scalars (\(tags))")
      }
      if rest > 0 { Remarks.note("\(path): found a last record that is cut off, its \(rest) bytes are passed over") }
      return events
    }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, path: String) throws -> Content {
    var content = Content()
    var reader = ByteReader(bytes, path: path)
    var end = 0
    while reader.remaining >= 12 {
      let head = try reader.take(8, "record length")
      let length = UInt64(littleEndian: head.loadUnaligned(as: UInt64.self))
      guard try reader.integer(UInt32.self, "checksum") == CRC32C.masked(head) else {
        throw FileFormatError(
          "\(path): the checksum at byte \(end + 8) is wrong, expected that of the record's length; not an event file, or damaged.")
      }
      guard reader.remaining >= 4, length <= reader.remaining - 4 else { break }
      let event = try reader.take(Int(length), "event")
      guard try reader.integer(UInt32.self, "checksum") == CRC32C.masked(event) else {
        throw FileFormatError("\(path): the checksum of the event at byte \(end + 12) is wrong; the file is damaged.")
      }
      try scalars(event, path: path, into: &content)
      end = reader.offset
    }
    (content.wholeRecords, content.rest) = (end, bytes.count - end)
    return content
  }

  private static func scalars(_ event: UnsafeRawBufferPointer, path: String, into content: inout Content) throws {
    var (wallTime, step) = (0.0, 0)
    var summaries: [UnsafeRawBufferPointer] = []
    try ProtocolBuffer.read(event, path: path) {
      switch $0 {
      case .fixed64(1, let bits): wallTime = Double(bitPattern: bits)
      case .varint(2, let value): step = Int(Int64(bitPattern: value))
      case .bytes(5, let summary): summaries.append(summary)
      default: break
      }
    }
    for summary in summaries {
      try ProtocolBuffer.read(summary, path: path) {
        guard case .bytes(1, let message) = $0 else { return }
        var tag = ""
        var value: Double?
        try ProtocolBuffer.read(message, path: path) {
          switch $0 {
          case .bytes(1, let text): tag = String(decoding: text, as: UTF8.self)
          case .fixed32(2, let bits): value = Double(Float(bitPattern: bits))
          default: break
          }
        }
        if let value {
          content.events.append(ScalarEvent(tag: tag, value: value, step: step, wallTime: wallTime))
        } else {
          content.pass(over: tag)
        }
      }
    }
  }
}
