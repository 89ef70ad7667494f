// SPDX-License-Identifier: Apache-2.0
import Kernels
import Platform
import Tensors

/// Forward differences D of an image u flattened row by row, the two of a pixel side by side:
///
///     (D u)[i, j] = (u[i, j + 1] − u[i, j], u[i + 1, j] − u[i, j])
///
/// Domain `[…, h · w]` or `[…, h, w]`, codomain that and a last axis of 2, so that the shrinkage of a pixel is that of a group of two
/// (``groupSoftThreshold(_:threshold:groupSize:)``).
public struct Gradient2D: LinearOperator {
  /// What stands beyond the last column and row.
  public enum Boundary: String, Sendable, CaseIterable {
    /// The last column and row again: the difference across the edge is 0.
    case neumann
    /// The first column and row: the image goes around.
    case periodic
  }

  public let height: Int
  public let width: Int
  public let boundary: Boundary

  public init(height: Int, width: Int, boundary: Boundary = .neumann) {
    precondition(height > 0 && width > 0, "Gradient2D: images of \(height) × \(width)")
    self.height = height
    self.width = width
    self.boundary = boundary
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [height, width, 2] }
  public func forward(_ u: Tensor) -> Tensor {
    if u.isShapelessZero { return u }
    let images = imageCount(u.shape, "an image of shape \(u.shape)")
    let shape = u.shape + [2]
    return u.precision == .single
      ? Tensor(differences(u.floats, images: images), shape: shape) : Tensor(differences(u.doubles, images: images), shape: shape)
  }

  /// (Dᵀ v)[i, j] = v₀[i, j − 1] − v₀[i, j] + v₁[i − 1, j] − v₁[i, j], without the differences that D does not form.
  public func adjoint(_ v: Tensor) -> Tensor {
    if v.isShapelessZero { return v }
    precondition(v.shape.last == 2, "Gradient2D: differences of shape \(v.shape); expected a last axis of 2")
    let shape = Array(v.shape.dropLast())
    let images = imageCount(shape, "differences of shape \(v.shape)")
    return v.precision == .single
      ? Tensor(divergences(v.floats, images: images), shape: shape) : Tensor(divergences(v.doubles, images: images), shape: shape)
  }

  private func imageCount(_ shape: [Int], _ found: @autoclosure () -> String) -> Int {
    let isFlat = shape.last == height * width
    precondition(
      isFlat || shape.suffix(2) == [height, width],
      "Gradient2D: \(found()); expected images of \(height) × \(width), flat or not")
    return shape.dropLast(isFlat ? 1 : 2).reduce(1, *)
  }

  /// |D̂|² of the periodic gradient on the grid of the Fourier transform, 4 sin²(π k/h) + 4 sin²(π l/w), the first `columns` of it.
  public func gain(columns: Int) -> [Double] {
    precondition(boundary == .periodic, "Gradient2D: the gradient is diagonal in k-space with a periodic boundary only")
    func part(_ k: Int, _ n: Int) -> Double {
      let s = sin(Double.pi * Double(k) / Double(n))
      return 4 * s * s
    }
    return (0..<height).flatMap { k in (0..<columns).map { l in part(k, height) + part(l, width) } }
  }

  /// λ_max(DᵀD), the sum of both directions' 4 sin²(π k / (2 n)) at k = n − 1, or with n instead of 2 n at k = ⌊n / 2⌋ where the
  /// image goes around.
  public var lipschitz: Double {
    func largest(_ n: Int) -> Double {
      let angle = boundary == .neumann ? Double.pi * Double(n - 1) / Double(2 * n) : Double.pi * Double(n / 2) / Double(n)
      return 4 * sin(angle) * sin(angle)
    }
    return largest(height) + largest(width)
  }

  private func differences<S: Scalar>(_ u: [S], images: Int) -> [S] {
    let (h, w) = (height, width)
    var v = [S](repeating: 0, count: 2 * u.count)
    u.withUnsafeBufferPointer { u in
      v.withUnsafeMutableBufferPointer { v in
        for image in 0..<images {
          for i in 0..<h {
            let row = (image * h + i) * w
            let below = i + 1 < h ? row + w : boundary == .neumann ? row : image * h * w
            for j in 0..<w - 1 { v[2 * (row + j)] = u[row + j + 1] - u[row + j] }
            if boundary == .periodic { v[2 * (row + w - 1)] = u[row] - u[row + w - 1] }
            for j in 0..<w { v[2 * (row + j) + 1] = u[below + j] - u[row + j] }
          }
        }
      }
    }
    return v
  }

  private func divergences<S: Scalar>(_ v: [S], images: Int) -> [S] {
    let (h, w) = (height, width)
    var u = [S](repeating: 0, count: v.count / 2)
    v.withUnsafeBufferPointer { v in
      u.withUnsafeMutableBufferPointer { u in
        for image in 0..<images {
          for i in 0..<h {
            let row = (image * h + i) * w
            let below = i + 1 < h ? row + w : boundary == .neumann ? row : image * h * w
            for j in 0..<w - 1 {
              u[row + j] -= v[2 * (row + j)]
              u[row + j + 1] += v[2 * (row + j)]
            }
            if boundary == .periodic {
              u[row + w - 1] -= v[2 * (row + w - 1)]
              u[row] += v[2 * (row + w - 1)]
            }
            for j in 0..<w {
              u[row + j] -= v[2 * (row + j) + 1]
              u[below + j] += v[2 * (row + j) + 1]
            }
          }
        }
      }
    }
    return u
  }
}

/// How the two differences of a pixel count.
public enum TotalVariation: String, Sendable, CaseIterable {
  /// Σ ‖(D u)ᵢ‖₂.
  case isotropic
  /// Σ ‖(D u)ᵢ‖₁.
  case anisotropic
}

extension Gradient2D {
  /// TV(u), the sum over the images of a batch.
  public func totalVariation(_ u: Tensor, _ kind: TotalVariation = .isotropic) -> Double {
    let v = forward(u)
    if kind == .anisotropic { return l1Norm(v) }
    let values = v.doubles
    var sum = 0.0
    for i in stride(from: 0, to: values.count, by: 2) {
      sum += (values[i] * values[i] + values[i + 1] * values[i + 1]).squareRoot()
    }
    return sum
  }
}
