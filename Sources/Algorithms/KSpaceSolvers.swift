// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// Solves (Fᴴ P F + ρ DᴴD) x = b for images `[…, h, w]`, one transform there and one back: D is a convolution, so DᴴD is diagonal in
/// k-space. Where the diagonal is 0, 1e-6 takes its place.
public struct KSpaceSolver<Space: FourierSpace>: NormalEquationSolver {
  private let mask: [Double]
  /// |D̂|².
  private let gain: [Double]
  private let height: Int
  private let width: Int

  /// For D the periodic gradient, |D̂|² = 4 sin²(π k/h) + 4 sin²(π l/w).
  public init(_ mask: SamplingMask, _ D: Gradient2D) { self.init(mask) { D.gain(columns: $0) } }

  /// For D the periodic gradient and orthonormal wavelets.
  public init(_ mask: SamplingMask, _ D: GradientAndWavelet) { self.init(mask) { D.gain(columns: $0) } }

  private init(_ mask: SamplingMask, gain: (_ columns: Int) -> [Double]) {
    self.mask = Space.diagonal(of: mask)
    self.gain = gain(Space.spectralColumns(ofWidth: mask.width))
    (height, width) = (mask.height, mask.width)
  }

  public func solve(_ b: Space, penalty: Double) -> Space {
    b.spectrallyFiltered(by: inverseDiagonal(mask, gain, penalty), height: height, width: width)
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
    let inverse = inverseDiagonal(diagonal, gain, penalty)
    let (height, width) = (A.mask.height, A.mask.width)
    return conjugateGradient(
      { x in A.normal(x) + penalty * D.normal(x) }, b,
      preconditionedBy: { $0.spectrallyFiltered(by: inverse, height: height, width: width) }, from: x,
      tolerance: tolerance, maximumIterations: maximumIterations
    ).x
  }
}

/// 1 / (mask + ρ gain).
private func inverseDiagonal(_ mask: [Double], _ gain: [Double], _ penalty: Double) -> [Double] {
  zip(mask, gain).map { m, g in
    let k: Double = m + penalty * g
    return 1 / (k == 0 ? 1e-6 : k)
  }
}
