// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Tensors

/// The methods of block compressive sensing, by their names on the command line, in files and on pages.
public enum BlockMethod: String, CaseIterable, Sendable, Codable {
  case tval3
  case sda
  case reconNet = "reconnet"
  case istaNet = "ista-net"
  case istaNetPlus = "ista-net-plus"
  case sodasNet = "sodas-net"
  case scNet = "scnet"

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool { self != .tval3 }

  public var title: String {
    switch self {
    case .tval3: "Total variation by an augmented Lagrangian"
    case .sda: "Stacked denoising auto-encoder: three dense layers"
    case .reconNet: "A dense layer and six convolution layers"
    case .istaNet: "ISTA with a learned transform"
    case .istaNetPlus: "ISTA with a learned transform on a residual"
    case .sodasNet: "Proximal gradient with memory on the whole image, thresholds by means of channels"
    case .scNet: "Proximal gradient with memory on the whole image, one network for every ratio and Φ"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .tval3: "Li, Yin, Jiang & Zhang, Comput. Optim. Appl. 56 (2013)"
    case .sda: "Mousavi, Patel & Baraniuk, Allerton 2015"
    case .reconNet: "Kulkarni, Lohit, Turaga, Kerviche & Ashok, CVPR 2016"
    case .istaNet, .istaNetPlus: "Zhang & Ghanem, CVPR 2018"
    case .sodasNet: "Song & Chen, SODAS-Net, 2023"
    case .scNet: "Chen, Zhang, Chen, Chen & Zhang, SCNet, 2023"
    }
  }

  /// True for unfolded algorithms, which have stages.
  public var isUnfolded: Bool { hasInitial || isWholeImage }

  /// True for networks that start from Q_init y.
  public var hasInitial: Bool { self == .istaNet || self == .istaNetPlus }

  /// True for networks that see the whole image and not its blocks.
  public var isWholeImage: Bool { self == .sodasNet || self == .scNet }

  /// One file of weights serves every ratio and every Φ.
  public var servesEveryRatio: Bool { self == .scNet }

  /// Training begins at the linear fit of blocks by their measurements.
  public var startsFromFit: Bool { hasInitial || self == .reconNet }

  /// Stages that a network is made with where nothing else is said.
  public var usualDepth: Int {
    switch self {
    case .istaNet, .istaNetPlus: 9
    case .sodasNet: 25
    case .scNet: 20
    default: 1
    }
  }

  /// The untrained network; nil for a classical algorithm.
  public func network(phi: Matrix, initial: Tensor, depth: Int, channels: Int, seed: UInt64) -> (any TensorNetwork)? {
    switch self {
    case .tval3: nil
    case .sda: StackedAutoEncoder(measurements: phi.rows, side: side(of: phi), precision: phi.precision, seed: seed)
    case .reconNet:
      ReconNet(
        measurements: phi.rows, side: side(of: phi), initial: initial.isShapelessZero ? nil : initial, precision: phi.precision,
        seed: seed)
    case .istaNet: ISTANet(phi: phi, initial: initial, depth: depth, channels: channels, seed: seed)
    case .istaNetPlus: ISTANetPlus(phi: phi, initial: initial, depth: depth, channels: channels, seed: seed)
    case .sodasNet: SODASNet(sodasNet: block(of: phi), depth: depth, channels: channels, precision: phi.precision, seed: seed)
    case .scNet: SCNet(scNet: block(of: phi), depth: depth, channels: channels, precision: phi.precision, seed: seed)
    }
  }

  /// Φ on one block: a network on whole images is given its image later.
  private func block(of phi: Matrix) -> BlockSampling {
    BlockSampling(phi: phi, grid: BlockGrid(height: side(of: phi), width: side(of: phi), side: side(of: phi)))
  }

  private func side(of phi: Matrix) -> Int { Int(Double(phi.columns).squareRoot().rounded()) }
}
