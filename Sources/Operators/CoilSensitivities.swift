// SPDX-License-Identifier: Apache-2.0
import Kernels
import Tensors

/// S: what every receive coil sees of an image, (S x)_c = S_c ∘ x; adjoint Sᴴ y = Σ_c conj(S_c) ∘ y_c.
///
/// Domain complex images `[…, h, w]`, codomain coil images `[…, coils, h, w]`, in the precision of the maps. Maps of unit root sum of
/// squares, Σ_c |S_c|² = 1, make S an isometry and Sᴴ the least-squares combination of the coils.
///
/// Source: Pruessmann, Weiger, Scheidegger & Boesiger (1999).
public struct CoilSensitivities: LinearOperator {
  /// S_c, `[coils, h, w]`.
  public let maps: ComplexTensor
  /// max over pixels of Σ_c |S_c|²: SᴴS is diagonal, so that is ‖S‖² itself.
  public let lipschitz: Double

  public init(maps: ComplexTensor) {
    precondition(
      maps.shape.count == 3 && !maps.shape.contains(0), "CoilSensitivities: maps of shape \(maps.shape); expected [coils, h, w]")
    self.maps = maps
    let (values, plane) = (maps.pairs.doubles, 2 * maps.shape[1] * maps.shape[2])
    var largest = 0.0
    for i in stride(from: 0, to: plane, by: 2) {
      var sum = 0.0
      for place in stride(from: i, to: values.count, by: plane) {
        sum += values[place] * values[place] + values[place + 1] * values[place + 1]
      }
      largest = max(largest, sum)
    }
    lipschitz = largest
  }

  public var domainShape: [Int] { [height, width] }
  public var codomainShape: [Int] { [coils, height, width] }
  public var coils: Int { maps.shape[0] }
  public var height: Int { maps.shape[1] }
  public var width: Int { maps.shape[2] }
  public var precision: Precision { maps.precision }

  public func converted(to precision: Precision) -> CoilSensitivities {
    CoilSensitivities(maps: ComplexTensor(pairs: maps.pairs.converted(to: precision)))
  }

  public func forward(_ x: ComplexTensor) -> ComplexTensor { coilImages(x, maskedBy: nil) }
  public func adjoint(_ y: ComplexTensor) -> ComplexTensor { combined(y, maskedBy: nil) }

  /// S x, or P F S x with a mask.
  fileprivate func coilImages(_ x: ComplexTensor, maskedBy mask: SamplingMask?) -> ComplexTensor {
    if x.isShapelessZero { return x }
    precondition(
      x.shape.suffix(2) == [height, width] && x.precision == precision,
      "an image of shape \(x.shape) \(x.precision) for coil maps of \(maps.shape) \(precision)")
    let images = x.shape.dropLast(2).reduce(1, *)
    let shape = Array(x.shape.dropLast(2)) + maps.shape + [2]
    return switch precision {
    case .single: ComplexTensor(pairs: Tensor(spread(x.pairs.floats, maps.pairs.floats, images, mask), shape: shape))
    case .double: ComplexTensor(pairs: Tensor(spread(x.pairs.doubles, maps.pairs.doubles, images, mask), shape: shape))
    }
  }

  /// Sᴴ y, or Sᴴ Fᴴ P y with a mask.
  fileprivate func combined(_ y: ComplexTensor, maskedBy mask: SamplingMask?) -> ComplexTensor {
    if y.isShapelessZero { return y }
    precondition(
      y.shape.suffix(3) == maps.shape[...] && y.precision == precision,
      "coil images of shape \(y.shape) \(y.precision) for coil maps of \(maps.shape) \(precision)")
    let images = y.shape.dropLast(3).reduce(1, *)
    let shape = Array(y.shape.dropLast(3)) + [height, width, 2]
    return switch precision {
    case .single: ComplexTensor(pairs: Tensor(gathered(y.pairs.floats, maps.pairs.floats, images, mask), shape: shape))
    case .double: ComplexTensor(pairs: Tensor(gathered(y.pairs.doubles, maps.pairs.doubles, images, mask), shape: shape))
    }
  }

