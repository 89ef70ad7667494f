// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Foundation
import Tensors

/// Access to the HDF5 library, which keeps process-wide state: one caller at a time, its own printing off.
enum HDF5Library {
  private static let lock = NSLock()

  static func locked<R>(_ body: () throws -> R) rethrows -> R {
    lock.lock()
    defer { lock.unlock() }
    unfold_h5_quiet()  // a setting of the calling thread
    return try body()
  }

  /// Gives `body` an identifier and closes it afterwards.
  static func using<R>(_ id: hid_t, _ close: (hid_t) -> herr_t, _ what: String, path: String, _ body: (hid_t) throws -> R) throws
    -> R
  {
    guard id >= 0 else { throw failure(what, path: path) }
    defer { _ = close(id) }
    return try body(id)
  }

  static func check(_ status: herr_t, _ what: String, path: String) throws {
    if status < 0 { throw failure(what, path: path) }
  }

  /// `what` could not be done, with the library's reason.
  static func failure(_ what: String, path: String) -> FileFormatError {
    let reason = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
      unfold_h5_reason(text.baseAddress!)
      return String(cString: text.baseAddress!)
    }
    return FileFormatError(
      "\(path): HDF5: \(what) failed (\(reason.isEmpty ? "no reason given" : reason)); expected a whole file, get or make it again."
    )
  }

  /// The type of a number in memory, or of complex numbers as pairs under the given names.
  static func withType<R>(
    _ scalar: hid_t, size: Int, complexNames: (String, String)?, path: String, _ body: (hid_t) throws -> R
  ) throws -> R {
    guard let (real, imaginary) = complexNames else { return try body(scalar) }
    return try using(H5Tcreate(H5T_COMPOUND, 2 * size), H5Tclose, "making a type", path: path) { type in
      try check(H5Tinsert(type, real, 0, scalar), "making a type", path: path)
      try check(H5Tinsert(type, imaginary, size, scalar), "making a type", path: path)
      return try body(type)
    }
  }

  /// The bytes of a new file that `fill` writes in memory.
  static func fileImage(userBlock: Int = 0, path: String, _ fill: (hid_t) throws -> Void) throws -> [UInt8] {
    try using(H5Pcreate(unfold_h5_file_access()), H5Pclose, "making a file", path: path) { access in
      try check(H5Pset_fapl_core(access, 1 << 20, false), "making a file", path: path)
      return try using(H5Pcreate(unfold_h5_file_create()), H5Pclose, "making a file", path: path) { creation in
        if userBlock > 0 { try check(H5Pset_userblock(creation, hsize_t(userBlock)), "making a file", path: path) }
        return try using(H5Fcreate("memory", unfold_h5_truncate(), creation, access), H5Fclose, "making a file", path: path) {
          file in
          try fill(file)
          try check(H5Fflush(file, H5F_SCOPE_GLOBAL), "writing", path: path)
          let size = H5Fget_file_image(file, nil, 0)
          guard size > 0 else { throw failure("writing", path: path) }
          return try [UInt8](unsafeUninitializedCapacity: Int(size)) { out, filled in
            guard H5Fget_file_image(file, out.baseAddress, Int(size)) == size else { throw failure("writing", path: path) }
            filled = Int(size)
          }
        }
      }
    }
  }

  /// Refuses a global heap (where text of variable length lies) whose objects do not lie within it, or free space of size 0: HDF5
  /// 1.10 would walk over it for ever.
  ///
  /// A heap is `GCOL`, version 1, 3 zero bytes, its size, then objects: index (2 bytes, 0 for free space), 6 bytes, size (8), content.
  static func checkHeaps(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    for found in heaps(bytes) {
      try checkHeap(at: found.offset, size: found.size, fileSize: bytes.count, path: path) { position in
        (
          bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self),
          bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self)
        )
      }
    }
  }

  static let heapHeaderSize = 16

  /// Where heaps begin, with the sizes they state.
  static func heaps(_ bytes: UnsafeRawBufferPointer) -> [(offset: Int, size: UInt64)] {
    guard let base = bytes.baseAddress else { return [] }
    var found: [(offset: Int, size: UInt64)] = []
    var search = 0
    while let match = memchr(base + search, 0x47, bytes.count - search) {
      let start = UnsafeRawPointer(match) - base
      search = start + 1
      guard start + heapHeaderSize <= bytes.count else { break }
      if bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian == 0x0000_0001_4c4f_4347 {
        found.append((start, bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self).littleEndian))
      }
    }
    return found
  }

  /// `words` gives the 16 bytes before an object's content.
  static func checkHeap(
    at start: Int, size: UInt64, fileSize: Int, path: String, words: (_ position: Int) throws -> (UInt64, UInt64)
  ) throws {
    let end = start + Int(min(size, UInt64(fileSize - start)))
    var position = start + heapHeaderSize
    while position + heapHeaderSize <= end {
      let (first, second) = try words(position)
      let (index, length) = (first.littleEndian & 0xffff, second.littleEndian)
      guard length <= UInt64(end - position), index != 0 || length >= 16 else {
        throw FileFormatError(
          "\(path): found an object of \(length) bytes in a heap of the HDF5 file, expected at most \(end - position);"
            + " the file is damaged.")
      }
      position += index == 0 ? Int(length) : heapHeaderSize + (Int(length) + 7) / 8 * 8
    }
  }

  /// Opens a file's bytes for reading; `body` runs twice, in an ``HDF5Trial`` first.
  static func withFile<R>(_ bytes: UnsafeRawBufferPointer, path: String, _ body: (hid_t) throws -> R) throws -> R {
    try checkHeaps(bytes, path: path)
    return try using(H5Pcreate(unfold_h5_file_access()), H5Pclose, "opening", path: path) { access in
      try check(H5Pset_fapl_core(access, 1 << 16, false), "opening", path: path)
      try check(H5Pset_file_image(access, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count), "opening", path: path)
      return try tried(size: bytes.count, path: path) {
        try using(H5Fopen("memory", unfold_h5_read_only(), access), H5Fclose, "opening", path: path, body)
      }
    }
  }

  static func tried<R>(size: Int, path: String, _ read: () throws -> R) throws -> R {
    try HDF5Trial.run(size: size, path: path) { _ = try? read() }
    return try read()
  }

  /// Makes the dataset `name` and its groups; `numbers` are row-major of `shape`.
  static func writeDataset(
    _ file: hid_t, _ name: String, _ shape: [Int], fileType: hid_t, memoryType: hid_t, _ numbers: UnsafeRawBufferPointer,
    path: String,
    then body: (hid_t) throws -> Void = { _ in }
  ) throws {
    let what = "writing \(name)"
    let extents = shape.map { hsize_t($0) }
    let space = shape.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), extents, nil)
    try using(space, H5Sclose, what, path: path) { space in
      try using(H5Pcreate(unfold_h5_link_create()), H5Pclose, what, path: path) { link in
        try check(H5Pset_create_intermediate_group(link, 1), what, path: path)
        // Marking a name as UTF-8 puts its group into HDF5's newer layout; plain names keep the older one, which all tools read.
        if !name.utf8.allSatisfy({ $0 < 0x80 }) { try check(H5Pset_char_encoding(link, H5T_CSET_UTF8), what, path: path) }
        try using(H5Pcreate(unfold_h5_dataset_create()), H5Pclose, what, path: path) { creation in
          try check(H5Pset_obj_track_times(creation, false), what, path: path)  // equal content, equal bytes
          try using(H5Dcreate2(file, name, fileType, space, link, creation, 0), H5Dclose, what, path: path) { dataset in
            if !numbers.isEmpty { try check(H5Dwrite(dataset, memoryType, 0, 0, 0, numbers.baseAddress), what, path: path) }
            try body(dataset)
          }
        }
      }
    }
  }
}
