// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// The tensors that the pickle of a checkpoint describes, once their storages are filled.
struct TorchTensors {
  private struct Storage {
    let type: ElementType
    /// Two of `type` an element.
    let isComplex: Bool
    let count: Int
    var bytes: [UInt8]?

    var size: Int { type.size * (isComplex ? 2 : 1) }

    func decode(_ bytes: UnsafeRawBufferPointer, shape: [Int], bigEndian: Bool) -> NumericArray {
      isComplex
        ? .complex(ComplexTensor(pairs: type.decode(bytes, shape: shape + [2], bigEndian: bigEndian)))
        : .real(type.decode(bytes, shape: shape, bigEndian: bigEndian))
    }
  }

  /// A part of a storage, in its elements.
  fileprivate struct View: Hashable {
    let storage: String
    let offset: Int
    let shape: [Int]
    let strides: [Int]
  }

  private let pickle: Pickle
  private let path: String
  private let isBigEndian: Bool
  private var storages: [String: Storage] = [:]
  private var found: [NamedArray] = []
  private var names: Set<String> = []
  private var tensors: [View: NumericArray] = [:]
  private var passedOver = PassedOver()
  private var passedOverNames: Set<String> = []
  /// Bytes that distinct tensors may still take, and values that may still be looked at.
  private var room = 0
  private var visits = 0

  private static let types: [String: ElementType] = [
    "torch.DoubleStorage": .float64, "torch.FloatStorage": .float32, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32, "torch.ShortStorage": .int16,
    "torch.CharStorage": .int8, "torch.ByteStorage": .uint8, "torch.BoolStorage": .bool,
  ]
  private static let complexTypes: [String: ElementType] = [
    "torch.ComplexHalfStorage": .float16, "torch.ComplexFloatStorage": .float32, "torch.ComplexDoubleStorage": .float64,
  ]
  private static let builders: Set<String> = ["torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"]
  private static let parameters: Set<String> = [
    "torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter", "torch._utils._rebuild_parameter_with_state",
  ]
  /// A tensor of a class of its own: the arguments are a builder, the class, the builder's arguments, attributes.
  private static let typed = "torch._tensor._rebuild_from_type_v2"
  /// All that a pickle may name.
  static let globals = builders.union(parameters).union(types.keys).union(complexTypes.keys).union([typed])

  /// - Throws: ``FileFormatError`` when the storages that the pickle names contradict one another.
  init(_ pickle: Pickle, path: String, isBigEndian: Bool = false) throws {
    (self.pickle, self.path, self.isBigEndian) = (pickle, path, isBigEndian)
    for number in pickle.persistent {
      // ('storage', type, key, device, count) and, in a stream, a part of it that a tensor's storage was
      let parts = pickle.sequences[number]
      guard parts.count == 5 || parts.count == 6, parts[0] == .text("storage"), case .global(let name) = parts[1],
        let type = Self.types[name] ?? Self.complexTypes[name], case .text(let key) = parts[2], case .integer(let count) = parts[4],
        0...1 << 48 ~= count
      else { throw damaged("a persistent value that is no storage of a known type") }
      let isComplex = Self.complexTypes[name] != nil
      guard storages[key].map({ $0.type == type && $0.isComplex == isComplex && $0.count == count }) ?? true else {
        throw damaged("two storages \(key.prefix(40))")
      }
      storages[key] = Storage(type: type, isComplex: isComplex, count: count)
    }
  }

  private func damaged(_ found: String) -> FileFormatError {
    FileFormatError("\(path): found \(found), expected tensors as torch.save describes them; the file is damaged.")
  }

  // MARK: Storages

  var keys: [String] { storages.keys.sorted() }

  /// A storage's number of elements and the bytes of one.
  func extent(of key: String) -> (count: Int, size: Int)? { storages[key].map { ($0.count, $0.size) } }

  mutating func fill(_ key: String, _ bytes: [UInt8]) throws {
    guard let (count, size) = extent(of: key), bytes.count == count * size else {
      throw damaged("\(bytes.count) bytes in storage \(key.prefix(40))")
    }
    storages[key]?.bytes = bytes
  }

