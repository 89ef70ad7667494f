// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// Every number by a weight of its own: y = w ⊙ x, w of one array's extents. Weights of 0 and 1 are a mask, as in inpainting.
///
/// (AᴴA + ρ)⁻¹ is 1 / (w² + ρ) at every number.
public struct PixelWeights<Space: ImageSpace>: LinearOperator {
  public typealias Domain = Space
  public typealias Codomain = Space
  /// w, one a pixel.
  public let weights: Tensor

  public init(_ weights: Tensor) { self.weights = weights }

  public var domainShape: [Int] { weights.shape }
  public var codomainShape: [Int] { weights.shape }
  /// max w².
  public var lipschitz: Double { weights.maximumMagnitude * weights.maximumMagnitude }
  public func forward(_ x: Space) -> Space { weighted(x, weights.doubles) }
  public func adjoint(_ y: Space) -> Space { weighted(y, weights.doubles) }
  public var solvesDirectly: Bool { true }
  public func solveNormalEquations(_ b: Space, penalty: Double) -> Space {
    weighted(b, weights.doubles.map { 1 / ($0 * $0 + penalty) })
  }

  private func weighted(_ x: Space, _ factors: [Double]) -> Space {
    if x.isShapelessZero { return x }
    let numbers = x.numbers
    precondition(
      x.shape.suffix(weights.shape.count) == weights.shape[...], "arrays of shape \(x.shape) for weights \(weights.shape)")
    let each = Space.parts == 1 ? factors : factors.flatMap { [$0, $0] }
    let rows = numbers.reshaped([numbers.count / each.count, each.count])
    return Space(numbers: scaledColumns(rows, Tensor(each, precision: x.numbers.precision)), shape: x.shape)
  }
}

/// Every `factor`-th pixel of images along both axes, the first one kept: `[…, h, w]` to `[…, ⌈h / factor⌉, ⌈w / factor⌉]`. The adjoint puts
/// zeros between.
public struct Decimation: LinearOperator {
  public let height: Int
  public let width: Int
  public let factor: Int

  public init(height: Int, width: Int, factor: Int) {
    precondition(height > 0 && width > 0 && factor > 0, "every \(factor)-th pixel of \(height) × \(width)")
    (self.height, self.width, self.factor) = (height, width, factor)
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [(height + factor - 1) / factor, (width + factor - 1) / factor] }
  public var lipschitz: Double { 1 }

  public func forward(_ x: Tensor) -> Tensor {
    x.mapped(from: domainShape, to: codomainShape) {
      gather($0, into: $1, $2)
    } double: {
      gather($0, into: $1, $2)
    }
  }
  public func adjoint(_ y: Tensor) -> Tensor {
    y.mapped(from: codomainShape, to: domainShape) {
      scatter($0, into: $1, $2)
    } double: {
      scatter($0, into: $1, $2)
    }
  }
  public var solvesDirectly: Bool { true }
  /// The pixels that are kept by 1 / (1 + ρ), the others by 1 / ρ.
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor { projectionSolve(b, penalty: penalty) }

  private func gather<S: Scalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, _ batch: Int) {
    var k = 0
    for image in 0..<batch {
      for i in stride(from: 0, to: height, by: factor) {
        for j in stride(from: 0, to: width, by: factor) {
          y[k] = x[(image * height + i) * width + j]
          k += 1
        }
      }
    }
  }

  private func scatter<S: Scalar>(_ y: UnsafePointer<S>, into x: UnsafeMutablePointer<S>, _ batch: Int) {
    x.update(repeating: 0, count: batch * height * width)
    var k = 0
    for image in 0..<batch {
      for i in stride(from: 0, to: height, by: factor) {
        for j in stride(from: 0, to: width, by: factor) {
          x[(image * height + i) * width + j] = y[k]
          k += 1
        }
      }
    }
  }
}

/// Some rows of the Walsh–Hadamard transform of arrays of n = 2ᵏ numbers, of norm 1 each: `[…, n]` to `[…, rows]`, what a single-pixel camera
/// measures whose mirrors show the patterns ± 1 / √n.
///
/// Row s of H is (−1)^{popcount(s & j)} / √n. The rows are orthonormal: A Aᴴ = 1. Source: Duarte et al., IEEE Signal Process. Mag. 25 (2008).
public struct Hadamard: Undersampling {
  /// n.
  public let size: Int
  /// s, in the order of the measurements; distinct.
  public let rows: [Int]

  public init(size: Int, rows: [Int]) {
    precondition(size > 0 && size & (size - 1) == 0, "a Hadamard transform of \(size) numbers; expected a power of two")
    precondition(rows.allSatisfy { (0..<size).contains($0) } && Set(rows).count == rows.count, "rows of a transform of \(size)")
    (self.size, self.rows) = (size, rows)
  }

  public var domainShape: [Int] { [size] }
  public var codomainShape: [Int] { [rows.count] }
  public var lipschitz: Double { 1 }
  public var samplingRatio: Double { Double(rows.count) / Double(size) }

  public func forward(_ x: Tensor) -> Tensor {
    x.mapped(from: domainShape, to: codomainShape) {
      select($0, into: $1, $2)
    } double: {
      select($0, into: $1, $2)
    }
  }
  public func adjoint(_ y: Tensor) -> Tensor {
    y.mapped(from: codomainShape, to: domainShape) {
      spread($0, into: $1, $2)
    } double: {
      spread($0, into: $1, $2)
    }
  }
  public var solvesDirectly: Bool { true }
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor { projectionSolve(b, penalty: penalty) }

  private func select<S: Scalar>(_ x: UnsafePointer<S>, into y: UnsafeMutablePointer<S>, _ batch: Int) {
    withUnsafeTemporaryAllocation(of: S.self, capacity: size) { whole in
      guard let v = whole.baseAddress else { return }
      for k in 0..<batch {
        v.initialize(from: x + k * size, count: size)
        transform(v)
        for (i, row) in rows.enumerated() { y[k * rows.count + i] = v[row] }
      }
    }
  }

  private func spread<S: Scalar>(_ y: UnsafePointer<S>, into x: UnsafeMutablePointer<S>, _ batch: Int) {
    for k in 0..<batch {
      let v = x + k * size
      v.update(repeating: 0, count: size)
      for (i, row) in rows.enumerated() { v[row] = y[k * rows.count + i] }
      transform(v)
    }
  }

  /// H v in place, by butterflies.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private func transform<S: Scalar>(_ v: UnsafeMutablePointer<S>) {
    var half = 1
    while half < size {
      for begin in stride(from: 0, to: size, by: 2 * half) {
        for i in begin..<begin + half { (v[i], v[i + half]) = (v[i] + v[i + half], v[i] - v[i + half]) }
      }
      half *= 2
    }
    let scale = S(1 / Double(size).squareRoot())
    for i in 0..<size { v[i] *= scale }
  }
}
