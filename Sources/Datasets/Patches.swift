// SPDX-License-Identifier: Apache-2.0
import FileFormats
import Tensors

/// Patches of natural images as sparse coding sees them: each has its own mean subtracted and is divided by its own standard
/// deviation; patches with less contrast than `minimumDeviation` are left out. So ‖X‖² is the number of pixels.
///
/// The recipe is that of public replications of Gregor & LeCun (2010); whether the paper divided by each patch's or by one
/// deviation is not known.
public struct Patches: Sendable {
  /// Side of a patch in pixels; 10 gives n = 100.
  public var side = 10
  /// On the [0, 1] gray scale.
  public var minimumDeviation = 1e-2

  public init(side: Int = 10, minimumDeviation: Double = 1e-2) {
    self.side = side
    self.minimumDeviation = minimumDeviation
  }

  /// `count` patches, `[count, side²]`, from uniformly drawn positions of all images together; a pure function of the seed.
  public func draw(_ count: Int, from images: [Tensor], seed: UInt64) throws -> Tensor {
    let usable = images.filter { $0.shape[0] >= side && $0.shape[1] >= side }
    guard !usable.isEmpty else {
      throw InputError("found no image of at least \(side) × \(side) pixels; expected one, give larger images")
    }
    let positions = usable.map { ($0.shape[0] - side + 1) * ($0.shape[1] - side + 1) }
    let total = positions.reduce(0, +)
    let pixels = usable.map(\.doubles)
    var generator = RandomGenerator(seed: seed)
    var values: [Double] = []
    values.reserveCapacity(count * side * side)
    var refused = 0
    while values.count < count * side * side {
      var position = generator.index(below: total)
      var image = 0
      while position >= positions[image] {
        position -= positions[image]
        image += 1
      }
      let columns = usable[image].shape[1] - side + 1
      let patch = cut(pixels[image], width: usable[image].shape[1], row: position / columns, column: position % columns)
      if let normal = normalised(patch) {
        values += normal.patch
      } else {
        refused += 1
        if refused > 100 * count + 10_000 {
          throw InputError(
            "found almost no patch with a standard deviation of \(minimumDeviation) or more; expected images with texture")
        }
      }
    }
    return Tensor(values, shape: [count, side * side])
  }

  private func cut(_ pixels: [Double], width: Int, row: Int, column: Int) -> [Double] {
    var patch: [Double] = []
    patch.reserveCapacity(side * side)
    for i in 0..<side {
      let start = (row + i) * width + column
      patch += pixels[start..<start + side]
    }
    return patch
  }

  /// (patch − mean) / deviation, or nil when the deviation is below the minimum.
  func normalised(_ patch: [Double]) -> (patch: [Double], mean: Double, deviation: Double)? {
    let mean = patch.reduce(0, +) / Double(patch.count)
    let variance = patch.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(patch.count)
    let deviation = variance.squareRoot()
    guard deviation >= minimumDeviation else { return nil }
    return (patch.map { ($0 - mean) / deviation }, mean, deviation)
  }
}

/// An image cut into patches side by side, and what is needed to put it together again. A border that does not fill a patch is
/// covered by patches shifted inwards.
public struct PatchGrid: Sendable {
  /// `[patches, side²]`: normalised; a flat patch is all zeros.
  public let patches: Tensor
  public let means: [Double]
  /// 0 for a flat patch.
  public let deviations: [Double]
  public let height: Int
  public let width: Int
  public let side: Int

  public init(_ image: Tensor, recipe: Patches = Patches()) throws {
    let side = recipe.side
    let (height, width) = (image.shape[0], image.shape[1])
    guard height >= side, width >= side else {
      throw InputError("found an image of \(width) × \(height) pixels; expected at least \(side) × \(side)")
    }
    self.height = height
    self.width = width
    self.side = side
    let pixels = image.doubles
    var (values, means, deviations) = ([Double](), [Double](), [Double]())
    for row in Self.starts(height, side) {
      for column in Self.starts(width, side) {
        var patch: [Double] = []
        for i in 0..<side { patch += pixels[(row + i) * width + column..<(row + i) * width + column + side] }
        if let normal = recipe.normalised(patch) {
          values += normal.patch
          means.append(normal.mean)
          deviations.append(normal.deviation)
        } else {
          values += [Double](repeating: 0, count: side * side)
          means.append(patch.reduce(0, +) / Double(side * side))
          deviations.append(0)
        }
      }
    }
    patches = Tensor(values, shape: [means.count, side * side])
    self.means = means
    self.deviations = deviations
  }

  /// From stored parts; the counts must agree with the size of the image.
  public init(patches: Tensor, means: [Double], deviations: [Double], height: Int, width: Int, side: Int) throws {
    let count = Self.count(height: height, width: width, side: side)
    guard count > 0, patches.shape == [count, side * side], means.count == count, deviations.count == count else {
      throw InputError(
        "found \(patches.shape) patches with \(means.count) means for an image of \(width) × \(height); expected [\(count), \(side * side)]"
      )
    }
    self.patches = patches
    self.means = means
    self.deviations = deviations
    self.height = height
    self.width = width
    self.side = side
  }

  /// Number of patches of an image; 0 when it holds none.
  public static func count(height: Int, width: Int, side: Int) -> Int {
    side > 0 && height >= side && width >= side ? starts(height, side).count * starts(width, side).count : 0
  }

  private static func starts(_ extent: Int, _ side: Int) -> [Int] {
    var starts = Array(stride(from: 0, through: extent - side, by: side))
    if let last = starts.last, last + side < extent { starts.append(extent - side) }
    return starts
  }

  /// The image from (approximated) normalised patches: each times its deviation plus its mean; overlaps are averaged.
  public func assemble(_ approximated: Tensor) -> Tensor {
    precondition(approximated.shape == patches.shape, "patches of shape \(approximated.shape) for a grid of \(patches.shape)")
    let values = approximated.doubles
    var sum = [Double](repeating: 0, count: height * width)
    var covered = sum
    var index = 0
    for row in Self.starts(height, side) {
      for column in Self.starts(width, side) {
        for i in 0..<side {
          for j in 0..<side {
            let at = (row + i) * width + column + j
            sum[at] += values[(index * side + i) * side + j] * deviations[index] + means[index]
            covered[at] += 1
          }
        }
        index += 1
      }
    }
    return Tensor(zip(sum, covered).map { $0 / $1 }, shape: [height, width])
  }
}
