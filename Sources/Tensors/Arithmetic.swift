// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

extension Tensor: VectorSpace {
  public typealias TangentVector = Tensor

  public mutating func move(by offset: Tensor) { self += offset }

  /// Equal shapes and equal elements, whatever the precision; `.zero` equals itself and any tensor of zeros.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    if a.isShapelessZero || b.isShapelessZero { return (a.isShapelessZero ? b : a).doubles.allSatisfy { $0 == 0 } }
    return a.shape == b.shape && a.doubles == b.doubles
  }

  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    if a.isShapelessZero { return b }
    if b.isShapelessZero { return a }
    return a.elementwise(
      "+", b, Float.add, Double.add)
  }
  @derivative(of: +) @usableFromInline
  static func _vjpAdd(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) { (a + b, { ($0, $0) }) }

  /// A sum, not a change in place: gradients are mostly shared, and a copy that is then changed costs more.
  @derivative(of: +, wrt: a) @usableFromInline
  static func _vjpAddFirst(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (a + b, { $0 }) }
  @derivative(of: +, wrt: b) @usableFromInline
  static func _vjpAddSecond(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (a + b, { $0 }) }
  public static func += (a: inout Tensor, b: Tensor) { a = a + b }

  /// a ← a + scale · b.
  public mutating func accumulate(_ b: Tensor, scale: Double) {
    if b.isShapelessZero { return }
    if isShapelessZero || scale == 1 || scale == -1 {
      self = scale == 1 ? self + b : scale == -1 ? self - b : scale * b
      return
    }
    precondition(shape == b.shape, "+=: shapes \(shape) and \(b.shape)")
    if case .single(let y) = b.buffer, var x = takeSingle() {
      Self.change(&x, y) { Float.axpy(Float(scale), $0, $1, $2) }
      buffer = .single(x)
    } else if case .double(let y) = b.buffer, var x = takeDouble() {
      Self.change(&x, y) { Double.axpy(scale, $0, $1, $2) }
      buffer = .double(x)
    } else {
      preconditionFailure("+=: a tensor of single and one of double precision")
    }
  }

  private static func change<S: Scalar>(_ x: inout [S], _ y: [S], _ kernel: ElementUnary<S>) {
    x.withUnsafeMutableBufferPointer { x in
      y.withUnsafeBufferPointer { y in if !y.isEmpty { ElementPieces.write(y.baseAddress!, x.baseAddress!, y.count, kernel) } }
    }
  }

  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    if b.isShapelessZero { return a }
    if a.isShapelessZero { return -1 * b }
    return a.elementwise(
      "-", b, Float.subtract, Double.subtract)
  }
  @derivative(of: -) @usableFromInline
  static func _vjpSubtract(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
    (a - b, { ($0, -1 * $0) })
  }
  @derivative(of: -, wrt: a) @usableFromInline
  static func _vjpSubtractFirst(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (a - b, { $0 }) }
  @derivative(of: -, wrt: b) @usableFromInline
  static func _vjpSubtractSecond(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (a - b, { -1 * $0 }) }
  public static func -= (a: inout Tensor, b: Tensor) { a = a - b }

  /// s · a, element by element.
  @differentiable(reverse,wrt: s) @differentiable(reverse,wrt: a) @differentiable(reverse)
  public static func * (s: Double, a: Tensor) -> Tensor {
    a.elementwise(
      { Float.scale(Float(s), $0, $1, $2) }, { Double.scale(s, $0, $1, $2) })
  }
  @derivative(of: *) @usableFromInline
  static func _vjpScale(s: Double, a: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Double, Tensor)) {
    (s * a, { v in (v.inner(a), s * v) })
  }
  @derivative(of: *, wrt: s) @usableFromInline
  static func _vjpScaleFactor(s: Double, a: Tensor) -> (value: Tensor, pullback: (Tensor) -> Double) { (s * a, { $0.inner(a) }) }
  @derivative(of: *, wrt: a) @usableFromInline
  static func _vjpScaled(s: Double, a: Tensor) -> (value: Tensor, pullback: (Tensor) -> Tensor) { (s * a, { s * $0 }) }

  public func inner(_ other: Tensor) -> Double {
    if isShapelessZero || other.isShapelessZero { return 0 }
    precondition(shape == other.shape, "inner: shapes \(shape) and \(other.shape)")
    switch (buffer, other.buffer) {
    case (.single(let a), .single(let b)):
      return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          a.isEmpty ? 0 : ElementPieces.sum(a.baseAddress!, b.baseAddress!, a.count, Float.dot)
        }
      }
    case (.double(let a), .double(let b)):
      return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          a.isEmpty ? 0 : ElementPieces.sum(a.baseAddress!, b.baseAddress!, a.count, Double.dot)
        }
      }
    default: preconditionFailure("inner: a tensor of single and one of double precision")
    }
  }

  public var maximumMagnitude: Double {
    switch buffer {
    case .zero: 0
    case .single(let v): Double(v.reduce(0) { max($0, abs($1)) })
    case .double(let v): v.reduce(0) { max($0, abs($1)) }
    }
  }

  /// a ∘ b: the element-wise (Hadamard) product.
  @differentiable(reverse)
  public static func .* (a: Tensor, b: Tensor) -> Tensor {
    if a.isShapelessZero || b.isShapelessZero { return .zero }
    return a.elementwise(
      ".*", b, Float.multiply, Double.multiply)
  }
  @derivative(of: .*) @usableFromInline
  static func _vjpHadamard(a: Tensor, b: Tensor) -> (value: Tensor, pullback: (Tensor) -> (Tensor, Tensor)) {
    (a .* b, { v in (v .* b, v .* a) })
  }
}

infix operator .* : MultiplicationPrecedence

/// Σᵢ aᵢ.
@differentiable(reverse)
public func sum(_ a: Tensor) -> Double { a.doubles.reduce(0, +) }

@derivative(of: sum) @usableFromInline
func _vjpSum(_ a: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  (sum(a), { v in a.isShapelessZero ? .zero : .filled(v, shape: a.shape, precision: a.precision) })
}

/// ‖a‖₁ = Σᵢ |aᵢ|; at 0 the derivative is taken as 0.
@differentiable(reverse)
public func l1Norm(_ a: Tensor) -> Double {
  switch a.buffer {
  case .zero: 0
  case .single(let v): v.reduce(0.0) { $0 + Double(abs($1)) }
  case .double(let v): v.reduce(0) { $0 + abs($1) }
  }
}

@derivative(of: l1Norm) @usableFromInline
func _vjpL1Norm(_ a: Tensor) -> (value: Double, pullback: (Double) -> Tensor) {
  (
    l1Norm(a),
    { v in a.elementwise({ writeSigns(of: $0, scaledBy: Float(v), $1, $2) }, { writeSigns(of: $0, scaledBy: v, $1, $2) }) }
  )
}

/// out = s · sign(a). The compiler makes vector selects of it: a branch would be mispredicted at every other element.
@inline(__always)
private func writeSigns<S: Scalar>(of a: UnsafePointer<S>, scaledBy s: S, _ out: UnsafeMutablePointer<S>, _ count: Int) {
  for i in 0..<count { out[i] = a[i] > 0 ? s : (a[i] < 0 ? -s : 0) }
}
