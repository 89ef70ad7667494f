// SPDX-License-Identifier: Apache-2.0
import Platform

/// All bytes of a regular file.
///
/// Memory is bounded by the file's size. A folder, a device or a file that changes while it is read is an error.
package func readFile(_ path: String, limit: Int = .max) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw systemError(path, "cannot be read") }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw systemError(path, "cannot be read") }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw FileFormatError("\(path): is a \(status.st_mode & S_IFMT == S_IFDIR ? "folder" : "device or pipe"); expected a file.")
  }
  let size = min(Int(status.st_size), limit)
  var failure: FileFormatError?
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
    while filled < size {
      let count = read(descriptor, buffer.baseAddress! + filled, min(size - filled, 1 << 30))
      if count > 0 {
        filled += count
      } else if count == 0 {
        failure = FileFormatError("\(path): ended after \(filled) of \(size) bytes while it was read; try again.")
        return
      } else if errno != EINTR {
        failure = systemError(path, "cannot be read")
        return
      }
    }
  }
  if let failure { throw failure }
  return bytes
}

/// A cursor over bytes in memory; reading past the end is an error, never a trap.
package struct ByteReader {
  package let bytes: UnsafeRawBufferPointer
  package let path: String
  package private(set) var offset: Int

  package init(_ bytes: UnsafeRawBufferPointer, path: String, at offset: Int = 0) {
    (self.bytes, self.path, self.offset) = (bytes, path, offset)
  }

  package var remaining: Int { bytes.count - offset }

  package mutating func skip(_ count: Int, _ what: String) throws { _ = try take(count, what) }

  /// The next `count` bytes; `what` names them in the error.
  package mutating func take(_ count: Int, _ what: String) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw FileFormatError("\(path): \(what): found \(remaining) bytes, expected \(count); the file is cut off or damaged.")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// A little-endian integer.
  package mutating func integer<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws -> T {
    T(littleEndian: try take(MemoryLayout<T>.size, what).loadUnaligned(as: T.self))
  }
}

/// Number of elements of an array of `shape`, refused when a size product overflows or takes more than `available` bytes.
///
/// Zero extents count as one in the overflow check, so that no later product over some of the axes overflows either.
package func checkedCount(_ shape: [Int], bytesPerElement: Int, available: Int, _ what: String, path: String) throws -> Int {
  guard shape.count <= 32 else { throw FileFormatError("\(path): \(what): found \(shape.count) axes, expected at most 32.") }
  var count = 1
  var bound = bytesPerElement
  for extent in shape {
    let (next, overflow) = bound.multipliedReportingOverflow(by: max(extent, 1))
    guard extent >= 0, !overflow else {
      throw FileFormatError("\(path): \(what): the shape \(shape) is not possible; the file is damaged.")
    }
    bound = next
    count *= extent
  }
  guard count * bytesPerElement <= available else {
    throw FileFormatError(
      "\(path): \(what): the shape \(shape) takes \(count * bytesPerElement) bytes, found \(available); the file is cut off "
        + "or damaged."
    )
  }
  return count
}

extension [UInt8] {
  package mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}

/// A file's size in bytes.
package func fileSize(_ path: String) throws -> Int {
  var status = stat()
  guard stat(path, &status) == 0 else { throw systemError(path, "cannot be read") }
  return Int(status.st_size)
}
