// SPDX-License-Identifier: Apache-2.0
import Datasets
import FileFormats
import Foundation
import Operators
import Tensors
import TestSupport
import Testing

/// An array of the published data.
private func published(_ path: String) throws -> Tensor { try #require(try NPY.read(dataFolder + "/mri/" + path).real) }

@Suite struct SamplingPatternsTests {
  static let sizes = [(1, 1), (2, 3), (5, 4), (8, 8), (31, 17), (1, 64), (64, 1), (48, 64)]

  /// Lines and points of the public masks (files `mask_10` … `mask_50` of Yang, Sun, Li & Xu's Deep ADMM-Net), counted by NumPy 2.4.6.
  @Test func publishedCounts() throws {
    let counts = [6695, 13233, 19789, 26273, 32753]
    for (i, count) in counts.enumerated() {
      let mask = try SamplingMask.pseudoRadial(height: 256, width: 256, ratio: Double(i + 1) / 10)
      #expect(mask.count == count)
      #expect(mask == .pseudoRadial(height: 256, width: 256, lines: SamplingMask.publishedLines[i].lines))
    }
  }

  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data"), arguments: [10, 20, 30, 40, 50])
  func publishedMasksBitForBit(percent: Int) throws {
    let mask = try SamplingMask.pseudoRadial(height: 256, width: 256, ratio: Double(percent) / 100)
    #expect(mask.values.doubles == (try published("masks/pseudo-radial_\(percent).npy")).doubles)
  }

  /// With every frequency goes its opposite, frequency 0 is measured, and −n/2 of an even n is not.
  @Test(arguments: sizes) func linesAreSymmetric(height: Int, width: Int) {
    for lines in [1, 2, 3, 4, 7, 12, 40] {
      let mask = SamplingMask.pseudoRadial(height: height, width: width, lines: lines)
      #expect(mask.isSampled[0])
      for k in 0..<height {
        for l in 0..<width where mask.isSampled[k * width + l] {
          #expect(mask.isSampled[(height - k) % height * width + (width - l) % width])
          #expect(height % 2 == 1 || k != height / 2)
          #expect(width % 2 == 1 || l != width / 2)
        }
      }
    }
  }

  /// One line lies in the rows' direction, two are a cross, four a star: written out for 5 × 5.
  @Test func linesByHand() {
    func drawing(_ lines: Int) -> [Int] {
      SamplingMask.pseudoRadial(height: 5, width: 5, lines: lines).centred.isSampled.map { $0 ? 1 : 0 }
    }
    #expect(drawing(1) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(drawing(2) == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
    #expect(drawing(4) == [1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1])
  }

  /// No number of lines comes nearer, for sizes and ratios that no table has.
  @Test(arguments: [(64, 64), (31, 17), (48, 64)]) func nearestNumberOfLines(height: Int, width: Int) throws {
    let counts = (1...2 * (height + width)).map { SamplingMask.pseudoRadial(height: height, width: width, lines: $0).count }
    for percent in [5, 12, 25, 33, 50, 70] {
      let target = Int((Double(percent) / 100 * Double(height * width)).rounded())
      let found = try SamplingMask.pseudoRadial(height: height, width: width, ratio: Double(percent) / 100).count
      #expect(abs(found - target) == counts.map { abs($0 - target) }.min()!)
    }
    #expect(throws: InputError.self) { try SamplingMask.pseudoRadial(height: 8, width: 8, ratio: 1) }
    #expect(throws: InputError.self) { try SamplingMask.pseudoRadial(height: 8, width: 8, ratio: 0) }
  }

  @Test(arguments: [(8, 64, 0.25, 6), (16, 31, 0.4, 5), (1, 9, 1, 0), (4, 256, 0.2, 16)])
  func wholeColumns(height: Int, width: Int, ratio: Double, centre: Int) throws {
    for power in [0.0, 3] {
      let mask = try SamplingMask.cartesian(height: height, width: width, ratio: ratio, centreLines: centre, power: power, seed: 4)
      #expect(mask.count == Int((ratio * Double(width)).rounded()) * height)
      let drawn = mask.centred.isSampled
      #expect((0..<height * width).allSatisfy { drawn[$0] == drawn[$0 % width] })
      #expect((width / 2 - centre / 2..<width / 2 - centre / 2 + centre).allSatisfy { drawn[$0] })
      #expect(
        try mask == .cartesian(height: height, width: width, ratio: ratio, centreLines: centre, power: power, seed: 4))
    }
    if ratio < 1 {
      #expect(
        try SamplingMask.cartesian(height: height, width: width, ratio: ratio, centreLines: centre, seed: 4)
          != .cartesian(height: height, width: width, ratio: ratio, centreLines: centre, seed: 5))
      for lines in [width, width + 1, -1] {
        #expect(throws: InputError.self) {
          try SamplingMask.cartesian(height: height, width: width, ratio: ratio, centreLines: lines, seed: 4)
        }
      }
    }
  }

  /// Columns drawn with equal chances: each of 60 free ones in 20 of 100 masks on average. χ² of the 1200 draws, 12 a mask without
  /// replacement, is below the 0.999 quantile with 59 degrees of freedom, 98.32 (scipy.stats.chi2.ppf(0.999, 59)). With a power the inner
  /// half is drawn as often as the chances say.
  @Test func chancesAreEqual() throws {
    var counts = [Int](repeating: 0, count: 64)
    for seed in 0..<100 {
      let mask = try SamplingMask.cartesian(height: 1, width: 64, ratio: 16.0 / 64, centreLines: 4, seed: UInt64(seed))
      for (i, isSampled) in mask.centred.isSampled.enumerated() where isSampled { counts[i] += 1 }
    }
    #expect(counts[30..<34].allSatisfy { $0 == 100 })
    let free = Array(counts[..<30] + counts[34...])
    #expect(free.reduce(0, +) == 1200)
    #expect(free.reduce(0.0) { $0 + Double(($1 - 20) * ($1 - 20)) / 20 } < 98.32)
    // One column a mask: the distance's distribution is that of the chances, Σ over the inner half of (1 − |l| / 33)³ of the sum of all.
    var inner = 0
    for seed in 0..<400 {
      let mask = try SamplingMask.cartesian(height: 1, width: 64, ratio: 1.0 / 64, centreLines: 0, power: 3, seed: UInt64(seed))
      if (16..<48).contains(mask.centred.isSampled.firstIndex(of: true)!) { inner += 1 }
    }
    let chances = (0..<64).map { pow(1 - abs(Double($0) - 32) / 33, 3) }
    let expected = chances[16..<48].reduce(0, +) / chances.reduce(0, +)
    #expect(abs(Double(inner) / 400 - expected) < 4 * (expected * (1 - expected) / 400).squareRoot())
  }

  @Test func uniformColumns() {
    let mask = SamplingMask.uniformCartesian(height: 3, width: 16, acceleration: 4, calibrationLines: 4)
    #expect(
      mask.centred.isSampled.map { $0 ? 1 : 0 }.suffix(16) == [1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0])
    #expect(SamplingMask.uniformCartesian(height: 5, width: 7, acceleration: 1, calibrationLines: 0).ratio == 1)
    #expect(SamplingMask.uniformCartesian(height: 4, width: 7, acceleration: 3, calibrationLines: 0).count == 4 * 3)
  }

  /// Exactly the ratio, the disc around frequency 0 full, and denser the nearer to it.
  @Test(arguments: [(64, 64), (48, 65)]) func variableDensity(height: Int, width: Int) throws {
    let mask = try SamplingMask.variableDensity(height: height, width: width, ratio: 0.2, centreRadius: 0.1, power: 4, seed: 1)
    #expect(mask.count == Int((0.2 * Double(height * width)).rounded()))
    let drawn = mask.centred.isSampled
    var (inside, outside) = ([Bool](), [Bool]())
    for i in 0..<height * width {
      let (u, v) = (Double(i / width - height / 2) / Double(height / 2), Double(i % width - width / 2) / Double(width / 2))
      let r = (u * u + v * v).squareRoot()
      if r <= 0.09 { #expect(drawn[i]) }
      if r > 0.15, r <= 0.5 { inside.append(drawn[i]) } else if r > 0.8 { outside.append(drawn[i]) }
    }
    func fraction(_ v: [Bool]) -> Double { Double(v.count { $0 }) / Double(v.count) }
    #expect(fraction(inside) > 4 * fraction(outside) && fraction(outside) > 0)
    #expect(try mask == .variableDensity(height: height, width: width, ratio: 0.2, centreRadius: 0.1, power: 4, seed: 1))
    #expect(try mask != .variableDensity(height: height, width: width, ratio: 0.2, centreRadius: 0.1, power: 4, seed: 2))
    #expect(throws: InputError.self) {
      try SamplingMask.variableDensity(height: height, width: width, ratio: 0.01, centreRadius: 0.5, seed: 1)
    }
    #expect(try SamplingMask.variableDensity(height: 1, width: 1, ratio: 1, seed: 1).count == 1)
  }

  // MARK: A user's mask

  @Test func unusableMasksAreRefusedInOneLine() {
    let full = Tensor.filled(1, shape: [4, 6])
    #expect(refusal { try SamplingMask(values: full, height: 4, width: 6) } == "")
    for (values, word) in [
      (full, "6 × 4"), (Tensor.zeros([6, 4]), "no measured"), (Tensor.filled(.nan, shape: [6, 4]), "nan"),
      (Tensor.filled(0.5, shape: [6, 4]), "0.5"), (Tensor.filled(255, shape: [6, 4]), "255"), (Tensor.zero, "nothing"),
      (Tensor([Double](), shape: [0, 4]), "0 × 4"),
    ] {
      let message = refusal { try SamplingMask(values: values, height: 6, width: 4, name: "m.npy") }
      #expect(message.hasPrefix("m.npy: found") && message.contains(word), "\(message)")
    }
  }

  /// Every pattern in both orders: accepted in its own, refused with what to do in the other.
  @Test func theOtherOrderIsNoticed() throws {
    let masks =
      [
        try SamplingMask.pseudoRadial(height: 64, width: 48, ratio: 0.2),
        try .cartesian(height: 64, width: 64, ratio: 0.25, centreLines: 6, power: 2, seed: 2),
        .uniformCartesian(height: 60, width: 64, acceleration: 4, calibrationLines: 8),
        try .variableDensity(height: 65, width: 63, ratio: 0.15, centreRadius: 0.1, seed: 3),
      ]
      + [(2, 8), (2, 24), (2, 32), (3, 12), (4, 16), (8, 8)].map {
        .uniformCartesian(height: 64, width: 128, acceleration: $0.0, calibrationLines: $0.1)
      }
    for mask in masks { try expectNoticed(mask) }
    let full = SamplingMask.full(height: 8, width: 8).values
    #expect(try SamplingMask(values: full, height: 8, width: 8).ratio == 1)
    #expect(try SamplingMask(values: full, height: 8, width: 8, order: .centred).ratio == 1)
  }

  @Test(.enabled(if: !dataFolder.isEmpty, "UNFOLD_DATA names no data")) func theOtherOrderOfPublishedMasksIsNoticed() throws {
    for ratio in [20, 30, 40] {
      let values = try published("masks/cartesian-1d_\(ratio).npy")
      try expectNoticed(SamplingMask(values: values, height: 256, width: 256, order: .centred))
    }
    for ratio in ["05", "10", "20", "30", "40"] {
      let values = try published("masks/random-2d_\(ratio).npy")
      try expectNoticed(SamplingMask(values: values, height: 256, width: 256, order: .centred))
    }
    for ratio in [10, 20, 30, 40, 50] {
      try expectNoticed(SamplingMask(values: published("masks/pseudo-radial_\(ratio).npy"), height: 256, width: 256))
    }
  }

  /// One row is every row, one column every column.
  @Test func masksOfOneRow() throws {
    let columns = [1, 1, 0, 1, 0, 1.0]
    for shape in [[1, 6], [6]] {
      let (mask, remarks) = try Remarks.collected {
        try SamplingMask(values: Tensor(columns, shape: shape), height: 4, width: 6, name: "m.npy")
      }
      #expect(
        mask.isSampled.map { $0 ? 1 : 0 } == columns + columns + columns + columns
          && remarks == ["m.npy: found one row, which is taken for every one"])
    }
    let rows = try SamplingMask(values: Tensor(columns, shape: [6, 1]), height: 6, width: 4)
    #expect(rows.count == 16 && rows.isSampled[0..<8].allSatisfy { $0 } && !rows.isSampled[8])
  }

  private func expectNoticed(_ mask: SamplingMask) throws {
    let (h, w) = (mask.height, mask.width)
    #expect(try SamplingMask(values: mask.values, height: h, width: w) == mask)
    #expect(try SamplingMask(values: mask.centred.values, height: h, width: w, order: .centred) == mask)
    let one = refusal { try SamplingMask(values: mask.centred.values, height: h, width: w) }
    #expect(one.contains("ifftshift"), "\(one)")
    let other = refusal { try SamplingMask(values: mask.values, height: h, width: w, order: .centred) }
    #expect(other.contains("numpy.fft.fftshift"), "\(other)")
  }
}
