// SPDX-License-Identifier: Apache-2.0
import Tensors

/// F: the unitary Fourier transform along the last axes, image → k-space with frequency 0 first. Fᴴ = F⁻¹, ‖F‖² = 1.
public struct Fourier: LinearOperator {
  /// How many of the last axes are transformed, 1 or 2.
  public let axes: Int

  public init(axes: Int = 2) {
    precondition(axes == 1 || axes == 2, "Fourier: \(axes) axes; 1 or 2 can be transformed")
    self.axes = axes
  }
  public func forward(_ x: ComplexTensor) -> ComplexTensor { axes == 1 ? fft(x) : fft2(x) }
  public func adjoint(_ y: ComplexTensor) -> ComplexTensor { axes == 1 ? inverseFFT(y) : inverseFFT2(y) }
  public var domainShape: [Int] { [] }
  public var codomainShape: [Int] { [] }
  public var lipschitz: Double { 1 }
}