  // MARK: Tensors

  /// Every tensor, in the order of the file. - Throws: ``FileFormatError``.
  mutating func arrays() throws -> [NamedArray] {
    room = 4 * storages.values.reduce(0) { $0 + ($1.bytes?.count ?? 0) } + 1 << 18
    visits = pickle.instructions + 1 << 16
    var keys: [String?] = []
    try collect(pickle.root, &keys)
    passedOver.note(path)
    return found
  }

  /// Adds the tensors in `value`, whose keys from the root on are `keys`; nil stands for one that is no name.
  private mutating func collect(_ value: Pickle.Value, _ keys: inout [String?]) throws {
    visits -= 1
    guard visits >= 0, keys.count <= 64 else {
      throw damaged(visits < 0 ? "containers that hold one another many times" : "containers nested deeper than 64")
    }
    switch value {
    case .dictionary(let number):
      for (key, value) in pickle.dictionaries[number].entries {
        let name: String? =
          switch key {
          case .text(let text): text
          case .integer(let number): String(number)
          default: nil
          }
        keys.append(name)
        try collect(value, &keys)
        keys.removeLast()
      }
    case .list(let number), .tuple(let number):
      for (k, value) in pickle.sequences[number].enumerated() {
        keys.append(String(k))
        try collect(value, &keys)
        keys.removeLast()
      }
    case .call(let name, let arguments) where Self.builders.contains(name): try add(tensor(arguments), keys)
    case .call(let name, let arguments) where Self.parameters.contains(name):
      guard case .call(let name, let arguments)? = pickle.sequences[arguments].first, Self.builders.contains(name) else {
        throw damaged("a parameter that is no tensor")
      }
      try add(tensor(arguments), keys)
    case .persistent:
      let (key, storage, start) = try storage(value)
      try add(tensor(View(storage: key, offset: start.lowerBound, shape: [start.count], strides: [1]), storage), keys)
    case .call(Self.typed, let arguments)
    where pickle.sequences[arguments].count > 2 && Self.builders.contains { pickle.sequences[arguments][0] == .global($0) }:
      guard case .tuple(let inner) = pickle.sequences[arguments][2] else { throw damaged("a tensor without arguments") }
      try add(tensor(inner), keys)
    case .call(let name, _), .global(let name): passOver(keys, name)
    case .text: passOver(keys, "text")
    case .none, .boolean, .integer, .other: passOver(keys, "a number or text")
    }
  }

  /// Names what is no tensor, by the first two of its keys.
  private mutating func passOver(_ keys: [String?], _ kind: String) {
    let name = keys.isEmpty ? fileTitle(path) : keys.prefix(2).map { $0 ?? "?" }.joined(separator: ".")
    if keys.contains("_metadata") { return }  // versions of a state dict's modules
    if passedOverNames.insert(name).inserted { passedOver.add(name, kind) }
  }

  private mutating func add(_ tensor: NumericArray, _ keys: [String?]) throws {
    let name = keys.isEmpty ? fileTitle(path) : keys.lazy.compactMap { $0 }.joined(separator: ".")
    guard !keys.contains(nil), name.utf8.count <= 512 else {
      throw FileFormatError(
        "\(path): found a tensor under a key that is no text or number, or is too long; expected names of at most 512 bytes; save "
          + "the state_dict."
      )
    }
    guard names.insert(name).inserted else { throw damaged("two tensors named \(name.prefix(100))") }
    found.append(NamedArray(name: name, value: tensor))
  }

