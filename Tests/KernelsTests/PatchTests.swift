// SPDX-License-Identifier: Apache-2.0
import Foundation
import Kernels
import Testing

/// A patch of a stack: rows padded with zeros to a multiple of 8.
private func stacked<S: Scalar>(_ patch: [Double], _ side: Int) -> [S] {
  let pitch = (side + 7) / 8 * 8
  return (0..<side * pitch).map { $0 % pitch < side ? S(patch[$0 / pitch * side + $0 % pitch]) : 0 }
}

/// B x Bᵀ by its definition, for a patch x that begins at a place of an image.
private func product(_ b: [Double], _ side: Int, _ image: [Double], _ width: Int, _ place: Int) -> [Double] {
  (0..<side * side).map { at in
    var sum = 0.0
    for k in 0..<side {
      for l in 0..<side { sum += b[at / side * side + k] * image[place + k * width + l] * b[at % side * side + l] }
    }
    return sum
  }
}

/// The kernels of overlapping patches against their definitions.
@Suite struct PatchTests {
  static let sides = [1, 5, 8, 11, 16]

  @Test(arguments: sides) func single(side: Int) { check(Float.self, side) }
  @Test(arguments: sides) func double(side: Int) { check(Double.self, side) }

  private func check<S: Scalar>(_: S.Type, _ side: Int) {
    let (height, width, pitch) = (side + 9, side + 21, (side + 7) / 8 * 8)
    let image: [S] = chirp(height * width, 0.3)
    let padded = PatchLattice.padded(image, count: image.count)
    let values = image.map(Double.init)
    let places: [Int32] = [0, Int32(3 * width + 2), Int32(9 * width + 21), Int32(width)]
    let b: [Double] = chirp(side * side, 0.7)
    let transposed = (0..<side * side).map { b[$0 % side * side + $0 / side] }
    for level in ElementwiseTests.levels {
      InstructionSet.with(level) {
        let count = 20
        let right = (0..<count).map { j in
          var sum = 0.0
          for i in 0..<side {
            for k in j..<j + side {
              let d = values[(i + 1) * width + k] - values[i * width + k]
              sum += d * d
            }
          }
          return S(sum)
        }
        var hits: [Int32] = [0, 0]
        // Only the last one can be near; then none.
        for near in [true, false] {
          var limits = [S](repeating: -1, count: count + side + 32)
          limits[count - 1] = near ? 2 * right[count - 1] : right[count - 1] / 2
          let distances: [S] = written(count + side + 32) {
            let found = S.patchDistances(Array(padded[width...]), padded, width, side, count, limits, $0, &hits)
            #expect(found == (near ? 1 : 0))
          }
          expectClose(Array(distances[..<count]), right, "distances")
        }
        #expect(Int(hits[0]) == (count - 1) / PatchLattice.span * PatchLattice.span)

        let size = side * pitch
        let expected: [S] = places.flatMap { stacked(product(b, side, values, width, Int($0)), side) }
        let bt: [S] = stacked(transposed, side)
        let stack: [S] = written(4 * size) { S.patchTransform(bt, side, padded, width, places, 4, $0) }
        expectClose(stack, expected, "transform")
        let patches: [S] = places.flatMap { place in
          stacked((0..<side * side).map { values[Int(place) + $0 / side * width + $0 % side] }, side)
        }
        expectClose(changed(patches) { S.patchTransformStack(bt, side, $0, 4) }, expected, "in place")

        // The orthonormal Haar matrix of 4, in the order of the butterflies.
        let h = 0.5.squareRoot()
        let haar = [[0.5, 0.5, 0.5, 0.5], [h, -h, 0, 0], [0.5, 0.5, -0.5, -0.5], [0, 0, h, -h]]
        let across: [S] = (0..<4 * size).map { at in
          S((0..<4).reduce(0.0) { $0 + haar[at / size][$1] * Double(patches[$1 * size + at % size]) })
        }
        let forward = changed(patches) { S.patchHaar($0, 4, size, 0) }
        expectClose(forward, across, "Haar")
        expectClose(changed(forward) { S.patchHaar($0, 4, size, 1) }, patches, "Haar's inverse")

        var kept = 0
        let limit = S(0.4)
        expectEqual(
          changed(patches) { kept = S.patchThreshold($0, 4 * size, limit) }, patches.map { abs($0) < limit ? 0 : $0 }, "threshold")
        #expect(kept == patches.count { abs($0) >= limit })

        // Of pairs the length shrinks by the limit and the direction stays: (a, b) = r (cos φ, sin φ) becomes max(r − t, 0) (cos φ, sin φ).
        var second: [S] = chirp(patches.count, 1.1)
        let polar = zip(patches, second).map { a, b in
          (max(hypot(Double(a), Double(b)) - Double(limit), 0), atan2(Double(b), Double(a)))
        }
        let first: [S] = changed(patches) { first in
          second.withUnsafeMutableBufferPointer { S.shrinkPairs(first, $0.baseAddress!, patches.count, limit) }
        }
        expectClose(first, polar.map { S($0 * cos($1)) }, "pairs, first")
        expectClose(second, polar.map { S($0 * sin($1)) }, "pairs, second")
        #expect(polar.contains { $0.0 == 0 } && polar.contains { $0.0 > 0 })

        var gains = 0.0
        let gain = expected.map { Double($0) * Double($0) / (Double($0) * Double($0) + 0.3) }
        expectClose(
          changed(patches) { gains = S.patchWiener($0, expected, 4 * size, 0.3) }, zip(patches, gain).map { $0 * S($1) }, "Wiener")
        let sum = gain.reduce(0) { $0 + $1 * $1 }
        #expect(abs(gains - sum) <= tolerance(S.self) * sum)

        let window: [S] = stacked(chirp(side * side, 0.9), side)
        var (numerator, denominator) = (
          [Double](repeating: 0, count: height * width), [Double](repeating: 0, count: height * width)
        )
        for (k, place) in places.enumerated() {
          for i in 0..<side {
            for j in 0..<side {
              let weight = 0.7 * Double(window[i * pitch + j])
              numerator[Int(place) + i * width + j] += weight * Double(patches[k * size + i * pitch + j])
              denominator[Int(place) + i * width + j] += weight
            }
          }
        }
        var sums = [S](repeating: 0, count: 2 * padded.count)
        sums.withUnsafeMutableBufferPointer {
          let second = $0.baseAddress! + padded.count
          S.patchAdd(patches, side, places, 4, window, S(0.7), $0.baseAddress!, second, width)
        }
        expectClose(Array(sums[..<image.count]), numerator.map { S($0) }, "numerator")
        expectClose(Array(sums[padded.count..<padded.count + image.count]), denominator.map { S($0) }, "denominator")
      }
    }
  }

