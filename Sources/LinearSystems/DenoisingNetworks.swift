// SPDX-License-Identifier: Apache-2.0
import Networks
import Tensors
import Training
import WeightFiles

/// The denoising networks by their names.
public enum DenoisingNetworkKind: String, CaseIterable, Sendable {
  /// ``DilatedCNN``.
  case dilatedCNN = "dilated-cnn"
  /// ``FFDNet``.
  case ffdNet = "ffdnet"

  /// Before training.
  public func untrained(precision: Precision = .single, seed: UInt64) -> any DenoisingNetwork {
    switch self {
    case .dilatedCNN: DilatedCNN(precision: precision, seed: seed)
    case .ffdNet: FFDNet(precision: precision, seed: seed)
    }
  }

  /// Which network weights are of, by the inputs of their first layer; FFDNet where they are of neither, whose names errors then give.
  public init(of weights: Weights) {
    let inputs = weights.parameters.first { $0.name == "layers.0.weight" }?.value.shape
    self = inputs?.count == 4 && inputs?[1] == 2 ? .dilatedCNN : .ffdNet
  }

  /// The network of this name with weights of a file.
  ///
  /// - Parameters: `weights`, the authors' or the package's own; `path`, what errors call them.
  public func network(_ weights: Weights, path: String) throws -> any DenoisingNetwork {
    let found = try Self.network(of: weights, path: path)
    guard found.kind == self else {
      throw InputError("\(path): found weights of \(found.kind.rawValue); expected those of \(rawValue), choose others")
    }
    return found.network
  }

  /// The network that weights are of.
  public static func network(of weights: Weights, path: String) throws -> (
    kind: DenoisingNetworkKind, network: any DenoisingNetwork
  ) {
    let weights = weights.withHouseNames
    let kind = DenoisingNetworkKind(of: weights)
    func filled<N: DenoisingNetwork>(_ network: N) throws -> any DenoisingNetwork { try weights.filled(network, path: path) }
    return (kind, try filled(kind.untrained(seed: 0)))
  }
}
