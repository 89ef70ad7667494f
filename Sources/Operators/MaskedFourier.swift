// SPDX-License-Identifier: Apache-2.0
import Tensors

/// P F: the k-space samples that a mask selects of a complex image, `[…, h, w]` on the whole grid, 0 where nothing is measured.
///
/// F is unitary, so AᴴA = Fᴴ P F and ‖A‖² = 1.
public struct MaskedFourier: Undersampling {
  public let mask: SamplingMask

  public init(_ mask: SamplingMask) { self.mask = mask }

  public func forward(_ x: ComplexTensor) -> ComplexTensor { fft2(x).selecting(mask) }
  public func adjoint(_ y: ComplexTensor) -> ComplexTensor { inverseFFT2(y.selecting(mask)) }
  public var domainShape: [Int] { [mask.height, mask.width] }
  public var codomainShape: [Int] { [mask.height, mask.width] }
  public var lipschitz: Double { mask.count > 0 ? 1 : 0 }
  /// PᴴP is diagonal in k-space.
  public func solveNormalEquations(_ b: ComplexTensor, penalty: Double) -> ComplexTensor {
    b.solvingNormalEquations(of: mask, penalty: penalty)
  }
  public var solvesDirectly: Bool { true }
  /// The fraction of frequencies measured.
  public var samplingRatio: Double { mask.ratio }
}

/// P F of a real image: domain real tensors `[…, h, w]`, codomain k-space as for ``MaskedFourier``. The adjoint is Re Fᴴ P, the real
/// part of zero filling.
public typealias RealMaskedFourier = OnReal<MaskedFourier>

extension OnReal where Op == MaskedFourier {
  public init(_ mask: SamplingMask) { self.init(MaskedFourier(mask)) }
}

extension OnReal: Undersampling where Op: Undersampling {
  public var samplingRatio: Double { A.samplingRatio }
}

extension ComplexTensor {
  /// k-space `[…, h, w]` with 0 where the mask has nothing. Not differentiable.
  public func selecting(_ mask: SamplingMask) -> ComplexTensor {
    if isShapelessZero { return self }
    precondition(
      shape.suffix(2) == [mask.height, mask.width], "k-space of shape \(shape) for a mask of \(mask.height) × \(mask.width)")
    func run<S: FloatingPoint>(_ v: [S]) -> [S] {
      var v = v
      let size = mask.isSampled.count
      v.withUnsafeMutableBufferPointer { v in
        mask.isSampled.withUnsafeBufferPointer { mask in
          for begin in stride(from: 0, to: v.count, by: 2 * size) {
            for i in 0..<size where !mask[i] { (v[begin + 2 * i], v[begin + 2 * i + 1]) = (0, 0) }
          }
        }
      }
      return v
    }
    return switch precision {
    case .single: ComplexTensor(pairs: Tensor(run(pairs.floats), shape: pairs.shape))
    case .double: ComplexTensor(pairs: Tensor(run(pairs.doubles), shape: pairs.shape))
    }
  }
}
