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

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool { self != .tval3 }

  public var title: String {
    switch self {
    case .tval3: "Total variation by an augmented Lagrangian"
    case .sda: "Stacked denoising auto-encoder: three dense layers"
    case .reconNet: "A dense layer and six convolution layers"
    case .istaNet: "ISTA with a learned transform"
    case .istaNetPlus: "ISTA with a learned transform on a residual"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .tval3: "Li, Yin, Jiang & Zhang, Comput. Optim. Appl. 56 (2013)"
    case .sda: "Mousavi, Patel & Baraniuk, Allerton 2015"
    case .reconNet: "Kulkarni, Lohit, Turaga, Kerviche & Ashok, CVPR 2016"
    case .istaNet, .istaNetPlus: "Zhang & Ghanem, CVPR 2018"
    }
  }

  /// True for unfolded algorithms, which need Q_init and have stages.
  public var isUnfolded: Bool { self == .istaNet || self == .istaNetPlus }

  /// Training begins at the linear fit of blocks by their measurements.
  public var startsFromFit: Bool { isUnfolded || self == .reconNet }

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
    }
  }

  private func side(of phi: Matrix) -> Int { Int(Double(phi.columns).squareRoot().rounded()) }
}
