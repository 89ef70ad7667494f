// SPDX-License-Identifier: Apache-2.0
import Platform
import Operators
import Tensors

/// Where an array of frequencies has frequency 0.
public enum FrequencyOrder: String, Codable, Sendable, CaseIterable {
  /// At [0, 0], as the transform has it.
  case transform
  /// In the middle, at [⌊height / 2⌋, ⌊width / 2⌋], as masks are drawn.
  case centred
}

extension SamplingMask {
  /// A user's mask, checked.
  ///
  /// - Parameters: `values`, 1 where a frequency is measured, else 0, `[height, width]`, or `[1, width]` or `[width]` of whole columns and
  ///   `[height, 1]` of whole rows; `order`, how the array is stored;
  ///   `name`, what errors call it, such as its file.
  /// - Throws: ``InputError`` for another size, other numbers than 0 and 1, a mask of nothing, and a mask that is evidently in the
  ///   other order: with it, zero filling loses about 16 dB and no method recovers.
  public init(values: Tensor, height: Int, width: Int, order: FrequencyOrder = .transform, name: String = "the mask") throws {
    let values = Self.widened(values, height: height, width: width, name: name)
    guard values.shape == [height, width] else {
      let found = values.shape.isEmpty ? "nothing" : values.shape.map(String.init).joined(separator: " × ")
      throw InputError("\(name): found \(found); expected \(height) × \(width), the size of the image: give a mask of that size")
    }
    let numbers = values.doubles
    if let other = numbers.first(where: { $0 != 0 && $0 != 1 }) {
      throw InputError("\(name): found \(other); expected 1 where a frequency is measured and 0 elsewhere: convert the mask")
    }
    guard numbers.contains(1) else {
      throw InputError("\(name): found no measured frequency; expected at least one: give another mask")
    }
    let stored = SamplingMask(height: height, width: width, isSampled: numbers.map { $0 == 1 })
    switch order {
    case .transform:
      guard !stored.isEvidentlyCentred else {
        throw InputError(
          "\(name): found low frequencies missing at [0, 0] and dense in the middle; expected frequency 0 at [0, 0]: "
            + "the mask is centred, say so or apply numpy.fft.ifftshift to it")
      }
      self = stored
    case .centred:
      let moved = SamplingMask.uncentred(stored)
      guard !moved.isEvidentlyCentred else {
        throw InputError(
          "\(name): found low frequencies missing in the middle and dense at [0, 0]; expected frequency 0 in the middle: "
            + "the mask is in the transform's order, say so or apply numpy.fft.fftshift to it")
      }
      self = moved
    }
  }

  /// One row for all, or one column.
  private static func widened(_ values: Tensor, height: Int, width: Int, name: String) -> Tensor {
    let (isRow, isColumn) = ([[1, width], [width]].contains(values.shape), values.shape == [height, 1])
    guard height > 1, width > 1, isRow || isColumn else { return values }
    Remarks.note("\(name): found one \(isRow ? "row" : "column"), which is taken for every one")
    let numbers = values.doubles
    return Tensor((0..<height * width).map { numbers[isRow ? $0 % width : $0 / width] }, shape: [height, width])
  }

  /// True when the frequencies around 0 are mostly missing while those about the opposite corner of the spectrum are dense: the mask
  /// is one drawn with frequency 0 in the middle that was not brought to the order of the transform.
  ///
  /// Around 0: |k|, |l| up to 1/64 of the extent, at least 1. Missing: two thirds or more. Dense: three quarters or more. No pattern in
  /// use has that in its right order; all 13 public masks have it in the wrong one. Or there is a full square about the opposite corner,
  /// the lines of a calibration, at least three times as wide as that around 0 and less likely than 1 in 50 by the mask's ratio. A mask of
  /// fewer than 64 frequencies tells nothing.
  public var isEvidentlyCentred: Bool {
    guard isSampled.count >= 64 else { return false }
    if density(row: 0, column: 0) <= 1.0 / 3, density(row: height / 2, column: width / 2) >= 0.75 { return true }
    // Of whole rows or columns, along the other axis alone.
    let isColumns = (0..<isSampled.count).allSatisfy { isSampled[$0] == isSampled[$0 % width] }
    let isRows = (0..<isSampled.count).allSatisfy { isSampled[$0] == isSampled[$0 / width * width] }
    let reach = (isColumns ? 0 : (height - 1) / 2, isRows ? 0 : (width - 1) / 2)
    let (near, far) = (fullSide(0, 0, reach), fullSide(height / 2, width / 2, reach))
    let independent = isColumns || isRows ? far : far * far
    return far >= 5 && far >= 3 * near && pow(ratio, Double(independent)) < 0.02
  }

  /// The odd side of the largest square without a gap around a frequency, as far as `reach`; 0 where that itself is missing.
  private func fullSide(_ row: Int, _ column: Int, _ reach: (Int, Int)) -> Int {
    var side = 0
    for r in 0...max(reach.0, reach.1) {
      let (rows, columns) = (min(r, reach.0), min(r, reach.1))
      let isFull = (-rows...rows).allSatisfy { k in
        (-columns...columns).allSatisfy { l in isSampled[(row + k + height) % height * width + (column + l + width) % width] }
      }
      guard isFull else { break }
      side = 2 * r + 1
    }
    return side
  }

  /// The fraction measured of the frequencies close to one, the grid going around.
  private func density(row: Int, column: Int) -> Double {
    let (rows, columns) = (max(height / 64, 1), max(width / 64, 1))
    var (measured, all) = (0, 0)
    for k in -min(rows, (height - 1) / 2)...min(rows, (height - 1) / 2) {
      for l in -min(columns, (width - 1) / 2)...min(columns, (width - 1) / 2) {
        all += 1
        if isSampled[(row + k + height) % height * width + (column + l + width) % width] { measured += 1 }
      }
    }
    return Double(measured) / Double(all)
  }
}
