// SPDX-License-Identifier: Apache-2.0
import CKernels

/// Square patches of an image that may overlap: one begins at every `step`-th row and column and at the last possible ones, so that
/// together they hold every pixel when `step` is at most `side`.
///
/// The place of a patch is that of its first pixel in the image, row by row.
public struct PatchLattice: Sendable, Hashable {
  public let height: Int
  public let width: Int
  public let side: Int
  public let step: Int
  /// Rows and columns at which patches begin.
  public let rows: [Int]
  public let columns: [Int]

  /// The largest side the kernels of patches know.
  public static let largestSide = Int(CK_LARGEST_PATCH)
  /// Numbers after an image that its kernels may read.
  static let slack = Int(CK_PATCH_SLACK)
  /// Numbers that ``PatchScalar/patchDistances`` compares with their limits at a time.
  public static let span = Int(CK_PATCH_SPAN)

  /// - Precondition: `1 ≤ side ≤` both extents, which hold less than 2³¹ pixels, and `step ≥ 1`.
  public init(height: Int, width: Int, side: Int, step: Int = 1) {
    precondition(
      side > 0 && step > 0 && side <= min(height, width) && height * width < Int(Int32.max),
      "patches of \(side) × \(side) every \(step) pixels of an image of \(height) × \(width)")
    self.height = height
    self.width = width
    self.side = side
    self.step = step
    func places(_ extent: Int) -> [Int] {
      let last = extent - side
      return stride(from: 0, to: last, by: step) + [last]
    }
    rows = places(height)
    columns = places(width)
  }

  /// Patches from top to bottom and from left to right.
  public var count: Int { rows.count * columns.count }
  public var places: [Int32] { rows.flatMap { row in columns.map { Int32(row * width + $0) } } }

  /// Pixels of patches by their places, a patch after the other.
  public func pixels<Places: Sequence<Int32>>(of places: Places, in image: [Double]) -> [Double] {
    places.flatMap { place in (0..<side).flatMap { i in image[Int(place) + i * width..<Int(place) + i * width + side] } }
  }

  /// A copy of an image with zeros after it, as the kernels of patches want it.
  public static func padded<S: Scalar>(_ image: UnsafePointer<S>, count: Int) -> [S] {
    [S](unsafeUninitializedCapacity: count + slack) { out, filled in
      out.baseAddress!.initialize(from: image, count: count)
      (out.baseAddress! + count).initialize(repeating: 0, count: slack)
      filled = count + slack
    }
  }
}

/// For every patch of a lattice the places of those that are like it, itself among them, the most alike first.
public struct PatchGroups: Sendable, Equatable {
  public let lattice: PatchLattice
  /// Room of a group.
  let most: Int
  let places: [Int32]
  private(set) var counts: [Int32]

  init(lattice: PatchLattice, most: Int, places: [Int32], counts: [Int32]) {
    self.lattice = lattice
    self.most = most
    self.places = places
    self.counts = counts
  }

  public var count: Int { lattice.count }
  /// Of the i-th patch of the lattice.
  public subscript(i: Int) -> ArraySlice<Int32> { places[i * most..<i * most + Int(counts[i])] }

  /// Groups of a power of two, without those least alike.
  public func cutToPowersOfTwo() -> PatchGroups {
    var groups = self
    for i in groups.counts.indices { groups.counts[i] = 1 << (31 - Int32(groups.counts[i].leadingZeroBitCount)) }
    return groups
  }
}