  /// The arguments storage, offset, shape, strides, and others that do not change the values, but for a seventh that may.
  private mutating func tensor(_ arguments: Int) throws -> NumericArray {
    let arguments = pickle.sequences[arguments]
    guard arguments.count >= 4, case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), shape.count == strides.count, offset >= 0, strides.allSatisfy({ $0 >= 0 })
    else { throw damaged("a tensor without storage, offset, shape or strides") }
    if arguments.count > 6, case .dictionary(let number) = arguments[6], !pickle.dictionaries[number].entries.isEmpty {
      throw FileFormatError(
        "\(path): found a tensor that is conjugated or negated when it is read, expected plain ones; save it with resolve_conj() or resolve_neg()."
      )
    }
    let (key, storage, part) = try storage(arguments[0])
    let count = try checkedCount(shape, bytesPerElement: storage.size, available: .max, "a tensor", path: path)
    // The last element reached, from the storage's beginning.
    var end = offset
    for (extent, stride) in zip(shape, strides) where count > 0 {
      let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = end.addingReportingOverflow(reach)
      guard !overflow, !carry else { throw damaged("strides \(strides) for the shape \(shape)") }
      end = sum
    }
    guard count == 0 || end < part.count else {
      throw damaged("the shape \(shape) with strides \(strides) from \(offset) on in a storage of \(part.count)")
    }
    let start = count == 0 ? 0 : part.lowerBound + offset
    return try tensor(View(storage: key, offset: start, shape: shape, strides: strides), storage)
  }

  private mutating func tensor(_ view: View, _ storage: Storage) throws -> NumericArray {
    if let known = tensors[view] { return known }
    let (size, count) = (storage.size, view.shape.reduce(1, *))
    room -= count * size
    guard room >= 0 else {
      throw FileFormatError(
        "\(path): found expanded tensors of more than 4 times the storages' bytes, expected fewer; save them with contiguous().")
    }
    guard let bytes = storage.bytes else { throw damaged("no storage \(view.storage.prefix(40))") }
    let tensor = bytes.withUnsafeBytes { bytes in
      if view.isContiguous {
        let part = UnsafeRawBufferPointer(rebasing: bytes[view.offset * size..<(view.offset + count) * size])
        return storage.decode(part, shape: view.shape, bigEndian: isBigEndian)
      }
      return view.gathered(bytes, size: size, count: count).withUnsafeBytes {
        storage.decode($0, shape: view.shape, bigEndian: isBigEndian)
      }
    }
    tensors[view] = tensor
    return tensor
  }

  /// A storage and the part of it that is meant.
  private func storage(_ value: Pickle.Value) throws -> (key: String, storage: Storage, part: Range<Int>) {
    guard case .persistent(let number) = value, case let parts = pickle.sequences[number], case .text(let key) = parts[2],
      let storage = storages[key]
    else { throw damaged("a tensor without storage") }
    guard parts.count == 6, parts[5] != .none else { return (key, storage, 0..<storage.count) }
    guard let view = pickle.elements(parts[5]), view.count == 3, case .integer(let start) = view[1],
      case .integer(let count) = view[2], 0...storage.count ~= start, 0...storage.count - start ~= count
    else { throw damaged("a part outside storage \(key.prefix(40))") }
    return (key, storage, start..<start + count)
  }

  /// A tuple of integers, or `torch.Size` of one; at most 32.
  private func integers(_ value: Pickle.Value) -> [Int]? {
    var value = value
    if case .call("torch.Size", let arguments) = value { value = pickle.sequences[arguments].first ?? .none }
    guard let elements = pickle.elements(value), elements.count <= 32 else { return nil }
    let integers = elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return integers.count == elements.count ? integers : nil
  }
}

extension TorchTensors.View {
  var isContiguous: Bool {
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() {
      guard extent == 1 || stride == expected else { return shape.contains(0) }
      expected *= extent
    }
    return true
  }

  /// The elements in row-major order; the caller has checked the bounds.
  func gathered(_ bytes: UnsafeRawBufferPointer, size: Int, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count * size) { out, filled in
      var index = [Int](repeating: 0, count: shape.count)
      var place = offset
      for i in 0..<count {
        memcpy(out.baseAddress! + i * size, bytes.baseAddress! + place * size, size)
        var axis = shape.count - 1
        while axis >= 0 {  // the stride of an axis of one element may be anything, so the arithmetic wraps
          index[axis] += 1
          place &+= strides[axis]
          if index[axis] < shape[axis] { break }
          place &-= strides[axis] &* shape[axis]
          index[axis] = 0
          axis -= 1
        }
      }
      filled = count * size
    }
  }
}
