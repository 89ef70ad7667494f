// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Platform
import Tensors

/// Fast dictionary learning on classified patches: patches of a guide are sorted by direction, smooth ones apart, and for every class an
/// orthonormal basis is learned from its patches, from Haar's along the direction. ``PatchReconstruction`` has the iteration.
///
/// Source: Zhan, Cai, Guo, Liu, Chen & Qu, "Fast multiclass dictionaries learning with geometrical directions in MRI reconstruction", IEEE
/// Trans. Biomed. Eng. 63 (2016).
public struct FDLCP: PatchModel {
  public var directions = PatchDirections()
  /// A patch of a smaller standard deviation is smooth, for images whose largest magnitude is 1.
  public var smoothness = 0.01
  public var learning = OrthonormalDictionaryLearning()

  public init() {}

  public func analysis<Image: ImageSpace>(of guide: Image) -> PatchAnalysis<Image> {
    let (height, width, side) = (guide.shape[guide.shape.count - 2], guide.shape[guide.shape.count - 1], directions.side)
    let lattice = PatchLattice(height: height, width: width, side: side)
    let classes = classes(of: guide.magnitudes, lattice)
    let planes = guide.separateParts.map(\.doubles)
    let starts = directions.bases + [PatchBasis.haar(side: side)]
    let places = lattice.places
    let bases = Parallel.map(starts.count) { k in
      let members = zip(places, classes).filter { $0.1 == Int32(k) }.map(\.0)
      // Of complex images both parts are patches.
      return learning.basis(
        of: planes.flatMap { lattice.pixels(of: members, in: $0) }, from: starts[k], pixels: side * side)
    }
    return PatchAnalysis(
      PatchFrame(height: height, width: width, side: side, places: places, classes: classes, bases: bases))
  }

  /// Directions, and their count for smooth patches.
  private func classes(of image: [Double], _ lattice: PatchLattice) -> [Int32] {
    let (side, count) = (lattice.side, Double(lattice.side * lattice.side))
    return zip(directions.classes(of: image, lattice), lattice.places).map { direction, place in
      var (sum, squares) = (0.0, 0.0)
      for i in 0..<side {
        for j in 0..<side {
          let v = image[Int(place) + i * lattice.width + j]
          sum += v
          squares += v * v
        }
      }
      let variance = max(0, squares / count - sum / count * (sum / count))
      return variance < smoothness * smoothness ? Int32(directions.count) : direction
    }
  }
}

/// argmin over orthonormal Φ of ‖X − Φ Z‖² + τ² ‖Z‖₀, patches the columns of X, by turns:
///
///     Z = hard(Φᵀ X, τ);     Φ = U Vᵀ,  X Zᵀ = U S Vᵀ
///
/// Source: Cai, Ji, Shen & Ye, Appl. Comput. Harmon. Anal. 37 (2014).
public struct OrthonormalDictionaryLearning: Sendable {
  /// τ.
  public var threshold = 0.05
  public var rounds = 10

  public init() {}

  /// Φᵀ, an atom a row, from patches one after the other and a first basis.
  public func basis(of patches: [Double], from start: [Double], pixels: Int) -> [Double] {
    let count = patches.count / pixels
    var basis = start
    guard count > 0 else { return basis }
    var codes = patches
    var products = basis
    for _ in 0..<rounds {
      Double.gemm(
        transposeA: false, transposeB: true, m: count, n: pixels, k: pixels, alpha: 1, patches, basis, beta: 0, &codes)
      codes.withUnsafeMutableBufferPointer { codes in for i in codes.indices where abs(codes[i]) < threshold { codes[i] = 0 } }
      // Z Xᵀ, of which V Uᵀ is the nearest orthonormal matrix.
      Double.gemm(
        transposeA: true, transposeB: false, m: pixels, n: pixels, k: count, alpha: 1, codes, patches, beta: 0, &products)
      basis = LinearAlgebra.nearestOrthonormal(products, size: pixels)
    }
    return basis
  }
}
