// SPDX-License-Identifier: Apache-2.0
import CInterface
import CUnfoldNet
import Foundation
import Networks
import Platform
import Synchronization
import Tensors
import Training

/// A function of the C interface.
enum Function: String, CaseIterable {
  case setThreads = "unf_set_threads"
  case release = "unf_release"
  case steps = "unf_operator_steps"
  case matrix = "unf_operator_matrix"
  case sparse = "unf_operator_sparse"
  case function = "unf_operator_function"
  case facts = "unf_operator_facts"
  case apply = "unf_operator_apply"
  case adjointError = "unf_operator_adjoint_error"
  case measure = "unf_operator_measure"
  case stop = "unf_operator_stop"
  case solve = "unf_solve"
  case network = "unf_network"
  case load = "unf_network_load"
  case save = "unf_network_save"
  case move = "unf_network_move"
  case networkFacts = "unf_network_facts"
  case parameter = "unf_network_parameter"
  case fit = "unf_network_fit"
  case networkApply = "unf_network_apply"
  case pullback = "unf_network_pullback"
  case metric = "unf_metric"
}

/// Calls of one function of the C interface, numbered: right arguments, of which some are replaced by odd ones. Memory is as large as the
/// arguments say, to the byte, or the arguments are such that must be refused before it is looked at.
final class InterfaceCalls: Subject {
  let function: Function
  let seed: UInt64
  let folder: String
  let prefixCount = 0
  let limits: (processor: Int, clock: UInt32) = (60, 120)
  var name: String { function.rawValue }
  func file(_ number: Int) -> Data? { nil }

  private var operators: [unf_handle] = []
  private var networks: [unf_handle] = []
  private var released: unf_handle = 0
  /// What the call made, released after it.
  private var leftover: unf_handle = 0
  private var weights: [[UInt8]] = []
  private let watch = Watch()
  /// UNFOLD_FUZZ_TELL: the answers are printed.
  private let tells = ProcessInfo.processInfo.environment["UNFOLD_FUZZ_TELL"] != nil
  private var odd = Odd(seed: 0, stream: 0)

