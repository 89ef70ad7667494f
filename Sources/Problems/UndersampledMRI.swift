// SPDX-License-Identifier: Apache-2.0
import Operators
import Tensors

/// An operator from images to the k-space samples that a mask selects: `[…, h, w]`, or `[…, coils, h, w]` where there are several, on the
/// whole grid, 0 where nothing is measured.
public protocol KSpaceSampling: LinearOperator where Domain: ImageSpace, Codomain == ComplexTensor {
  var mask: SamplingMask { get }
  /// Receive coils, 1 where there are no maps of them.
  var coils: Int { get }
}

extension MaskedFourier: KSpaceSampling {
  public var coils: Int { 1 }
}
extension SENSE: KSpaceSampling {
  public var coils: Int { sensitivities.coils }
}
extension OnReal: KSpaceSampling where Op: KSpaceSampling {
  public var mask: SamplingMask { A.mask }
  public var coils: Int { A.coils }
}

/// The model family of compressive-sensing MRI: y = P F x + ε, or y = P F S x + ε with several coils.
///
/// What the operator is says which: ``RealMaskedFourier`` for real images, ``MaskedFourier`` for complex ones, ``SENSE`` for the coils of
/// complex ones, ``OnReal`` of that for those of real ones. Source: Lustig, Donoho & Pauly (2007); Pruessmann et al. (2001).
public struct UndersampledMRI<Op: KSpaceSampling>: Model {
  /// P F or P F S.
  public let A: Op
  /// White, of an image's samples in all coils.
  public let noise: Noise

  public init(_ A: Op, noise: Noise = .none) {
    self.A = A
    self.noise = noise
  }

  public var mask: SamplingMask { A.mask }

  /// y + ε, real and imaginary part independent and of one variance, on the samples of the mask.
  public func noisy(_ clean: ComplexTensor, using generator: inout RandomGenerator) -> ComplexTensor {
    if noise == .none || clean.isShapelessZero { return clean }
    let (v, grid) = (clean.pairs.doubles, mask.isSampled.count)
    let support = (0..<2 * A.coils * grid).map { mask.isSampled[$0 / 2 % grid] ? 1.0 : 0 }
    var added = [Double](repeating: 0, count: v.count)
    for start in stride(from: 0, to: v.count, by: 2 * A.coils * grid) {
      let deviation = noise.deviation(for: v[start..<start + support.count], support: support)
      for i in 0..<A.coils * grid where mask.isSampled[i % grid] {
        let (re, im) = generator.normalPair()
        (added[start + 2 * i], added[start + 2 * i + 1]) = (deviation * re, deviation * im)
      }
    }
    return clean + ComplexTensor(pairs: Tensor(added, shape: clean.pairs.shape, precision: clean.precision))
  }

  /// Zero filling, Aᴴ y: Fᴴ y, its real part for real images, the coils combined by Sᴴ; not clipped.
  public func zeroFilled(_ kSpace: ComplexTensor) -> Op.Domain { A.adjoint(kSpace) }
}

/// √(Σ_c |x_c|²): coil images combined without their maps, `[…, coils, h, w]` to real `[…, h, w]`.
///
/// `rootSumOfSquares(inverseFFT2(y))` is zero filling of several coils. Source: Roemer et al. (1990).
public func rootSumOfSquares(_ coilImages: ComplexTensor) -> Tensor {
  if coilImages.isShapelessZero { return .zero }
  let shape = coilImages.shape
  precondition(shape.count >= 3, "rootSumOfSquares: coil images of shape \(shape); expected […, coils, h, w]")
  let (coils, plane) = (shape[shape.count - 3], shape.suffix(2).reduce(1, *))
  let images = shape.dropLast(3).reduce(1, *)
  let v = coilImages.pairs.doubles
  var sums = [Double](repeating: 0, count: images * plane)
  v.withUnsafeBufferPointer { v in
    sums.withUnsafeMutableBufferPointer { sums in
      for image in 0..<images {
        for c in 0..<coils {
          let first = (image * coils + c) * plane
          for i in 0..<plane {
            let (re, im) = (v[2 * (first + i)], v[2 * (first + i) + 1])
            sums[image * plane + i] += re * re + im * im
          }
        }
        for i in image * plane..<(image + 1) * plane { sums[i] = sums[i].squareRoot() }
      }
    }
  }
  return Tensor(sums, shape: Array(shape.dropLast(3) + shape.suffix(2)), precision: coilImages.precision)
}
