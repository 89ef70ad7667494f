// SPDX-License-Identifier: Apache-2.0

import Platform

/// A: groups of patches of an image, each patch in the orthonormal basis of its group and then under Haar's transform across the group,
///
///     A = H Φ E,     AᵀA = EᵀE, diagonal: how many patches hold a pixel
///
/// Images and coefficients are real; those of a group are `groupSize` × side² numbers. Groups are cut into pieces by their number alone, and
/// sums are taken in the order of the pieces: the same bytes for any number of threads.
public struct PatchFrame: Sendable {
  public let height: Int
  public let width: Int
  public let side: Int
  /// Patches of a group, a power of two.
  public let groupSize: Int
  /// First pixels of patches, group by group.
  public let places: [Int32]
  /// The number of a group's basis.
  public let classes: [Int32]
  /// Numbers of a patch in a stack, a multiple of 8.
  private let pitch: Int
  /// Bases one after the other, an atom a row, zeros beyond side².
  private let double: [Double]
  private let single: [Float]
  /// Groups in the order in which they are worked on: those of a chunk by their bases.
  private let order: [Int32]

  /// Patches of a chunk, about: its stack stays in the cache, and of most bases it has several patches.
  private static let patchesOfChunk = 1024
  /// Sums of an image that are held at a time.
  private static let shares = 16

  /// - Parameter bases: orthonormal, side² × side², an atom a row.
  public init(height: Int, width: Int, side: Int, places: [Int32], groupSize: Int = 1, classes: [Int32], bases: [[Double]]) {
    precondition(
      side > 0 && height > 0 && width > 0
        && places.allSatisfy { $0 >= 0 && Int($0) / width + side <= height && Int($0) % width + side <= width },
      "patches of \(side) × \(side) that are not within an image of \(height) × \(width)")
    precondition(
      groupSize > 0 && groupSize & (groupSize - 1) == 0 && places.count == groupSize * classes.count,
      "\(places.count) patches in \(classes.count) groups of \(groupSize)")
    let pixels = side * side
    precondition(
      bases.allSatisfy { $0.count == pixels * pixels } && classes.allSatisfy { bases.indices.contains(Int($0)) },
      "\(bases.count) bases of patches of \(side) × \(side)")
    (self.height, self.width, self.side, self.groupSize) = (height, width, side, groupSize)
    (self.places, self.classes) = (places, classes)
    let pitch = (pixels + 7) / 8 * 8
    self.pitch = pitch
    var padded = [Double](repeating: 0, count: bases.count * pitch * pitch)
    for (k, basis) in bases.enumerated() {
      for atom in 0..<pixels { for i in 0..<pixels { padded[(k * pitch + atom) * pitch + i] = basis[atom * pixels + i] } }
    }
    double = padded
    single = padded.map(Float.init)
    let size = max(1, Self.patchesOfChunk / groupSize)
    order = stride(from: 0, to: classes.count, by: size).flatMap { first in
      (first..<min(first + size, classes.count)).sorted { (classes[$0], $0) < (classes[$1], $1) }.map(Int32.init)
    }
  }

  private var pixels: Int { height * width }
  private var chunkSize: Int { max(1, Self.patchesOfChunk / groupSize) }
  private var chunks: Int { (classes.count + chunkSize - 1) / chunkSize }
  private func chunk(_ i: Int) -> Range<Int> { i * chunkSize..<min((i + 1) * chunkSize, classes.count) }
  /// Numbers of a chunk's stack.
  private var stackSize: Int { chunkSize * groupSize * pitch }

  /// A x.
  public func analyse<S: Scalar>(_ image: UnsafePointer<S>, into coefficients: UnsafeMutablePointer<S>) {
    let (image, out) = (Shared(image), SharedMutable(coefficients))
    Parallel.forEach(chunks) { i in
      withUnsafeTemporaryAllocation(of: S.self, capacity: 2 * stackSize) { buffer in
        let (stack, work) = (buffer.baseAddress!, buffer.baseAddress! + stackSize)
        transform(chunk(i), image.pointer, work, into: stack)
        copy(chunk(i), stack, into: out.pointer)
      }
    }
  }

  /// Aᵀ c.
  public func synthesise<S: Scalar>(_ coefficients: UnsafePointer<S>, into image: UnsafeMutablePointer<S>) {
    let source = Shared(coefficients)
    sum(into: [image]) { range, stacks, work in
      fill(range, stacks[0], from: source.pointer)
    }
  }

