// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How one real number is stored in a file.
package enum ElementType: Sendable {
  case bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64, float16, bfloat16, float32, float64

  package var size: Int {
    switch self {
    case .bool, .int8, .uint8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  /// Double for float64 and for integers wider than the 24 bits a single-precision number holds; else single. All exact,
  /// but for 64-bit integers beyond 2⁵³, which are rounded.
  package var precision: Precision {
    switch self {
    case .int32, .uint32, .int64, .uint64, .float64: .double
    default: .single
    }
  }

  /// `count` numbers, little-endian unless `bigEndian`, as a tensor of `shape`. The caller has checked the sizes.
  package func decode(_ bytes: UnsafeRawBufferPointer, shape: [Int], bigEndian: Bool = false) -> Tensor {
    switch self {
    case .bool: Tensor(Self.map(bytes, UInt8.self) { $0 == 0 ? 0 : 1 } as [Float], shape: shape)
    case .int8: Tensor(Self.map(bytes, Int8.self) { Float($0) }, shape: shape)
    case .uint8: Tensor(Self.map(bytes, UInt8.self) { Float($0) }, shape: shape)
    case .int16: Tensor(Self.map(bytes, Int16.self, bigEndian) { Float($0) }, shape: shape)
    case .uint16: Tensor(Self.map(bytes, UInt16.self, bigEndian) { Float($0) }, shape: shape)
    case .float16: Tensor(Self.map(bytes, UInt16.self, bigEndian) { Float(Float16(bitPattern: $0)) }, shape: shape)
    case .bfloat16: Tensor(Self.map(bytes, UInt16.self, bigEndian) { Float(bitPattern: UInt32($0) << 16) }, shape: shape)
    case .int32: Tensor(Self.map(bytes, Int32.self, bigEndian) { Double($0) }, shape: shape)
    case .uint32: Tensor(Self.map(bytes, UInt32.self, bigEndian) { Double($0) }, shape: shape)
    case .int64: Tensor(Self.map(bytes, Int64.self, bigEndian) { Double($0) }, shape: shape)
    case .uint64: Tensor(Self.map(bytes, UInt64.self, bigEndian) { Double($0) }, shape: shape)
    case .float32:
      Tensor(bigEndian ? Self.map(bytes, UInt32.self, true) { Float(bitPattern: $0) } : Self.copy(bytes), shape: shape)
    case .float64:
      Tensor(bigEndian ? Self.map(bytes, UInt64.self, true) { Double(bitPattern: $0) } : Self.copy(bytes), shape: shape)
    }
  }

  private static func map<Stored: FixedWidthInteger, T>(
    _ bytes: UnsafeRawBufferPointer, _ type: Stored.Type, _ bigEndian: Bool = false, _ convert: (Stored) -> T
  ) -> [T] {
    let count = bytes.count / MemoryLayout<Stored>.size
    return [T](unsafeUninitializedCapacity: count) { out, filled in
      for i in 0..<count {
        let stored = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Stored>.size, as: Stored.self)
        (out.baseAddress! + i).initialize(to: convert(bigEndian ? Stored(bigEndian: stored) : Stored(littleEndian: stored)))
      }
      filled = count
    }
  }

  private static func copy<T: BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [T] {
    let count = bytes.count / MemoryLayout<T>.size
    return [T](unsafeUninitializedCapacity: count) { out, filled in
      UnsafeMutableRawBufferPointer(out).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * MemoryLayout<T>.size)]))
      filled = count
    }
  }
}

extension Tensor {
  /// The stored numbers, little-endian, in the tensor's own precision.
  package func withStoredBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    switch precision {
    case .single: try floats.withUnsafeBytes(body)
    case .double: try doubles.withUnsafeBytes(body)
    }
  }

  /// The numbers of a column-major array of `shape`, rearranged row-major: element `[i, j, …]` stays element `[i, j, …]`.
  package static func fromColumnMajor(_ tensor: Tensor, shape: [Int]) -> Tensor {
    switch tensor.precision {
    case .single: Tensor(rearrange(tensor.floats, shape, toColumnMajor: false), shape: shape)
    case .double: Tensor(rearrange(tensor.doubles, shape, toColumnMajor: false), shape: shape)
    }
  }

  /// As ``fromColumnMajor(_:shape:)`` for complex numbers, whose two parts stay side by side.
  package static func fromColumnMajorPairs(_ pairs: Tensor, shape: [Int]) -> Tensor {
    let z = ComplexTensor(pairs: pairs)
    return ComplexTensor(real: fromColumnMajor(z.real, shape: shape), imaginary: fromColumnMajor(z.imaginary, shape: shape)).pairs
  }

  /// The tensor's numbers in column-major order; shape and precision stay.
  package var columnMajor: Tensor {
    switch precision {
    case .single: Tensor(Self.rearrange(floats, shape, toColumnMajor: true), shape: shape)
    case .double: Tensor(Self.rearrange(doubles, shape, toColumnMajor: true), shape: shape)
    }
  }

  private static func rearrange<T>(_ values: [T], _ shape: [Int], toColumnMajor: Bool) -> [T] {
    guard shape.count > 1, values.count > 1 else { return values }
    // Column-major element [i₀, i₁, …] lies at i₀ + n₀ (i₁ + n₁ (…)); walk the row-major order and keep that offset up to date.
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var index = [Int](repeating: 0, count: shape.count)
    let last = shape.count - 1
    return values.withUnsafeBufferPointer { values in
      [T](unsafeUninitializedCapacity: values.count) { out, filled in
        var offset = 0
        var position = 0
        while position < values.count {
          for i in 0..<shape[last] {
            let column = offset + i * strides[last]
            if toColumnMajor {
              (out.baseAddress! + column).initialize(to: values[position])
            } else {
              (out.baseAddress! + position).initialize(to: values[column])
            }
            position += 1
          }
          var axis = last - 1
          while axis >= 0 {
            index[axis] += 1
            offset += strides[axis]
            if index[axis] < shape[axis] { break }
            offset -= strides[axis] * shape[axis]
            index[axis] = 0
            axis -= 1
          }
        }
        filled = values.count
      }
    }
  }
}
