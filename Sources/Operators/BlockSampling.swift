// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// An image cut into square blocks that do not overlap, each flattened row by row. Zeros fill up the last blocks at the right and at
/// the bottom.
public struct BlockGrid: Sendable, Hashable {
  public let height: Int
  public let width: Int
  public let side: Int

  public init(height: Int, width: Int, side: Int) {
    precondition(height > 0 && width > 0 && side > 0, "blocks of \(side) of an image of \(height) × \(width)")
    self.height = height
    self.width = width
    self.side = side
  }

  /// Blocks from top to bottom and from left to right.
  public var rows: Int { (height + side - 1) / side }
  public var columns: Int { (width + side - 1) / side }
  public var count: Int { rows * columns }
  /// The same blocks of the image with what fills them up.
  public var filled: BlockGrid { BlockGrid(height: rows * side, width: columns * side, side: side) }

  /// `[…, count, side²]` of images `[…, height, width]`.
  public func cut(_ images: Tensor) -> Tensor {
    precondition(
      images.shape.suffix(2) == [height, width], "an image of shape \(images.shape) for blocks of [\(height), \(width)]")
    let shape = Array(images.shape.dropLast(2)) + [count, side * side]
    switch images.precision {
    case .single: return Tensor(cut(images.floats), shape: shape)
    case .double: return Tensor(cut(images.doubles), shape: shape)
    }
  }

  /// The images of blocks `[…, count, side²]`, cropped to their size: the adjoint of ``cut(_:)`` and its left inverse.
  public func assemble(_ blocks: Tensor) -> Tensor {
    precondition(
      blocks.shape.suffix(2) == [count, side * side], "blocks of shape \(blocks.shape); expected [\(count), \(side * side)]")
    let shape = Array(blocks.shape.dropLast(2)) + [height, width]
    switch blocks.precision {
    case .single: return Tensor(assemble(blocks.floats), shape: shape)
    case .double: return Tensor(assemble(blocks.doubles), shape: shape)
    }
  }

  private func cut<S: Scalar>(_ pixels: [S]) -> [S] {
    let size = count * side * side
    return copied(pixels, images: pixels.count / (height * width), size: size) { out, pixels, image in
      let (out, pixels) = (out + image * size, pixels + image * height * width)
      forEachRun { pixel, place, length in (out + place).update(from: pixels + pixel, count: length) }
    }
  }

  private func assemble<S: Scalar>(_ blocks: [S]) -> [S] {
    let size = count * side * side
    return copied(blocks, images: blocks.count / size, size: height * width) { out, blocks, image in
      let (out, blocks) = (out + image * height * width, blocks + image * size)
      forEachRun { pixel, place, length in (out + pixel).update(from: blocks + place, count: length) }
    }
  }

  private func copied<S: Scalar>(
    _ values: [S], images: Int, size: Int, _ body: (UnsafeMutablePointer<S>, UnsafePointer<S>, _ image: Int) -> Void
  ) -> [S] {
    var out = [S](repeating: 0, count: images * size)
    out.withUnsafeMutableBufferPointer { out in
      values.withUnsafeBufferPointer { values in
        for image in 0..<images { body(out.baseAddress!, values.baseAddress!, image) }
      }
    }
    return out
  }

  /// Runs of pixels that lie side by side in the image and in a block.
  private func forEachRun(_ body: (_ pixel: Int, _ place: Int, _ length: Int) -> Void) {
    for i in 0..<height {
      for column in 0..<columns {
        let block = i / side * columns + column
        body(i * width + column * side, (block * side + i % side) * side, min(side, width - column * side))
      }
    }
  }
}

/// Block sampling of images: y_b = Φ x_b for every block x_b. `[…, height, width]` to `[…, blocks, M]`.
public struct BlockSampling: Undersampling {
  /// M × side².
  public let phi: Matrix
  public let grid: BlockGrid

  public init(phi: Matrix, grid: BlockGrid) {
    precondition(phi.columns == grid.side * grid.side, "Φ of \(phi.rows) × \(phi.columns) for blocks of side \(grid.side)")
    self.phi = phi
    self.grid = grid
  }

  public func forward(_ images: Tensor) -> Tensor { images.isShapelessZero ? .zero : phi.forward(grid.cut(images)) }
  public func adjoint(_ y: Tensor) -> Tensor { y.isShapelessZero ? .zero : grid.assemble(phi.adjoint(y)) }
  /// That of Φ; exact when the image holds a whole block.
  /// Block by block; what fills up the last blocks is not part of the image, and then by conjugate gradients.
  public func solveNormalEquations(_ b: Tensor, penalty: Double) -> Tensor {
    if b.isShapelessZero { return b }
    guard grid.filled == grid else { return iteratedSolve(b, penalty: penalty) }
    return grid.assemble(phi.solveNormalEquations(grid.cut(b), penalty: penalty))
  }
  public var solvesDirectly: Bool { grid.filled == grid && phi.solvesDirectly }
  public var domainShape: [Int] { [grid.height, grid.width] }
  public var codomainShape: [Int] { [grid.count, phi.rows] }
  public var lipschitz: Double { phi.lipschitz }
  /// M / side².
  public var samplingRatio: Double { Double(phi.rows) / Double(phi.columns) }
}

extension Matrix {
  /// A Gaussian matrix with orthonormalised rows, (G Gᵀ)^(−1/2) G: the rows span a uniformly drawn subspace. In double precision,
  /// Φ Φᵀ = I to about 1e-14.
  public static func orthonormalRows(rows: Int, columns: Int, seed: UInt64) -> Matrix {
    precondition(rows > 0 && rows <= columns, "\(rows) orthonormal rows of \(columns) numbers")
    var generator = RandomGenerator(seed: seed)
    var G = Tensor.normal([rows, columns], using: &generator)
    for _ in 0..<2 {  // the second pass removes the rounding of the first
      let (values, vectors) = LinearAlgebra.symmetricEigen(linear(G, G).doubles, size: rows)
      G = linearTransposed(inverseSquareRoot(values, vectors), G)
    }
    return Matrix(G)
  }
}
