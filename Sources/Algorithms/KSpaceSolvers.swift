// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// Solves (Fᴴ P F + ρ DᴴD) x = b for real images `[…, h, w]`, one transform there and one back: D is a convolution, so DᴴD is diagonal
/// in k-space. Where the diagonal is 0, 1e-6 takes its place.
public struct RealKSpaceSolver: NormalEquationSolver {
  /// Of what the mask is for real images.
  private let mask: [Double]
  /// |D̂|², as `mask` the half `[h, ⌊w/2⌋ + 1]`.
  private let gain: [Double]
  private let height: Int
  private let width: Int

  /// For D the identity.
  public init(_ mask: SamplingMask) { self.init(mask, gain: Array(repeating: 1, count: mask.symmetricHalf.count)) }

  /// For D the periodic gradient, |D̂|² = 4 sin²(π k/h) + 4 sin²(π l/w).
  public init(_ mask: SamplingMask, _ D: Gradient2D) { self.init(mask, gain: D.gain(columns: mask.width / 2 + 1)) }

  /// For D the periodic gradient and orthonormal wavelets.
  public init(_ mask: SamplingMask, _ D: GradientAndWavelet) { self.init(mask, gain: D.gain(columns: mask.width / 2 + 1)) }

  private init(_ mask: SamplingMask, gain: [Double]) {
    self.mask = mask.symmetricHalf.doubles
    self.gain = gain
    (height, width) = (mask.height, mask.width)
  }

  public func solve(_ b: Tensor, penalty: Double) -> Tensor {
    if b.isShapelessZero { return b }
    let inverse = inverseDiagonal(mask, gain, penalty)
    let images = b.reshaped([b.count / (height * width), height, width])
    return spectrallyFiltered(images, Tensor(inverse, shape: [height, width / 2 + 1])).reshaped(b.shape)
  }
}

/// Solves (Fᴴ P F + ρ DᴴD) x = b for complex images `[…, h, w]`, as ``RealKSpaceSolver`` does for real ones.
public struct ComplexKSpaceSolver: NormalEquationSolver {
  private let mask: [Double]
  private let gain: [Double]

  /// For D the identity.
  public init(_ mask: SamplingMask) { self.init(mask, gain: Array(repeating: 1, count: mask.isSampled.count)) }

  /// For D the periodic gradient.
  public init(_ mask: SamplingMask, _ D: Gradient2D) { self.init(mask, gain: D.gain(columns: mask.width)) }

  /// For D the periodic gradient and orthonormal wavelets.
  public init(_ mask: SamplingMask, _ D: GradientAndWavelet) { self.init(mask, gain: D.gain(columns: mask.width)) }

  private init(_ mask: SamplingMask, gain: [Double]) {
    self.mask = mask.values.doubles
    self.gain = gain
  }

  public func solve(_ b: ComplexTensor, penalty: Double) -> ComplexTensor {
    if b.isShapelessZero { return b }
    let inverse = inverseDiagonal(mask, gain, penalty)
    let factors = Tensor(inverse.flatMap { [$0, $0] }, precision: b.precision)
    let spectrum = fft2(b)
    let rows = spectrum.pairs.reshaped([b.count / mask.count, 2 * mask.count])
    return inverseFFT2(ComplexTensor(pairs: scaledColumns(rows, factors).reshaped(spectrum.pairs.shape)))
  }
}

/// 1 / (mask + ρ gain).
private func inverseDiagonal(_ mask: [Double], _ gain: [Double], _ penalty: Double) -> [Double] {
  zip(mask, gain).map { m, g in
    let k: Double = m + penalty * g
    return 1 / (k == 0 ? 1e-6 : k)
  }
}
