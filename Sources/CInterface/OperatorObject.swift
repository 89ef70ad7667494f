// SPDX-License-Identifier: Apache-2.0
import CUnfoldNet
import LinearSystems
import Operators
import Platform
import Problems
import Synchronization
import Tensors
import Training
import WeightFiles

/// Whether what runs on an operator is to end: then it gives NaN, by which every method ends.
final class StopState: Sendable {
  private let inside = Atomic<Int>(0)
  private let code = Atomic<Int>(UNF_OK)
  private let trainings = Mutex<[StopRequest]>([])

  var isStopped: Bool { code.load(ordering: .relaxed) != UNF_OK }
  /// The first reason counts. Nothing happens where nothing runs. Where only trainings do, they end after the step that they are in, unless they
  /// are told again.
  func stop(_ reason: Int) {
    let count = inside.load(ordering: .relaxed)
    guard count > 0 else { return }
    if reason == UNF_STOPPED {
      let fresh = trainings.withLock { all in all.count == count ? all.filter { !$0.isRequested } : [] }
      for training in fresh { training.stop() }
      if !fresh.isEmpty { return }
    }
    _ = code.compareExchange(expected: UNF_OK, desired: reason, ordering: .relaxed)
  }

  /// Runs a training inside ``running(_:)``, which a stop ends.
  func training<Result>(_ stop: StopRequest, _ body: () throws -> Result) rethrows -> Result {
    trainings.withLock { $0.append(stop) }
    defer { trainings.withLock { $0.removeAll { $0 === stop } } }
    return try body()
  }

  /// Runs what applies the operator.
  ///
  /// - Throws: ``CallError`` where it was stopped meanwhile, whatever became of `body`.
  func running<Result>(_ body: () throws -> Result) throws -> Result {
    inside.add(1, ordering: .relaxed)
    let result = Swift.Result { try body() }
    let code = code.load(ordering: .relaxed)
    if inside.subtract(1, ordering: .relaxed).newValue == 0 { self.code.store(UNF_OK, ordering: .relaxed) }
    switch code {
    case UNF_CALLBACK: throw CallError(code, "a function of the operator failed; see its own error")
    case UNF_STOPPED: throw CallError(code, "stopped")
    default: return try result.get()
    }
  }
}

/// An operator with its norm, which is found when it is first asked for.
final class OperatorObject: Sendable {
  let double: ArrayOperator
  let single: ArrayOperator
  let state: StopState
  private let matrix: Matrix?
  private let lipschitz: Double?
  private let noise: Noise
  private let name: String
  private let lock = Lock()
  private let known = Mutex<LinearSystem?>(nil)

  var domain: ArraySpace { double.domain }
  var codomain: ArraySpace { double.codomain }

  init(
    _ made: (Precision) throws -> ArrayOperator, _ options: DescriptionReader, state: StopState = StopState(), noise: Noise = .none,
    matrix: Matrix? = nil, name: String
  ) throws {
    let lipschitz = try options.number("lipschitz", 1e-300...1e300)
    double = try made(.double).stopped(by: state)
    single = try made(.single).stopped(by: state)
    (self.state, self.matrix, self.lipschitz) = (state, matrix, lipschitz)
    self.noise = try options.noise() ?? noise
    self.name = try options.text("name") ?? name
  }

  static let optionNames = ["name", "lipschitz", "noise"]

  /// - Parameter noise: in the place of the operator's own.
  func system(noise: Noise? = nil) throws -> LinearSystem {
    let own = try lock.withLock {
      if let found = known.withLock({ $0 }) { return found }
      let made = try LinearSystem(
        double: double, single: single, lipschitz: lipschitz, noise: self.noise, matrix: matrix, path: name)
      known.withLock { $0 = made }
      return made
    }
    return noise.map(own.with(noise:)) ?? own
  }

  func facts(norm: Bool) throws -> [JSONMember] {
    func extents(_ space: ArraySpace) -> JSONValue { .array(space.shape.map(JSONValue.integer)) }
    var facts = [
      JSONMember("name", .string(name)), JSONMember("shape_in", extents(domain)), JSONMember("shape_out", extents(codomain)),
      JSONMember("complex_in", .bool(domain.isComplex)), JSONMember("complex_out", .bool(codomain.isComplex)),
      JSONMember("noise", .string("\(noise)")), JSONMember("has_inverse", .bool(double.solve != nil)),
    ]
    if norm { facts.append(JSONMember("lipschitz", .number(try state.running { try system().lipschitz }))) }
    return facts
  }
}

