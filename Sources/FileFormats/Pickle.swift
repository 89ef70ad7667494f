// SPDX-License-Identifier: Apache-2.0

/// What a Python pickle describes, built without running any of it.
///
/// The instructions of protocols 1 to 5 that plain containers need (Python's `pickletools` documents each). A call stays a
/// description, ``Value/call(_:arguments:)``; a global that is neither a plain value nor
/// allowed by the reader of the format is refused by its name. Containers
/// lie side by side and refer to one another by number, so that no nesting, however deep or circular, costs stack or leaks.
struct Pickle {
  enum Value: Hashable {
    case none, boolean(Bool), integer(Int), text(String)
    /// A floating-point number, an integer of more than 64 bits, bytes, or text of more than 512: no container of tensors needs
    /// their values, and none costs time as a key.
    case other
    /// A number in ``sequences``.
    case tuple(Int), list(Int)
    /// A number in ``dictionaries``.
    case dictionary(Int)
    case global(String)
    /// A global called with a tuple of ``sequences``.
    case call(String, arguments: Int)
    /// What lies outside the pickle under a tuple of ``sequences``.
    case persistent(Int)
  }

  /// Entries in the order in which their keys came first.
  struct Dictionary {
    private(set) var entries: [(key: Value, value: Value)] = []
    private var places: [Value: Int] = [:]

    fileprivate mutating func set(_ key: Value, _ value: Value) {
      if key != .other, let place = places[key] {
        entries[place].value = value
      } else {
        places[key] = entries.count
        entries.append((key, value))
      }
    }
  }

  /// The most instructions of a pickle; a tensor of a state dict takes about 30.
  static let limit = 1 << 21
  static let orderedDictionary = "collections.OrderedDict"

  private(set) var root = Value.none
  private(set) var sequences: [[Value]] = []
  private(set) var dictionaries: [Dictionary] = []
  /// The tuples of all persistent values, in the order of the file.
  private(set) var persistent: [Int] = []
  private(set) var instructions = 0
  private let globals: Set<String>
  private var stack: [Value] = []
  private var marks: [Int] = []
  private var memo: [Int: Value] = [:]

  /// Reads one pickle, up to and with its last instruction. - Throws: ``FileFormatError``.
  init(_ reader: inout ByteReader, allowing globals: Set<String> = []) throws {
    self.globals = globals
    while true {
      let code = try reader.integer(UInt8.self, "pickle")
      guard let instruction = Instruction(rawValue: code) else {
        throw Self.error(reader, "the instruction 0x\(String(code, radix: 16))", "those of plain containers; save the state_dict")
      }
      instructions += 1
      guard instructions <= Self.limit else {
        throw Self.error(reader, "more than \(Self.limit) instructions", "fewer; save the state_dict alone")
      }
      if instruction == .stop { break }
      try run(instruction, &reader)
    }
    root = try pop(reader)
    (stack, marks, memo) = ([], [], [:])
  }

  /// The elements of a tuple or list.
  func elements(_ value: Value) -> [Value]? {
    switch value {
    case .tuple(let number), .list(let number): sequences[number]
    default: nil
    }
  }

  private static func error(_ reader: ByteReader, _ found: String, _ expected: String) -> FileFormatError {
    FileFormatError("\(reader.path): found \(found) at byte \(reader.offset) of a pickle; expected \(expected).")
  }

  // MARK: The machine

