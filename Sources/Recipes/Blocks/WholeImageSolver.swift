// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Foundation
import Networks
import Operators
import Problems
import Tensors

/// A network on whole images for one Φ, whose rows are made orthonormal first where they are not.
struct WholeImageSolver: Sendable {
  private let network: any WholeImageNetwork
  private let depth: Int
  /// Of orthonormal rows, in single precision.
  private let phi: Matrix
  /// W, with W Φ of orthonormal rows; nil where Φ has them.
  private let whitening: Matrix?
  let remark: String?

  /// Beyond it the noise of single precision, let alone of a sensor, would drown the image.
  static let largestCondition = 1e4

  /// - Throws: ``RecipeError`` when the rows of Φ are nearly dependent.
  init(_ network: any WholeImageNetwork, sensing: CompressiveSensing, depth: Int) throws {
    self.network = network
    self.depth = depth
    let entries = sensing.phi.entries.converted(to: .double)
    let gram = linear(entries, entries)
    if (gram - .identity(sensing.phi.rows)).maximumMagnitude <= 1e-4 {
      (phi, whitening, remark) = (sensing.phi.converted(to: .single), nil, nil)
      return
    }
    let (W, condition) = sensing.phi.rowWhitening
    let figure = condition.isFinite ? String(format: "%.3g", condition) : "∞"
    guard let W, condition <= Self.largestCondition else {
      throw RecipeError(
        "found a Φ of condition number \(figure); expected at most \(Int(Self.largestCondition)), leave out rows that depend on others"
      )
    }
    whitening = W
    phi = sensing.phi.whitened(by: W).converted(to: .single)
    remark = "Φ has no orthonormal rows (condition number \(figure)): it and its measurements were multiplied by (Φ Φᵀ)^(−1/2)"
  }

  /// The image `[height, width]` in double precision from the measurements `[blocks, M]` of its grid.
  func reconstruct(_ grid: BlockGrid, measurements: Tensor) -> Tensor {
    let (network, y) = prepared(grid, measurements)
    let blocks = y.reshaped(Array(y.shape.dropFirst()))
    let image =
      switch network {
      case let network as SCNet<BlockSampling>: network.byRows(blocks, stages: depth)
      case let network as SODASNet<BlockSampling>: network.byRows(blocks, stages: depth)
      default: network(y, stages: depth)
      }
    return cropped(image, grid)
  }

  /// The estimates after every stage.
  func trace(_ grid: BlockGrid, measurements: Tensor) -> [Tensor] {
    let (network, y) = prepared(grid, measurements)
    return network.trace(y).prefix(depth).map { cropped($0, grid) }
  }

  /// The network for whole blocks: zeros fill up the last ones, and are part of its image.
  private func prepared(_ grid: BlockGrid, _ measurements: Tensor) -> (any WholeImageNetwork, Tensor) {
    let y = (whitening?.forward(measurements.converted(to: .double)) ?? measurements).converted(to: .single)
    return (network.with(BlockSampling(phi: phi, grid: grid.filled)), y.reshaped([1] + y.shape))
  }

  /// Without what filled up the last blocks.
  private func cropped(_ image: Tensor, _ grid: BlockGrid) -> Tensor {
    let filled = grid.filled
    return grid.assemble(filled.cut(image.reshaped([filled.height, filled.width]).converted(to: .double)))
  }
}