  /// Aᵀ soft(A x, t) of a real image, or of a complex one, two planes, whose coefficients are shortened by t.
  public func shrink<S: Scalar>(_ planes: [UnsafePointer<S>], threshold: S, into out: [UnsafeMutablePointer<S>]) {
    precondition(planes.count == out.count && (1...2).contains(planes.count), "\(planes.count) planes of an image")
    let sources = planes.map { Shared($0) }
    sum(into: out) { range, stacks, work in
      for (source, stack) in zip(sources, stacks) { transform(range, source.pointer, work, into: stack) }
      let count = range.count * groupSize * pitch
      if stacks.count == 1 {
        S.softThreshold(stacks[0], threshold, stacks[0], count)
      } else {
        S.shrinkPairs(stacks[0], stacks[1], count, threshold)
      }
    }
  }

  /// Sums of patches over all chunks, of coefficients that `body` leaves in a stack for every plane.
  private func sum<S: Scalar>(
    into out: [UnsafeMutablePointer<S>],
    _ body: @Sendable (Range<Int>, _ stacks: [UnsafeMutablePointer<S>], _ work: UnsafeMutablePointer<S>) -> Void
  ) {
    let (planes, shares) = (out.count, min(Self.shares, chunks))
    for plane in out { plane.update(repeating: 0, count: pixels) }
    let parts = Parallel.map(shares) { share -> [S] in
      var part = [S](repeating: 0, count: planes * pixels)
      part.withUnsafeMutableBufferPointer { part in
        withUnsafeTemporaryAllocation(of: S.self, capacity: (planes + 1) * stackSize) { buffer in
          let stacks = (0..<planes).map { buffer.baseAddress! + $0 * stackSize }
          let work = buffer.baseAddress! + planes * stackSize
          for i in share * chunks / shares..<(share + 1) * chunks / shares {
            body(chunk(i), stacks, work)
            for plane in 0..<planes { add(chunk(i), stacks[plane], work, to: part.baseAddress! + plane * pixels) }
          }
        }
      }
      return part
    }
    for part in parts {
      part.withUnsafeBufferPointer { part in
        for plane in 0..<planes { S.add(out[plane], part.baseAddress! + plane * pixels, out[plane], pixels) }
      }
    }
  }

  /// Coefficients of the groups of a chunk.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private func transform<S: Scalar>(
    _ range: Range<Int>, _ image: UnsafePointer<S>, _ work: UnsafeMutablePointer<S>, into stack: UnsafeMutablePointer<S>
  ) {
    if side * side < pitch { work.update(repeating: 0, count: range.count * groupSize * pitch) }
    forEachPatch(range) { place, at in
      for i in 0..<side { (work + at + i * side).update(from: image + place + i * width, count: side) }
    }
    multiply(range, work, transposed: true, into: stack)
    acrossGroups(range, stack, inverse: false)
  }

  /// The patches of coefficients, added to an image.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private func add<S: Scalar>(
    _ range: Range<Int>, _ stack: UnsafeMutablePointer<S>, _ work: UnsafeMutablePointer<S>, to image: UnsafeMutablePointer<S>
  ) {
    acrossGroups(range, stack, inverse: true)
    multiply(range, stack, transposed: false, into: work)
    let add = S.add
    forEachPatch(range) { place, at in
      for i in 0..<side {
        let target = image + place + i * width
        add(target, work + at + i * side, target, side)
      }
    }
  }

  /// Coefficients of a chunk from a stack to where those of all groups lie.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private func copy<S: Scalar>(_ range: Range<Int>, _ stack: UnsafePointer<S>, into out: UnsafeMutablePointer<S>) {
    forEachCoefficients(range) { to, at in (out + to).update(from: stack + at, count: side * side) }
  }

  /// And back.
  @_specialize(where S == Float)
  @_specialize(where S == Double)
  private func fill<S: Scalar>(_ range: Range<Int>, _ stack: UnsafeMutablePointer<S>, from source: UnsafePointer<S>) {
    if side * side < pitch { stack.update(repeating: 0, count: range.count * groupSize * pitch) }
    forEachCoefficients(range) { from, at in (stack + at).update(from: source + from, count: side * side) }
  }

  /// Patches of a chunk: the pixel at which each begins, and where it lies in a stack.
  @inline(__always)
  private func forEachPatch(_ range: Range<Int>, _ body: (_ place: Int, _ at: Int) -> Void) {
    places.withUnsafeBufferPointer { places in
      order.withUnsafeBufferPointer { order in
        var at = 0
        for i in range {
          for k in Int(order[i]) * groupSize..<(Int(order[i]) + 1) * groupSize {
            body(Int(places[k]), at)
            at += pitch
          }
        }
      }
    }
  }

  /// The same with where the coefficients of a patch lie among those of all.
  @inline(__always)
  private func forEachCoefficients(_ range: Range<Int>, _ body: (_ coefficients: Int, _ at: Int) -> Void) {
    order.withUnsafeBufferPointer { order in
      var at = 0
      for i in range {
        for k in Int(order[i]) * groupSize..<(Int(order[i]) + 1) * groupSize {
          body(k * side * side, at)
          at += pitch
        }
      }
    }
  }

  private func acrossGroups<S: Scalar>(_ range: Range<Int>, _ stack: UnsafeMutablePointer<S>, inverse: Bool) {
    guard groupSize > 1 else { return }
    let haar = S.patchHaar
    for i in 0..<range.count { haar(stack + i * groupSize * pitch, groupSize, pitch, inverse ? 1 : 0) }
  }

  /// Rows of a stack times the bases of their groups, or times their transposes.
  private func multiply<S: Scalar>(
    _ range: Range<Int>, _ rows: UnsafePointer<S>, transposed: Bool, into out: UnsafeMutablePointer<S>
  ) {
    func run(_ bases: UnsafePointer<S>) {
      var first = range.lowerBound
      while first < range.upperBound {
        let basis = classes[Int(order[first])]
        var next = first + 1
        while next < range.upperBound && classes[Int(order[next])] == basis { next += 1 }
        let at = (first - range.lowerBound) * groupSize * pitch
        S.gemm(
          transposeA: false, transposeB: transposed, m: (next - first) * groupSize, n: pitch, k: pitch, alpha: 1, rows + at,
          bases + Int(basis) * pitch * pitch, beta: 0, out + at)
        first = next
      }
    }
    if S.self == Float.self {
      single.withUnsafeBytes { run($0.baseAddress!.assumingMemoryBound(to: S.self)) }
    } else {
      double.withUnsafeBytes { run($0.baseAddress!.assumingMemoryBound(to: S.self)) }
    }
  }
}

