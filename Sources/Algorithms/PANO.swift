// SPDX-License-Identifier: Apache-2.0
import Kernels
import Operators
import Tensors

/// The patch-based nonlocal operator: a group is a patch and those most like it in a window around it, seen in Haar's basis along rows, columns
/// and across the group. ``PatchReconstruction`` has the iteration.
///
/// Source: Qu, Hou, Lam, Guo, Zhong & Chen, "Magnetic resonance image reconstruction from undersampled measurements using a patch-based
/// nonlocal operator", Med. Image Anal. 18 (2014).
public struct PANO: PatchModel {
  /// Of patches, a power of two.
  public var side = 8
  /// Patches of a group, a power of two.
  public var groupSize = 8
  /// Side of the window in which patches begin, odd.
  public var window = 39
  /// Pixels from a patch to the next whose group is sought.
  public var step = 4

  public init() {}

  public func analysis<Image: ImageSpace>(of guide: Image) -> PatchAnalysis<Image> {
    let (height, width) = (guide.shape[guide.shape.count - 2], guide.shape[guide.shape.count - 1])
    let lattice = PatchLattice(height: height, width: width, side: side, step: step)
    let matching = PatchMatching(lattice: lattice, window: window, most: groupSize, limit: .infinity)
    let groups = guide.magnitudes.withUnsafeBufferPointer { values in
      PatchLattice.padded(values.baseAddress!, count: values.count).withUnsafeBufferPointer { matching.groups(of: $0.baseAddress!) }
    }
    // Where a window holds fewer patches than a group, they come again.
    let places = (0..<groups.count).flatMap { i in (0..<groupSize).map { groups[i][groups[i].startIndex + $0 % groups[i].count] } }
    return PatchAnalysis(
      PatchFrame(
        height: height, width: width, side: side, places: places, groupSize: groupSize,
        classes: [Int32](repeating: 0, count: groups.count), bases: [PatchBasis.haar(side: side)]))
  }
}