extension ArrayOperator {
  /// The same, and NaN once it is stopped.
  fileprivate func stopped(by state: StopState) -> ArrayOperator {
    let A = self
    @Sendable func checked(_ x: Tensor, _ space: ArraySpace, _ map: (Tensor) -> Tensor) -> Tensor {
      state.isStopped ? .filled(.nan, shape: [x.shape[0]] + space.numbers, precision: x.precision) : map(x)
    }
    var solve: (@Sendable (Tensor, Double) -> Tensor)?
    if let inner = A.solve { solve = { b, penalty in checked(b, A.domain) { inner($0, penalty) } } }
    return ArrayOperator(
      from: domain, to: codomain, bound: bound, isUnitary: isUnitary, support: support, solve: solve,
      normal: { checked($0, A.domain, A.normal) }, forward: { checked($0, A.codomain, A.forward) },
      adjoint: { checked($0, A.domain, A.adjoint) })
  }

  /// A function of the caller's, one signal at a time.
  init(
    _ function: unf_function, _ context: UnsafeMutableRawPointer?, from domain: ArraySpace, to codomain: ArraySpace,
    _ state: StopState
  ) {
    nonisolated(unsafe) let context = context
    @Sendable func map(_ x: Tensor, _ adjoint: Int32, _ from: ArraySpace, _ to: ArraySpace) -> Tensor {
      let (samples, shape) = (x.shape[0], [x.shape[0]] + to.numbers)
      let (n, m) = (from.numbers.reduce(1, *), to.numbers.reduce(1, *))
      func run<S: BinaryFloatingPoint>(_ values: [S], _ single: Int32) -> [S] {
        values.withUnsafeBufferPointer { input in
          [S](unsafeUninitializedCapacity: samples * m) { out, count in
            for i in 0..<samples {
              let place = out.baseAddress! + i * m
              if !state.isStopped, function(context, adjoint, single, input.baseAddress! + i * n, place) == 0 { continue }
              state.stop(UNF_CALLBACK)
              place.initialize(repeating: .nan, count: m)
            }
            count = samples * m
          }
        }
      }
      return x.precision == .single ? Tensor(run(x.floats, 1), shape: shape) : Tensor(run(x.doubles, 0), shape: shape)
    }
    self.init(
      from: domain, to: codomain, forward: { map($0, 0, domain, codomain) }, adjoint: { map($0, 1, codomain, domain) })
  }

  /// R + i I on complex vectors, of real matrices R and I; nil: zeros.
  init(real R: ArrayOperator?, imaginary I: ArrayOperator?, columns: Int, rows: Int) {
    @Sendable func map(_ z: Tensor, _ real: ((Tensor) -> Tensor)?, _ imaginary: ((Tensor) -> Tensor)?, _ sign: Double) -> Tensor {
      let z = ComplexTensor(pairs: z)
      let (a, b) = (z.real, z.imaginary)
      let ofReal = real.map { ComplexTensor(real: $0(a), imaginary: $0(b)) }
      let ofImaginary = imaginary.map { ComplexTensor(real: -sign * $0(b), imaginary: sign * $0(a)) }
      guard let ofReal, let ofImaginary else { return (ofReal ?? ofImaginary ?? z).pairs }
      return ofReal.pairs + ofImaginary.pairs
    }
    self.init(
      from: ArraySpace([columns], isComplex: true), to: ArraySpace([rows], isComplex: true),
      forward: { map($0, R?.forward, I?.forward, 1) }, adjoint: { map($0, R?.adjoint, I?.adjoint, -1) })
  }
}

/// The operator of a handle.
func operatorObject(_ handle: Int64) throws -> OperatorObject { try Objects.all.object(handle, OperatorObject.self, "operator") }

extension DescriptionReader {
  func noise() throws -> Noise? { has("noise") ? try OperatorDescription.noise(self) : nil }

  func precision(_ usual: Precision) throws -> Precision { try choice("precision", Precision.self) ?? usual }
}

// MARK: The interface

@c @implementation
public func unf_release(_ object: Int64) -> Int32 {
  call {
    try Objects.all.release(object)
    return []
  }
}

