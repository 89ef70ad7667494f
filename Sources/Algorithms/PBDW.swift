// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Platform
import Tensors

/// Patch-based directional wavelets: every patch in Haar's basis of its pixels as they lie along one of several directions, the one that suits
/// the guide. ``PatchReconstruction`` has the iteration.
///
/// Source: Qu, Guo, Ning, Hou, Chen, Cai & Chen, "Undersampled MRI reconstruction with patch-based directional wavelets", Magn. Reson.
/// Imaging 30 (2012).
public struct PBDW: PatchModel {
  public var directions = PatchDirections()

  public init() {}

  public func analysis<Image: ImageSpace>(of guide: Image) -> PatchAnalysis<Image> {
    let (height, width) = (guide.shape[guide.shape.count - 2], guide.shape[guide.shape.count - 1])
    let lattice = PatchLattice(height: height, width: width, side: directions.side)
    let classes = directions.classes(of: guide.magnitudes, lattice)
    return PatchAnalysis(
      PatchFrame(
        height: height, width: width, side: lattice.side, places: lattice.places, classes: classes, bases: directions.bases))
  }
}

/// Directions θ_k = kπ/K of patches, and which of them suits a patch: that which leaves the least, in the sum of magnitudes, beside the largest
/// of its coefficients in ``PatchBasis/directional(side:angle:levels:)``.
public struct PatchDirections: Sendable {
  /// Of patches, a power of two.
  public var side = 8
  /// K.
  public var count = 71
  /// Decompositions of the wavelet.
  public var levels = 3
  /// The part of the coefficients that is kept.
  public var keptShare = 0.25

  public init() {}

  public var bases: [[Double]] {
    (0..<count).map { PatchBasis.directional(side: side, angle: Double($0) * Double.pi / Double(count), levels: levels) }
  }

  private static let patchesOfPiece = 256

  /// The number of the direction of every patch of a lattice on an image; the first of those that suit alike but for rounding.
  public func classes(of image: [Double], _ lattice: PatchLattice) -> [Int32] {
    let (pixels, bases, places) = (side * side, bases, lattice.places)
    let left = pixels - max(1, Int((keptShare * Double(pixels)).rounded()))
    let pieces = (places.count + Self.patchesOfPiece - 1) / Self.patchesOfPiece
    return Parallel.map(pieces) { piece -> [Int32] in
      let range = piece * Self.patchesOfPiece..<min((piece + 1) * Self.patchesOfPiece, places.count)
      let patches = lattice.pixels(of: places[range], in: image)
      var (best, choice) = ([Double](repeating: .infinity, count: range.count), [Int32](repeating: 0, count: range.count))
      var coefficients = patches
      for (k, basis) in bases.enumerated() {
        coefficients.withUnsafeMutableBufferPointer { rows in
          let rows = rows.baseAddress!
          Double.gemm(
            transposeA: false, transposeB: true, m: range.count, n: pixels, k: pixels, alpha: 1, patches, basis, beta: 0, rows)
          for i in 0..<range.count {
            let rest = sumOfSmallest(left, of: rows + i * pixels, pixels)
            if rest < best[i] * (1 - 1e-10) { (best[i], choice[i]) = (rest, Int32(k)) }
          }
        }
      }
      return choice
    }.flatMap { $0 }
  }
}

/// The sum of the `k` smallest magnitudes of numbers, which are left in another order: Hoare's selection.
private func sumOfSmallest(_ k: Int, of v: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
  for i in 0..<count { v[i] = abs(v[i]) }
  var (low, high) = (0, count - 1)
  while low < high {
    let pivot = v[(low + high) / 2]
    var (i, j) = (low, high)
    while i <= j {
      while v[i] < pivot { i += 1 }
      while v[j] > pivot { j -= 1 }
      if i <= j {
        (v[i], v[j]) = (v[j], v[i])
        i += 1
        j -= 1
      }
    }
    if k - 1 <= j { high = j } else if k - 1 >= i { low = i } else { break }
  }
  var sum = 0.0
  for i in 0..<k { sum += v[i] }
  return sum
}
