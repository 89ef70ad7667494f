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
  /// ‖A x‖² / E‖ε‖² of an image in dB; nil: no noise.
  public let noiseDecibel: Double?

  public init(_ A: Op, noiseDecibel: Double? = nil) {
    self.A = A
    self.noiseDecibel = noiseDecibel
  }

  public var mask: SamplingMask { A.mask }

  /// y + ε: white noise, real and imaginary part independent and of one variance, on the samples of the mask, its power that of y
  /// times 10^(−SNR / 10) for each image on its own, all coils together.
  public func noisy(_ clean: ComplexTensor, using generator: inout RandomGenerator) -> ComplexTensor {
    guard let noiseDecibel, !clean.isShapelessZero, mask.count > 0 else { return clean }
    let (v, grid) = (clean.pairs.doubles, mask.isSampled.count)
    var noise = [Double](repeating: 0, count: v.count)
    for start in stride(from: 0, to: v.count, by: 2 * A.coils * grid) {
      let image = start..<start + 2 * A.coils * grid
      let power = v[image].reduce(0) { $0 + $1 * $1 } / Double(2 * A.coils * mask.count)
      let deviation = power.squareRoot() * decibelFactor(-noiseDecibel)
      for i in 0..<A.coils * grid where mask.isSampled[i % grid] {
        let (re, im) = generator.normalPair()
        (noise[start + 2 * i], noise[start + 2 * i + 1]) = (deviation * re, deviation * im)
      }
    }
    return clean + ComplexTensor(pairs: Tensor(noise, shape: clean.pairs.shape, precision: clean.precision))
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