@c @implementation
public func unf_operator_steps(
  _ description: UnsafePointer<CChar>?, _ count: Int32, _ names: UnsafePointer<UnsafePointer<CChar>?>?,
  _ arrays: UnsafePointer<unf_array>?, _ options: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let out = try place(out, "the operator")
    guard (0...1000).contains(count), count == 0 || (names != nil && arrays != nil) else {
      throw InputError("found \(count) arrays; expected 0 to 1000 with their names")
    }
    var given: [String: NumericArray] = [:]
    for i in 0..<Int(count) {
      let name = try text(names?[i], "name of an array")
      given[name] = try GivenArray(arrays.map { $0 + i }, name).value(name)
    }
    let options = try CInterface.options(options, OperatorObject.optionNames)
    let path = try options.text("name") ?? "operator"
    let steps = try OperatorDescription(
      DescriptionNode(json: text(description, "description"), "the description"), path: path, source: GivenArrays(given))
    guard let shape = steps.shape else {
      throw InputError("\(path): found an operator of any extent; expected a shape, such as [256, 256]")
    }
    let made = try OperatorObject(
      { try steps.made(shape: shape, precision: $0) }, options, noise: steps.noise, matrix: steps.matrix, name: path)
    return try Objects.all.give(made, to: out).facts(norm: false)
  }
}

/// A matrix on signals of a shape, real or complex, of entries of which `matrix` makes real ones.
private func matrixObject(
  _ entries: NumericArray, shape: [Int]?, _ options: UnsafePointer<CChar>?, matrix: (Tensor) throws -> OperatorMatrix
) throws -> OperatorObject {
  let options = try CInterface.options(options, OperatorObject.optionNames)
  let path = try options.text("name") ?? "matrix"
  guard entries.isComplex else {
    let real = try matrix(entries.numbers)
    let description = try OperatorDescription(real, path: path, shape: shape)
    return try OperatorObject(
      { try description.made(shape: shape ?? [real.columns], precision: $0) }, options, matrix: description.matrix, name: path)
  }
  let parts = try [entries.complex.real, entries.complex.imaginary].map { $0.maximumMagnitude == 0 ? nil : try matrix($0) }
  guard let known = parts[0] ?? parts[1] else {
    throw InputError("\(path): found a matrix of zeros; expected one that measures something")
  }
  let shape = shape ?? [known.columns]
  guard shape.count <= 3, shape.reduce(1, *) == known.columns else {
    throw InputError(
      "\(path): found signals of shape \(shape) for a matrix of \(known.rows) × \(known.columns); expected \(known.columns) numbers"
    )
  }
  return try OperatorObject(
    { precision in
      let made = try parts.map { part in
        try part.map { try OperatorDescription($0, path: path).made(shape: [known.columns], precision: precision) }
      }
      return ArrayOperator(real: made[0], imaginary: made[1], columns: known.columns, rows: known.rows).reshaped(from: shape)
    }, options, name: path)
}

@c @implementation
public func unf_operator_matrix(
  _ matrix: UnsafePointer<unf_array>?, _ rank: Int32, _ shape: UnsafePointer<Int64>?, _ options: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let out = try place(out, "the operator")
    let entries = try GivenArray(matrix, "the matrix").value("the matrix")
    guard entries.shape.count == 2 else { throw InputError("found a matrix of shape \(entries.shape); expected [rows, columns]") }
    let made = try matrixObject(entries, shape: extents(rank: rank, shape, "the signals"), options) {
      try OperatorMatrix(dense: $0, path: "matrix")
    }
    return try Objects.all.give(made, to: out).facts(norm: false)
  }
}

@c @implementation
public func unf_operator_sparse(
  _ rows: Int64, _ columns: Int64, _ rowStarts: UnsafePointer<Int64>?, _ columnIndices: UnsafePointer<Int64>?,
  _ values: UnsafePointer<unf_array>?, _ rank: Int32, _ shape: UnsafePointer<Int64>?, _ options: UnsafePointer<CChar>?,
  _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let out = try place(out, "the operator")
    guard (1...Int64(Int32.max)).contains(rows), (1...Int64(Int32.max)).contains(columns) else {
      throw InputError("found a sparse matrix of \(rows) × \(columns); expected 1 to \(Int32.max) of both")
    }
    let entries = try GivenArray(values, "the values").value("the values")
    guard entries.shape.count == 1 else { throw InputError("found values of shape \(entries.shape); expected one axis") }
    guard let rowStarts, let columnIndices else { throw InputError("found no row starts or column indices; expected both") }
    let starts = UnsafeBufferPointer(start: rowStarts, count: Int(rows) + 1).map { Int($0) }
    let indices = UnsafeBufferPointer(start: columnIndices, count: entries.shape[0])
    guard starts.first == 0, starts.last == entries.shape[0], zip(starts, starts.dropFirst()).allSatisfy(<=) else {
      throw InputError("found row starts that do not rise from 0 to the \(entries.shape[0]) values; expected those of CSR")
    }
    if let wrong = indices.first(where: { $0 < 0 || $0 >= columns }) {
      throw InputError("found a column \(wrong); expected 0 to \(columns - 1)")
    }
    let made = try matrixObject(entries, shape: extents(rank: rank, shape, "the signals"), options) { values in
      try checkMagnitude(of: values, "matrix")
      return OperatorMatrix(
        sparse: SparseMatrix(columns: Int(columns), rowStarts: starts, columnIndices: indices.map { Int32($0) }, values: values))
    }
    return try Objects.all.give(made, to: out).facts(norm: false)
  }
}

