// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Convolution of periodic images with a kernel that is the same when turned by half a turn, by the Fourier transform: Fᴴ diag(k̂) F with a
/// real k̂, its own adjoint. What a ``Convolution2D`` of that kernel is, in a time that does not depend on the kernel's size.
///
/// Domain and codomain `[…, h, w]`; both parts of complex images are filtered. (AᴴA + ρ)⁻¹ is the filter 1 / (k̂² + ρ).
public struct PeriodicFilter<Space: ImageSpace>: LinearOperator {
  public typealias Domain = Space
  public typealias Codomain = Space
  public let height: Int
  public let width: Int
  /// k̂ on the half of the Fourier grid that says all of real images, `[h, ⌊w/2⌋ + 1]`.
  public let transfer: [Double]

  /// nil unless the kernel, of odd extents no larger than the images, is symmetric about its middle.
  public init?(kernel: Tensor, height: Int, width: Int) {
    let (kh, kw, values) = (kernel.shape[0], kernel.shape[1], kernel.doubles)
    guard kh % 2 == 1, kw % 2 == 1, kh <= height, kw <= width, values.elementsEqual(values.reversed()) else { return nil }
    (self.height, self.width) = (height, width)
    transfer = kernelSpectrum(kernel, height: height, width: width).map(\.x)
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [height, width] }
  /// max k̂².
  public var lipschitz: Double { transfer.reduce(0) { max($0, $1 * $1) } }
  public func forward(_ x: Space) -> Space { filtered(x, transfer) }
  public func adjoint(_ y: Space) -> Space { filtered(y, transfer) }
  public func solveNormalEquations(_ b: Space, penalty: Double) -> Space {
    filtered(b, transfer.map { 1 / ($0 * $0 + penalty) })
  }
  public var solvesDirectly: Bool { true }

  private func filtered(_ x: Space, _ factors: [Double]) -> Space {
    if x.isShapelessZero { return x }
    return Space(separateParts: x.separateParts.map { $0.spectrallyFiltered(by: factors, height: height, width: width) })
  }
}

/// k̂, real and imaginary parts, of a kernel about its middle, no larger than the images: on the half of the Fourier grid that says all of
/// real images, `[h, ⌊w/2⌋ + 1]`.
public func kernelSpectrum(_ kernel: Tensor, height: Int, width: Int) -> [SIMD2<Double>] {
  let (kh, kw, values) = (kernel.shape[0], kernel.shape[1], kernel.doubles)
  precondition(kh <= height && kw <= width, "a kernel of \(kh) × \(kw) for images of \(height) × \(width)")
  var plane = [Double](repeating: 0, count: height * width)
  for i in 0..<kh {
    for j in 0..<kw {
      plane[(i - kh / 2 + height) % height * width + (j - kw / 2 + width) % width] = values[i * kw + j]
    }
  }
  let spectrum = fft2(complex(Tensor(plane, shape: [height, width]))).pairs.doubles
  let unscaled = Double(height * width).squareRoot()
  return (0..<height).flatMap { i in
    (0...width / 2).map { j in
      let k = 2 * (i * width + j)
      return unscaled * SIMD2(spectrum[k], spectrum[k + 1])
    }
  }
}
