// SPDX-License-Identifier: Apache-2.0
import Networks
import Tensors
import Training

/// A way to reconstruct: its name on the command line, in files and on pages, and what makes it ready for a system.
public struct Method<E: Experiment>: Sendable {
  public let name: String
  public let title: String
  /// Where it was published.
  public let source: String
  /// The ``Experiment/Knobs`` it takes, by their names.
  public let knobs: Set<String>
  public let kind: Kind
  /// Whether published figures clip estimates to [0, 1]; nil: as ``Experiment/scoring`` says.
  public var clips: Bool?

  public enum Kind: Sendable {
    /// A classical algorithm.
    case classical(@Sendable (E.System, E.Knobs) throws -> Reconstructor<E>)
    case network(NetworkMethod<E>)
  }

  public init(
    _ name: String, _ title: String, source: String, knobs: Set<String> = [],
    classical: @escaping @Sendable (E.System, E.Knobs) throws -> Reconstructor<E>
  ) {
    (self.name, self.title, self.source, self.knobs, kind) = (name, title, source, knobs, .classical(classical))
  }

  /// - Parameter architecture: that of the network before training; what is nil in it cannot be chosen.
  public init(
    _ name: String, _ title: String, source: String, knobs: Set<String> = [], _ architecture: Architecture,
    isConvolutional: Bool = true, requiresDepth: Bool = false, network: @escaping NetworkMethod<E>.Making
  ) {
    (self.name, self.title, self.source, self.knobs) = (name, title, source, knobs)
    kind = .network(
      NetworkMethod(architecture: architecture, isConvolutional: isConvolutional, requiresDepth: requiresDepth, make: network))
  }

  /// Nil for a classical algorithm.
  public var network: NetworkMethod<E>? { if case .network(let network) = kind { network } else { nil } }
  public var isTrained: Bool { network != nil }
}

/// What is known of a network before it has weights.
public struct NetworkMethod<E: Experiment>: Sendable {
  public typealias Making =
    @Sendable (_ system: E.System, _ shape: Architecture, _ weights: Weights?, _ seed: UInt64) throws -> any Network
  /// What can be chosen, with the usual values.
  public let architecture: Architecture
  /// A network of 3 × 3 convolutions between many channels: what mixed precision is for.
  public let isConvolutional: Bool
  /// Weights that do not say their number of stages are refused, where no depth is given.
  public let requiresDepth: Bool
  /// The network before its parameters are filled in; `weights` are those to come, for what is fixed in them.
  public let make: Making
}
