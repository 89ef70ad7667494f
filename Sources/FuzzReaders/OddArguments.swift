// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import Foundation
import Tensors

/// Memory of the arguments of one call, in blocks of the very size, so that a read behind one is found.
enum Arena {
  nonisolated(unsafe) private static var blocks: [UnsafeMutableRawPointer] = []

  static func bytes(_ count: Int) -> UnsafeMutableRawPointer {
    blocks.append(.allocate(byteCount: count, alignment: 16))
    return blocks[blocks.count - 1]
  }

  static func copy<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
    let start = bytes(values.count * MemoryLayout<Value>.stride).bindMemory(to: Value.self, capacity: values.count)
    start.initialize(from: values, count: values.count)
    return start
  }

  /// A text with its zero byte.
  static func text(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
    UnsafePointer(copy(bytes.filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]))
  }

  static func release() {
    for block in blocks { block.deallocate() }
    blocks = []
  }
}

struct Space {
  var shape: [Int]
  var isComplex = false
  var count: Int { shape.reduce(1, *) }
}

/// An array of the caller's with what it points to.
struct Given {
  let array: UnsafeMutablePointer<unf_array>
  let shape: [Int]
  /// Real numbers.
  let numbers: Int
  var count: Int { shape.reduce(1, *) }

  init(_ space: Space, _ value: (Int) -> Double) {
    self.init(space.shape, type: space.isComplex ? UNF_COMPLEX128 : UNF_FLOAT64, value)
  }

  init(_ shape: [Int], type: Int, _ value: (Int) -> Double) {
    self.shape = shape
    numbers = shape.reduce(1, *) * (type >= UNF_COMPLEX64 ? 2 : 1)
    let isSingle = type == UNF_FLOAT32 || type == UNF_COMPLEX64
    let data = Arena.bytes(numbers * (isSingle ? 4 : 8))
    for i in 0..<numbers {
      if isSingle {
        data.storeBytes(of: Float(value(i)), toByteOffset: 4 * i, as: Float.self)
      } else {
        data.storeBytes(of: value(i), toByteOffset: 8 * i, as: Double.self)
      }
    }
    array = Arena.copy([
      unf_array(data: data, shape: Arena.copy(shape.map { Int64($0) }), rank: Int32(shape.count), type: Int32(type))
    ])
  }
}

/// Arguments, most of them right.
struct Odd {
  var generator: RandomGenerator
  init(seed: UInt64, stream: UInt64) { generator = RandomGenerator(seed: seed, stream: stream) }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  mutating func one(in n: Int) -> Bool { int(1...n) == 1 }
  mutating func oneOf<Value>(_ values: [Value]) -> Value { values[int(0...values.count - 1)] }
  mutating func orNil<Value>(_ pointer: UnsafeMutablePointer<Value>) -> UnsafeMutablePointer<Value>? { one(in: 60) ? nil : pointer }
  mutating func integer64() -> Int64 { oneOf([0, 1, -1, 7, 1 << 31, 1 << 40, .max, .min]) }
  mutating func bytes() -> [UInt8] { (0..<int(0...40)).map { _ in UInt8.random(in: 1...255, using: &generator) } }

  mutating func handle(_ usual: [Int64], _ others: [Int64], _ released: Int64) -> Int64 {
    if usual.isEmpty || one(in: 20) { return oneOf(others + [released, 0, -1, .max, .min, 1 << 40]) }
    return oneOf(usual)
  }

  // MARK: Arrays

  /// Leading axes.
  mutating func batch() -> [Int] { one(in: 3) ? [int(1...3)] : one(in: 20) ? [2, 1] : [] }

  mutating func array(_ space: Space, _ batch: [Int] = []) -> Given {
    array(
      batch + (one(in: 25) ? [int(1...9), int(1...9)] : space.shape), isComplex: one(in: 25) ? !space.isComplex : space.isComplex)
  }

  mutating func array(_ shape: [Int], isComplex: Bool? = nil) -> Given {
    let isComplex = isComplex ?? one(in: 3)
    let type = (isComplex ? UNF_COMPLEX64 : UNF_FLOAT32) + (one(in: 3) ? 0 : 1)
    let scale = oneOf([1.0, 1, 1, 1, 1, 1, 0, 1e-30, Double.leastNonzeroMagnitude, 1e30, 1e300])
    let bad: Double? = one(in: 30) ? oneOf([.nan, .infinity, -.infinity]) : nil
    let place = int(0...max(0, shape.reduce(1, *) - 1))
    var values = generator
    let given = Given(shape, type: type) { $0 == place ? bad ?? scale : scale * (values.uniform() - 0.3) }
    generator = values
    guard one(in: 15) else { return given }
    switch int(0...5) {
    case 0: given.array.pointee.data = nil
    case 1: given.array.pointee.shape = nil
    case 2: given.array.pointee.rank = oneOf([-1, 9, 100, .max, .min])
    case 3: given.array.pointee.type = oneOf([-1, 4, 100, .max, .min])
    case 4: given.array.pointee.data = given.array.pointee.data.map { $0 + 1 }
    default:
      var extents = shape.map { Int64($0) }
      if !extents.isEmpty { extents[int(0...extents.count - 1)] = oneOf([0, -1, 1 << 31, 1 << 62, .max, .min]) }
      given.array.pointee.shape = UnsafePointer(Arena.copy(extents))
    }
    return given
  }

