// SPDX-License-Identifier: Apache-2.0
import CHDF5
import Tensors

extension MATFile {
  /// Writes named arrays atomically: double or single, real or complex, not compressed. Equal content gives equal bytes.
  ///
  /// A tensor without axes is written as 1 × 1, one of shape `[n]` as 1 × n.
  /// - Throws: ``FileFormatError`` for a name that MATLAB does not take (a letter, then letters, digits and underscores, at most
  ///   63) or that occurs twice, an array of 2 GiB or more in version 5, and a disk that refuses.
  public static func write(_ arrays: [NamedArray], to path: String, version: Version = .v5) throws {
    try checkStorable(arrays, path: path)
    for array in arrays {
      guard isIdentifier(array.name) else {
        throw FileFormatError(
          "\(path): \(array.name) is no name for a MATLAB variable, expected a letter, then letters, digits and underscores, "
            + "at most 63; rename it."
        )
      }
    }
    switch version {
    case .v5: try AtomicFile.write(encodeVersion5(arrays, path: path), to: path)
    case .v73: try AtomicFile.write(encodeVersion73(arrays, path: path), to: path)
    }
  }

  static func isIdentifier(_ name: String) -> Bool {
    guard name.utf8.count <= 63, let first = name.utf8.first, (65...90).contains(first) || (97...122).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy { (65...90).contains($0) || (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
  }

  /// MATLAB's size: at least two extents.
  private static func size(_ shape: [Int]) -> [Int] {
    switch shape.count {
    case 0: [1, 1]
    case 1: [1, shape[0]]
    default: shape
    }
  }

  private static func parts(_ value: NumericArray) -> [Tensor] {
    switch value {
    case .real(let x): [x.columnMajor]
    case .complex(let z): [z.real.columnMajor, z.imaginary.columnMajor]
    }
  }

  private static func header(_ text: String, version: UInt16) -> [UInt8] {
    var bytes = Array(text.utf8)
    bytes += [UInt8](repeating: 0x20, count: 116 - bytes.count) + [UInt8](repeating: 0, count: 8)
    bytes.append(littleEndian: version)
    return bytes + Array("IM".utf8)
  }

  // MARK: Version 5

  private static func encodeVersion5(_ arrays: [NamedArray], path: String) throws -> [UInt8] {
    var bytes = header("MATLAB 5.0 MAT-file, written by Unfold", version: 0x0100)
    for array in arrays {
      let (isDouble, parts) = (array.value.precision == .double, parts(array.value))
      guard array.value.stored.count * (isDouble ? 8 : 4) < 1 << 31 - 4096 else {
        throw FileFormatError(
          "\(path): \(array.name) takes 2 GiB or more, expected less in MATLAB's version 5; write version 7.3 or HDF5.")
      }
      var content: [UInt8] = []
      func append(_ type: UInt32, _ payload: UnsafeRawBufferPointer) {
        content.append(littleEndian: type)
        content.append(littleEndian: UInt32(payload.count))
        content.append(contentsOf: payload)
        while content.count % 8 != 0 { content.append(0) }
      }
      let flags: [UInt32] = [(isDouble ? 6 : 7) | (parts.count == 2 ? 0x0800 : 0), 0]
      flags.withUnsafeBytes { append(6, $0) }
      size(array.value.shape).map { Int32(clamping: $0) }.withUnsafeBytes { append(5, $0) }
      Array(array.name.utf8).withUnsafeBytes { append(1, $0) }
      for part in parts { part.withStoredBytes { append(isDouble ? 9 : 7, $0) } }
      bytes.append(littleEndian: UInt32(14))
      bytes.append(littleEndian: UInt32(content.count))
      bytes += content
    }
    return bytes
  }

  // MARK: Version 7.3

  /// An HDF5 file behind 512 bytes of header; extents in reverse, which makes MATLAB's column-major numbers HDF5's row-major ones.
  private static func encodeVersion73(_ arrays: [NamedArray], path: String) throws -> [UInt8] {
    let content = try HDF5Library.locked {  // the image comes without its user block
      try HDF5Library.fileImage(userBlock: 512, path: path) { file in
        for array in arrays { try write(array, file, path) }
      }
    }
    let header = header("MATLAB 7.3 MAT-file, written by Unfold", version: 0x0200)
    return header + [UInt8](repeating: 0, count: 512 - header.count) + content
  }

  private static func write(_ array: NamedArray, _ file: hid_t, _ path: String) throws {
    let (isDouble, size) = (array.value.precision == .double, size(array.value.shape))
    let className = isDouble ? "double" : "single"
    if size.contains(0) {  // an empty array is stored as its size, and a mark
      try size.map { UInt64($0) }.withUnsafeBytes {
        try HDF5Library.writeDataset(
          file, array.name, [size.count], fileType: unfold_h5_file_uint64(), memoryType: unfold_h5_file_uint64(), $0, path: path
        ) {
          try writeClass($0, className, path)
          try writeEmptyMark($0, path)
        }
      }
      return
    }
    let parts = parts(array.value)
    let stored = parts.count == 2 ? ComplexTensor(real: parts[0], imaginary: parts[1]).pairs : parts[0]
    let names: (String, String)? = parts.count == 2 ? ("real", "imag") : nil
    let native = isDouble ? unfold_h5_native_double() : unfold_h5_native_float()
    let fileType = isDouble ? unfold_h5_file_double() : unfold_h5_file_float()
    let bytes = isDouble ? 8 : 4
    try HDF5Library.withType(native, size: bytes, complexNames: names, path: path) { memoryType in
      try HDF5Library.withType(fileType, size: bytes, complexNames: names, path: path) { fileType in
        try stored.withStoredBytes {
          try HDF5Library.writeDataset(
            file, array.name, size.reversed(), fileType: fileType, memoryType: memoryType, $0, path: path
          ) { try writeClass($0, className, path) }
        }
      }
    }
  }

  private static func writeClass(_ dataset: hid_t, _ name: String, _ path: String) throws {
    let what = "writing MATLAB_class"
    try HDF5Library.using(H5Tcopy(unfold_h5_c_string()), H5Tclose, what, path: path) { type in
      try HDF5Library.check(H5Tset_size(type, name.utf8.count), what, path: path)
      try HDF5Library.using(H5Screate(H5S_SCALAR), H5Sclose, what, path: path) { space in
        try HDF5Library.using(H5Acreate2(dataset, "MATLAB_class", type, space, 0, 0), H5Aclose, what, path: path) { attribute in
          try HDF5Library.check(H5Awrite(attribute, type, name), what, path: path)
        }
      }
    }
  }

  private static func writeEmptyMark(_ dataset: hid_t, _ path: String) throws {
    let what = "writing MATLAB_empty"
    try HDF5Library.using(H5Screate(H5S_SCALAR), H5Sclose, what, path: path) { space in
      try HDF5Library.using(
        H5Acreate2(dataset, "MATLAB_empty", unfold_h5_file_int32(), space, 0, 0), H5Aclose, what, path: path
      ) { attribute in
        var one: Int32 = 1
        try HDF5Library.check(H5Awrite(attribute, unfold_h5_file_int32(), &one), what, path: path)
      }
    }
  }
}