@c @implementation
public func unf_operator_function(
  _ function: unf_function?, _ context: UnsafeMutableRawPointer?, _ domain: UnsafePointer<unf_array>?,
  _ codomain: UnsafePointer<unf_array>?, _ options: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
  call {
    let out = try place(out, "the operator")
    guard let function, let domain, let codomain else {
      throw InputError("found no function, or not both spaces; expected a function and its spaces")
    }
    let spaces = (try ArraySpace(domain.pointee, "the domain"), try ArraySpace(codomain.pointee, "the codomain"))
    guard (1...3).contains(spaces.0.shape.count), !spaces.1.shape.isEmpty else {
      throw InputError("found signals of shape \(spaces.0.shape); expected [n], [height, width] or [channels, height, width]")
    }
    let options = try CInterface.options(options, OperatorObject.optionNames)
    let state = StopState()
    let A = ArrayOperator(function, context, from: spaces.0, to: spaces.1, state)
    let made = try OperatorObject({ _ in A }, options, state: state, name: "function")
    return try Objects.all.give(made, to: out).facts(norm: false)
  }
}

@c @implementation
public func unf_operator_facts(_ op: Int64, _ norm: Int32) -> Int32 {
  call { try operatorObject(op).facts(norm: norm != 0) }
}

@c @implementation
public func unf_operator_apply(
  _ op: Int64, _ adjoint: Int32, _ input: UnsafePointer<unf_array>?, _ output: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let A = try operatorObject(op)
    let (given, result) = (try GivenArray(input, "the input"), try GivenArray(output, "the output"))
    let (from, to) = adjoint == 0 ? (A.domain, A.codomain) : (A.codomain, A.domain)
    let x = try given.samples(of: from, "the input")
    let isSingle = given.precision == .single && result.precision == .single
    let map = isSingle ? A.single : A.double
    let y = try A.state.running {
      (adjoint == 0 ? map.forward : map.adjoint)(x.converted(to: isSingle ? .single : .double))
    }
    try result.fill(y, of: to, like: given, from, "the output")
    return []
  }
}

@c @implementation
public func unf_operator_adjoint_error(_ op: Int64, _ seed: UInt64, _ error: UnsafeMutablePointer<Double>?) -> Int32 {
  call {
    let A = try operatorObject(op)
    let error = try place(error, "the error")
    func tested<Signal: NumberSpace, Measurement: NumberSpace>(_: Signal.Type, _: Measurement.Type) -> Double {
      OnArrays<Signal, Measurement>(A.double, lipschitz: 1)
        .adjointError(domain: [1] + A.domain.shape, codomain: [1] + A.codomain.shape, seed: seed)
    }
    error.pointee = try A.state.running { tested(A.domain.type, A.codomain.type) }
    return []
  }
}

@c @implementation
public func unf_operator_measure(
  _ op: Int64, _ x: UnsafePointer<unf_array>?, _ seed: UInt64, _ y: UnsafeMutablePointer<unf_array>?
) -> Int32 {
  call {
    let A = try operatorObject(op)
    let (given, result) = (try GivenArray(x, "the signals"), try GivenArray(y, "the measurements"))
    let x = try given.samples(of: A.domain, "the signals").converted(to: .double)
    let measured = try A.state.running {
      let noise = try A.system().noise
      let clean = A.double.forward(x)
      // A stream for every signal, as files of signals have it.
      return Tensor.concatenated(
        (0..<x.shape[0]).map { i in
          var generator = RandomGenerator(seed: seed, stream: UInt64(i))
          return noise.added(to: clean.rows(i..<i + 1), support: A.double.support, using: &generator)
        })
    }
    try result.fill(measured, of: A.codomain, like: given, A.domain, "the measurements")
    return []
  }
}

@c @implementation
public func unf_operator_stop(_ op: Int64) -> Int32 {
  call {
    try operatorObject(op).state.stop(UNF_STOPPED)
    return []
  }
}