  /// One coil of one image is a piece of work.
  private func spread<S: Scalar>(_ x: [S], _ maps: [S], _ images: Int, _ mask: SamplingMask?) -> [S] {
    let (coils, plane, extents) = (coils, height * width, [height, width])
    return [S](unsafeUninitializedCapacity: 2 * images * coils * plane) { out, filled in
      x.withUnsafeBufferPointer { x in
        maps.withUnsafeBufferPointer { maps in
          nonisolated(unsafe) let (x, maps, out) = (x, maps, out)
          Parallel.forEach(images * coils) { i in
            let coilImage = out.baseAddress! + 2 * plane * i
            S.complexMultiply(
              maps.baseAddress! + 2 * plane * (i % coils), x.baseAddress! + 2 * plane * (i / coils), coilImage, plane)
            if let mask {
              FourierTransform.transform(coilImage, batch: 1, shape: extents, inverse: false)
              mask.clearOthers(coilImage)
            }
          }
        }
      }
      filled = out.count
    }
  }

  /// One coil of one image is a piece of work for the transform, a run of pixels of one image for the sum over the coils.
  private func gathered<S: Scalar>(_ y: [S], _ maps: [S], _ images: Int, _ mask: SamplingMask?) -> [S] {
    let (coils, plane, extents) = (coils, height * width, [height, width])
    var y = y
    if let mask {
      y.withUnsafeMutableBufferPointer { y in
        nonisolated(unsafe) let y = y
        Parallel.forEach(images * coils) { i in
          let coilImage = y.baseAddress! + 2 * plane * i
          mask.clearOthers(coilImage)
          FourierTransform.transform(coilImage, batch: 1, shape: extents, inverse: true)
        }
      }
    }
    let run = 4096
    let runs = (plane + run - 1) / run
    return [S](unsafeUninitializedCapacity: 2 * images * plane) { out, filled in
      y.withUnsafeBufferPointer { y in
        maps.withUnsafeBufferPointer { maps in
          nonisolated(unsafe) let (y, maps, out) = (y, maps, out)
          Parallel.forEach(images * runs) { i in
            let (image, first) = (i / runs, i % runs * run)
            let count = min(run, plane - first)
            let sum = out.baseAddress! + 2 * (image * plane + first)
            withUnsafeTemporaryAllocation(of: S.self, capacity: 2 * count) { term in
              for c in 0..<coils {
                S.complexMultiplyConjugated(
                  maps.baseAddress! + 2 * (c * plane + first), y.baseAddress! + 2 * ((image * coils + c) * plane + first),
                  c == 0 ? sum : term.baseAddress!, count)
                if c > 0 { S.add(sum, term.baseAddress!, sum, 2 * count) }
              }
            }
          }
        }
      }
      filled = out.count
    }
  }
}

/// P F S: the k-space samples that every coil measures of an image, the mask common to the coils: `[…, h, w]` to `[…, coils, h, w]`, 0
/// where nothing is measured.
///
/// Source: Pruessmann, Weiger, Börnert & Boesiger (2001).
public struct SENSE: LinearOperator {
  public let sensitivities: CoilSensitivities
  public let mask: SamplingMask
  /// The lines of a mask that takes whole ones.
  let lines: SampledLines?

  public init(_ sensitivities: CoilSensitivities, mask: SamplingMask) {
    precondition(
      mask.height == sensitivities.height && mask.width == sensitivities.width,
      "SENSE: a mask of \(mask.height) × \(mask.width) for coil maps of \(sensitivities.maps.shape)")
    self.sensitivities = sensitivities
    self.mask = mask
    lines = SampledLines(mask)
  }

  public func converted(to precision: Precision) -> SENSE { SENSE(sensitivities.converted(to: precision), mask: mask) }

  public func forward(_ x: ComplexTensor) -> ComplexTensor { sensitivities.coilImages(x, maskedBy: mask) }
  public func adjoint(_ y: ComplexTensor) -> ComplexTensor { sensitivities.combined(y, maskedBy: mask) }
  public var domainShape: [Int] { sensitivities.domainShape }
  public var codomainShape: [Int] { sensitivities.codomainShape }
  /// The upper bound max over pixels of Σ_c |S_c|², reached when every frequency is measured.
  public var lipschitz: Double { mask.count > 0 ? sensitivities.lipschitz : 0 }
}

extension SamplingMask {
  /// 0 for every frequency of k-space that is not measured.
  fileprivate func clearOthers<S: Scalar>(_ kSpace: UnsafeMutablePointer<S>) {
    isSampled.withUnsafeBufferPointer { isSampled in
      for i in isSampled.indices where !isSampled[i] { (kSpace[2 * i], kSpace[2 * i + 1]) = (0, 0) }
    }
  }
}
