// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// The pixels of an image that a round sensor sees, as an operator: images `[…, n, n]` to vectors `[…, count]`, and by the adjoint back,
/// 0 in all other pixels.
///
/// The image is the square [−1, 1]²; pixel (i, j) has its centre at x = −1 + 1/n + 2j/n, y = 1 − 1/n − 2i/n: the top row first. Rows of
/// this operator are orthonormal, ‖A‖² = 1.
public struct PixelDisc: LinearOperator, Equatable {
  /// n.
  public let side: Int
  /// Where in the image, row by row, each entry of a vector stands.
  public let indices: [Int]

  /// The pixels with x² + y² ≤ 1, row by row.
  public init(side: Int) {
    precondition(side > 0, "PixelDisc: images of \(side) × \(side)")
    // In units of 1/n centres are whole numbers: the edge is exact.
    let centre = (0..<side).map { 2 * $0 + 1 - side }
    self.init(
      side: side,
      indices: (0..<side * side).filter { p in
        let (y, x) = (centre[p / side], centre[p % side])
        return x * x + y * y <= side * side
      })
  }

  /// Given pixels, by their positions in the image row by row, each at most once; a vector has their order.
  public init(side: Int, indices: [Int]) {
    precondition(side > 0 && !indices.isEmpty, "PixelDisc: \(indices.count) pixels of \(side) × \(side)")
    precondition(
      indices.allSatisfy { $0 >= 0 && $0 < side * side } && Set(indices).count == indices.count,
      "PixelDisc: pixels outside of \(side) × \(side), or twice")
    self.side = side
    self.indices = indices
  }

  /// Length of a vector.
  public var count: Int { indices.count }

  /// Centre of the pixel at a position of the image, row by row.
  public static func centre(_ position: Int, side: Int) -> SIMD2<Double> {
    let (i, j) = (position / side, position % side)
    return SIMD2(Double(2 * j + 1 - side), Double(side - 1 - 2 * i)) / Double(side)
  }

  /// Centres of the pixels in the order of a vector.
  public var centres: [SIMD2<Double>] { indices.map { Self.centre($0, side: side) } }

  public func forward(_ images: Tensor) -> Tensor {
    images.mapped(from: [side, side], to: [count]) {
      gather($0, $1, $2)
    } double: {
      gather($0, $1, $2)
    }
  }

  public func adjoint(_ vectors: Tensor) -> Tensor {
    vectors.mapped(from: [count], to: [side, side]) {
      scatter($0, $1, $2)
    } double: {
      scatter($0, $1, $2)
    }
  }

  public var domainShape: [Int] { [side, side] }
  public var codomainShape: [Int] { [count] }
  public var lipschitz: Double { 1 }

  private func gather<S: Scalar>(_ images: UnsafePointer<S>, _ out: UnsafeMutablePointer<S>, _ samples: Int) {
    indices.withUnsafeBufferPointer { indices in
      for s in 0..<samples {
        for p in 0..<indices.count { out[s * indices.count + p] = images[s * side * side + indices[p]] }
      }
    }
  }

  private func scatter<S: Scalar>(_ vectors: UnsafePointer<S>, _ images: UnsafeMutablePointer<S>, _ samples: Int) {
    images.initialize(repeating: 0, count: samples * side * side)
    indices.withUnsafeBufferPointer { indices in
      for s in 0..<samples {
        for p in 0..<indices.count { images[s * side * side + indices[p]] = vectors[s * indices.count + p] }
      }
    }
  }
}

extension PixelDisc {
  /// The differences between neighbours of this set.
  public var differences: PixelDifferences { PixelDifferences(self) }

  /// R = DᵀD, the graph Laplacian of the 4-neighbour grid restricted to the set.
  public var laplacian: Gram<PixelDifferences> { differences.gram }

  /// R as its entries, `[count, count]`: neighbours of a pixel on the diagonal, −1 between neighbours.
  public var laplacianEntries: Tensor {
    var entries = [Double](repeating: 0, count: count * count)
    for (p, q) in differences.pairs {
      entries[p * count + p] += 1
      entries[q * count + q] += 1
      entries[p * count + q] -= 1
      entries[q * count + p] -= 1
    }
    return Tensor(entries, shape: [count, count])
  }
}

/// D: x_q − x_p of every two pixels side by side or one above the other that both belong to a ``PixelDisc``, q right of p or below it.
///
/// Domain `[…, count]`, codomain `[…, pairs]`. DᵀD is the graph Laplacian, D_rᵀD_r + D_cᵀD_c of the two directions.
public struct PixelDifferences: LinearOperator {
  /// Places p and q in a vector.
  public let pairs: [(p: Int, q: Int)]
  /// Length of a vector of pixels.
  public let count: Int

  public init(_ pixels: PixelDisc) {
    let n = pixels.side
    var place = [Int](repeating: -1, count: n * n)
    for (p, index) in pixels.indices.enumerated() { place[index] = p }
    var pairs: [(p: Int, q: Int)] = []
    for (p, index) in pixels.indices.enumerated() {
      if index % n < n - 1, place[index + 1] >= 0 { pairs.append((p, place[index + 1])) }
      if index / n < n - 1, place[index + n] >= 0 { pairs.append((p, place[index + n])) }
    }
    self.pairs = pairs
    count = pixels.count
  }

  public func forward(_ x: Tensor) -> Tensor {
    x.mapped(from: [count], to: [pairs.count]) {
      differences($0, $1, $2)
    } double: {
      differences($0, $1, $2)
    }
  }

  public func adjoint(_ v: Tensor) -> Tensor {
    v.mapped(from: [pairs.count], to: [count]) {
      divergences($0, $1, $2)
    } double: {
      divergences($0, $1, $2)
    }
  }

  /// The bound λ_max(DᵀD) ≤ 8, twice the most neighbours a pixel has.
  public var domainShape: [Int] { [count] }
  public var codomainShape: [Int] { [pairs.count] }
  public var lipschitz: Double { 8 }

  private func differences<S: Scalar>(_ x: UnsafePointer<S>, _ v: UnsafeMutablePointer<S>, _ samples: Int) {
    for s in 0..<samples {
      for (i, (p, q)) in pairs.enumerated() { v[s * pairs.count + i] = x[s * count + q] - x[s * count + p] }
    }
  }

  private func divergences<S: Scalar>(_ v: UnsafePointer<S>, _ x: UnsafeMutablePointer<S>, _ samples: Int) {
    x.initialize(repeating: 0, count: samples * count)
    for s in 0..<samples {
      for (i, (p, q)) in pairs.enumerated() {
        x[s * count + q] += v[s * pairs.count + i]
        x[s * count + p] -= v[s * pairs.count + i]
      }
    }
  }
}
