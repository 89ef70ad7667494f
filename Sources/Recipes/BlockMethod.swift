// SPDX-License-Identifier: Apache-2.0
import Networks
import Operators
import Tensors

/// The methods of block compressive sensing, by their names on the command line, in files and on pages.
public enum BlockMethod: String, CaseIterable, Sendable, Codable {
  case istaNet = "ista-net"
  case istaNetPlus = "ista-net-plus"

  /// True for networks, false for classical algorithms.
  public var isTrained: Bool { true }

  public var title: String {
    switch self {
    case .istaNet: "ISTA with a learned transform"
    case .istaNetPlus: "ISTA with a learned transform on a residual"
    }
  }

  /// Where it was published.
  public var source: String {
    switch self {
    case .istaNet, .istaNetPlus: "Zhang & Ghanem, CVPR 2018"
    }
  }

  /// The untrained network; nil for a classical algorithm.
  public func network(phi: Matrix, initial: Tensor, depth: Int, channels: Int, seed: UInt64) -> (any TensorNetwork)? {
    switch self {
    case .istaNet: ISTANet(phi: phi, initial: initial, depth: depth, channels: channels, seed: seed)
    case .istaNetPlus: ISTANetPlus(phi: phi, initial: initial, depth: depth, channels: channels, seed: seed)
    }
  }
}
