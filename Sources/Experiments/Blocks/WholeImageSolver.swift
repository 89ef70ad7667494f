// SPDX-License-Identifier: Apache-2.0
import Algorithms
import FileFormats
import Foundation
import Networks
import Operators
import Problems
import Tensors

/// A network on whole images for one Φ, whose rows are made orthonormal first where they are not.
struct WholeImageSolver: Sendable {
  private let network: any WholeImageNetwork
  private let depth: Int
  private let selfEnsemble: Bool
  private let sensing: OrthonormalSensing
  var remarks: [String] { sensing.remarks }

  /// - Throws: ``InputError`` when the rows of Φ are nearly dependent.
  init(_ network: any WholeImageNetwork, sensing: CompressiveSensing, depth: Int, selfEnsemble: Bool = false) throws {
    self.network = network
    self.depth = depth
    self.selfEnsemble = selfEnsemble
    self.sensing = try OrthonormalSensing(sensing)
  }

  /// The image `[height, width]` in double precision from the measurements `[blocks, M]` of its grid.
  func reconstruct(_ grid: BlockGrid, measurements: Tensor) -> Tensor {
    let (phi, y) = (sensing.phi, sensing.measurements(measurements))
    guard selfEnsemble else { return grid.cropped(estimate(phi, grid.filled, y).converted(to: .double)) }
    let images = Orientation.allCases.map { turn in
      let turned = BlockGrid(
        height: (turn.transposes ? grid.columns : grid.rows) * grid.side,
        width: (turn.transposes ? grid.rows : grid.columns) * grid.side, side: grid.side)
      let image = estimate(phi.turned(turn, side: grid.side), turned, y.turnedBlocks(turn, rows: grid.rows, columns: grid.columns))
      return turn.adjoint(image).converted(to: .double)
    }
    return grid.cropped((1 / Double(images.count)) * images.dropFirst().reduce(images[0], +))
  }

  /// The image of whole blocks: zeros fill up the last ones, and are part of it.
  private func estimate(_ phi: Matrix, _ grid: BlockGrid, _ y: Tensor) -> Tensor {
    let bound = network.with(BlockSampling(phi: phi, grid: grid))
    return switch bound {
    case let network as SCNet<BlockSampling>: network.image(y, stages: depth)
    case let network as SODASNet<BlockSampling>: network.image(y, stages: depth)
    default: bound(y.reshaped([1] + y.shape), stages: depth).reshaped([grid.height, grid.width])
    }
  }
}

extension Matrix {
  /// Φ T⁻¹: what measures of a turned block what Φ measures of the block.
  fileprivate func turned(_ turn: Orientation, side: Int) -> Matrix {
    withEntries(turn.forward(entries.reshaped([rows, side, side])).reshaped([rows, columns]))
  }
}

extension Tensor {
  /// The measurements `[blocks, M]` of an image's blocks in the order of the turned image's.
  fileprivate func turnedBlocks(_ turn: Orientation, rows: Int, columns: Int) -> Tensor {
    let M = shape[1]
    return turn.forward(transposed.reshaped([M, rows, columns])).reshaped([M, rows * columns]).transposed
  }
}
