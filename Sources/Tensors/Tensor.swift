// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// Bits of a number. Precision is a property of a tensor's value, not of its type.
public enum Precision: String, Sendable, CaseIterable, Codable {
  case single
  case double
}

/// A dense real array of any rank, row-major, in single or double precision.
///
/// The last axis is the signal's own; axes before it are samples: a matrix operator maps `[…, n]` to `[…, m]`.
/// `Tensor.zero` is the additive identity of every shape and precision: gradients of things that were not used are `.zero`.
/// An operation on two precisions or on two shapes is a programming error and stops with both named.
public struct Tensor: Sendable {
  enum Buffer: Sendable {
    case zero
    case single([Float])
    case double([Double])
  }

  /// Extent of every axis, slowest first; `[]` for `.zero`.
  public private(set) var shape: [Int]
  var buffer: Buffer

  init(shape: [Int], buffer: Buffer) {
    self.shape = shape
    self.buffer = buffer
  }

  /// The zero of every shape.
  public static var zero: Tensor { Tensor(shape: [], buffer: .zero) }

  /// True for the shapeless zero only, not for an array of zeros.
  public var isShapelessZero: Bool {
    if case .zero = buffer { return true }
    return false
  }

  /// Number of elements; 0 for `.zero`.
  public var count: Int {
    switch buffer {
    case .zero: 0
    case .single(let v): v.count
    case .double(let v): v.count
    }
  }

  /// Single or double. The shapeless zero has none: asking is a programming error.
  public var precision: Precision {
    switch buffer {
    case .zero: preconditionFailure("the shapeless zero has no precision")
    case .single: .single
    case .double: .double
    }
  }

  // MARK: From and to arrays

  /// A tensor of `shape` holding `values`, rounded to `precision`.
  public init(_ values: [Double], shape: [Int]? = nil, precision: Precision = .double) {
    let shape = shape ?? [values.count]
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values do not fill the shape \(shape)")
    self.shape = shape
    self.buffer = precision == .double ? .double(values) : .single(values.map(Float.init))
  }

  /// A single-precision tensor of `shape` holding `values`. Literals without a type of their own are doubles.
  @_disfavoredOverload
  public init(_ values: [Float], shape: [Int]? = nil) {
    let shape = shape ?? [values.count]
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values do not fill the shape \(shape)")
    self.shape = shape
    self.buffer = .single(values)
  }

  public static func zeros(_ shape: [Int], precision: Precision = .double) -> Tensor {
    filled(0, shape: shape, precision: precision)
  }

