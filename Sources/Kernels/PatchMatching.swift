// SPDX-License-Identifier: Apache-2.0

/// Block matching: for every patch of a lattice, the patches in a window around it whose mean squared distance from it is below a limit,
/// at most so many, the nearest ones. Of equal distances the first counts, the patch itself before all, then row by row.
///
/// The squared differences of a row of patches and of what lies at one displacement from it are summed down the columns once, for all
/// patches of the row, then along the row: 2 · side additions a pixel in the place of side². A row of patches is a piece of work.
public struct PatchMatching: Sendable, Hashable {
  public let lattice: PatchLattice
  /// Side of the window in which patches may begin, odd, around the place of the patch.
  public let window: Int
  /// Patches of a group, at most.
  public let most: Int
  /// Mean squared distance that stays below this.
  public let limit: Double

  public init(lattice: PatchLattice, window: Int, most: Int, limit: Double) {
    precondition(window % 2 == 1 && window > 0 && most > 0, "matching: \(most) patches in a window of \(window)")
    self.lattice = lattice
    self.window = window
    self.most = most
    self.limit = limit
  }

  /// - Parameter image: ``PatchLattice/padded(_:count:)``.
  public func groups<S: Scalar>(of image: UnsafePointer<S>) -> PatchGroups {
    var counts = [Int32](repeating: 1, count: lattice.count)
    let places = [Int32](unsafeUninitializedCapacity: lattice.count * most) { out, filled in
      out.initialize(repeating: 0)
      filled = lattice.count * most
      let (image, places) = (Shared(image), SharedMutable(out.baseAddress!))
      counts.withUnsafeMutableBufferPointer { counts in
        let counts = SharedMutable(counts.baseAddress!)
        Parallel.forEach(lattice.rows.count) { row in
          let first = row * lattice.columns.count
          if let image = single(image.pointer) {
            match(row, image, places.pointer + first * most, counts.pointer + first)
          } else {
            match(row, double(image.pointer), places.pointer + first * most, counts.pointer + first)
          }
        }
      }
    }
    return PatchGroups(lattice: lattice, most: most, places: places, counts: counts)
  }

  /// The groups of a row of the lattice.
  private func match<S: Scalar>(
    _ row: Int, _ image: UnsafePointer<S>, _ places: UnsafeMutablePointer<Int32>, _ counts: UnsafeMutablePointer<Int32>
  ) {
    let (width, side, step, radius, top) = (lattice.width, lattice.side, lattice.step, window / 2, lattice.rows[row])
    let distances = S.patchDistances
    let last = width - side
    let padded = width + PatchLattice.slack
    let n = lattice.columns.count
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: width / PatchLattice.span + 2) { hits in
      // Distances found, by pixel the most that is still of use to a group, distances at one displacement.
      withUnsafeTemporaryAllocation(of: S.self, capacity: n * most + 2 * padded) { buffer in
        buffer.initialize(repeating: 0)
        let (columns, hits) = (lattice.columns, hits.baseAddress!)
        let found = buffer.baseAddress!
        let (limits, line) = (found + n * most, found + n * most + padded)
        limits.update(repeating: -1, count: padded)
        for k in 0..<n {
          places[k * most] = Int32(top * width + columns[k])
          limits[columns[k]] = most == 1 ? 0 : S(limit * Double(side * side))
        }
        for down in max(-radius, -top)...min(radius, lattice.height - side - top) {
          for across in max(-radius, -last)...min(radius, last) where down != 0 || across != 0 {
            let first = (max(0, -across) + step - 1) / step
            guard first < n, columns[first] <= last - across else { continue }
            let from = columns[first]
            let a = image + top * width + from
            let near = distances(
              a, a + down * width + across, width, side, min(last, last - across) - from + 1, limits + from, line, hits)
            let offset = down * width + across + top * width
            for hit in 0..<near {
              let start = from + Int(hits[hit])
              let end = min(start + PatchLattice.span, last - across + 1)
              var k = min((start + step - 1) / step, n - 1)
              while k < n && columns[k] < end {
                let distance = line[columns[k] - from]
                if distance < limits[columns[k]] {
                  insert(distance, Int32(offset + columns[k]), found + k * most, places + k * most, &counts[k])
                  if Int(counts[k]) == most { limits[columns[k]] = found[k * most + most - 1] }
                }
                k += 1
              }
            }
          }
        }
      }
    }
  }

  /// Into a sorted group, after those as near; the farthest of a full group leaves.
  @inline(__always)
  private func insert<S: Scalar>(
    _ distance: S, _ place: Int32, _ found: UnsafeMutablePointer<S>, _ places: UnsafeMutablePointer<Int32>, _ count: inout Int32
  ) {
    var i = min(Int(count), most - 1)
    count = Int32(min(Int(count) + 1, most))
    while found[i - 1] > distance {  // the patch itself is at no distance
      found[i] = found[i - 1]
      places[i] = places[i - 1]
      i -= 1
    }
    found[i] = distance
    places[i] = place
  }
}
