// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Kernels
import Tensors

/// Random square crops of gray images, flipped and turned at random.
public struct BlockCrops: Sendable {
  public let side: Int
  /// Pixels in [0, 1], row by row.
  private let images: [(pixels: [Float], height: Int, width: Int)]
  /// Positions of a crop in the images before each, and in all together.
  private let positions: [Int]

  /// - Throws: ``InputError`` when no image holds a crop.
  public init(_ images: [Tensor], side: Int) throws {
    let usable = images.filter { $0.shape.count == 2 && $0.shape[0] >= side && $0.shape[1] >= side }
    guard !usable.isEmpty else {
      throw InputError("found no image of at least \(side) × \(side) pixels; expected one, give larger images")
    }
    self.side = side
    self.images = usable.map { ($0.floats, $0.shape[0], $0.shape[1]) }
    positions = usable.reduce(into: [0]) { $0.append($0.last! + ($1.shape[0] - side + 1) * ($1.shape[1] - side + 1)) }
  }

  /// A crop from a uniformly drawn position of all images together, in one of eight orientations; `side²` values.
  public func draw(using generator: inout RandomGenerator) -> [Float] {
    let position = generator.index(below: positions.last!)
    var (low, high) = (0, images.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if positions[middle] <= position { low = middle } else { high = middle }
    }
    let (pixels, _, width) = images[low]
    let (row, column) = (position - positions[low]).quotientAndRemainder(dividingBy: width - side + 1)
    let orientation = generator.index(below: 8)
    let (transposes, flipsRows, flipsColumns) = (orientation & 1 != 0, orientation & 2 != 0, orientation & 4 != 0)
    return [Float](unsafeUninitializedCapacity: side * side) { out, filled in
      pixels.withUnsafeBufferPointer { pixels in
        for i in 0..<side {
          for j in 0..<side {
            let (a, b) = transposes ? (j, i) : (i, j)
            let (r, c) = (flipsRows ? side - 1 - a : a, flipsColumns ? side - 1 - b : b)
            out.initializeElement(at: i * side + j, to: pixels[(row + r) * width + column + c])
          }
        }
      }
      filled = side * side
    }
  }

  /// `count` crops, `[count, side, side]`.
  public func draw(_ count: Int, using generator: inout RandomGenerator) -> Tensor {
    Tensor((0..<count).flatMap { _ in draw(using: &generator) } as [Float], shape: [count, side, side])
  }

  /// `count` crops, `[count, side²]`; a pure function of the seed.
  public func draw(_ count: Int, seed: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    return draw(count, using: &generator).reshaped([count, side * side])
  }

  /// X Xᵀ / count of `count` crops X, `[side², side²]`, in double precision.
  public func secondMoment(count: Int, seed: UInt64) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    var sum = Tensor.zero
    for start in stride(from: 0, to: count, by: 2048) {
      let size = min(2048, count - start)
      let X = draw(size, using: &generator).reshaped([size, side * side])
      let columns = X.converted(to: .double).transposed
      sum += linear(columns, columns)
    }
    return (1 / Double(count)) * sum
  }
}