  public static func filled(_ value: Double, shape: [Int], precision: Precision = .double) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor(
      shape: shape,
      buffer: precision == .double
        ? .double(Array(repeating: value, count: count)) : .single(Array(repeating: Float(value), count: count)))
  }

  /// The identity matrix, `[size, size]`.
  public static func identity(_ size: Int, precision: Precision = .double) -> Tensor {
    var values = [Double](repeating: 0, count: size * size)
    for i in 0..<size { values[i * size + i] = 1 }
    return Tensor(values, shape: [size, size], precision: precision)
  }

  /// The elements in row-major order, as doubles.
  public var doubles: [Double] {
    switch buffer {
    case .zero: []
    case .single(let v): v.map(Double.init)
    case .double(let v): v
    }
  }

  /// The elements in row-major order, rounded to single precision.
  public var floats: [Float] {
    switch buffer {
    case .zero: []
    case .single(let v): v
    case .double(let v): v.map(Float.init)
    }
  }

  /// The element at a row-major position.
  public subscript(flat i: Int) -> Double {
    switch buffer {
    case .zero: 0
    case .single(let v): Double(v[i])
    case .double(let v): v[i]
    }
  }

  /// The same values rounded to `precision`.
  public func converted(to precision: Precision) -> Tensor {
    switch (buffer, precision) {
    case (.single(let v), .double): Tensor(shape: shape, buffer: .double(v.map(Double.init)))
    case (.double(let v), .single): Tensor(shape: shape, buffer: .single(v.map(Float.init)))
    default: self
    }
  }

  /// The same elements under another shape.
  public func reshaped(_ shape: [Int]) -> Tensor {
    if isShapelessZero { return self }
    precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be reshaped to \(shape)")
    var result = self
    result.shape = shape
    return result
  }

  /// Extent of the last axis.
  public var width: Int { shape.last ?? 1 }
  /// Number of rows when all axes but the last are taken together.
  public var rowCount: Int { width == 0 ? 0 : count / width }

  /// Rows `range` of the first axis: samples of a batch. Not differentiable.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0], "rows \(range) of \(shape)")
    let stride = shape.dropFirst().reduce(1, *)
    let slice = range.lowerBound * stride..<range.upperBound * stride
    let newShape = [range.count] + shape.dropFirst()
    switch buffer {
    case .zero: return self
    case .single(let v): return Tensor(shape: newShape, buffer: .single(Array(v[slice])))
    case .double(let v): return Tensor(shape: newShape, buffer: .double(Array(v[slice])))
    }
  }

  /// The rows at `places` of the first axis, in that order. Not differentiable.
  public func rows(at places: [Int]) -> Tensor {
    precondition(!shape.isEmpty && places.allSatisfy { $0 >= 0 && $0 < shape[0] }, "rows \(places) of \(shape)")
    let stride = shape.dropFirst().reduce(1, *)
    func gather<S>(_ v: [S]) -> [S] {
      var gathered = [S]()
      gathered.reserveCapacity(places.count * stride)
      for i in places { gathered += v[i * stride..<(i + 1) * stride] }
      return gathered
    }
    let newShape = [places.count] + shape.dropFirst()
    switch buffer {
    case .zero: return self
    case .single(let v): return Tensor(shape: newShape, buffer: .single(gather(v)))
    case .double(let v): return Tensor(shape: newShape, buffer: .double(gather(v)))
    }
  }

  /// Row `i` of the first axis without that axis: one sample of a batch. Not differentiable.
  public func row(_ i: Int) -> Tensor { rows(i..<i + 1).reshaped(Array(shape.dropFirst())) }

  /// Tensors of one shape and precision stacked along a new first axis.
  public static func stacked(_ parts: [Tensor]) -> Tensor {
    precondition(!parts.isEmpty, "stacked: no tensors")
    return concatenated(parts).reshaped([parts.count] + parts[0].shape)
  }

  /// Tensors joined along their first axis.
  public static func concatenated(_ parts: [Tensor]) -> Tensor {
    precondition(!parts.isEmpty, "concatenated: no tensors")
    let first = parts[0]
    for p in parts {
      precondition(
        p.shape.dropFirst() == first.shape.dropFirst() && p.precision == first.precision,
        "concatenated: \(p.shape) \(p.precision) beside \(first.shape) \(first.precision)")
    }
    let shape = [parts.reduce(0) { $0 + $1.shape[0] }] + first.shape.dropFirst()
    switch first.precision {
    case .single: return Tensor(shape: shape, buffer: .single(parts.flatMap(\.floats)))
    case .double: return Tensor(shape: shape, buffer: .double(parts.flatMap(\.doubles)))
    }
  }

  /// The transpose of a matrix, `[n, m]` of `[m, n]`. Not differentiable.
  public var transposed: Tensor {
    precondition(shape.count == 2, "transposed: \(shape) is not a matrix")
    let (m, n) = (shape[0], shape[1])
    func swap<S: Scalar>(_ v: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: v.count) { out, filled in
        if !v.isEmpty { v.withUnsafeBufferPointer { S.transpose($0.baseAddress!, out.baseAddress!, m, n) } }
        filled = v.count
      }
    }
    switch buffer {
    case .zero: return self
    case .single(let v): return Tensor(shape: [n, m], buffer: .single(swap(v)))
    case .double(let v): return Tensor(shape: [n, m], buffer: .double(swap(v)))
    }
  }

  /// True when no element is NaN or infinite.
  public var isFinite: Bool {
    // The largest of the bits without a sign: an integer's comparisons, which the compiler puts side by side.
    switch buffer {
    case .zero: true
    case .single(let v):
      v.withUnsafeBufferPointer {
        $0.reduce(into: Int32(0)) { $0 = max($0, Int32(bitPattern: $1.bitPattern) & .max) }
          < Int32(bitPattern: Float.infinity.bitPattern)
      }
    case .double(let v):
      v.withUnsafeBufferPointer {
        $0.reduce(into: Int64(0)) { $0 = max($0, Int64(bitPattern: $1.bitPattern) & .max) }
          < Int64(bitPattern: Double.infinity.bitPattern)
      }
    }
  }

  /// `f` of every element, computed in double precision. Not differentiable and not fast: for set-up and tests.
  public func map(_ f: (Double) -> Double) -> Tensor {
    switch buffer {
    case .zero: self
    case .single(let v): Tensor(shape: shape, buffer: .single(v.map { Float(f(Double($0))) }))
    case .double(let v): Tensor(shape: shape, buffer: .double(v.map(f)))
    }
  }
}

