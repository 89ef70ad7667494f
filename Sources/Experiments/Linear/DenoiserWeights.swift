// SPDX-License-Identifier: Apache-2.0
import Denoisers
import FileFormats
import Networks
import Training

extension DenoiserTerm {
  /// - Parameter weights: a file, of networks.
  public func denoiser(weights: String?) throws -> any Denoiser {
    if let weights, self != .ffdNet {
      throw InputError("found --denoiser-weights \(weights) for \(self), which has none; leave it out, or take denoiser:ffdnet")
    }
    return try denoiser { try FFDNet(file: weights, for: "\(self)") }
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
