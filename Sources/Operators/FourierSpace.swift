// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Images whose Fourier transform is measured: real ones, of whose spectrum a half says all, or complex ones.
public protocol FourierSpace: ImageSpace {
  /// P F of such images.
  associatedtype Sampling: LinearOperator where Sampling.Domain == Self, Sampling.Codomain == ComplexTensor
  static func sampling(_ mask: SamplingMask) -> Sampling
  /// The columns of a spectrum that say all.
  static func spectralColumns(ofWidth width: Int) -> Int
  /// What PᴴP is on them.
  static func diagonal(of mask: SamplingMask) -> [Double]
  /// Images `[…, height, width]` whose spectra are multiplied by real factors, `[height, spectralColumns]`.
  func spectrallyFiltered(by factors: [Double], height: Int, width: Int) -> Self
}

extension FourierSpace {
  /// (Fᴴ P F + ρ)⁻¹ of these images, P F their sampling.
  func solvingNormalEquations(of mask: SamplingMask, penalty: Double) -> Self {
    spectrallyFiltered(by: Self.diagonal(of: mask).map { 1 / ($0 + penalty) }, height: mask.height, width: mask.width)
  }
}

extension Tensor: FourierSpace {
  public static func sampling(_ mask: SamplingMask) -> RealMaskedFourier { RealMaskedFourier(mask) }
  public static func spectralColumns(ofWidth width: Int) -> Int { width / 2 + 1 }
  public static func diagonal(of mask: SamplingMask) -> [Double] { mask.symmetricHalf.doubles }
  public func spectrallyFiltered(by factors: [Double], height: Int, width: Int) -> Tensor {
    if isShapelessZero { return self }
    let images = reshaped([count / (height * width), height, width])
    return Tensors.spectrallyFiltered(images, Tensor(factors, shape: [height, width / 2 + 1])).reshaped(shape)
  }
}

extension ComplexTensor: FourierSpace {
  public static func sampling(_ mask: SamplingMask) -> MaskedFourier { MaskedFourier(mask) }
  public static func spectralColumns(ofWidth width: Int) -> Int { width }
  public static func diagonal(of mask: SamplingMask) -> [Double] { mask.values.doubles }
  public func spectrallyFiltered(by factors: [Double], height: Int, width: Int) -> ComplexTensor {
    if isShapelessZero { return self }
    var both = [Double](repeating: 0, count: 2 * factors.count)  // for both parts of a frequency
    for (i, value) in factors.enumerated() { (both[2 * i], both[2 * i + 1]) = (value, value) }
    let spectrum = fft2(self)
    let rows = spectrum.pairs.reshaped([spectrum.pairs.count / both.count, both.count])
    let filtered = scaledColumns(rows, Tensor(both, precision: precision))
    return inverseFFT2(ComplexTensor(pairs: filtered.reshaped(spectrum.pairs.shape)))
  }
}
