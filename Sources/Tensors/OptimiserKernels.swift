// SPDX-License-Identifier: Apache-2.0
import Kernels

// What optimisers do to a tensor, in place: no allocation when the tensor is uniquely referenced.

extension Tensor {
  /// Adds numbers that lie as bytes in memory, in place; `.zero` becomes them.
  ///
  /// - Parameters: `shape` and `precision` of the numbers, those of this tensor unless it is `.zero`.
  public mutating func add(_ bytes: UnsafeRawBufferPointer, shape: [Int], _ precision: Precision) {
    let count = isShapelessZero ? shape.reduce(1, *) : self.count
    let width = (isShapelessZero ? precision : self.precision) == .single ? 4 : 8
    precondition(bytes.count == count * width, "\(bytes.count) bytes added to \(count) numbers")
    func numbers<S: Scalar>(_: S.Type) -> [S] {
      [S](unsafeUninitializedCapacity: count) { numbers, filled in
        UnsafeMutableRawBufferPointer(numbers).copyMemory(from: bytes)
        filled = count
      }
    }
    func add<S: Scalar>(_ values: inout [S]) {
      values.withUnsafeMutableBufferPointer { values in
        for i in values.indices { values[i] += bytes.loadUnaligned(fromByteOffset: i &* MemoryLayout<S>.size, as: S.self) }
      }
    }
    if var values = takeSingle() {
      add(&values)
      buffer = .single(values)
    } else if var values = takeDouble() {
      add(&values)
      buffer = .double(values)
    } else {
      self = precision == .single ? Tensor(numbers(Float.self), shape: shape) : Tensor(numbers(Double.self), shape: shape)
    }
  }

  /// One step of Adam with decoupled decay on this parameter, its moments `mean` and `square` changed along with it:
  ///
  ///     m ← β₁ m + (1 − β₁) g,   u ← β₂ u + (1 − β₂) g²,   w ← (1 − rate·decay) w − rate · m̂ / (√û + ε).
  ///
  /// A `.zero` gradient leaves all three untouched; moments that are `.zero` start as arrays of zeros.
  public mutating func adamStep(gradient: Tensor, mean: inout Tensor, square: inout Tensor, constants: AdamConstants) {
    if gradient.isShapelessZero { return }
    precondition(shape == gradient.shape, "Adam: a parameter of shape \(shape) with a gradient of shape \(gradient.shape)")
    if mean.isShapelessZero { mean = .zeros(shape, precision: precision) }
    if square.isShapelessZero { square = .zeros(shape, precision: precision) }
    precondition(mean.shape == shape && square.shape == shape, "Adam: moments \(mean.shape), \(square.shape) for \(shape)")
    if case .single(let g) = gradient.buffer, var m = mean.takeSingle(), var u = square.takeSingle(), var w = takeSingle() {
      Self.adam(g, &m, &u, &w, constants)
      (buffer, mean.buffer, square.buffer) = (.single(w), .single(m), .single(u))
    } else if case .double(let g) = gradient.buffer, var m = mean.takeDouble(), var u = square.takeDouble(), var w = takeDouble() {
      Self.adam(g, &m, &u, &w, constants)
      (buffer, mean.buffer, square.buffer) = (.double(w), .double(m), .double(u))
    } else {
      preconditionFailure("Adam: tensors of single and of double precision")
    }
  }

  private static func adam<S: Scalar>(_ g: [S], _ m: inout [S], _ u: inout [S], _ w: inout [S], _ constants: AdamConstants) {
    if w.isEmpty { return }
    g.withUnsafeBufferPointer { g in
      m.withUnsafeMutableBufferPointer { m in
        u.withUnsafeMutableBufferPointer { u in
          w.withUnsafeMutableBufferPointer { w in
            S.adam(
              gradient: g.baseAddress!, mean: m.baseAddress!, square: u.baseAddress!, parameter: w.baseAddress!,
              constants: constants, count: w.count)
          }
        }
      }
    }
  }

  /// Every element smaller than `bound` becomes `bound`: the projection on {w ≥ bound}. NaN stays NaN.
  public mutating func raise(to bound: Double) {
    if var v = takeSingle() {
      let least = Float(bound)
      for i in v.indices where v[i] < least { v[i] = least }
      buffer = .single(v)
    } else if var v = takeDouble() {
      for i in v.indices where v[i] < bound { v[i] = bound }
      buffer = .double(v)
    }
  }

  /// The same shape, precision and bits; unlike `==`, which asks for equal values.
  public func isIdentical(to other: Tensor) -> Bool {
    guard shape == other.shape else { return false }
    switch (buffer, other.buffer) {
    case (.zero, .zero): return true
    case (.single(let a), .single(let b)): return a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    case (.double(let a), .double(let b)): return a.elementsEqual(b) { $0.bitPattern == $1.bitPattern }
    default: return false
    }
  }
}
