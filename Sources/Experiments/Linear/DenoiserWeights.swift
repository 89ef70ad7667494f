// SPDX-License-Identifier: Apache-2.0
import Denoisers
import FileFormats
import Networks
import Training

extension DenoiserTerm {
  /// - Throws: ``InputError`` where a file of weights is given for what is no network.
  func check(weights: String?) throws {
    guard let weights else { return }
    if case .network = self { return }
    throw InputError("found --denoiser-weights \(weights) for \(self), which has none; leave it out, or take denoiser:dilated-cnn")
  }

  /// - Parameter weights: a file, of networks; nil: those that ship.
  public func denoiser(weights: String?, library: ModelLibrary = .standard) throws -> any Denoiser {
    try check(weights: weights)
    return try denoiser { try $0.network(weights: weights, library: library) }
  }
}

extension DenoisingNetworkKind {
  /// - Parameter weights: a file, the authors' or the package's own; nil: those that ship.
  public func network(weights: String?, library: ModelLibrary = .standard) throws -> any DenoisingNetwork {
    let path = try weights ?? library.existing(library.file("\(Denoising.name)/\(rawValue)"), instead: "--denoiser-weights")
    return try network(Weights(anyFile: path), path: path)
  }
}

extension FFDNet {
  /// - Parameter user: what asks for the weights.
  init(file path: String?, for user: String) throws {
    guard let path else { throw InputError("found no --denoiser-weights for \(user); expected a file of FFDNet's weights") }
    try self.init(file: path)
  }

  /// With the weights of a file, the authors' or the package's own.
  public init(file path: String) throws {
    try self.init(Weights(anyFile: path), path: path)
  }
}
