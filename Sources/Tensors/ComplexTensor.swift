// SPDX-License-Identifier: Apache-2.0
import Kernels
import _Differentiation

/// A dense complex array of any rank, row-major, in single or double precision; real and imaginary part side by side.
public struct ComplexTensor: VectorSpace {
  public typealias TangentVector = ComplexTensor

  /// The numbers as pairs: shape + `[2]`.
  public var pairs: Tensor

  /// Complex numbers given as pairs (real, imaginary) along the last axis.
  @differentiable(reverse)
  public init(pairs: Tensor) { self.pairs = pairs }
  @derivative(of: init(pairs:)) @usableFromInline
  static func _vjpInit(pairs: Tensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> Tensor) {
    (ComplexTensor(pairs: pairs), { $0.pairs })
  }

  /// real + i · imaginary; both of one shape and precision.
  public init(real: Tensor, imaginary: Tensor) {
    precondition(real.shape == imaginary.shape, "complex: real part \(real.shape), imaginary part \(imaginary.shape)")
    func interleave<S>(_ a: [S], _ b: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: 2 * a.count) { out, filled in
        for i in 0..<a.count {
          out.initializeElement(at: 2 * i, to: a[i])
          out.initializeElement(at: 2 * i + 1, to: b[i])
        }
        filled = 2 * a.count
      }
    }
    switch real.precision {
    case .single: pairs = Tensor(interleave(real.floats, imaginary.floats), shape: real.shape + [2])
    case .double: pairs = Tensor(interleave(real.doubles, imaginary.doubles), shape: real.shape + [2])
    }
  }

  public static var zero: ComplexTensor { ComplexTensor(pairs: .zero) }
  public var isShapelessZero: Bool { pairs.isShapelessZero }
  public var shape: [Int] { Array(pairs.shape.dropLast()) }
  public var count: Int { pairs.count / 2 }
  public var precision: Precision { pairs.precision }

  /// The real parts. Not differentiable by the compiler; see ``realPart(_:)``.
  public var real: Tensor { part(0) }
  public var imaginary: Tensor { part(1) }

  private func part(_ offset: Int) -> Tensor {
    func every<S>(_ v: [S]) -> [S] {
      [S](unsafeUninitializedCapacity: v.count / 2) { out, filled in
        for i in 0..<v.count / 2 { out.initializeElement(at: i, to: v[2 * i + offset]) }
        filled = v.count / 2
      }
    }
    return switch pairs.buffer {
    case .zero: .zero
    case .single(let v): Tensor(every(v), shape: shape)
    case .double(let v): Tensor(every(v), shape: shape)
    }
  }

  public mutating func move(by offset: ComplexTensor) { pairs += offset.pairs }

  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  public static func + (a: ComplexTensor, b: ComplexTensor) -> ComplexTensor { ComplexTensor(pairs: a.pairs + b.pairs) }
  @derivative(of: +) @usableFromInline
  static func _vjpAdd(
    a: ComplexTensor, b: ComplexTensor
  ) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (ComplexTensor, ComplexTensor)) { (a + b, { ($0, $0) }) }
  @derivative(of: +, wrt: a) @usableFromInline
  static func _vjpAddFirst(a: ComplexTensor, b: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor)
  { (a + b, { $0 }) }
  @derivative(of: +, wrt: b) @usableFromInline
  static func _vjpAddSecond(a: ComplexTensor, b: ComplexTensor) -> (
    value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor
  ) { (a + b, { $0 }) }
  public static func += (a: inout ComplexTensor, b: ComplexTensor) { a.pairs += b.pairs }

  @differentiable(reverse,wrt: a) @differentiable(reverse,wrt: b) @differentiable(reverse)
  public static func - (a: ComplexTensor, b: ComplexTensor) -> ComplexTensor { ComplexTensor(pairs: a.pairs - b.pairs) }
  @derivative(of: -) @usableFromInline
  static func _vjpSubtract(
    a: ComplexTensor, b: ComplexTensor
  ) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (ComplexTensor, ComplexTensor)) { (a - b, { ($0, -1 * $0) }) }
  @derivative(of: -, wrt: a) @usableFromInline
  static func _vjpSubtractFirst(a: ComplexTensor, b: ComplexTensor) -> (
    value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor
  ) { (a - b, { $0 }) }
  @derivative(of: -, wrt: b) @usableFromInline
  static func _vjpSubtractSecond(a: ComplexTensor, b: ComplexTensor) -> (
    value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor
  ) { (a - b, { -1 * $0 }) }

  @differentiable(reverse,wrt: s) @differentiable(reverse,wrt: a) @differentiable(reverse)
  public static func * (s: Double, a: ComplexTensor) -> ComplexTensor { ComplexTensor(pairs: s * a.pairs) }
  @derivative(of: *) @usableFromInline
  static func _vjpScale(
    s: Double, a: ComplexTensor
  ) -> (value: ComplexTensor, pullback: (ComplexTensor) -> (Double, ComplexTensor)) { (s * a, { v in (v.inner(a), s * v) }) }
  @derivative(of: *, wrt: s) @usableFromInline
  static func _vjpScaleFactor(s: Double, a: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> Double) {
    (s * a, { $0.inner(a) })
  }
  @derivative(of: *, wrt: a) @usableFromInline
  static func _vjpScaled(s: Double, a: ComplexTensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> ComplexTensor) {
    (s * a, { s * $0 })
  }

  public func inner(_ other: ComplexTensor) -> Double { pairs.inner(other.pairs) }

  public var maximumMagnitude: Double {
    let v = pairs.doubles
    var largest = 0.0
    for i in stride(from: 0, to: v.count, by: 2) {
      let squared: Double = v[i] * v[i] + v[i + 1] * v[i + 1]
      largest = max(largest, squared)
    }
    return largest.squareRoot()
  }
}

/// Re z as a real tensor; its pullback embeds a real tensor in the complex plane.
@differentiable(reverse)
public func realPart(_ z: ComplexTensor) -> Tensor { z.real }

@derivative(of: realPart) @usableFromInline
func _vjpRealPart(_ z: ComplexTensor) -> (value: Tensor, pullback: (Tensor) -> ComplexTensor) {
  (z.real, { v in v.isShapelessZero ? .zero : complex(v) })
}

/// x + 0 i.
@differentiable(reverse)
public func complex(_ x: Tensor) -> ComplexTensor {
  x.isShapelessZero ? .zero : ComplexTensor(real: x, imaginary: .zeros(x.shape, precision: x.precision))
}

@derivative(of: complex) @usableFromInline
func _vjpComplex(_ x: Tensor) -> (value: ComplexTensor, pullback: (ComplexTensor) -> Tensor) { (complex(x), { $0.real }) }