  private enum Instruction: UInt8 {
    case `protocol` = 0x80, frame = 0x95
    case stop = 0x2e, pop = 0x30, popMark = 0x31, duplicate = 0x32, mark = 0x28
    case none = 0x4e, true1 = 0x88, false1 = 0x89
    case int1 = 0x4b, int2 = 0x4d, int4 = 0x4a, long1 = 0x8a, long4 = 0x8b, intLine = 0x49, longLine = 0x4c
    case float8 = 0x47, floatLine = 0x46
    case text1 = 0x8c, text4 = 0x58, text8 = 0x8d, string1 = 0x55, string4 = 0x54
    case bytes1 = 0x43, bytes4 = 0x42, bytes8 = 0x8e, byteArray8 = 0x96
    case emptyTuple = 0x29, tuple = 0x74, tuple1 = 0x85, tuple2 = 0x86, tuple3 = 0x87
    case emptyList = 0x5d, list = 0x6c, append = 0x61, appends = 0x65, emptySet = 0x8f, addItems = 0x90, frozenSet = 0x91
    case emptyDictionary = 0x7d, dictionary = 0x64, setItem = 0x73, setItems = 0x75
    case put1 = 0x71, put4 = 0x72, putLine = 0x70, get1 = 0x68, get4 = 0x6a, getLine = 0x67, memoize = 0x94
    case globalLines = 0x63, globalStack = 0x93, persistent = 0x51, reduce = 0x52, newObject = 0x81, newObjectKeywords = 0x92,
      build = 0x62
  }

  private mutating func run(_ instruction: Instruction, _ reader: inout ByteReader) throws {
    switch instruction {
    case .stop: break
    case .protocol:
      let version = try reader.integer(UInt8.self, "pickle")
      guard version <= 5 else { throw Self.error(reader, "protocol \(version)", "at most 5; save with pickle_protocol=2") }
    case .frame: try reader.skip(8, "pickle")
    case .mark: marks.append(stack.count)
    case .pop: if stack.count == marks.last { marks.removeLast() } else { _ = try pop(reader) }
    case .popMark: _ = try popMark(reader)
    case .duplicate: stack.append(try top(reader))

    case .none: stack.append(.none)
    case .true1: stack.append(.boolean(true))
    case .false1: stack.append(.boolean(false))
    case .int1: stack.append(.integer(Int(try reader.integer(UInt8.self, "pickle"))))
    case .int2: stack.append(.integer(Int(try reader.integer(UInt16.self, "pickle"))))
    case .int4: stack.append(.integer(Int(try reader.integer(Int32.self, "pickle"))))
    case .long1: stack.append(Self.integer(try reader.take(Int(try reader.integer(UInt8.self, "pickle")), "pickle")))
    case .long4: stack.append(Self.integer(try reader.take(Int(try reader.integer(Int32.self, "pickle")), "pickle")))
    case .intLine:
      let line = try line(&reader)
      stack.append(line == "00" ? .boolean(false) : line == "01" ? .boolean(true) : Int(line).map(Value.integer) ?? .other)
    case .longLine: stack.append(Int(try line(&reader).prefix { $0 != "L" }).map(Value.integer) ?? .other)
    case .float8:
      try reader.skip(8, "pickle")
      stack.append(.other)
    case .floatLine:
      _ = try line(&reader)
      stack.append(.other)
    case .text1, .string1: try pushText(UInt8.self, &reader)
    case .text4, .string4: try pushText(UInt32.self, &reader)
    case .text8: try pushText(UInt64.self, &reader)
    case .bytes1: try pushBytes(UInt8.self, &reader)
    case .bytes4: try pushBytes(UInt32.self, &reader)
    case .bytes8, .byteArray8: try pushBytes(UInt64.self, &reader)

    case .emptyTuple: pushTuple([])
    case .tuple: pushTuple(try popMark(reader))
    case .tuple1: pushTuple([try pop(reader)])
    case .tuple2: pushTuple(try popLast(2, reader))
    case .tuple3: pushTuple(try popLast(3, reader))
    case .emptyList, .emptySet: pushList([])
    case .list, .frozenSet: pushList(try popMark(reader))
    case .append: try append([try pop(reader)], reader)
    case .appends, .addItems: try append(try popMark(reader), reader)
    case .emptyDictionary: pushDictionary()
    case .dictionary:
      let items = try popMark(reader)
      pushDictionary()
      try set(items, reader)
    case .setItem: try set(try popLast(2, reader), reader)
    case .setItems: try set(try popMark(reader), reader)

    case .put1: memo[Int(try reader.integer(UInt8.self, "pickle"))] = try top(reader)
    case .put4: memo[Int(try reader.integer(UInt32.self, "pickle"))] = try top(reader)
    case .putLine: memo[Int(try line(&reader)) ?? -1] = try top(reader)
    case .memoize: memo[memo.count] = try top(reader)
    case .get1: try pushMemo(Int(try reader.integer(UInt8.self, "pickle")), reader)
    case .get4: try pushMemo(Int(try reader.integer(UInt32.self, "pickle")), reader)
    case .getLine: try pushMemo(Int(try line(&reader)) ?? -1, reader)

    case .globalLines:
      let module = try line(&reader)
      try pushGlobal(module, try line(&reader), reader)
    case .globalStack:
      guard case let names = try popLast(2, reader), case .text(let module) = names[0], case .text(let name) = names[1] else {
        throw Self.error(reader, "a global without a name", "text; the file is damaged")
      }
      try pushGlobal(module, name, reader)
    case .persistent:
      guard case .tuple(let number) = try pop(reader) else {
        throw Self.error(reader, "a persistent value that is no tuple", "a tuple; the file is damaged")
      }
      persistent.append(number)
      stack.append(.persistent(number))
    case .reduce, .newObject: try call(reader)
    case .newObjectKeywords:
      _ = try pop(reader)
      try call(reader)
    case .build:  // the attributes of an object, such as the versions of a state dict's modules
      _ = try pop(reader)
      _ = try top(reader)
    }
  }

