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
    spectrallyFiltered(b, factors(inverseDiagonal(mask, gain, penalty), b.precision))
  }
}

/// Solves (Sᴴ Fᴴ P F S + ρ DᴴD) x = b for the images of several coils, D the periodic gradient, by conjugate gradients.
///
/// Preconditioned by the inverse of the matrix's diagonal in k-space, (1/n) Σ_c Σ_k' P(k') |Ŝ_c(k' − k)|² + ρ |D̂(k)|² with n pixels, the
/// best approximation by a convolution. Source: Chan, SIAM J. Sci. Stat. Comput. 9 (1988); for coils: Koolstra et al. (2019).
public struct SENSESolver: NormalEquationSolver {
  public let A: SENSE
  public let D: OnParts<Gradient2D>
  public let tolerance: Double
  public let maximumIterations: Int
  private let diagonal: [Double]
  private let gain: [Double]

  public init(_ A: SENSE, _ D: OnParts<Gradient2D>, tolerance: Double = 1e-4, maximumIterations: Int = 20) {
    self.A = A
    self.D = D
    self.tolerance = tolerance
    self.maximumIterations = maximumIterations
    gain = D.A.gain(columns: A.mask.width)
    // Unitary transforms: the correlation of P and q is √n F⁻¹(F P · conj(F q)).
    let (n, shape) = (A.mask.isSampled.count, [A.mask.height, A.mask.width])
    let spectrum = fft2(A.sensitivities.maps).pairs.doubles
    var power = [Double](repeating: 0, count: n)
    for i in 0..<spectrum.count / 2 {
      power[i % n] += spectrum[2 * i] * spectrum[2 * i] + spectrum[2 * i + 1] * spectrum[2 * i + 1]
    }
    let (p, q) = (fft2(complex(A.mask.values)).pairs.doubles, fft2(complex(Tensor(power, shape: shape))).pairs.doubles)
    var product = p
    for i in stride(from: 0, to: 2 * n, by: 2) {
      product[i] = p[i] * q[i] + p[i + 1] * q[i + 1]
      product[i + 1] = p[i + 1] * q[i] - p[i] * q[i + 1]
    }
    let correlation = inverseFFT2(ComplexTensor(pairs: Tensor(product, shape: shape + [2]))).real.doubles
    diagonal = correlation.map { max($0, 0) / Double(n).squareRoot() }
  }

  public func solve(_ b: ComplexTensor, penalty: Double) -> ComplexTensor { solve(b, penalty: penalty, near: .zero) }

  public func solve(_ b: ComplexTensor, penalty: Double, near x: ComplexTensor) -> ComplexTensor {
    let inverse = factors(inverseDiagonal(diagonal, gain, penalty), b.precision)
    return conjugateGradient(
      { x in A.gram.forward(x) + penalty * D.gram.forward(x) }, b, preconditionedBy: { spectrallyFiltered($0, inverse) }, from: x,
      tolerance: tolerance, maximumIterations: maximumIterations
    ).x
  }
}

/// Complex images `[…, h, w]` whose spectra are multiplied by real ``factors(_:_:)``.
private func spectrallyFiltered(_ x: ComplexTensor, _ factors: Tensor) -> ComplexTensor {
  if x.isShapelessZero { return x }
  let spectrum = fft2(x)
  let rows = spectrum.pairs.reshaped([spectrum.pairs.count / factors.count, factors.count])
  return inverseFFT2(ComplexTensor(pairs: scaledColumns(rows, factors).reshaped(spectrum.pairs.shape)))
}

/// One real factor a frequency, for both parts of it.
private func factors(_ values: [Double], _ precision: Precision) -> Tensor {
  var both = [Double](repeating: 0, count: 2 * values.count)
  for (i, value) in values.enumerated() { (both[2 * i], both[2 * i + 1]) = (value, value) }
  return Tensor(both, precision: precision)
}

/// 1 / (mask + ρ gain).
private func inverseDiagonal(_ mask: [Double], _ gain: [Double], _ penalty: Double) -> [Double] {
  zip(mask, gain).map { m, g in
    let k: Double = m + penalty * g
    return 1 / (k == 0 ? 1e-6 : k)
  }
}
