// SPDX-License-Identifier: Apache-2.0
import Algorithms
import FileFormats
import Operators
import Problems
import Tensors

// Images from the k-space of several coils.

extension MRISolver {
  /// Zero filling gives the root sum of squares of the coils' images, total variation the complex image that all coils see.
  func coilsCombined(_ scan: MRIMeasurement.Scan, _ given: CoilSensitivities?) throws -> NumericArray {
    switch method {
    case .zeroFilling: return .real(rootSumOfSquares(inverseFFT2(scan.kSpace)))
    case .tv:
      guard let classical else { break }
      let maps = try given ?? Self.maps(of: scan)
      guard maps.maps.shape == scan.kSpace.shape else {
        throw RecipeError(
          "\(scan.name): found coil maps of \(maps.maps.shape) for k-space of \(scan.kSpace.shape); expected [coils, height, width] of both"
        )
      }
      guard maps.lipschitz > 0 else {
        throw RecipeError(
          "\(scan.name): found no pixel that the \(scan.coils) coils see alike up to smooth maps; expected coil images of one object: check "
            + "the order of k-space, or give --maps")
      }
      let iteration = SENSETV(totalVariation: classical.weight, SENSE(maps, mask: mask), penalty: classical.penaltyOfCoils)
      return .complex(Algorithms.solve(iteration, measurement: scan.kSpace, until: .iterations(classical.iterations)).estimate)
    default: break
    }
    throw RecipeError(
      "\(scan.name): found \(scan.coils) coils for \(method.rawValue), which is for one; expected zero-filling or tv")
  }

  /// By ESPIRiT from the largest square around frequency 0 without a gap, up to 24 × 24.
  static func maps(of scan: MRIMeasurement.Scan) throws -> CoilSensitivities {
    let least = 8
    let sides = stride(from: 24, through: least, by: -2)
    guard let side = sides.first(where: { scan.mask.isFull(side: $0) }) else {
      throw RecipeError(
        "\(scan.name): found gaps in the \(least) × \(least) frequencies around 0; expected them measured, to estimate coil maps from: give "
          + "--maps")
    }
    do {
      let estimate = try ESPIRiT(calibrationRows: side, calibrationColumns: side).estimate(scan.kSpace)
      return CoilSensitivities(maps: estimate.maps)
    } catch let error as CalibrationError {
      throw RecipeError("\(scan.name): \(error)")
    }
  }
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
      throw RecipeError("\(path): found \(arrays.count) arrays; expected one of coil maps, [coils, height, width]")
    }
    let z = arrays[0].value.complex
    let shape = z.shape.count == 4 && z.shape[1] == 1 ? [z.shape[0]] + z.shape[2...] : z.shape
    guard shape.count == 3, !shape.contains(0) else {
      throw RecipeError("\(path): found shape \(z.shape); expected coil maps, [coils, height, width]")
    }
    guard z.pairs.isFinite else { throw RecipeError("\(path): found NaN or infinity; expected finite coil maps") }
    self.init(maps: ComplexTensor(pairs: z.pairs.converted(to: .double).reshaped(shape + [2])))
  }
}
