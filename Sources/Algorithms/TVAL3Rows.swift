// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// Arithmetic in which every sample of a batch, an entry of the first axis, has a number of its own.
extension Tensor {
  /// Samples `rows` in that order.
  func choosing(_ rows: [Int]) -> Tensor {
    if rows.count == shape[0] { return self }
    return rows.isEmpty ? self.rows(0..<0) : .stacked(rows.map(row))
  }

  /// factorsᵢ aᵢ.
  func scalingRows(_ factors: [Double]) -> Tensor {
    func run<S: Scalar>(_ a: [S]) -> [S] {
      let stride = a.count / max(factors.count, 1)
      return [S](unsafeUninitializedCapacity: a.count) { out, filled in
        a.withUnsafeBufferPointer { a in
          for (i, factor) in factors.enumerated() where stride > 0 {
            S.scale(S(factor), a.baseAddress! + i * stride, out.baseAddress! + i * stride, stride)
          }
        }
        filled = a.count
      }
    }
    return precision == .single ? Tensor(run(floats), shape: shape) : Tensor(run(doubles), shape: shape)
  }

  /// aᵢ + factorsᵢ bᵢ.
  func adding(_ b: Tensor, byRows factors: [Double]) -> Tensor {
    precondition(shape == b.shape, "adding by rows: shapes \(shape) and \(b.shape)")
    func run<S: Scalar>(_ a: [S], _ b: [S]) -> [S] {
      let stride = a.count / max(factors.count, 1)
      var sum = a
      sum.withUnsafeMutableBufferPointer { sum in
        b.withUnsafeBufferPointer { b in
          for (i, factor) in factors.enumerated() where stride > 0 && factor != 0 {
            S.axpy(S(factor), b.baseAddress! + i * stride, sum.baseAddress! + i * stride, stride)
          }
        }
      }
      return sum
    }
    return precision == .single ? Tensor(run(floats, b.floats), shape: shape) : Tensor(run(doubles, b.doubles), shape: shape)
  }

  /// ⟨aᵢ, bᵢ⟩.
  func innerByRows(_ b: Tensor) -> [Double] {
    precondition(shape == b.shape, "inner products by rows: shapes \(shape) and \(b.shape)")
    func run<S: Scalar>(_ a: [S], _ b: [S]) -> [Double] {
      let (rows, stride) = (shape[0], shape.dropFirst().reduce(1, *))
      return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          (0..<rows).map { stride == 0 ? 0 : S.dot(a.baseAddress! + $0 * stride, b.baseAddress! + $0 * stride, stride) }
        }
      }
    }
    return precision == .single ? run(floats, b.floats) : run(doubles, b.doubles)
  }

  /// Σ over the pairs of a sample `[…, 2]` of their ℓ2 or ℓ1 norms.
  func totalVariationByRows(_ kind: TotalVariation) -> [Double] {
    func run<S: Scalar>(_ v: [S]) -> [Double] {
      let (rows, stride) = (shape[0], shape.dropFirst().reduce(1, *))
      return v.withUnsafeBufferPointer { v in
        (0..<rows).map { row in
          var sum = 0.0
          for i in Swift.stride(from: row * stride, to: (row + 1) * stride, by: 2) {
            sum +=
              kind == .anisotropic
              ? Double(v[i].magnitude + v[i + 1].magnitude) : Double(v[i] * v[i] + v[i + 1] * v[i + 1]).squareRoot()
          }
          return sum
        }
      }
    }
    return precision == .single ? run(floats) : run(doubles)
  }
}