  /// Expected: PyWavelets 1.8.0, `wavedec` of unit vectors with "bior1.5", mode "periodization" and level 3, rows divided by their norms.
  @Test func biorthogonalWavelet() {
    let (a, b) = ([0.21941765, 0.44928376, 0.44928376, 0.21941765], [0.5693594, 0.40234731, -0.40234731, -0.5693594])
    let (c, h) = ([-0.08350605, 0.08350605, -0.08350605, 0.08350605], 0.5.squareRoot())
    var rows = [[Double](repeating: 0.125.squareRoot(), count: 8), a + a.map { -$0 }, b + c, c + b]
    for k in 0..<4 { rows.append((0..<8).map { $0 == 2 * k ? h : $0 == 2 * k + 1 ? -h : 0 }) }
    let found = PatchTransform.biorthogonalWavelet(side: 8)
    #expect(zip(found.matrix, rows.flatMap { $0 }).allSatisfy { abs($0 - $1) < 1e-8 })
  }

  @Test(arguments: [
    PatchTransform.biorthogonalWavelet(side: 8), .biorthogonalWavelet(side: 16), .biorthogonalWavelet(side: 1), .cosine(side: 8),
    .cosine(side: 11), .cosine(side: 1),
  ])
  func inverses(transform: PatchTransform) {
    let n = transform.side
    for i in 0..<n {
      for j in 0..<n {
        let sum = (0..<n).reduce(0.0) { $0 + transform.inverse[i * n + $1] * transform.matrix[$1 * n + j] }
        #expect(abs(sum - (i == j ? 1 : 0)) < 1e-14)
      }
    }
    if transform == .cosine(side: n) {  // orthonormal: the inverse is the transpose
      for at in 0..<n * n { #expect(abs(transform.inverse[at] - transform.matrix[at % n * n + at / n]) < 1e-14) }
    }
  }

  /// Expected: SciPy 1.17.1, `scipy.signal.windows.kaiser(8, 2.0)` and `kaiser(11, 2.0)`.
  @Test func kaisersWindow() {
    for (side, half) in [
      (8, [0.43867628, 0.68132426, 0.87683991, 0.98582251]), (11, [0.43867628, 0.61139435, 0.767675, 0.89216143, 0.9723298, 1]),
    ] {
      let window = PatchWindow.kaiser(side: side, beta: 2)
      for i in 0..<side {
        for j in 0..<side {
          #expect(abs(window.weights[i * side + j] - half[min(i, side - 1 - i)] * half[min(j, side - 1 - j)]) < 1e-8)
        }
      }
    }
    #expect(PatchWindow.kaiser(side: 1, beta: 2).weights == [1])
  }

  @Test func latticesHoldTheLastPatch() {
    let lattice = PatchLattice(height: 9, width: 15, side: 8, step: 3)
    #expect(
      lattice.rows == [0, 1] && lattice.columns == [0, 3, 6, 7] && lattice.count == 8
        && lattice.places == [0, 3, 6, 7, 15, 18, 21, 22])
    #expect(PatchLattice(height: 8, width: 8, side: 8).places == [0])
  }