  init(_ function: Function, seed: UInt64, folder: String) throws {
    (self.function, self.seed, self.folder) = (function, seed, folder)
    precondition(chdir(folder) == 0, "cannot enter \(folder)")
    for (steps, noise) in [
      (#"{"shape": [8, 8], "operator": [{"blur": {"sigma": 0.5}}]}"#, "0.1"),
      (#"{"shape": [8, 6], "operator": [{"blur": {"sigma": 0.5, "boundary": "zero"}}, {"downsample": 2}]}"#, "0"),
      (#"{"shape": [8, 8], "complex": true, "operator": ["fourier", {"undersample": {"ratio": 0.5}}]}"#, #"{"snr": 20}"#),
      (#"{"shape": [8, 8], "operator": [{"coils": 2}, "fourier", {"undersample": {"ratio": 0.5}}]}"#, "0"),
      (#"{"shape": [8, 8], "operator": [{"beams": {"views": 5}}]}"#, "0"),
      (#"{"shape": [2, 4, 8], "operator": [{"stack": {"of": ["gradient", ["identity", "gradient"]]}}]}"#, "0"),
      (#"{"shape": [16], "operator": ["identity"]}"#, "0"),
    ] { operators.append(try made { unf_operator_steps(steps, 0, nil, nil, #"{"noise": \#(noise)}"#, $0) }) }
    for type in [UNF_FLOAT64, UNF_COMPLEX64] {
      let entries = Given([5, 7], type: type) { sin(Double($0 * $0)) }
      operators.append(try made { unf_operator_matrix(entries.array, 0, nil, nil, $0) })
    }
    let space = Given([6, 6], type: UNF_FLOAT64) { _ in 0 }
    operators.append(try made { unf_operator_function(ownFunction, nil, space.array, space.array, #"{"lipschitz": 1}"#, $0) })

    for (name, op) in [
      ("ista-net-plus", 0), ("fista-net", 1), ("modl", 2), ("admm-net", 3), ("scnet", 4), ("ista-net-plus", 9), ("lista", 7),
      ("alista", 7),
    ] { networks.append(try untrained(name, operators[op])) }
    released = try made { unf_operator_matrix(Given([2, 2], type: 1) { Double($0) + 1 }.array, 0, nil, nil, $0) }
    unf_release(released)
    for network in networks {
      unf_network_save(network, "\(folder)/weights")
      weights.append(Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/weights"))))
    }
    for file in [try Weights(of: FFDNet(layers: 2, channels: 2, seed: 1)), try Weights(of: DilatedCNN(seed: 1))] {
      try file.write(to: "\(folder)/weights")
      weights.append(Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/weights"))))
    }
    Arena.release()
    watch.start()
  }

  private func made(_ make: (UnsafeMutablePointer<unf_handle>) -> Int32) throws -> unf_handle {
    var handle = unf_handle(0)
    guard make(&handle) == UNF_OK else { throw InputError(String(cString: unf_message())) }
    return handle
  }

  private func untrained(_ name: String, _ op: unf_handle) throws -> unf_handle {
    let channels = ["admm-net", "lista", "alista"].contains(name) ? "" : #", "channels": 2"#
    return try made { unf_network(op, name, #"{"stages": 1\#(channels)}"#, $0) }
  }

  // MARK: One call

  func accepts(_ number: Int, folder: String) -> Bool {
    odd = Odd(seed: seed, stream: UInt64(number))
    callsLeft.store(odd.one(in: 6) ? odd.int(0...30) : .max, ordering: .relaxed)
    written.store(odd.one(in: 6) ? odd.int(1...3) : 0, ordering: .relaxed)
    defer {
      watch.leave()
      if leftover != 0 { unf_release(leftover) }
      leftover = 0
      Arena.release()
    }
    let code = run()
    check(code)
    return code == UNF_OK
  }

  /// The code is known; an error has a line, a success facts.
  private func check(_ code: Int32) {
    let message = String(cString: unf_message()), facts = String(cString: unf_facts())
    if tells { print("\(code): \(message)") }
    precondition((UNF_OK...UNF_FAILED).contains(Int(code)), "the code \(code)")
    precondition((code == UNF_OK) == message.isEmpty && !message.contains("\n"), "the message \(message) of the code \(code)")
    precondition((try? JSONSerialization.jsonObject(with: Data(facts.utf8))) is [String: Any], "the facts \(facts)")
  }

  private func run() -> Int32 {
    let op = odd.handle(operators, networks, released)
    let spaces = self.spaces(op)
    watch.enter(op)
    switch function {
    case .setThreads: return unf_set_threads(odd.oneOf([0, 1, 2, 3, -1, 5000, .max, .min]))
    case .release:
      let fresh = odd.one(in: 2) ? try? untrained("lista", operators[7]) : nil
      return unf_release(fresh ?? odd.oneOf([released, 0, -1, .max, .min]))
    case .steps:
      let names = (0..<odd.int(0...3)).map { ["a", "b", "k"][$0] }
      let arrays = names.map { _ in odd.array(odd.oneOf([[3, 3], [8, 8], [5, 48], [4, 64], [2, 8, 8], [5], [3, 4]])) }
      let list = Arena.copy(arrays.map(\.array.pointee))
      let texts = names.map { Arena.text(odd.one(in: 20) ? odd.bytes() : Array($0.utf8)) }
      let pointers = Arena.copy(texts.map { odd.one(in: 50) ? nil : $0 } as [UnsafePointer<CChar>?])
      let description = odd.text(odd.description(names)), options = odd.options(Odd.operatorOptions)
      let count = odd.one(in: 20) ? odd.oneOf([-1, 1001, .min, .max]) : Int32(names.count)
      return using {
        unf_operator_steps(
          description, count, odd.one(in: 50) && count < 1 ? nil : pointers, odd.one(in: 50) && count < 1 ? nil : list,
          options, $0)
      }
    case .matrix:
      let entries = odd.array([odd.int(1...9), odd.int(1...9)])
      let (rank, shape) = odd.signalShape(of: entries.shape.last ?? 1)
      let options = odd.options(Odd.operatorOptions)
      return using { unf_operator_matrix(odd.orNil(entries.array), rank, shape, options, $0) }
    case .sparse:
      let (rows, columns) = (odd.int(1...12), odd.int(1...12))
      var starts: [Int64] = [0], indices: [Int64] = []
      for _ in 0..<rows {
        indices += (0..<columns).filter { _ in odd.one(in: 3) }.map { Int64($0) }
        starts.append(Int64(indices.count))
      }
      if odd.one(in: 5) { starts[odd.int(0...starts.count - 1)] = odd.integer64() }
      if odd.one(in: 5), !indices.isEmpty { indices[odd.int(0...indices.count - 1)] = odd.integer64() }
      // The values say how many indices there are.
      let values = odd.array([max(1, indices.count)])
      let (startBlock, indexBlock) = (Arena.copy(starts), Arena.copy(indices.isEmpty ? [0] : indices))
      let (rank, shape) = odd.signalShape(of: columns)
      let options = odd.options(Odd.operatorOptions)
      let wrongRows = odd.oneOf([0, -1, .min, .max, 1 << 31] as [Int64])
      return using {
        unf_operator_sparse(
          odd.one(in: 20) ? wrongRows : Int64(rows),
          odd.one(in: 20) ? odd.oneOf([0, -1, .max, 1 << 31, 3_000_000, 1]) : Int64(columns),
          odd.orNil(startBlock), odd.orNil(indexBlock), odd.orNil(values.array), rank, shape, options, $0)
      }
    case .function:
      let shapes = [[6, 6], [4], [2, 4, 4], [1], [1, 1], [2, 2, 2, 2], []]
      let from = odd.array(odd.oneOf(shapes)), to = odd.one(in: 2) ? from : odd.array(odd.oneOf(shapes))
      var own = OwnSpaces(input: from.numbers, output: to.numbers)
      let options = odd.options(Odd.operatorOptions)
      return withUnsafeMutablePointer(to: &own) { context in
        using {
          unf_operator_function(
            odd.one(in: 30) ? nil : ownFunction, context, odd.orNil(from.array), odd.orNil(to.array), options, $0)
        }
      }
    case .facts: return unf_operator_facts(op, odd.oneOf([0, 1, -1, .max]))
    case .apply:
      let adjoint = odd.oneOf([0, 1, 0, 1, -1, 7] as [Int32])
      let (from, to) = adjoint == 0 ? (spaces.domain, spaces.codomain) : (spaces.codomain, spaces.domain)
      let batch = odd.batch()
      let (x, y) = (odd.array(from, batch), odd.array(to, batch))
      return unf_operator_apply(op, adjoint, odd.orNil(x.array), odd.orNil(y.array))
    case .adjointError:
      return unf_operator_adjoint_error(op, odd.generator.next(), odd.one(in: 20) ? nil : Arena.copy([0.0]))
    case .measure:
      let batch = odd.batch()
      let (x, y) = (odd.array(spaces.domain, batch), odd.array(spaces.codomain, batch))
      return unf_operator_measure(op, odd.orNil(x.array), odd.generator.next(), odd.orNil(y.array))
    case .stop: return unf_operator_stop(op)
    case .solve: return solve(op, spaces)
    case .network:
      let name = odd.text(odd.oneOf(Odd.networks)), options = odd.options(Odd.networkOptions)
      return using(network: true) { unf_network(op, name, options, $0) }
    case .load:
      let name = odd.one(in: 2) ? nil : odd.text(odd.oneOf(Odd.networks))
      let path = odd.one(in: 50) ? odd.text("/nowhere/w") : Arena.text(Array(damagedWeights().utf8))
      let options = odd.options([("precision", ["\"single\"", "\"double\"", "\"half\""])])
      return using(network: true) { unf_network_load(op, path, name, options, $0) }
    case .save:
      // Names in the folder, where the process is: a damaged one must not lead elsewhere.
      let name =
        odd.one(in: 4)
        ? odd.bytes().filter { !"/.".utf8.contains($0) } : Array(odd.oneOf(["saved", "nowhere/w", "", ".", "/dev/full"]).utf8)
      let path = odd.one(in: 50) ? nil : Arena.text(name)
      return unf_network_save(odd.handle(networks, operators, released), path)
    case .move: return using(network: true) { unf_network_move(odd.handle(networks, operators, released), op, $0) }
    case .networkFacts: return unf_network_facts(odd.handle(networks, operators, released))
    case .parameter: return parameter()
    case .fit: return fit()
    case .networkApply, .pullback:
      let network = odd.handle(networks, operators, released)
      let own = self.spaces(network)
      watch.enter(own.op)
      let (stages, batch) = (odd.oneOf([0, 0, 0, 1, 1, 2, -1, .max, .min] as [Int32]), odd.batch())
      let (y, x) = (odd.array(own.codomain, batch), odd.array(own.domain, batch))
      if function == .networkApply { return unf_network_apply(network, odd.orNil(y.array), stages, odd.orNil(x.array)) }
      let out = odd.array(own.codomain, batch)
      return unf_network_pullback(network, odd.orNil(y.array), stages, odd.orNil(x.array), odd.orNil(out.array))
    case .metric:
      let shape = odd.oneOf([[8, 8], [7, 9], [2, 8, 8], [16], [1, 1]])
      let (x, y) = (odd.array(shape), odd.array(shape))
      let name = odd.text(odd.oneOf(["psnr", "ssim", "rmse", "nmse", "x"]))
      return unf_metric(
        name, odd.orNil(x.array), odd.orNil(y.array), odd.oneOf([1, 255, 0, -1, .nan, .infinity, 1e-300]),
        odd.one(in: 20) ? nil : Arena.copy([0.0]))
    }
  }

  /// No call.
  private var skipped: Int32 { unf_release(0) }

  private func solve(_ op: unf_handle, _ spaces: Spaces) -> Int32 {
    let method = odd.text(odd.oneOf(["least-squares", "ista", "fista", "admm", "plug-and-play", "x"]))
    let file = odd.one(in: 8) ? damagedWeights() : "\(folder)/nothing"
    let options = odd.options(Odd.solveOptions + [("denoiser_weights", ["\"\(file)\""])])
    let batch = odd.batch()
    let (y, x) = (odd.array(spaces.codomain, batch), odd.array(spaces.domain, batch))
    return unf_solve(op, method, options, odd.orNil(y.array), odd.orNil(x.array))
  }

  private func parameter() -> Int32 {
    let k = odd.int(0...networks.count - 1)
    unf_network_facts(networks[k])
    let facts = try? JSONSerialization.jsonObject(with: Data(String(cString: unf_facts()).utf8)) as? [String: Any]
    let shapes = (facts?["shapes"] as? [String: [Int]] ?? [:]).sorted { $0.key < $1.key }
    let one = odd.oneOf(shapes)
    let name = odd.text(one.key)
    let value = odd.array(one.value, isComplex: false)
    guard odd.one(in: 2) else {
      return unf_network_parameter(odd.one(in: 9) ? released : networks[k], name, 0, odd.orNil(value.array))
    }
    guard let fresh = try? made({ unf_network_move(networks[k], spaces(networks[k]).op, $0) }) else { return skipped }
    leftover = fresh
    let code = unf_network_parameter(fresh, name, odd.oneOf([1, -1, .max]), odd.orNil(value.array))
    if code == UNF_OK { use(network: fresh) }
    return code
  }

  private func fit() -> Int32 {
    let k = odd.int(0...networks.count - 1)
    let own = spaces(networks[k])
    guard let fresh = try? made({ unf_network_move(networks[k], own.op, $0) }) else { return skipped }
    leftover = fresh
    watch.enter(own.op)
    let isVector = own.domain.shape.count == 1
    func signals(_ most: Int) -> [Given] {
      (0..<odd.int(0...most)).map { _ in
        var shape = isVector ? [odd.int(1...5)] + own.domain.shape : own.domain.shape
        if !isVector, odd.one(in: 3) { shape[shape.count - 1] += odd.int(-1...4) }
        return odd.array(shape, isComplex: own.domain.isComplex)
      }
    }
    let (x, held) = (signals(4), odd.one(in: 3) ? signals(2) : [])
    let (given, validation) = (Arena.copy(x.map(\.array.pointee)), Arena.copy(held.map(\.array.pointee)))
    let measurements = odd.one(in: 4) ? odd.array(own.codomain, [odd.int(1...4)]) : nil
    let options = odd.options(
      [("steps", ["1", "2", "3", "0", "-1", "1e400"]), ("batch", ["1", "2", "0", "5000000"])]
        + [
          ("epochs", ["1"]), ("learning_rate", ["1e-3", "1", "0", "-1", "2"]), ("recompute", ["true", "false"]),
          ("quick", ["false"]),
          ("warm_start", ["true"]), ("noise", ["0.01", "{\"snr\": 30}", "-1", "1e300"]),
        ].filter { _ in odd.one(in: 5) })
    let wrong = odd.one(in: 30) ? odd.oneOf([-1, 1_000_001, .max, .min] as [Int32]) : nil
    var left = odd.one(in: 10) ? odd.int(0...2) : 1000
    let code = withUnsafeMutablePointer(to: &left) { left in
      unf_network_fit(
        odd.one(in: 30) ? odd.handle([], operators, released) : fresh, wrong ?? Int32(x.count),
        x.isEmpty && odd.one(in: 2) ? nil : given,
        Int32(held.count), validation, measurements?.array, options, odd.one(in: 3) ? nil : ownProgress, left)
    }
    if code == UNF_OK { use(network: fresh) }
    return code
  }

  // MARK: What is made

  /// Runs what makes an object, uses this once, and releases it.
  private func using(network: Bool = false, _ make: (UnsafeMutablePointer<unf_handle>?) -> Int32) -> Int32 {
    var handle = unf_handle(-7)
    guard !odd.one(in: 50) else { return make(nil) }
    let code = make(&handle)
    guard code == UNF_OK else { return code }
    check(code)
    if network { use(network: handle) } else { use(operator: handle) }
    return unf_release(handle)
  }

  private func use(operator op: unf_handle) {
    let spaces = self.spaces(op)
    guard spaces.domain.count * spaces.codomain.count <= 1 << 22 else { return }
    watch.enter(op)
    let (x, y) = (Given(spaces.domain) { sin(Double($0)) }, Given(spaces.codomain) { cos(Double($0)) })
    check(unf_operator_apply(op, 0, x.array, y.array))
    check(unf_operator_apply(op, 1, y.array, x.array))
    guard spaces.domain.count + spaces.codomain.count <= 4096 else { return }
    check(unf_operator_facts(op, 1))
    var error = 0.0
    check(unf_operator_adjoint_error(op, 1, &error))
    let isImage = spaces.domain.shape.count > 1
    check(
      unf_solve(
        op, odd.oneOf(["fista", "admm"]), #"{"prior": ["\#(isImage ? "tv" : "l1"):0.1"], "iterations": 3}"#, y.array, x.array))
  }

  private func use(network: unf_handle) {
    let own = spaces(network)
    let (y, x) = (Given(own.codomain) { sin(Double($0)) }, Given(own.domain) { cos(Double($0)) })
    check(unf_network_apply(network, y.array, 0, x.array))
    check(unf_network_save(network, "\(folder)/saved"))
  }

  struct Spaces {
    var domain = Space(shape: [8, 8]), codomain = Space(shape: [8, 8])
    var op: unf_handle = 0
  }

  /// Of an operator or of a network's; any for another handle.
  private func spaces(_ handle: unf_handle) -> Spaces {
    var op = handle
    if let k = networks.firstIndex(of: handle) { op = operators[[0, 1, 2, 3, 4, 9, 7, 7][k]] }
    guard unf_operator_facts(op, 0) == UNF_OK,
      let facts = try? JSONSerialization.jsonObject(with: Data(String(cString: unf_facts()).utf8)) as? [String: Any],
      let domain = facts["shape_in"] as? [Int], let codomain = facts["shape_out"] as? [Int]
    else { return lastSpaces }
    return Spaces(
      domain: Space(shape: domain, isComplex: facts["complex_in"] as? Bool ?? false),
      codomain: Space(shape: codomain, isComplex: facts["complex_out"] as? Bool ?? false), op: op)
  }

  /// Of the operator that a new network is of.
  private var lastSpaces: Spaces {
    let op = watch.current
    return op > 0 && operators.contains(op) ? spaces(op) : Spaces()
  }

  /// A file of weights, of which the header's numbers, the weights' bytes or any bytes are changed.
  private func damagedWeights() -> String {
    var bytes = odd.oneOf(weights)
    let header = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    switch odd.int(0...4) {
    case 0: break
    case 1, 2:  // numbers of the header: it stays JSON
      let digits = bytes.indices.filter { $0 >= 8 && $0 < header && (48...57).contains(bytes[$0]) }
      for _ in 0..<odd.int(1...3) { bytes[odd.oneOf(digits)] = UInt8(odd.int(48...57)) }
    case 3: for _ in 0..<odd.int(1...9) { bytes[odd.int(header...bytes.count - 1)] = UInt8(odd.int(0...255)) }
    default: for _ in 0..<odd.int(1...6) { Mutator.mutate(&bytes, weights, &odd.generator) }
    }
    let path = "\(folder)/weights"
    unlink(path)
    precondition(FileManager.default.createFile(atPath: path, contents: Data(bytes)), "cannot write \(path)")
    return path
  }
}