/// Orthonormal bases of patches, side² × side², an atom a row.
public enum PatchBasis {
  /// Haar's of `count` numbers, a power of two, `levels` times decomposed: means, then details from coarse to fine.
  static func haar(_ count: Int, levels: Int) -> [[Double]] {
    precondition(count > 0 && count & (count - 1) == 0, "Haar's basis of \(count) numbers; expected a power of two")
    var means = (0..<count).map { i in (0..<count).map { $0 == i ? 1.0 : 0 } }
    var details: [[Double]] = []
    let half = 0.5.squareRoot()
    for _ in 0..<levels where means.count > 1 {
      func pairs(_ sign: Double) -> [[Double]] {
        (0..<means.count / 2).map { i -> [Double] in
          let (a, b) = (means[2 * i], means[2 * i + 1])
          return a.indices.map { k -> Double in (a[k] + sign * b[k]) * half }
        }
      }
      (details, means) = (pairs(-1) + details, pairs(1))
    }
    return means + details
  }

  /// Haar's in one dimension of the pixels in the order of their distance from a line at an angle [radians] to the rows, along the line
  /// where distances are alike: few coefficients are large where the patch is constant along the line.
  ///
  /// - Precondition: `side` is a power of two.
  public static func directional(side: Int, angle: Double, levels: Int) -> [Double] {
    // Distances that differ by rounding alone are alike.
    func key(_ v: Double) -> Int { Int((v * 1e6).rounded()) }
    let (c, s) = (cos(angle), sin(angle))
    let positions = (0..<side * side).map { i -> (across: Int, along: Int) in
      let (row, column) = (Double(i / side), Double(i % side))
      return (key(row * c - column * s), key(column * c + row * s))
    }
    let order = positions.indices.sorted { positions[$0] < positions[$1] }
    return haar(side * side, levels: levels).flatMap { atom in
      var row = [Double](repeating: 0, count: side * side)
      for (value, pixel) in zip(atom, order) { row[pixel] = value }
      return row
    }
  }

  /// The products of the rows of two orthonormal matrices.
  static func separable(_ rows: [[Double]]) -> [Double] {
    var products: [Double] = []
    for a in rows { for b in rows { for x in a { for y in b { products.append(x * y) } } } }
    return products
  }

  /// Haar's along rows and columns, fully decomposed.
  ///
  /// - Precondition: `side` is a power of two.
  public static func haar(side: Int) -> [Double] { separable(haar(side, levels: side)) }

  /// The cosine transform, DCT-II.
  public static func cosine(side: Int) -> [Double] {
    let matrix = PatchTransform.cosine(side: side).matrix
    return separable((0..<side).map { Array(matrix[$0 * side..<($0 + 1) * side]) })
  }
}