  private func top(_ reader: ByteReader) throws -> Value {
    guard stack.count > marks.last ?? 0, let top = stack.last else {
      throw Self.error(reader, "an empty stack", "a value; the file is damaged")
    }
    return top
  }

  private mutating func pop(_ reader: ByteReader) throws -> Value {
    let top = try top(reader)
    stack.removeLast()
    return top
  }

  private mutating func popLast(_ count: Int, _ reader: ByteReader) throws -> [Value] {
    var values: [Value] = []
    for _ in 0..<count { values.append(try pop(reader)) }
    return values.reversed()
  }

  private mutating func popMark(_ reader: ByteReader) throws -> [Value] {
    guard let mark = marks.popLast() else { throw Self.error(reader, "no mark", "one; the file is damaged") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  /// A line of text without its end.
  private func line(_ reader: inout ByteReader) throws -> String {
    let rest = reader.bytes[reader.offset..<min(reader.bytes.count, reader.offset + 1024)]
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
      throw Self.error(reader, "no end of a line", "one within 1024 bytes; the file is cut off or damaged")
    }
    let line = String(decoding: try reader.take(end - rest.startIndex, "pickle"), as: UTF8.self)
    try reader.skip(1, "pickle")
    return line
  }

  /// A little-endian integer in two's complement.
  private static func integer(_ bytes: UnsafeRawBufferPointer) -> Value {
    guard bytes.count <= 8 else { return .other }
    let negative = bytes.last.map { $0 >= 0x80 } ?? false
    return .integer(bytes.reversed().reduce(negative ? -1 : 0) { $0 << 8 | Int($1) })
  }

  private func counted<Count: FixedWidthInteger>(_ type: Count.Type, _ reader: inout ByteReader) throws -> UnsafeRawBufferPointer {
    try reader.take(Int(clamping: try reader.integer(type, "pickle")), "pickle")
  }

  private mutating func pushText<Count: FixedWidthInteger>(_ type: Count.Type, _ reader: inout ByteReader) throws {
    let text = try counted(type, &reader)
    stack.append(text.count > 512 ? .other : .text(String(decoding: text, as: UTF8.self)))
  }

  private mutating func pushBytes<Count: FixedWidthInteger>(_ type: Count.Type, _ reader: inout ByteReader) throws {
    _ = try counted(type, &reader)
    stack.append(.other)
  }

  private mutating func pushTuple(_ values: [Value]) {
    stack.append(.tuple(sequences.count))
    sequences.append(values)
  }

  private mutating func pushList(_ values: [Value]) {
    stack.append(.list(sequences.count))
    sequences.append(values)
  }

  private mutating func pushDictionary() {
    stack.append(.dictionary(dictionaries.count))
    dictionaries.append(Dictionary())
  }

  private mutating func pushMemo(_ number: Int, _ reader: ByteReader) throws {
    guard let value = memo[number] else { throw Self.error(reader, "no value \(number) kept", "one; the file is damaged") }
    stack.append(value)
  }

  private mutating func pushGlobal(_ module: String, _ name: String, _ reader: ByteReader) throws {
    let global = module + "." + name
    guard globals.contains(global) || Self.isHarmless(module, name) else {
      throw FileFormatError(
        "\(reader.path): found the global \(global.prefix(100)) in a pickle; expected only tensors and containers of them; save the "
          + "state_dict."
      )
    }
    stack.append(.global(global))
  }

  /// Plain values that programs keep beside tensors: described as calls, never called.
  private static func isHarmless(_ module: String, _ name: String) -> Bool {
    switch module {
    case "collections": ["OrderedDict", "Counter", "defaultdict", "deque"].contains(name)
    case "builtins", "__builtin__":
      [
        "set", "frozenset", "bytearray", "bytes", "complex", "slice", "range", "object", "list", "dict", "tuple", "int", "float",
        "str",
        "bool",
      ].contains(name)
    case "_codecs": name == "encode"  // bytes in protocol 2
    case "copyreg", "copy_reg": name == "_reconstructor"
    case "argparse", "types": ["Namespace", "SimpleNamespace"].contains(name)
    case "datetime": ["datetime", "date", "time", "timedelta", "timezone"].contains(name)
    case "pathlib", "pathlib._local": name.hasSuffix("Path")
    case "easydict": name == "EasyDict"
    case "decimal", "fractions", "uuid": ["Decimal", "Fraction", "UUID"].contains(name)
    case "numpy", "numpy.dtypes":
      name == "ndarray" || name == "dtype" || name.hasSuffix("DType")
        || ["bool", "int", "uint", "float", "complex", "longdouble", "str_", "bytes_"].contains(where: name.hasPrefix)
    case "numpy.core.multiarray", "numpy._core.multiarray": name == "scalar" || name == "_reconstruct"
    case "numpy.core.numeric", "numpy._core.numeric": name == "_frombuffer"
    case "torch":
      ["device", "Size", "Tensor"].contains(name)
        || ["float", "bfloat", "int", "uint", "complex", "bool", "half", "double", "long", "short", "quint", "qint"].contains(
          where: name.hasPrefix)
    default: false
    }
  }

  private mutating func append(_ values: [Value], _ reader: ByteReader) throws {
    if case .call = try top(reader) { return }  // an object that is passed over
    guard case .list(let number) = try top(reader) else {
      throw Self.error(reader, "elements for something else than a list", "a list; the file is damaged")
    }
    sequences[number] += values
  }

  /// Keys and values by turns.
  private mutating func set(_ items: [Value], _ reader: ByteReader) throws {
    if case .call = try top(reader) { return }
    guard case .dictionary(let number) = try top(reader), items.count % 2 == 0 else {
      throw Self.error(reader, "keys without values, or for something else than a dictionary", "pairs; the file is damaged")
    }
    for i in stride(from: 0, to: items.count, by: 2) { dictionaries[number].set(items[i], items[i + 1]) }
  }

  private mutating func call(_ reader: ByteReader) throws {
    guard case let parts = try popLast(2, reader), case .global(let name) = parts[0], case .tuple(let arguments) = parts[1] else {
      throw Self.error(reader, "a call of something else than a global", "a global and a tuple; the file is damaged")
    }
    let first = sequences[arguments].first
    switch (name, first) {
    case ("builtins.set", let items?), ("builtins.frozenset", let items?), ("__builtin__.set", let items?):
      stack.append(elements(items) == nil ? .call(name, arguments: arguments) : items)
    case ("collections.Counter", .dictionary?): stack.append(first!)
    case (Self.orderedDictionary, _), ("collections.defaultdict", _), ("collections.Counter", _), ("easydict.EasyDict", _):
      pushDictionary()
      let pairs = first.flatMap(elements) ?? []  // Python 2 gives the entries at once
      instructions += pairs.count
      for pair in pairs { try set(elements(pair) ?? [pair], reader) }
    default: stack.append(.call(name, arguments: arguments))
    }
  }
}