  /// Extents of signals of `count` numbers.
  mutating func signalShape(of count: Int) -> (Int32, UnsafePointer<Int64>?) {
    func extents(_ values: Int64...) -> UnsafePointer<Int64> { UnsafePointer(Arena.copy(values)) }
    switch int(0...9) {
    case 0: return (oneOf([-1, 1, 9, .max]), nil)
    case 1: return (2, extents(integer64(), integer64()))
    case 2: return (oneOf([-1, 9, .max, .min]), extents(1))
    case 3: return (3, extents(1, 1, Int64(count)))
    case 4: return (1, extents(Int64(count)))
    case 5: return (2, extents(2, Int64(max(1, count / 2))))
    default: return (0, nil)
    }
  }

  // MARK: Texts

  static let networks = [
    "ista-net-plus", "fista-net", "admm-net", "modl", "scnet", "plug-and-play-net", "lista", "lista-cpss", "alista", "x",
  ]
  static let operatorOptions = [
    ("name", [#""A""#, #""""#, "7"]), ("lipschitz", ["1", "100", "1e-300", "1e300", "0", "-1", "1e999"]),
    ("noise", ["0.1", "0", #"{"snr": 20}"#, "-1", #"{"snr": 1e9}"#, "[]"]),
  ]
  static let networkOptions = [
    ("stages", ["1", "2", "0", "-1", "1001"]), ("channels", ["1", "2", "3", "0", "1025"]),
    ("seed", ["1", "0", "-1", "9223372036854775807"]),
    ("precision", [#""double""#, #""single""#, #""half""#]),
  ]
  static let solveOptions: [(String, [String])] = [
    (
      "prior",
      [
        #"["l1:0.1"]"#, #"["tv:0.1"]"#, #"["tv:auto"]"#, #"["l1:0.1", "nonnegative"]"#, #"["wavelet:haar:0.1"]"#, #"["ridge:1"]"#,
        #"["wavelet:db4:auto:2"]"#, #"["group:0.1:2"]"#, #"["elastic-net:0.1:2"]"#, #"["box:0:1"]"#, #"["tv-anisotropic:0.1"]"#,
        #"["denoiser:bm3d"]"#, #"["denoiser:tv"]"#, #"["denoiser:dilated-cnn"]"#, #"["denoiser:ffdnet"]"#, #"["l1:1e300"]"#,
        #"["group:1:9999"]"#, "[]", "7", #"["x"]"#,
        #"["tv:0.1", "l1:0.1", "ridge:0.2", "nonnegative"]"#, #"["box:1:0"]"#, #"["wavelet:haar:1:99"]"#, #"["tv:0"]"#,
      ]
    ),
    ("iterations", ["1", "3", "10", "0", "-1", "1e3"]), ("tolerance", ["0", "1e-3", "1e-300", "1", "-1"]),
    (
      "choose_by",
      [#""cross-validation""#, #""l-curve""#, #""discrepancy""#, #""predicted-risk""#, #""residual-freedom""#, #""x""#]
    ),
    ("precision", [#""double""#, #""single""#]), ("trace", ["true", "false", "1"]), ("noise", ["0.1", "0", "-1"]),
  ]

  /// A JSON object of some of these, now and then damaged.
  mutating func options(_ values: [(String, [String])]) -> UnsafePointer<CChar>? {
    if one(in: 12) { return nil }
    var members: [String] = []
    for (key, choices) in values
    where one(in: ["prior", "steps", "stages", "channels"].contains(key) ? 1 : key == "choose_by" ? 8 : 3) {
      members.append("\"\(key)\": \(oneOf(one(in: 6) ? choices : Array(choices.prefix((choices.count + 1) / 2))))")
    }
    return text("{" + members.joined(separator: ", ") + "}")
  }

  /// A text, now and then damaged, but without numbers that would only take long.
  mutating func text(_ usual: String) -> UnsafePointer<CChar>? {
    if one(in: 100) { return nil }
    var bytes = Array(usual.utf8)
    guard one(in: 6) else { return Arena.text(bytes) }
    for _ in 0..<int(1...3) { Mutator.mutate(&bytes, [bytes + Array("{}[]:,\"-1e9".utf8)], &generator) }
    let isLarge =
      bytes.split(whereSeparator: { !(48...57).contains($0) }).contains { $0.count > 3 }
      || bytes.indices.dropFirst().contains { bytes[$0] == UInt8(ascii: "e") && (48...57).contains(bytes[$0 - 1]) }
    return Arena.text(isLarge ? Array(usual.utf8) : bytes)
  }

  // MARK: Descriptions

  mutating func description(_ names: [String]) -> String {
    let shape = oneOf([
      "[8, 8]", "[8, 8]", "[8, 8]", "[8, 6]", "[16]", "[2, 8, 8]", "[16, 16]", "[1, 1]", "[5, 7]", "[64]", "[1, 8]", "[0, 8]",
      "[-1]", "[2, 2, 2, 2]", "7", "[]",
    ])
    let steps = (0..<oneOf([1, 1, 1, 2, 3])).map { _ in step(names, depth: 0) }.joined(separator: ", ")
    let members =
      (one(in: 20) ? [] : ["\"shape\": \(shape)"]) + (one(in: 4) ? ["\"complex\": true"] : [])
      + (one(in: 6) ? [oneOf(["\"noise\": 0.1", "\"noise\": {\"snr\": 30}", "\"noise\": -1"])] : []) + ["\"operator\": [\(steps)]"]
    return "{" + members.joined(separator: ", ") + "}"
  }

  private mutating func number() -> String {
    if !one(in: 4) { return oneOf(["1", "2", "0.5", "0.3", "1"]) }
    return oneOf(["3", "0", "-1", "1e-9", "1e9", "7", "16", "64", "1e300", "1000000000000", "\"x\"", "0.001", "500", "999"])
  }

  private mutating func mapping(_ keys: [(String, String)]) -> String {
    "{" + keys.filter { _ in one(in: 2) }.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
  }

  private mutating func step(_ names: [String], depth: Int) -> String {
    let file = "\"\(oneOf(names + ["a", "b"]))\""
    switch int(0...14) {
    case 0: return "\"identity\""
    case 1: return "{\"scale\": \(number())}"
    case 2:
      return "{\"blur\": "
        + mapping([
          ("sigma", number()), ("size", number()), ("kernel", file), ("boundary", oneOf(["\"zero\"", "\"periodic\"", "\"x\""])),
        ]) + "}"
    case 3: return "{\"downsample\": \(number())}"
    case 4: return "{\"mask\": " + mapping([("file", file), ("keep", number()), ("seed", number())]) + "}"
    case 5: return "\"fourier\""
    case 6:
      return "{\"undersample\": "
        + mapping([
          ("file", file), ("order", oneOf(["\"centred\"", "\"transform\""])),
          ("pattern", oneOf(["\"radial\"", "\"cartesian\"", "\"random\"", "\"x\""])),
          ("ratio", number()), ("seed", number()),
        ]) + "}"
    case 7: return "{\"coils\": " + mapping([("count", number()), ("maps", file), ("seed", number())]) + "}"
    case 8:
      return "{\"beams\": "
        + mapping([
          ("views", oneOf(["1", "5", "60", "0", "1000000"])), ("geometry", oneOf(["\"parallel\"", "\"fan\""])), ("bins", number()),
          ("pixel-size", number()), ("bin-width", number()), ("source-distance", number()), ("detector-distance", number()),
          ("detector", oneOf(["\"flat\"", "\"arc\""])), ("half-scan", "true"), ("axis-offset", number()), ("angles", file),
          ("angle-unit", oneOf(["\"degrees\"", "\"radians\""])),
        ]) + "}"
    case 9:
      return "{\"wavelet\": " + mapping([("filter", oneOf(["\"haar\"", "\"db4\"", "\"x\""])), ("levels", number())]) + "}"
    case 10: return "\"gradient\""
    case 11: return "{\"matrix\": \(file)}"
    case 12:
      return "{\"blocks\": "
        + mapping([("ratio", number()), ("side", oneOf(["2", "4", "8", "1", "200"])), ("seed", number()), ("phi", file)]) + "}"
    case 13: return "{\"hadamard\": " + mapping([("rows", number()), ("ratio", number()), ("seed", number())]) + "}"
    default:
      guard depth < 3 else { return "\"identity\"" }
      let parts = (0..<int(1...3)).map { _ in step(names, depth: depth + 1) }
      return "{\"\(oneOf(["sum", "stack"]))\": [\(parts.joined(separator: ", "))]}"
    }
  }
}