// MARK: Changing in place

extension Tensor {
  /// Takes the numbers out, the one reference to them unless a copy of this tensor has another: what changes them then changes them in place.
  /// A pattern that binds them in a `switch` over several buffers would hold a second one. Nil, and nothing taken, in double precision.
  mutating func takeSingle() -> [Float]? {
    guard case .single(let values) = buffer else { return nil }
    buffer = .zero
    return values
  }

  /// The same in double precision.
  mutating func takeDouble() -> [Double]? {
    guard case .double(let values) = buffer else { return nil }
    buffer = .zero
    return values
  }
}

// MARK: Calling kernels

extension Tensor {
  typealias Unary<S> = (_ a: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int) -> Void
  typealias Binary<S> = (_ a: UnsafePointer<S>, _ b: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int) -> Void

  /// Kernels that work element by element: on large tensors pieces of them run on several threads.
  typealias ElementUnary<S> = @Sendable (_ a: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int) -> Void
  typealias ElementBinary<S> =
    @Sendable (
      _ a: UnsafePointer<S>, _ b: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ count: Int
    ) -> Void

  /// A new tensor of this shape written by a kernel that works element by element.
  func elementwise(_ single: ElementUnary<Float>, _ double: ElementUnary<Double>) -> Tensor {
    withNewResult({ ElementPieces.write($0, $1, $2, single) }, { ElementPieces.write($0, $1, $2, double) })
  }

  /// The same from this one and another of the same shape and precision; neither is `.zero`.
  func elementwise(_ name: StaticString, _ other: Tensor, _ single: ElementBinary<Float>, _ double: ElementBinary<Double>) -> Tensor
  {
    withNewResult(name, other, { ElementPieces.write($0, $1, $2, $3, single) }, { ElementPieces.write($0, $1, $2, $3, double) })
  }

  /// A new tensor of this shape written by a kernel, given once for each precision.
  func withNewResult(_ single: Unary<Float>, _ double: Unary<Double>) -> Tensor {
    switch buffer {
    case .zero: self
    case .single(let v): Tensor(shape: shape, buffer: .single(Self.write(v, single)))
    case .double(let v): Tensor(shape: shape, buffer: .double(Self.write(v, double)))
    }
  }

  /// A new tensor written by a kernel from this one and another of the same shape and precision; neither is `.zero`.
  func withNewResult(_ name: StaticString, _ other: Tensor, _ single: Binary<Float>, _ double: Binary<Double>) -> Tensor {
    precondition(shape == other.shape, "\(name): shapes \(shape) and \(other.shape)")
    switch (buffer, other.buffer) {
    case (.single(let a), .single(let b)): return Tensor(shape: shape, buffer: .single(Self.write(a, b, single)))
    case (.double(let a), .double(let b)): return Tensor(shape: shape, buffer: .double(Self.write(a, b, double)))
    default: preconditionFailure("\(name): a tensor of single and one of double precision")
    }
  }

  static func write<S: Scalar>(_ a: [S], _ kernel: Unary<S>) -> [S] {
    written(a.count) { out in a.withUnsafeBufferPointer { kernel($0.baseAddress!, out, a.count) } }
  }

  static func write<S: Scalar>(_ a: [S], _ b: [S], _ kernel: Binary<S>) -> [S] {
    written(a.count) { out in
      a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { b in kernel(a.baseAddress!, b.baseAddress!, out, a.count) } }
    }
  }
}

/// `count` numbers that `body` writes, which is not called for none.
func written<S: Scalar>(_ count: Int, _ body: (UnsafeMutablePointer<S>) -> Void) -> [S] {
  [S](unsafeUninitializedCapacity: count) { out, filled in
    if count > 0 { body(out.baseAddress!) }
    filled = count
  }
}
