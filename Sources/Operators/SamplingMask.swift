// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Which frequencies of an image of `height` × `width` are measured, on the grid of ``fft2(_:)``: frequency 0 at [0, 0].
public struct SamplingMask: Sendable, Hashable {
  public let height: Int
  public let width: Int
  /// Row by row.
  public let isSampled: [Bool]

  public init(height: Int, width: Int, isSampled: [Bool]) {
    precondition(
      height > 0 && width > 0 && isSampled.count == height * width,
      "SamplingMask: \(isSampled.count) frequencies for \(height) × \(width)")
    self.height = height
    self.width = width
    self.isSampled = isSampled
  }

  /// Every frequency.
  public static func full(height: Int, width: Int) -> SamplingMask {
    SamplingMask(height: height, width: width, isSampled: Array(repeating: true, count: height * width))
  }

  /// Number of frequencies measured.
  public var count: Int { isSampled.count { $0 } }
  /// Their fraction.
  public var ratio: Double { Double(count) / Double(isSampled.count) }

  /// 1 where a frequency is measured, else 0: `[height, width]` in double precision.
  public var values: Tensor { Tensor(isSampled.map { $0 ? 1 : 0 }, shape: [height, width]) }

  /// What PᴴP is on real images, the mean of the mask at k and at −k: the half `[height, ⌊width / 2⌋ + 1]`, in double precision.
  public var symmetricHalf: Tensor {
    let columns = width / 2 + 1
    var half = [Double](repeating: 0, count: height * columns)
    for k in 0..<height {
      for l in 0..<columns {
        let opposite = (height - k) % height * width + (width - l) % width
        half[k * columns + l] = 0.5 * (isSampled[k * width + l] ? 1 : 0) + 0.5 * (isSampled[opposite] ? 1 : 0)
      }
    }
    return Tensor(half, shape: [height, columns])
  }

  /// The grid gone around by `rows` down and `columns` to the right.
  private func rolled(rows: Int, columns: Int) -> SamplingMask {
    var moved = isSampled
    for i in 0..<height {
      for j in 0..<width { moved[(i + rows) % height * width + (j + columns) % width] = isSampled[i * width + j] }
    }
    return SamplingMask(height: height, width: width, isSampled: moved)
  }

  /// The same frequencies with frequency 0 in the middle, at [⌊height / 2⌋, ⌊width / 2⌋], as masks are drawn.
  public var centred: SamplingMask { rolled(rows: height / 2, columns: width / 2) }

  /// A mask drawn with frequency 0 in the middle, brought to the order of the transform.
  public static func uncentred(_ drawn: SamplingMask) -> SamplingMask {
    drawn.rolled(rows: (drawn.height + 1) / 2, columns: (drawn.width + 1) / 2)
  }
}
