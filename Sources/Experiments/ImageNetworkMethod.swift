// SPDX-License-Identifier: Apache-2.0
import Training

extension ImageNetwork {
  /// The network as a method.
  ///
  /// - Parameter depth: the usual one unless given.
  func method<E: Experiment>(depth: Int? = nil, make: @escaping NetworkMethod<E>.Making) -> Method<E> {
    let (title, source, usual) = published
    return Method(
      rawValue, title, source: source, Architecture(depth: depth).over(usual), isConvolutional: !isADMM, network: make)
  }
}
