// SPDX-License-Identifier: Apache-2.0
import FileFormats
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
  /// - Parameters: `values`, 1 where a frequency is measured, else 0, `[height, width]`; `order`, how the array is stored;
  ///   `name`, what errors call it, such as its file.
  /// - Throws: ``InputError`` for another size, other numbers than 0 and 1, a mask of nothing, and a mask that is evidently in the
  ///   other order: with it, zero filling loses about 16 dB and no method recovers.
  public init(values: Tensor, height: Int, width: Int, order: FrequencyOrder = .transform, name: String = "the mask") throws {
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

  /// True when the frequencies around 0 are mostly missing while those about the opposite corner of the spectrum are dense: the mask
  /// is one drawn with frequency 0 in the middle that was not brought to the order of the transform.
  ///
  /// Around 0: |k|, |l| up to 1/64 of the extent, at least 1. Missing: two thirds or more. Dense: three quarters or more. No pattern in
  /// use has that in its right order; all 13 public masks have it in the wrong one. A mask of fewer than 64 frequencies tells nothing.
  public var isEvidentlyCentred: Bool {
    isSampled.count >= 64 && density(row: 0, column: 0) <= 1.0 / 3 && density(row: height / 2, column: width / 2) >= 0.75
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
