// SPDX-License-Identifier: Apache-2.0
import Algorithms
import Datasets
import FileFormats
import Operators
import Problems
import Tensors

// Images from the k-space of several coils.

/// The complex image that all coils see, by total variation.
func coilsCombined(
  _ slice: KSpaceSlice, _ maps: CoilSensitivities, weight: Double, penalty: Double, iterations: Int
) -> ComplexTensor {
  let iteration = SENSETV(totalVariation: weight, SENSE(maps, mask: slice.mask), penalty: penalty)
  return solve(iteration, measurement: slice.kSpace, until: .iterations(iterations)).estimate
}

extension KSpaceSystem {
  /// The maps of the coils of a slice: those known, else estimated.
  func maps(of slice: KSpaceSlice) throws -> CoilSensitivities {
    let maps = try maps ?? estimatedMaps(of: slice)
    guard maps.lipschitz > 0 else {
      throw InputError(
        "\(slice.name): found no pixel that the \(slice.coils) coils see alike up to smooth maps; expected coil images of one object: check "
          + "the order of k-space, or give --maps")
    }
    return maps
  }
}

extension SENSE {
  /// What measurements are multiplied by for networks, whose operator has norm 1.
  var unit: Double { networkUnit(squaredNorm: lipschitz) }

  /// A / ‖A‖: what networks are of.
  func normalised(_ precision: Precision) -> AnyOperator<ComplexTensor, ComplexTensor> {
    let A = converted(to: precision)
    return unit == 1 ? AnyOperator(A) : AnyOperator(Scaled(unit, A))
  }
}

/// By ESPIRiT from the largest square around frequency 0 without a gap, up to 24 × 24, of the calibration where it was measured apart.
func estimatedMaps(of slice: KSpaceSlice) throws -> CoilSensitivities {
  let least = 8
  let apart = slice.calibration.map { (samples: $0, mask: SamplingMask(measuredIn: $0)) }
  guard
    let (samples, side) = [apart, (slice.kSpace, slice.mask)].compactMap({ $0 }).lazy.compactMap({ source in
      stride(from: 24, through: least, by: -2).first { source.mask.isFull(side: $0) }.map { (source.samples, $0) }
    }).first
  else {
    throw InputError(
      "\(slice.name): found gaps in the \(least) × \(least) frequencies around 0; expected them measured, to estimate coil maps from: give "
        + "--maps")
  }
  do {
    return CoilSensitivities(maps: try ESPIRiT(calibrationRows: side, calibrationColumns: side).estimate(samples).maps)
  } catch let error as CalibrationError { throw InputError("\(slice.name): \(error)") }
}

extension SamplingMask {
  /// Every frequency of a square around 0 is measured, as far as the grid goes.
  fileprivate func isFull(side: Int) -> Bool {
    (0..<min(side, height)).allSatisfy { i in
      (0..<min(side, width)).allSatisfy { j in
        let k = (i - min(side, height) / 2 + height) % height
        let l = (j - min(side, width) / 2 + width) % width
        return isSampled[k * width + l]
      }
    }
  }
}

extension CoilSensitivities {
  /// Maps from a file, `[coils, h, w]`: an array, or BART's, which has the same order (as of `bart ecalib -m1`).
  public init(file path: String) throws {
    let arrays = try readArrays(path)
    guard arrays.count == 1 else {
      throw InputError("\(path): found \(arrays.count) arrays; expected one of coil maps, [coils, height, width]")
    }
    var z = arrays[0].value.complex
    if z.shape.count == 5, z.shape[0] > 1, z.shape[2] == 1 {  // BART's dimension 4
      Remarks.note("\(path): found \(z.shape[0]) sets of maps, the first is read; ecalib -m1 writes one")
      z = ComplexTensor(pairs: z.pairs.rows(0..<1).reshaped(z.shape.dropFirst() + [2]))
    }
    let shape = z.shape.count == 4 && z.shape[1] == 1 ? [z.shape[0]] + z.shape[2...] : z.shape
    guard shape.count == 3, !shape.contains(0) else {
      throw InputError("\(path): found shape \(z.shape); expected coil maps, [coils, height, width]")
    }
    guard z.pairs.isFinite else { throw InputError("\(path): found NaN or infinity; expected finite coil maps") }
    self.init(maps: ComplexTensor(pairs: z.pairs.converted(to: .double).reshaped(shape + [2])))
  }
}