  /// The plain definition: all patches of the window, the patch itself first, then row by row, sorted by distance.
  static func plainGroup(_ x: [Double], _ matching: PatchMatching, row: Int, column: Int) -> [Int32] {
    let (lattice, radius) = (matching.lattice, matching.window / 2)
    let (w, side) = (lattice.width, lattice.side)
    var found: [(distance: Double, place: Int)] = [(0, row * w + column)]
    for i in max(0, row - radius)...min(lattice.height - side, row + radius) {
      for j in max(0, column - radius)...min(w - side, column + radius) where (i, j) != (row, column) {
        var sum = 0.0
        for k in 0..<side * side {
          let d = x[(row + k / side) * w + column + k % side] - x[(i + k / side) * w + j + k % side]
          sum += d * d
        }
        if sum < matching.limit * Double(side * side) { found.append((sum, i * w + j)) }
      }
    }
    let order = found.indices.sorted { (found[$0].distance, $0) < (found[$1].distance, $1) }
    return order.prefix(matching.most).map { Int32(found[$0].place) }
  }

  /// Whole numbers, of which distances are exact, with many ties; a constant image.
  @Test(arguments: [
    PatchMatching(lattice: PatchLattice(height: 20, width: 27, side: 8, step: 3), window: 13, most: 16, limit: 40),
    PatchMatching(lattice: PatchLattice(height: 17, width: 11, side: 5, step: 2), window: 39, most: 7, limit: 1e9),
    PatchMatching(lattice: PatchLattice(height: 8, width: 30, side: 8, step: 4), window: 9, most: 1, limit: 1e9),
    PatchMatching(lattice: PatchLattice(height: 9, width: 9, side: 4, step: 4), window: 5, most: 64, limit: 30),
  ])
  func groupsAreTheNearest(matching: PatchMatching) {
    let pixels = matching.lattice.height * matching.lattice.width
    let noisy = (0..<pixels).map { (i: Int) -> Double in
      let number: Int = 7 * i * i + 13 * i
      return Double(number % 11)
    }
    let flat = [Double](repeating: 3, count: pixels)
    for x in [noisy, flat] {
      let single: [Float] = PatchLattice.padded(x.map { Float($0) }, count: x.count)
      let double: [Double] = PatchLattice.padded(x, count: x.count)
      for level in ElementwiseTests.levels {
        InstructionSet.with(level) {
          let groups = Parallel.with(threads: 1) { matching.groups(of: double) }
          var i = 0
          for row in matching.lattice.rows {
            for column in matching.lattice.columns {
              let expected = Self.plainGroup(x, matching, row: row, column: column)
              #expect(Array(groups[i]) == expected)
              let cut = groups.cutToPowersOfTwo()[i]
              #expect(cut.count & (cut.count - 1) == 0 && 2 * cut.count > expected.count)
              #expect(cut == expected[..<cut.count])
              i += 1
            }
          }
          #expect(groups == Parallel.with(threads: 3) { matching.groups(of: single) })
        }
      }
    }
  }

  /// Patches left as they are average to the image, whatever the weights.
  @Test func meansOfUnchangedPatches() {
    let lattice = PatchLattice(height: 40, width: 23, side: 8, step: 5)
    let image: [Double] = chirp(40 * 23, 0.2)
    let padded = PatchLattice.padded(image, count: image.count)
    let identity = PatchTransformKernel<Double>(.biorthogonalWavelet(side: 8))
    let groups = PatchMatching(lattice: lattice, window: 11, most: 9, limit: 2).groups(of: padded).cutToPowersOfTwo()
    let source = SharedMutable(UnsafeMutablePointer<Double>.allocate(capacity: padded.count))
    source.pointer.initialize(from: padded, count: padded.count)
    defer { source.pointer.deallocate() }
    let mean: [Double] = written(image.count) {
      groups.means(.kaiser(side: 8, beta: 2), into: $0) { group in
        identity.analyse(source.pointer, width: 23, group.places, count: group.count, into: group.stack)
        identity.synthesise(group.stack, count: group.count)
        return 1 + Double(group.count)
      }
    }
    expectClose(mean, image)
  }
}
